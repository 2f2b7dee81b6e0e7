package index

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"reflect"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"

	"postern/mailproxy/mail"
)

func row(uid uint32, date int64, flags ...imap.Flag) Row {
	return NewRow(imap.UID(uid), flags, time.Unix(date, 0), 1000)
}

func page(m *Mailbox, show mail.Show) []uint32 {
	uids, _ := m.Page(show, 0, 1000)
	return uids
}

func want(t *testing.T, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func TestApply(t *testing.T) {
	x := New(1 << 20)
	m := x.Mailbox("inbox")
	if x.Mailbox("INBOX") != m || x.Known("Inbox") != m || x.Known("Sent") != nil {
		t.Fatal("INBOX is the same in any case")
	}
	ch := m.Apply(Delta{UIDValidity: 7, ModSeq: 10, Complete: true, Rows: []Row{row(1, 100), row(2, 300, imap.FlagSeen), row(3, 200), row(4, 300)}})
	want(t, "appeared", ch.Appeared, []uint32{1, 2, 3, 4})
	want(t, "order", page(m, mail.ShowAll), []uint32{4, 2, 3, 1})
	want(t, "unread", page(m, mail.ShowUnread), []uint32{4, 3, 1})
	want(t, "state", m.State(), State{UIDValidity: 7, ModSeq: 10, MinUID: 1, MaxUID: 4, Len: 4, Complete: true, Unseen: 3})

	ch = m.Apply(Delta{UIDValidity: 7, ModSeq: 12, Rows: []Row{row(5, 250), NewFlagRow(1, []imap.Flag{`\SEEN`, `\flagged`, "Work"}), NewFlagRow(99, nil)}})
	want(t, "appeared", ch.Appeared, []uint32{5})
	want(t, "flagged", ch.Flagged, []uint32{1})
	want(t, "order", page(m, mail.ShowAll), []uint32{4, 2, 5, 3, 1})
	want(t, "starred", page(m, mail.ShowStarred), []uint32{1})
	f, ok := m.Flags(1)
	want(t, "flags", f, mail.Flags{Seen: true, Flagged: true, Keywords: []string{"Work"}})
	want(t, "known", ok, true)

	ch = m.Apply(Delta{UIDValidity: 7, Rows: []Row{NewFlagRow(4, []imap.Flag{imap.FlagDeleted})}})
	want(t, "marked deleted", ch.Flagged, []uint32{4})
	want(t, "hidden", page(m, mail.ShowAll), []uint32{2, 5, 3, 1})

	ch = m.Apply(Delta{UIDValidity: 7, Present: Set{Known: true, UIDs: imap.UIDSet{{Start: 5, Stop: 9}, {Start: 1, Stop: 2}}}})
	want(t, "vanished", ch.Vanished, []uint32{3, 4})
	want(t, "order", page(m, mail.ShowAll), []uint32{2, 5, 1})
	ch = m.Apply(Delta{UIDValidity: 7, Gone: []uint32{99, 2}})
	want(t, "vanished", ch.Vanished, []uint32{2})

	ch = m.Apply(Delta{UIDValidity: 7, Unseen: Set{Known: true, UIDs: imap.UIDSet{{Start: 1, Stop: 1}}}, Flagged: Set{Known: true}})
	slices.Sort(ch.Flagged)
	want(t, "exact flags", ch.Flagged, []uint32{1, 1, 5})
	want(t, "unread", page(m, mail.ShowUnread), []uint32{1})
	want(t, "starred", page(m, mail.ShowStarred), []uint32(nil))

	ch = m.Apply(Delta{UIDValidity: 8, Rows: []Row{row(1, 5)}})
	want(t, "reset", ch.Reset, true)
	want(t, "order", page(m, mail.ShowAll), []uint32{1})
	want(t, "mod-sequence", m.State().ModSeq, uint64(0))
}

func TestAround(t *testing.T) {
	m := newMailbox("x")
	m.Apply(Delta{UIDValidity: 1, Rows: []Row{row(1, 1), row(2, 2, imap.FlagSeen), row(3, 3), row(4, 4, imap.FlagDeleted), row(5, 5)}})
	tests := []struct {
		uid                        uint32
		show                       mail.Show
		newer, older, place, total int
	}{
		{5, mail.ShowAll, 0, 3, 1, 4},
		{3, mail.ShowAll, 5, 2, 2, 4},
		{1, mail.ShowAll, 2, 0, 4, 4},
		{2, mail.ShowUnread, 3, 1, 3, 4}, // read meanwhile: counted as if it belonged
		{4, mail.ShowAll, 0, 0, 0, 0},
		{9, mail.ShowAll, 0, 0, 0, 0},
	}
	for _, tt := range tests {
		n, o, p, total := m.Around(tt.uid, tt.show)
		if int(n) != tt.newer || int(o) != tt.older || p != tt.place || total != tt.total {
			t.Errorf("Around(%d, %q) = %d, %d, %d, %d", tt.uid, tt.show, n, o, p, total)
		}
	}
}

func TestSetFlag(t *testing.T) {
	m := newMailbox("x")
	m.Apply(Delta{UIDValidity: 1, Rows: []Row{row(1, 1), row(2, 2, imap.FlagSeen)}})
	match, unknown := m.WithFlag([]uint32{1, 2, 3}, mail.FlagSeen, false)
	want(t, "unread", match, []uint32{1})
	want(t, "unknown", unknown, []uint32{3})
	want(t, "changed", m.SetFlag([]uint32{1, 2, 3}, mail.FlagSeen, true), []uint32{1})
	want(t, "unseen", m.State().Unseen, 0)
	want(t, "keyword", m.SetFlag([]uint32{1, 2}, "Work", true), []uint32{1, 2})
	want(t, "keyword again", m.SetFlag([]uint32{1}, "WORK", true), []uint32(nil))
	want(t, "keyword off", m.SetFlag([]uint32{1}, "work", false), []uint32{1})
	f, _ := m.Flags(2)
	want(t, "keywords", f.Keywords, []string{"Work"})
}

// Whatever is applied, the columns say what a plain map says.
func TestApplyAgainstMap(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	m := newMailbox("x")
	model := map[uint32]Row{}
	m.Apply(Delta{UIDValidity: 1})
	for step := range 800 {
		d := Delta{UIDValidity: 1}
		for range rng.IntN(5) {
			uid := uint32(1 + rng.IntN(200))
			var flags []imap.Flag
			if rng.IntN(2) == 0 {
				flags = append(flags, imap.FlagSeen)
			}
			if rng.IntN(4) == 0 {
				flags = append(flags, imap.FlagFlagged)
			}
			if rng.IntN(8) == 0 {
				flags = append(flags, imap.FlagDeleted)
			}
			r := row(uid, int64(uid%7), flags...)
			d.Rows = append(d.Rows, r)
			model[uid] = r
		}
		for range rng.IntN(3) {
			uid := uint32(1 + rng.IntN(200))
			d.Gone = append(d.Gone, uid)
			delete(model, uid)
		}
		if rng.IntN(20) == 0 {
			d.Present.Known = true
			for uid := uint32(1); uid <= 200; uid++ {
				if rng.IntN(3) > 0 {
					d.Present.UIDs.AddNum(imap.UID(uid))
				} else {
					delete(model, uid)
				}
			}
		}
		m.Apply(d)
		for _, show := range []mail.Show{mail.ShowAll, mail.ShowUnread, mail.ShowStarred} {
			var wanted []uint32
			for uid, r := range model {
				if r.flags&bitDeleted == 0 && (show != mail.ShowUnread || r.flags&bitSeen == 0) && (show != mail.ShowStarred || r.flags&bitFlagged != 0) {
					wanted = append(wanted, uid)
				}
			}
			slices.SortFunc(wanted, func(a, b uint32) int { return cmp.Or(cmp.Compare(b%7, a%7), cmp.Compare(b, a)) })
			got, total := m.Page(show, 0, 500)
			if total != len(wanted) || !slices.Equal(got, wanted) {
				t.Fatalf("step %d, %q: got %d %v, want %v", step, show, total, got, wanted)
			}
			for i, uid := range got {
				newer, _, place, _ := m.Around(uid, show)
				if place != i+1 || i > 0 && newer != got[i-1] {
					t.Fatalf("step %d, %q: Around(%d) = %d at %d, want %d", step, show, uid, newer, place, i+1)
				}
			}
		}
	}
}

// A server may send any set of UIDs: its ranges are compared, never walked.
func TestPresentOfAnySize(t *testing.T) {
	m := newMailbox("x")
	m.Apply(Delta{UIDValidity: 1, Rows: []Row{row(5, 1), row(4e9, 2)}})
	start := time.Now()
	m.Apply(Delta{UIDValidity: 1, Present: Set{Known: true, UIDs: imap.UIDSet{{Start: 1, Stop: 3999999999}}}})
	if time.Since(start) > time.Second {
		t.Error("a large set was walked")
	}
	want(t, "left", page(m, mail.ShowAll), []uint32{5})
}

func TestMemoryPerMessage(t *testing.T) {
	const n = 100_000
	m := newMailbox("x")
	rows := make([]Row, n)
	for i := range rows {
		rows[i] = row(uint32(i+1), int64(i*61), imap.FlagSeen)
	}
	before := heap()
	m.Apply(Delta{UIDValidity: 1, Rows: rows})
	per := (heap() - before) / n
	runtime.KeepAlive(m)
	runtime.KeepAlive(rows)
	if per > 64 {
		t.Errorf("%d octets a message, want at most 64", per)
	}
}

func heap() int64 {
	runtime.GC()
	runtime.GC()
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return int64(s.HeapAlloc)
}

func TestCache(t *testing.T) {
	c := newCache(20_000)
	ref := func(i int) mail.MessageRef { return mail.MessageRef{Mailbox: "x", UIDValidity: 1, UID: uint32(i)} }
	for i := range 1000 {
		c.Put(ref(i), Cached{Summary: mail.Summary{Subject: fmt.Sprint("subject ", i)}})
		c.Get(ref(0)) // stays
	}
	if c.bytes > c.limit || len(c.items) > 60 || len(c.items) < 10 {
		t.Errorf("%d items, %d octets", len(c.items), c.bytes)
	}
	if _, ok := c.Get(ref(0)); !ok {
		t.Error("the last used was dropped")
	}
	if _, ok := c.Get(ref(1)); ok {
		t.Error("the least used was kept")
	}
	c.Forget(ref(0))
	if _, ok := c.Get(ref(0)); ok {
		t.Error("forgotten and still there")
	}
	deep := imap.BodyStructure(&imap.BodyStructureSinglePart{Type: "text"})
	for range 10_000 {
		deep = &imap.BodyStructureMultiPart{Children: []imap.BodyStructure{deep}}
	}
	c.Put(ref(2), Cached{Structure: deep})
	if got, ok := c.Get(ref(2)); !ok || got.Structure != nil {
		t.Error("an endless structure was kept")
	}
}

func BenchmarkPage100k(b *testing.B) {
	m := newMailbox("x")
	rows := make([]Row, 100_000)
	for i := range rows {
		rows[i] = row(uint32(i+1), int64(i*61))
	}
	m.Apply(Delta{UIDValidity: 1, Rows: rows})
	b.ReportAllocs()
	for b.Loop() {
		m.Page(mail.ShowAll, 0, 50)
	}
}

func BenchmarkArrival100k(b *testing.B) {
	m := newMailbox("x")
	rows := make([]Row, 100_000)
	for i := range rows {
		rows[i] = row(uint32(i+1), int64(i*61))
	}
	m.Apply(Delta{UIDValidity: 1, Rows: rows})
	uid := uint32(100_001)
	b.ReportAllocs()
	for b.Loop() {
		m.Apply(Delta{UIDValidity: 1, Rows: []Row{row(uid, int64(uid)*61)}, Gone: []uint32{uid - 100_000}})
		uid++
	}
}
