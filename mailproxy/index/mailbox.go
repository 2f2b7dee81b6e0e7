package index

import (
	"cmp"
	"slices"
	"sort"
	"strings"
	"sync"

	"postern/mailproxy/mail"
)

// Mailbox is what is known of one mailbox. Safe for concurrent use.
type Mailbox struct {
	name string

	// Exchange is held by whoever asks the server about this mailbox or changes
	// it, until the answer is applied, so that no answer is applied after a later one.
	exchange chan struct{}

	mu       sync.RWMutex
	validity uint32 // UIDVALIDITY, 0 when nothing is known
	modSeq   uint64
	complete bool
	entries  []entry  // by UID
	order    []uint32 // positions in entries, newest arrival first, ties by UID
	words    words
	unseen   int // without \Seen, and not \Deleted
	flagged  int // with \Flagged, and not \Deleted
	deleted  int // with \Deleted: waiting to be expunged, not shown
}

// entry is one message: 24 octets, and 4 more in order.
type entry struct {
	date  int64
	uid   uint32
	size  uint32
	bits  bits
	words uint16
}

func newMailbox(name string) *Mailbox {
	return &Mailbox{name: name, exchange: make(chan struct{}, 1)}
}

// Lock waits for the right to exchange with the server about this mailbox, or
// until done is closed, and reports whether it got it. Unlock gives it back.
func (m *Mailbox) Lock(done <-chan struct{}) bool {
	select {
	case m.exchange <- struct{}{}:
		return true
	case <-done:
		return false
	}
}

// Unlock gives back what Lock took.
func (m *Mailbox) Unlock() { <-m.exchange }

// State is what a source needs to know to ask for what is missing.
type State struct {
	UIDValidity uint32 // 0: nothing is known
	ModSeq      uint64 // 0: the server keeps none
	MaxUID      uint32 // the highest UID known
	MinUID      uint32 // the lowest UID known
	Len         int    // messages known, those marked \Deleted among them
	Deleted     int    // of them marked \Deleted
	Complete    bool   // every message is known
	Unseen      int
}

// State says how far the mailbox is known.
func (m *Mailbox) State() State {
	m.mu.RLock()
	defer m.mu.RUnlock()
	s := State{UIDValidity: m.validity, ModSeq: m.modSeq, Len: len(m.entries), Deleted: m.deleted, Complete: m.complete, Unseen: m.unseen}
	if n := len(m.entries); n > 0 {
		s.MinUID, s.MaxUID = m.entries[0].uid, m.entries[n-1].uid
	}
	return s
}

func (m *Mailbox) reset(validity uint32) {
	m.validity, m.modSeq, m.complete = validity, 0, false
	m.entries, m.order, m.words = nil, nil, words{}
	m.unseen, m.flagged, m.deleted = 0, 0, 0
}

// Reset forgets everything, so that the next exchange starts afresh.
func (m *Mailbox) Reset() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.reset(0)
}

// find is the position of uid, or where it would be.
func (m *Mailbox) find(uid uint32) (int, bool) {
	n := len(m.entries)
	if n == 0 || m.entries[n-1].uid < uid {
		return n, false
	}
	return slices.BinarySearchFunc(m.entries, uid, func(e entry, uid uint32) int { return cmp.Compare(e.uid, uid) })
}

// count adds e to the counters, or takes it away.
func (m *Mailbox) count(e *entry, by int) {
	if e.bits&bitDeleted != 0 {
		m.deleted += by
		return
	}
	if e.bits&bitSeen == 0 {
		m.unseen += by
	}
	if e.bits&bitFlagged != 0 {
		m.flagged += by
	}
}

// before reports whether position a stands above position b in a list.
func (m *Mailbox) before(a, b uint32) int {
	x, y := &m.entries[a], &m.entries[b]
	if c := cmp.Compare(y.date, x.date); c != 0 {
		return c
	}
	return cmp.Compare(y.uid, x.uid)
}

// insert adds entries that are not there yet, sorted by UID.
func (m *Mailbox) insert(added []entry) {
	for i := range added {
		m.count(&added[i], +1)
	}
	n := len(m.entries)
	if n == 0 || m.entries[n-1].uid < added[0].uid {
		m.entries = append(m.entries, added...)
		fresh := make([]uint32, len(added))
		for i := range fresh {
			fresh[i] = uint32(n + i)
		}
		slices.SortFunc(fresh, m.before)
		m.order = m.merge(fresh)
		return
	}
	all := make([]entry, 0, n+len(added))
	old := m.entries
	for len(old) > 0 && len(added) > 0 {
		if old[0].uid < added[0].uid {
			all, old = append(all, old[0]), old[1:]
		} else {
			all, added = append(all, added[0]), added[1:]
		}
	}
	m.entries = append(append(all, old...), added...)
	m.order = slices.Grow(m.order[:0], len(m.entries))
	for i := range m.entries {
		m.order = append(m.order, uint32(len(m.entries)-1-i)) // nearly sorted
	}
	slices.SortFunc(m.order, m.before)
}

