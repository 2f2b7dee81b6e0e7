package index

import (
	"strings"
	"sync"

	"postern/mailproxy/mail"
)

// Index is what is known of one account. Safe for concurrent use.
type Index struct {
	Cache *Cache // list rows and body structures

	mu    sync.Mutex
	boxes map[string]*Mailbox
}

// New makes an empty index whose cache holds about cacheBytes.
func New(cacheBytes int) *Index {
	return &Index{Cache: newCache(cacheBytes), boxes: map[string]*Mailbox{}}
}

// Mailbox is what is known of the mailbox of that name, empty at first. The same
// value is returned until the mailbox is forgotten.
func (x *Index) Mailbox(name string) *Mailbox {
	name = mail.CanonicalName(name)
	x.mu.Lock()
	defer x.mu.Unlock()
	m := x.boxes[name]
	if m == nil {
		m = newMailbox(name)
		x.boxes[name] = m
	}
	return m
}

// Known is the mailbox of that name if anything is known of it, else nil.
func (x *Index) Known(name string) *Mailbox {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.boxes[mail.CanonicalName(name)]
}

// Forget drops a mailbox that was deleted or renamed, and those below it when
// delim is its hierarchy delimiter.
func (x *Index) Forget(name, delim string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	delete(x.boxes, mail.CanonicalName(name))
	if delim == "" {
		return
	}
	for n := range x.boxes {
		if strings.HasPrefix(n, name+delim) {
			delete(x.boxes, n)
		}
	}
}
