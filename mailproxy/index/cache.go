package index

import (
	"sync"

	"github.com/emersion/go-imap/v2"

	"postern/mailproxy/mail"
)

// Cached is what a list has learned of a message beyond its columns.
type Cached struct {
	Summary   mail.Summary // its Flags are as of then; the columns know better
	Structure imap.BodyStructure
}

// Cache keeps what was learned of the messages shown last, bounded by an
// estimate of their memory. Safe for concurrent use.
type Cache struct {
	mu    sync.Mutex
	items map[mail.MessageRef]*item
	ring  item // a circular list: next is the last one used, prev the next to go
	bytes int
	limit int
}

type item struct {
	ref        mail.MessageRef
	value      Cached
	size       int
	next, prev *item
}

func newCache(limit int) *Cache {
	c := &Cache{items: map[mail.MessageRef]*item{}, limit: limit}
	c.ring.next, c.ring.prev = &c.ring, &c.ring
	return c
}

// Get returns what is kept of a message.
func (c *Cache) Get(ref mail.MessageRef) (Cached, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	it := c.items[ref]
	if it == nil {
		return Cached{}, false
	}
	c.unlink(it)
	c.link(it)
	return it.value, true
}

// Put keeps v. A body structure of more than maxParts parts is left out.
func (c *Cache) Put(ref mail.MessageRef, v Cached) {
	size := sizeOf(v.Summary)
	if n := parts(v.Structure, maxParts+1); n > maxParts {
		v.Structure = nil
	} else {
		size += n * partBytes
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if old := c.items[ref]; old != nil {
		c.drop(old)
	}
	if size > c.limit/4 {
		return
	}
	it := &item{ref: ref, value: v, size: size}
	c.items[ref] = it
	c.link(it)
	c.bytes += size
	for c.bytes > c.limit && c.ring.prev != &c.ring {
		c.drop(c.ring.prev)
	}
}

// Forget drops a message.
func (c *Cache) Forget(ref mail.MessageRef) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if it := c.items[ref]; it != nil {
		c.drop(it)
	}
}

func (c *Cache) link(it *item) {
	it.next, it.prev = c.ring.next, &c.ring
	it.next.prev, c.ring.next = it, it
}

func (c *Cache) unlink(it *item) { it.next.prev, it.prev.next = it.prev, it.next }

func (c *Cache) drop(it *item) {
	c.unlink(it)
	delete(c.items, it.ref)
	c.bytes -= it.size
}

const (
	maxParts  = 200 // parts of a body structure worth keeping
	partBytes = 600 // estimated memory of one part
)

func sizeOf(s mail.Summary) int {
	n := 400 + len(s.Ref.Mailbox) + len(s.Subject) + len(s.Snippet) + len(s.MessageID) + len(s.ListID)
	for _, list := range [][]mail.Address{s.From, s.To} {
		for _, a := range list {
			n += 48 + len(a.Name) + len(a.Addr) + len(a.Group)
		}
	}
	for _, f := range s.Files {
		n += 40 + len(f.Name) + len(f.Type)
	}
	return n
}

// parts counts the parts of a body structure, up to limit.
func parts(bs imap.BodyStructure, limit int) int {
	todo := []imap.BodyStructure{bs}
	n := 0
	for len(todo) > 0 && n < limit {
		last := len(todo) - 1
		bs, todo = todo[last], todo[:last]
		switch p := bs.(type) {
		case *imap.BodyStructureMultiPart:
			if p == nil {
				continue
			}
			n++
			todo = append(todo, p.Children[:min(len(p.Children), limit)]...)
		case *imap.BodyStructureSinglePart:
			if p == nil {
				continue
			}
			n++
			if p.MessageRFC822 != nil {
				todo = append(todo, p.MessageRFC822.BodyStructure)
			}
		}
	}
	return n
}
