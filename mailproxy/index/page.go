package index

import (
	"cmp"
	"slices"

	"postern/mailproxy/mail"
)

// shown reports whether an entry belongs into a list. Attachments are not a
// matter of the columns: that list is found by searching.
func shown(e *entry, show mail.Show) bool {
	switch {
	case e.bits&bitDeleted != 0:
		return false
	case show == mail.ShowUnread:
		return e.bits&bitSeen == 0
	case show == mail.ShowStarred:
		return e.bits&bitFlagged != 0
	}
	return true
}

func (m *Mailbox) total(show mail.Show) int {
	switch show {
	case mail.ShowUnread:
		return m.unseen
	case mail.ShowStarred:
		return m.flagged
	}
	return len(m.entries) - m.deleted
}

// Page returns at most n UIDs of a list, newest first, from the offset-th on
// (0 is the newest), and how many the list has in all.
func (m *Mailbox) Page(show mail.Show, offset, n int) (uids []uint32, total int) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	total = m.total(show)
	n = min(n, total-offset)
	if n <= 0 || offset < 0 {
		return nil, total
	}
	uids = make([]uint32, 0, n)
	order := m.order
	if total == len(order) { // everything is shown
		order, offset = order[offset:], 0
	}
	for _, pos := range order {
		e := &m.entries[pos]
		if !shown(e, show) {
			continue
		}
		if offset > 0 {
			offset--
			continue
		}
		if uids = append(uids, e.uid); len(uids) == n {
			break
		}
	}
	return uids, total
}

// Around is the place of a message in a list (1 is the newest), counted as if it
// belonged to it, and the messages before and after it; place is 0 when the
// message is not known. The zero UID stands for no message.
func (m *Mailbox) Around(uid uint32, show mail.Show) (newer, older uint32, place, total int) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	pos, ok := m.find(uid)
	if !ok || m.entries[pos].bits&bitDeleted != 0 {
		return 0, 0, 0, 0
	}
	total = m.total(show)
	if !shown(&m.entries[pos], show) {
		total++
	}
	at, ok := slices.BinarySearchFunc(m.order, uint32(pos), m.before)
	if !ok {
		return 0, 0, 0, 0
	}
	place = 1
	for _, p := range m.order[:at] {
		if e := &m.entries[p]; shown(e, show) {
			place++
			newer = e.uid
		}
	}
	for _, p := range m.order[at+1:] {
		if e := &m.entries[p]; shown(e, show) {
			older = e.uid
			break
		}
	}
	return newer, older, place, total
}

// Sort puts UIDs in list order, newest first, without duplicates, those not
// known or marked \Deleted left out.
func (m *Mailbox) Sort(uids []uint32) []uint32 {
	m.mu.RLock()
	defer m.mu.RUnlock()
	at := make([]uint32, 0, len(uids))
	for _, uid := range uids {
		if pos, ok := m.find(uid); ok && m.entries[pos].bits&bitDeleted == 0 {
			at = append(at, uint32(pos))
		}
	}
	slices.SortFunc(at, m.before)
	at = slices.Compact(at)
	out := make([]uint32, len(at))
	for i, pos := range at {
		out[i] = m.entries[pos].uid
	}
	return out
}

// Newest is the UID that the n newest UIDs begin with, for asking about no more
// than those; 1 when there are not so many.
func (m *Mailbox) Newest(n int) uint32 {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if len(m.entries) <= n {
		return 1
	}
	return m.entries[len(m.entries)-n].uid
}

// UIDs are all UIDs known, rising, those marked \Deleted among them.
func (m *Mailbox) UIDs() []uint32 {
	m.mu.RLock()
	defer m.mu.RUnlock()
	out := make([]uint32, len(m.entries))
	for i := range m.entries {
		out[i] = m.entries[i].uid
	}
	return out
}

// Arrived is when and as what number a message arrived, for merging lists of
// several mailboxes.
type Arrived struct {
	Date int64
	UID  uint32
}

// Compare sorts newest first.
func (a Arrived) Compare(b Arrived) int {
	if c := cmp.Compare(b.Date, a.Date); c != 0 {
		return c
	}
	return cmp.Compare(b.UID, a.UID)
}
