package mailproxy

import (
	"slices"
	"sync"
	"time"

	"postern/mailproxy/mail"
)

const (
	resultFresh = 30 * time.Second // a search is not repeated for this long unless something of ours changed
	resultLife  = 15 * time.Minute // after this, its list is forgotten
	maxResults  = 8                // searches kept per account
)

// result is what a search found, newest first.
type result struct {
	key      mail.ListQuery // without Page, PerPage and Zone
	refs     []mail.MessageRef
	problems []string
	skipped  []string
	at       time.Time
	stale    bool
}

// results are the searches made lately, for their further pages and for going
// from one found message to the next.
type results struct {
	mu   sync.Mutex
	list []*result // the last used first
}

func resultKey(q mail.ListQuery) mail.ListQuery {
	q.Page, q.PerPage, q.Zone = 0, 0, nil
	return q
}

// get returns what a search found, and whether it can stand for doing it again.
func (r *results) get(q mail.ListQuery) (res result, fresh, ok bool) {
	key := resultKey(q)
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, have := range r.list {
		if have.key != key {
			continue
		}
		age := time.Since(have.at)
		if age > resultLife {
			return result{}, false, false
		}
		r.list = slices.Insert(slices.Delete(r.list, i, i+1), 0, have)
		return *have, age < resultFresh && !have.stale, true
	}
	return result{}, false, false
}

func (r *results) put(res *result) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.list = slices.DeleteFunc(r.list, func(have *result) bool { return have.key == res.key })
	r.list = slices.Insert(r.list, 0, res)
	if len(r.list) > maxResults {
		r.list = slices.Delete(r.list, maxResults, len(r.list))
	}
}

// changed makes every search be done again before its next page is shown. Where
// a message stood in it stays known.
func (r *results) changed() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, have := range r.list {
		have.stale = true
	}
}

// without drops messages that have moved or are gone.
func (r *results) without(gone []mail.MessageRef) {
	if len(gone) == 0 {
		return
	}
	set := make(map[mail.MessageRef]bool, len(gone))
	for _, ref := range gone {
		set[ref] = true
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, have := range r.list {
		have.stale = true
		have.refs = slices.DeleteFunc(slices.Clone(have.refs), func(ref mail.MessageRef) bool { return set[ref] })
	}
}
