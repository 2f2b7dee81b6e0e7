package index

import (
	"cmp"
	"slices"
	"time"

	"github.com/emersion/go-imap/v2"

	"postern/mailproxy/mail"
)

// Row is one message as a FETCH reports it.
type Row struct {
	UID      uint32
	Size     uint32 // octets, cut at 4 GiB
	Date     int64  // INTERNALDATE in seconds since 1970
	flags    bits
	keywords []string
	partial  bool // only the flags are known
}

// NewRow is a row with all columns.
func NewRow(uid imap.UID, flags []imap.Flag, date time.Time, size int64) Row {
	r := NewFlagRow(uid, flags)
	r.partial = false
	r.Size = uint32(min(max(size, 0), 1<<32-1))
	if !date.IsZero() {
		r.Date = date.Unix()
	}
	return r
}

// NewFlagRow is a row that brings new flags for a message already known.
func NewFlagRow(uid imap.UID, flags []imap.Flag) Row {
	r := Row{UID: uint32(uid), partial: true}
	r.flags, r.keywords = splitFlags(flags)
	return r
}

// Has reports whether the row has a flag or keyword.
func (r Row) Has(f mail.Flag) bool {
	if bit := flagBit(string(f)); bit != 0 {
		return r.flags&bit != 0
	}
	return hasWord(r.keywords, string(f))
}

// Delta is what a source learned about one mailbox in one exchange. The source
// is the working connection today; a watching connection or a maildrop that
// reports the same feeds the index in the same way.
type Delta struct {
	UIDValidity uint32 // the mailbox is started afresh when it is not the known one
	ModSeq      uint64 // everything up to here is in it (RFC 7162); 0 when not known
	Rows        []Row  // appeared or changed
	Gone        []uint32
	Present     Set  // all messages there are, when known: every other one is gone
	Unseen      Set  // all messages without \Seen, when known
	Flagged     Set  // all messages with \Flagged, when known
	Complete    bool // after this, every message of the mailbox is known
}

// Set is a set of UIDs that may be unknown.
type Set struct {
	Known bool
	UIDs  imap.UIDSet
}

// has reports whether the set holds uid, given that uids are asked in rising order.
type setWalk struct {
	ranges imap.UIDSet
}

func (w *setWalk) has(uid uint32) bool {
	for len(w.ranges) > 0 && uint32(w.ranges[0].Stop) < uid {
		w.ranges = w.ranges[1:]
	}
	return len(w.ranges) > 0 && uint32(w.ranges[0].Start) <= uid
}

// walk sorts the ranges of a set, which servers need not do.
func walk(s imap.UIDSet) setWalk {
	s = slices.Clone(s)
	for i := range s {
		if s[i].Stop != 0 && s[i].Stop < s[i].Start {
			s[i].Start, s[i].Stop = s[i].Stop, s[i].Start
		}
	}
	slices.SortFunc(s, func(a, b imap.UIDRange) int { return cmp.Compare(a.Start, b.Start) })
	return setWalk{s}
}

// Apply brings the columns up to date and says what changed.
func (m *Mailbox) Apply(d Delta) mail.Change {
	m.mu.Lock()
	defer m.mu.Unlock()
	ch := mail.Change{Mailbox: m.name}
	if d.UIDValidity != m.validity {
		ch.Reset = m.validity != 0
		m.reset(d.UIDValidity)
	}
	var added []entry
	for i := range d.Rows {
		r := &d.Rows[i]
		if r.UID == 0 {
			continue
		}
		e := entry{uid: r.UID, size: r.Size, date: r.Date, bits: r.flags, words: m.words.id(r.keywords)}
		pos, ok := m.find(r.UID)
		if !ok {
			if !r.partial {
				added = append(added, e)
			}
			continue
		}
		old := &m.entries[pos]
		if old.bits&flagBits != e.bits || old.words != e.words {
			m.count(old, -1)
			old.bits = old.bits&^flagBits | e.bits
			old.words = e.words
			m.count(old, +1)
			ch.Flagged = append(ch.Flagged, r.UID)
		}
	}
	if len(added) > 0 {
		slices.Reverse(added) // reported twice: the later counts
		slices.SortStableFunc(added, func(a, b entry) int { return cmp.Compare(a.uid, b.uid) })
		added = slices.CompactFunc(added, func(a, b entry) bool { return a.uid == b.uid })
		m.insert(added)
		for _, e := range added {
			ch.Appeared = append(ch.Appeared, e.uid)
		}
	}
	if len(d.Gone) > 0 {
		gone := slices.Clone(d.Gone)
		slices.Sort(gone)
		ch.Vanished = m.remove(func(uid uint32) bool {
			for len(gone) > 0 && gone[0] < uid {
				gone = gone[1:]
			}
			return len(gone) > 0 && gone[0] == uid
		})
	}
	if d.Present.Known {
		w := walk(d.Present.UIDs)
		ch.Vanished = append(ch.Vanished, m.remove(func(uid uint32) bool { return !w.has(uid) })...)
	}
	if d.Unseen.Known {
		ch.Flagged = append(ch.Flagged, m.exact(bitSeen, d.Unseen.UIDs, false)...)
	}
	if d.Flagged.Known {
		ch.Flagged = append(ch.Flagged, m.exact(bitFlagged, d.Flagged.UIDs, true)...)
	}
	m.modSeq = max(m.modSeq, d.ModSeq)
	m.complete = m.complete || d.Complete
	return ch
}

// exact sets bit on the messages in set and clears it on all others, or the
// other way round when in is false.
func (m *Mailbox) exact(bit bits, set imap.UIDSet, in bool) (changed []uint32) {
	w := walk(set)
	for i := range m.entries {
		e := &m.entries[i]
		if want := w.has(e.uid) == in; want != (e.bits&bit != 0) {
			m.count(e, -1)
			e.bits ^= bit
			m.count(e, +1)
			changed = append(changed, e.uid)
		}
	}
	return changed
}
