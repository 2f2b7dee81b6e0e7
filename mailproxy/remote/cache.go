package remote

import (
	"container/list"
	"time"

	"postern/mailproxy/mail"
)

const (
	maxKept    = 2 << 20 // octets of an image that is kept, larger ones the browser has
	keepImage  = 10 * time.Minute
	keepNo     = time.Minute      // how long an address that gave nothing is left alone
	keepDown   = 30 * time.Second // the same for a host that did not answer
	entryCosts = 512              // octets an entry is reckoned to take beside key and body
)

// cache holds what was fetched lately, the least used leaving first. Keys begin
// with the account: nobody learns what others looked at. Guarded by Fetcher.mu.
type cache struct {
	max, held int
	entries   map[string]*list.Element
	order     list.List // of *entry, the latest used first
}

type entry struct {
	key   string
	image mail.Image
	err   error
	until time.Time
}

func (e *entry) cost() int { return len(e.key) + len(e.image.Body) + entryCosts }

func (c *cache) get(key string, now time.Time) (*entry, bool) {
	el, ok := c.entries[key]
	if !ok {
		return nil, false
	}
	e := el.Value.(*entry)
	if !now.Before(e.until) {
		c.remove(el)
		return nil, false
	}
	c.order.MoveToFront(el)
	return e, true
}

func (c *cache) put(e *entry) {
	if el, ok := c.entries[e.key]; ok {
		c.remove(el)
	}
	if len(e.image.Body) > maxKept || e.cost() > c.max {
		return
	}
	if c.entries == nil {
		c.entries = map[string]*list.Element{}
	}
	c.entries[e.key] = c.order.PushFront(e)
	for c.held += e.cost(); c.held > c.max; {
		c.remove(c.order.Back())
	}
}

func (c *cache) remove(el *list.Element) {
	e := c.order.Remove(el).(*entry)
	delete(c.entries, e.key)
	c.held -= e.cost()
}