// merge puts sorted positions into the order.
func (m *Mailbox) merge(fresh []uint32) []uint32 {
	if len(m.order) == 0 {
		return fresh
	}
	if len(fresh) == 1 {
		at := sort.Search(len(m.order), func(i int) bool { return m.before(m.order[i], fresh[0]) > 0 })
		return slices.Insert(m.order, at, fresh[0])
	}
	out := make([]uint32, 0, len(m.order)+len(fresh))
	old := m.order
	for len(old) > 0 && len(fresh) > 0 {
		if m.before(old[0], fresh[0]) < 0 {
			out, old = append(out, old[0]), old[1:]
		} else {
			out, fresh = append(out, fresh[0]), fresh[1:]
		}
	}
	return append(append(out, old...), fresh...)
}

// remove drops the entries that gone says yes to, asked by rising UID, and
// returns their UIDs.
func (m *Mailbox) remove(gone func(uid uint32) bool) (removed []uint32) {
	var moved []uint32 // new position of each entry, ^0 for those that went
	kept := 0
	for i := range m.entries {
		e := m.entries[i]
		if gone(e.uid) {
			if moved == nil {
				moved = make([]uint32, len(m.entries))
				for j := range i {
					moved[j] = uint32(j)
				}
			}
			moved[i] = ^uint32(0)
			removed = append(removed, e.uid)
			m.count(&e, -1)
			continue
		}
		if moved != nil {
			moved[i] = uint32(kept)
		}
		m.entries[kept] = e
		kept++
	}
	if moved == nil {
		return nil
	}
	m.entries = m.entries[:kept]
	order := m.order[:0]
	for _, pos := range m.order {
		if p := moved[pos]; p != ^uint32(0) {
			order = append(order, p)
		}
	}
	m.order = order
	return removed
}

// Flags are the flags of a message; false when it is not known.
func (m *Mailbox) Flags(uid uint32) (mail.Flags, bool) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	pos, ok := m.find(uid)
	if !ok {
		return mail.Flags{}, false
	}
	e := &m.entries[pos]
	return e.bits.flags(m.words.set(e.words)), true
}

// Arrival is the arrival of a message in seconds since 1970 and its size in
// octets; false when it is not known.
func (m *Mailbox) Arrival(uid uint32) (date int64, size int64, ok bool) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	pos, ok := m.find(uid)
	if !ok {
		return 0, 0, false
	}
	return m.entries[pos].date, int64(m.entries[pos].size), true
}

// SetFlag sets or clears a flag or keyword on messages, as we have just told the
// server, and returns those on which it changed.
func (m *Mailbox) SetFlag(uids []uint32, f mail.Flag, on bool) (changed []uint32) {
	m.mu.Lock()
	defer m.mu.Unlock()
	bit := flagBit(string(f))
	for _, uid := range uids {
		pos, ok := m.find(uid)
		if !ok {
			continue
		}
		e := &m.entries[pos]
		m.count(e, -1)
		if bit != 0 {
			if (e.bits&bit != 0) != on {
				e.bits ^= bit
				changed = append(changed, uid)
			}
		} else if have := m.words.set(e.words); hasWord(have, string(f)) != on {
			e.words = m.words.id(withWord(have, string(f), on))
			changed = append(changed, uid)
		}
		m.count(e, +1)
	}
	return changed
}

func hasWord(list []string, w string) bool {
	return slices.ContainsFunc(list, func(s string) bool { return strings.EqualFold(s, w) })
}

func withWord(list []string, w string, on bool) []string {
	out := make([]string, 0, len(list)+1)
	for _, s := range list {
		if !strings.EqualFold(s, w) {
			out = append(out, s)
		}
	}
	if on {
		out = append(out, w)
	}
	return out
}

// WithFlag returns those of uids whose flag or keyword is on (or off), and those
// that are not known at all.
func (m *Mailbox) WithFlag(uids []uint32, f mail.Flag, on bool) (match, unknown []uint32) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	bit := flagBit(string(f))
	for _, uid := range uids {
		pos, ok := m.find(uid)
		switch {
		case !ok:
			unknown = append(unknown, uid)
		case bit != 0 && (m.entries[pos].bits&bit != 0) == on,
			bit == 0 && hasWord(m.words.set(m.entries[pos].words), string(f)) == on:
			match = append(match, uid)
		}
	}
	return match, unknown
}

// Files reports whether a message has attachments, and whether that is known.
func (m *Mailbox) Files(uid uint32) (has, known bool) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	pos, ok := m.find(uid)
	if !ok {
		return false, false
	}
	b := m.entries[pos].bits
	return b&bitFiles != 0, b&bitFilesKnown != 0
}

// SetFiles notes whether a message has attachments.
func (m *Mailbox) SetFiles(uid uint32, has bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if pos, ok := m.find(uid); ok {
		e := &m.entries[pos]
		e.bits = e.bits&^bitFiles | bitFilesKnown
		if has {
			e.bits |= bitFiles
		}
	}
}
