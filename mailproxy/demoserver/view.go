package demoserver

import (
	"slices"
	"sort"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
)

// view is a mailbox as one connection knows it: sequence numbers stay until
// the connection was told of a change (RFC 9051 section 7.5.1). Guarded by
// account.mu.
type view struct {
	box      *mailbox
	readOnly bool
	msgs     []*message // number n is msgs[n-1]
	known    uint64     // mailbox.change the connection was told of
	ghosts   bool       // msgs may hold messages that are gone
	maxUID   imap.UID   // of all messages ever in msgs
	wake     chan struct{}
}

// open makes a view of the mailbox as it is now. The wake channel holds one
// token and is filled from this moment on, so that no change is missed between
// a look and the wait for the next.
func (b *mailbox) open(readOnly bool) *view {
	v := &view{
		box: b, readOnly: readOnly, msgs: slices.Clone(b.msgs),
		known: b.change, maxUID: b.next - 1, wake: make(chan struct{}, 1),
	}
	b.views[v] = struct{}{}
	return v
}

func (v *view) close() { delete(v.box.views, v) }

// news is what a connection has to be told, in this order.
type news struct {
	expunged []uint32 // each number valid after those before it
	flags    []flagNews
	exists   uint32 // 0: nothing new
}

type flagNews struct {
	num   uint32
	uid   imap.UID
	flags []imap.Flag
}

// news brings the view up to date and returns the difference. Where expunging
// is not allowed, messages that are gone keep their numbers.
func (v *view) news(allowExpunge bool) news {
	var n news
	if v.known == v.box.change && !(v.ghosts && allowExpunge) {
		return n
	}
	if allowExpunge {
		n.expunged = v.dropGone()
	}
	v.ghosts = !allowExpunge
	for i, m := range v.msgs {
		if m.change > v.known && m.by != v && !m.gone {
			n.flags = append(n.flags, flagNews{uint32(i + 1), m.uid, m.flags})
		}
	}
	first, _ := slices.BinarySearchFunc(v.box.msgs, v.maxUID, func(m *message, uid imap.UID) int {
		if m.uid <= uid {
			return -1
		}
		return 1
	})
	if first < len(v.box.msgs) {
		v.msgs = append(v.msgs, v.box.msgs[first:]...)
		n.exists = uint32(len(v.msgs))
	}
	v.maxUID = v.box.next - 1
	v.known = v.box.change
	return n
}

// dropGone takes vanished messages out of the view, from the last to the
// first, and returns their numbers in that order.
func (v *view) dropGone() []uint32 {
	var nums []uint32
	for i := len(v.msgs) - 1; i >= 0; i-- {
		if v.msgs[i].gone {
			nums = append(nums, uint32(i+1))
		}
	}
	if nums != nil {
		v.msgs = slices.DeleteFunc(v.msgs, func(m *message) bool { return m.gone })
	}
	return nums
}

// tell writes news to the connection. account.mu is not held.
func (n news) tell(w *imapserver.UpdateWriter) error {
	for _, num := range n.expunged {
		if err := w.WriteExpunge(num); err != nil {
			return err
		}
	}
	for _, f := range n.flags {
		if err := w.WriteMessageFlags(f.num, f.uid, f.flags); err != nil {
			return err
		}
	}
	if n.exists > 0 {
		return w.WriteNumMessages(n.exists)
	}
	return nil
}

// picked is a message chosen by number or UID, as it was when chosen.
type picked struct {
	num   uint32
	msg   *message
	flags []imap.Flag
}

// pick resolves a set in ascending order. Numbers out of range and UIDs that
// do not exist are left out, and so are messages that are gone.
func (v *view) pick(set imap.NumSet) []picked {
	var spans [][2]int // of indexes, end excluded
	n := len(v.msgs)
	switch set := set.(type) {
	case imap.SeqSet:
		for _, r := range set {
			lo, hi := bounds(r.Start, r.Stop, uint32(n))
			spans = append(spans, [2]int{int(lo) - 1, min(int(hi), n)})
		}
	case imap.UIDSet:
		var last uint32
		if n > 0 {
			last = uint32(v.msgs[n-1].uid)
		}
		for _, r := range set {
			lo, hi := bounds(uint32(r.Start), uint32(r.Stop), last)
			spans = append(spans, [2]int{v.index(lo), v.index(hi + 1)})
			if hi == ^uint32(0) {
				spans[len(spans)-1][1] = n
			}
		}
	}
	sort.Slice(spans, func(i, j int) bool { return spans[i][0] < spans[j][0] })
	var out []picked
	next := 0
	for _, s := range spans {
		for i := max(s[0], next); i < s[1]; i++ {
			next = i + 1
			if m := v.msgs[i]; !m.gone {
				out = append(out, picked{uint32(i + 1), m, m.flags})
			}
		}
	}
	return out
}

// bounds resolves "*", which is zero here, and orders a range.
func bounds(a, b, last uint32) (lo, hi uint32) {
	if a == 0 {
		a = max(last, 1)
	}
	if b == 0 {
		b = max(last, 1)
	}
	return min(a, b), max(a, b)
}

// index returns the place of the first message whose UID is at least uid.
func (v *view) index(uid uint32) int {
	return sort.Search(len(v.msgs), func(i int) bool { return uint32(v.msgs[i].uid) >= uid })
}
