package mailproxy

import (
	"sync"
	"time"

	"github.com/emersion/go-imap/v2"

	"postern/mailproxy/mail"
	"postern/mailproxy/parse"
)

const (
	keptBytes   = 8 << 20 // octets of opened messages kept per account
	keptPerMail = 4 << 20 // octets kept of one message
	keptEntry   = 2 << 10 // estimated cost of a message apart from its octets
)

// opened keeps what was fetched of the messages opened last, so that the frame
// of an HTML body and going back cost no second fetch. The zero value is ready.
// What it holds is not to be changed. Safe for concurrent use.
type opened struct {
	mu    sync.Mutex
	items map[mail.MessageRef]*kept
	order []mail.MessageRef // the longest unused first
	bytes int
}

// kept is what is known of one message.
type kept struct {
	structure imap.BodyStructure
	whole     *parse.Entity // the message split by us, when the server's structure is no use
	arrived   time.Time
	size      int64
	sections  map[string][]byte        // by the name of the section
	inside    map[string]*parse.Entity // enclosed messages only we can look into, by part path
	bytes     int
}

// read runs f on what is known of a message; k is empty when nothing is.
func (o *opened) read(ref mail.MessageRef, f func(k *kept)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	k := o.items[ref]
	if k == nil {
		k = &kept{}
	}
	f(k)
}

// add lets f add n octets to what is known of a message, unless that is too much.
func (o *opened) add(ref mail.MessageRef, n int, f func(k *kept)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	k := o.items[ref]
	if k == nil {
		if o.items == nil {
			o.items = map[mail.MessageRef]*kept{}
		}
		k = &kept{bytes: keptEntry}
		o.items[ref] = k
		o.bytes += keptEntry
	} else {
		o.unlist(ref)
	}
	o.order = append(o.order, ref)
	if k.bytes+n <= keptPerMail {
		k.bytes += n
		o.bytes += n
		f(k)
	}
	for o.bytes > keptBytes && len(o.order) > 1 {
		o.drop(o.order[0])
	}
}

// forget drops a message.
func (o *opened) forget(ref mail.MessageRef) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.items[ref] != nil {
		o.drop(ref)
	}
}

func (o *opened) drop(ref mail.MessageRef) {
	o.bytes -= o.items[ref].bytes
	delete(o.items, ref)
	o.unlist(ref)
}

func (o *opened) unlist(ref mail.MessageRef) {
	for i, r := range o.order {
		if r == ref {
			o.order = append(o.order[:i], o.order[i+1:]...)
			return
		}
	}
}
