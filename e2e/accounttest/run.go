package accounttest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"

	"postern/mailproxy/mail"
)

// RunAccountTests runs all account tests on a mail server.
func RunAccountTests(t *testing.T, b Backend) {
	for _, tt := range []struct {
		name string
		run  func(*testing.T, Backend)
	}{
		{"SignIn", testSignIn},
		{"Mailboxes", testMailboxes},
		{"MailboxNames", testMailboxNames},
		{"MailboxTree", testMailboxTree},
		{"List", testList},
		{"ListFlights", testListFlights},
		{"ListOrder", testListOrder},
		{"OtherPrograms", testOtherPrograms},
		{"Vanished", testVanished},
		{"Filters", testFilters},
		{"Neighbours", testNeighbours},
		{"Flags", testFlags},
		{"Move", testMove},
		{"Archive", testArchive},
		{"DeleteAndEmpty", testDeleteAndEmpty},
		{"Spam", testSpam},
		{"Stale", testStale},
		{"Search", testSearch},
		{"SearchEverywhere", testSearchEverywhere},
		{"TwoTabs", testTwoTabs},
	} {
		t.Run(tt.name, func(t *testing.T) { tt.run(t, b) })
	}
}

func testSignIn(t *testing.T, b Backend) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	p := b.proxy(t)
	wrong := b.credentials()
	wrong.Password += "x"
	if _, err := p.SignIn(ctx, wrong); mail.KindOf(err) != mail.SignedOut || mail.MsgOf(err) == "" {
		t.Errorf("wrong password: %v, want SignedOut with a sentence", err)
	}
	first, err := p.SignIn(ctx, b.credentials())
	if err != nil {
		t.Fatal(err)
	}
	again, err := p.Account(ctx, b.credentials())
	if err != nil || again != first {
		t.Errorf("the account of a session is another one: %v", err)
	}
	if id := first.ID(); id == "" || strings.Contains(id, "@") {
		t.Errorf("account ID %q", id)
	}
	other, err := p.Account(ctx, wrong)
	if err != nil || other == first {
		t.Error("another password shares the account")
	}
	if _, err := p.SignIn(ctx, b.credentials()); err != nil {
		t.Errorf("second sign-in: %v", err)
	}
}

func testMailboxes(t *testing.T, b Backend) {
	l := b.open(t, 3)
	list, err := l.acct.Mailboxes(l.ctx)
	if err != nil {
		t.Fatal(err)
	}
	if len(list) == 0 || list[0].Name != "INBOX" || list[0].Role != mail.RoleInbox {
		t.Fatalf("the inbox is not first: %+v", list)
	}
	m, ok := mail.ByName(list, l.box)
	if !ok {
		t.Fatalf("%q is not listed", l.box)
	}
	if !m.Selectable || !m.Counted || m.Messages != 3 || m.Unseen != 3 || !m.Subscribed {
		t.Errorf("got %+v", m)
	}
	for _, r := range []mail.Role{mail.RoleDrafts, mail.RoleSent, mail.RoleTrash, mail.RoleJunk} {
		if _, ok := mail.ByRole(list, r); !ok {
			t.Errorf("no mailbox for %s", r)
		}
	}
	c, err := l.acct.MailboxContents(l.ctx, l.box)
	if err != nil || c.Messages != 3 || len(c.Children) != 0 {
		t.Errorf("contents %+v, %v", c, err)
	}
}

// Names that break programs: each is created, listed, written to, renamed and deleted.
func testMailboxNames(t *testing.T, b Backend) {
	l := b.open(t, 0)
	list, _ := l.acct.Mailboxes(l.ctx)
	m, _ := mail.ByName(list, l.box)
	for _, name := range []string{"R&D", `quo"ted`, "100%", "a*b", "🎉 party", "Entwürfe & Co", "日本語", "&AMA-", "back\\slash", "(paren) {3}", "tilde~", " trimmed "} {
		full, err := l.acct.CreateMailbox(l.ctx, l.box, name)
		if err != nil {
			if k := mail.KindOf(err); k != mail.Refused && k != mail.Invalid {
				t.Errorf("create %q: %v", name, err)
			}
			t.Logf("%q: the server does not take it: %v", name, err)
			continue
		}
		leaf := strings.TrimSpace(name)
		if want := l.box + m.Delim + leaf; full != want {
			t.Errorf("create %q: whole name %q, want %q", name, full, want)
		}
		list, err := l.acct.Mailboxes(l.ctx)
		if err != nil {
			t.Fatal(err)
		}
		got, ok := mail.ByName(list, full)
		if !ok || got.Leaf != leaf || got.Parent != l.box {
			t.Errorf("%q is listed as %+v", full, got)
			continue
		}
		l.append(full, plain(1), start)
		if p := l.list(mail.ListQuery{Mailbox: full}); len(p.Rows) != 1 || p.Mailbox.Leaf != leaf {
			t.Errorf("%q: %d rows, mailbox %+v", full, len(p.Rows), p.Mailbox)
		}
		to, err := l.acct.RenameMailbox(l.ctx, full, l.box, leaf+" 2")
		if err != nil {
			t.Errorf("rename %q: %v", full, err)
			continue
		}
		if p := l.list(mail.ListQuery{Mailbox: to}); len(p.Rows) != 1 {
			t.Errorf("%q: %d rows after renaming", to, len(p.Rows))
		}
		if err := l.acct.DeleteMailbox(l.ctx, to); err != nil {
			t.Errorf("delete %q: %v", to, err)
		}
	}
	for _, bad := range []string{"", "  ", "a\r\nb", "a\x00b", "x" + m.Delim + "y", strings.Repeat("x", 300)} {
		if _, err := l.acct.CreateMailbox(l.ctx, l.box, bad); mail.KindOf(err) != mail.Invalid {
			t.Errorf("create %q: %v, want Invalid", bad, err)
		}
	}
	if _, err := l.acct.CreateMailbox(l.ctx, "", "inBOX"); mail.KindOf(err) != mail.Invalid {
		t.Errorf("create a second inbox: %v", err)
	}
}

func testMailboxTree(t *testing.T, b Backend) {
	l := b.open(t, 1)
	child, err := l.acct.CreateMailbox(l.ctx, l.box, "child")
	if err != nil {
		t.Fatal(err)
	}
	grandchild, err := l.acct.CreateMailbox(l.ctx, child, "grandchild")
	if err != nil {
		t.Fatal(err)
	}
	l.append(grandchild, plain(1), start)
	if _, err := l.acct.CreateMailbox(l.ctx, l.box, "child"); mail.KindOf(err) != mail.Invalid {
		t.Errorf("create twice: %v, want Invalid", err)
	}
	c, err := l.acct.MailboxContents(l.ctx, l.box)
	if err != nil || c.Messages != 2 || !slices.Equal(c.Children, []string{child, grandchild}) {
		t.Errorf("contents %+v, %v", c, err)
	}
	if _, err := l.acct.RenameMailbox(l.ctx, child, grandchild, "x"); mail.KindOf(err) != mail.Invalid {
		t.Errorf("move a mailbox into itself: %v, want Invalid", err)
	}
	to, err := l.acct.RenameMailbox(l.ctx, child, l.box, "renamed")
	if err != nil {
		t.Fatal(err)
	}
	moved := to + strings.TrimPrefix(grandchild, child)
	if p := l.list(mail.ListQuery{Mailbox: moved}); len(p.Rows) != 1 {
		t.Errorf("what was below did not move along")
	}
	list, _ := l.acct.Mailboxes(l.ctx)
	if m, ok := mail.ByName(list, moved); !ok || !m.Subscribed || m.Parent != to {
		t.Errorf("after renaming: %+v", m)
	}
	if err := l.acct.Subscribe(l.ctx, moved, false); err != nil {
		t.Fatal(err)
	}
	list, _ = l.acct.Mailboxes(l.ctx)
	if m, _ := mail.ByName(list, moved); m.Subscribed {
		t.Log("still subscribed: the server does not tell subscriptions")
	}
	if err := l.acct.DeleteMailbox(l.ctx, "INBOX"); mail.KindOf(err) != mail.Refused {
		t.Errorf("delete the inbox: %v, want Refused", err)
	}
	if err := l.acct.DeleteMailbox(l.ctx, to); err != nil {
		t.Fatal(err)
	}
	list, _ = l.acct.Mailboxes(l.ctx)
	for _, n := range []string{to, moved} {
		if m, ok := mail.ByName(list, n); ok && m.Selectable {
			t.Errorf("%q is still there", n)
		}
	}
}

func testList(t *testing.T, b Backend) {
	l := b.open(t, 7)
	p := l.list(mail.ListQuery{PerPage: 3})
	l.wantRows("page 1", p, "6 5 4")
	if p.Total != 7 || p.First != 1 || p.Last() != 3 || p.Unread != 7 || p.Mailbox.Name != l.box || len(p.Mailboxes) < 2 {
		t.Errorf("page 1: total %d, first %d, unread %d, mailbox %q", p.Total, p.First, p.Unread, p.Mailbox.Name)
	}
	r := p.Rows[0]
	if len(r.From) != 1 || r.From[0].Addr != "ama@example.org" || r.Flags.Seen || r.Size == 0 || !r.When().Equal(start.Add(6*time.Hour)) || !strings.Contains(r.Snippet, "The wall stands") {
		t.Errorf("row %+v", r)
	}
	l.wantRows("page 3", l.list(mail.ListQuery{PerPage: 3, Page: 3}), "0")
	p = l.list(mail.ListQuery{PerPage: 3, Page: 99})
	l.wantRows("past the end", p, "0")
	if p.Query.Page != 3 {
		t.Errorf("page 99 became %d, want 3", p.Query.Page)
	}
	empty, err := l.acct.CreateMailbox(l.ctx, l.box, "empty")
	if err != nil {
		t.Fatal(err)
	}
	if p := l.list(mail.ListQuery{Mailbox: empty}); len(p.Rows) != 0 || p.Total != 0 || p.First != 0 || p.Query.Page != 1 {
		t.Errorf("empty mailbox: %+v", p)
	}
}

func testListFlights(t *testing.T, b Backend) {
	l := b.open(t, 30)
	l.wantFlights("cold list", 3, func() { l.list(mail.ListQuery{PerPage: 10}) })
	for range 3 {
		l.wantFlights("warm list", 1, func() { l.list(mail.ListQuery{PerPage: 10}) })
	}
	l.wantFlights("warm second page", 1, func() { l.list(mail.ListQuery{PerPage: 10, Page: 2}) })
	l.wantFlights("warm unread filter", 1, func() { l.list(mail.ListQuery{PerPage: 10, Show: mail.ShowUnread}) })
	p := l.list(mail.ListQuery{PerPage: 10})
	var undo mail.Undo
	l.wantFlights("star", 1, func() { undo, _ = l.acct.SetFlag(l.ctx, refs(p, 0, 1), mail.FlagStarred, true) })
	l.wantFlights("undo", 1, func() {
		if err := l.acct.Undo(l.ctx, undo); err != nil {
			t.Error(err)
		}
	})
}

// The newest arrival comes first, whatever its UID.
func testListOrder(t *testing.T, b Backend) {
	l := b.open(t, 3)
	l.list(mail.ListQuery{})
	l.append(l.box, plain(10), start.Add(90*time.Minute)) // between 1 and 2
	l.append(l.box, plain(11), start.Add(-time.Hour))
	l.wantRows("by arrival", l.list(mail.ListQuery{}), "2 10 1 0 11")
}

func testOtherPrograms(t *testing.T, b Backend) {
	l := b.open(t, 5)
	l.wantRows("at first", l.list(mail.ListQuery{}), "4 3 2 1 0")
	l.append(l.box, plain(5), start.Add(5*time.Hour), imap.FlagSeen)
	p := l.list(mail.ListQuery{})
	l.wantRows("after an arrival", p, "5 4 3 2 1 0")
	if !p.Rows[0].Flags.Seen || p.Unread != 5 {
		t.Errorf("after an arrival: %+v, %d unread", p.Rows[0].Flags, p.Unread)
	}
	l.selectOther(l.box)
	if err := l.other.Store(imap.SeqSetNum(2), &imap.StoreFlags{Op: imap.StoreFlagsAdd, Silent: true, Flags: []imap.Flag{imap.FlagFlagged, imap.FlagSeen, "Work"}}, nil).Close(); err != nil {
		t.Fatal(err)
	}
	p = l.list(mail.ListQuery{})
	if f := p.Rows[4].Flags; !f.Flagged || !f.Seen || !slices.Contains(f.Keywords, "Work") {
		t.Errorf("flags set elsewhere: %+v", f)
	}
	if p.Unread != 4 {
		t.Errorf("%d unread, want 4", p.Unread)
	}
	if err := l.other.Store(imap.SeqSetNum(1, 6), &imap.StoreFlags{Op: imap.StoreFlagsAdd, Silent: true, Flags: []imap.Flag{imap.FlagDeleted}}, nil).Close(); err != nil {
		t.Fatal(err)
	}
	l.wantRows("marked deleted elsewhere", l.list(mail.ListQuery{}), "4 3 2 1")
	if err := l.other.Expunge().Close(); err != nil {
		t.Fatal(err)
	}
	p = l.list(mail.ListQuery{})
	l.wantRows("expunged elsewhere", p, "4 3 2 1")
	if p.Total != 4 {
		t.Errorf("total %d, want 4", p.Total)
	}
	// One goes and one comes: the count is the same.
	if err := l.other.Store(imap.SeqSetNum(4), &imap.StoreFlags{Op: imap.StoreFlagsAdd, Silent: true, Flags: []imap.Flag{imap.FlagDeleted}}, nil).Close(); err != nil {
		t.Fatal(err)
	}
	if err := l.other.Expunge().Close(); err != nil {
		t.Fatal(err)
	}
	l.append(l.box, plain(7), start.Add(7*time.Hour))
	l.wantRows("one went, one came", l.list(mail.ListQuery{}), "7 3 2 1")
}

func testVanished(t *testing.T, b Backend) {
	l := b.open(t, 1)
	if _, err := l.acct.List(l.ctx, mail.ListQuery{Mailbox: "No such mailbox"}); mail.KindOf(err) != mail.NotFound {
		t.Errorf("unknown mailbox: %v, want NotFound", err)
	}
	l.list(mail.ListQuery{})
	if err := l.other.Delete(l.box).Wait(); err != nil {
		t.Fatal(err)
	}
	// A server may serve a mailbox that is open to its end; a new look must not.
	l.list(mail.ListQuery{Mailbox: "INBOX"})
	if _, err := l.acct.List(l.ctx, mail.ListQuery{Mailbox: l.box}); mail.KindOf(err) != mail.NotFound {
		t.Errorf("deleted mailbox: %v, want NotFound", err)
	}
	for _, bad := range []string{"a\r\nb", "x\x00", strings.Repeat("y", 5000)} {
		if _, err := l.acct.List(l.ctx, mail.ListQuery{Mailbox: bad}); mail.KindOf(err) != mail.NotFound {
			t.Errorf("mailbox %.10q: %v, want NotFound", bad, err)
		}
	}
}

func testFilters(t *testing.T, b Backend) {
	l := b.open(t, 4)
	l.append(l.box, withFile("Plans for the wall", "plans.pdf"), start.Add(10*time.Hour), imap.FlagSeen)
	l.append(l.box, plain(6), start.Add(11*time.Hour), imap.FlagSeen, imap.FlagFlagged)
	l.wantRows("all", l.list(mail.ListQuery{}), "6 Plans for the wall 3 2 1 0")
	p := l.list(mail.ListQuery{Show: mail.ShowUnread})
	l.wantRows("unread", p, "3 2 1 0")
	if p.Total != 4 {
		t.Errorf("unread: total %d", p.Total)
	}
	l.wantRows("starred", l.list(mail.ListQuery{Show: mail.ShowStarred}), "6")
	p = l.list(mail.ListQuery{Show: mail.ShowAttachments})
	l.wantRows("with attachments", p, "Plans for the wall")
	if len(p.Rows) == 1 && (len(p.Rows[0].Files) != 1 || p.Rows[0].Files[0].Name != "plans.pdf") {
		t.Errorf("files %+v", p.Rows[0].Files)
	}
	// Reading elsewhere shows in the filter at once.
	l.selectOther(l.box)
	if err := l.other.Store(imap.SeqSetNum(1), &imap.StoreFlags{Op: imap.StoreFlagsAdd, Silent: true, Flags: []imap.Flag{imap.FlagSeen}}, nil).Close(); err != nil {
		t.Fatal(err)
	}
	l.wantRows("unread, one read elsewhere", l.list(mail.ListQuery{Show: mail.ShowUnread}), "3 2 1")
}

func testNeighbours(t *testing.T, b Backend) {
	l := b.open(t, 5)
	p := l.list(mail.ListQuery{})
	q := mail.ListQuery{Mailbox: l.box}
	n := l.flights(func() {
		newer, older, place, total := l.acct.Neighbours(q, p.Rows[1].Ref)
		if newer != p.Rows[0].Ref || older != p.Rows[2].Ref || place != 2 || total != 5 {
			t.Errorf("neighbours of the second: %v %v %d of %d", newer, older, place, total)
		}
		newer, older, place, _ = l.acct.Neighbours(q, p.Rows[4].Ref)
		if newer != p.Rows[3].Ref || !older.IsZero() || place != 5 {
			t.Errorf("neighbours of the last: %v %v %d", newer, older, place)
		}
	})
	if n != 0 {
		t.Errorf("neighbours cost %d flights", n)
	}
	if _, err := l.acct.SetFlag(l.ctx, refs(p, 2), mail.FlagSeen, true); err != nil {
		t.Fatal(err)
	}
	q.Show = mail.ShowUnread
	newer, older, place, total := l.acct.Neighbours(q, p.Rows[2].Ref)
	if newer != p.Rows[1].Ref || older != p.Rows[3].Ref || place != 3 || total != 5 {
		t.Errorf("a message just read, among the unread: %v %v %d of %d", newer, older, place, total)
	}
	if _, _, place, _ := l.acct.Neighbours(mail.ListQuery{Mailbox: "elsewhere"}, p.Rows[0].Ref); place != 0 {
		t.Error("neighbours in a list that is not known")
	}
}

func testFlags(t *testing.T, b Backend) {
	l := b.open(t, 4)
	p := l.list(mail.ListQuery{})
	if _, err := l.acct.SetFlag(l.ctx, refs(p, 0), mail.FlagSeen, true); err != nil {
		t.Fatal(err)
	}
	undo, err := l.acct.SetFlag(l.ctx, refs(p, 0, 1, 2), mail.FlagSeen, true)
	if err != nil {
		t.Fatal(err)
	}
	if len(undo.Flags) != 1 || len(undo.Flags[0].Messages) != 2 || undo.Flags[0].Set {
		t.Errorf("undo %+v, want those two that were unread", undo)
	}
	p = l.list(mail.ListQuery{})
	if p.Unread != 1 || !p.Rows[2].Flags.Seen || p.Rows[3].Flags.Seen {
		t.Errorf("%d unread", p.Unread)
	}
	if m, _ := mail.ByName(p.Mailboxes, l.box); m.Unseen != 1 {
		t.Errorf("the sidebar says %d unread", m.Unseen)
	}
	if err := l.acct.Undo(l.ctx, undo); err != nil {
		t.Fatal(err)
	}
	_, flags := l.inOther(l.box)
	var seen []bool
	for _, f := range flags {
		seen = append(seen, slices.Contains(f, imap.FlagSeen))
	}
	if want := []bool{false, false, false, true}; !slices.Equal(seen, want) {
		t.Errorf("after undo the server has \\Seen %v, want %v", seen, want)
	}
	if _, err := l.acct.SetFlag(l.ctx, refs(p, 0), mail.Flag("bad flag"), true); mail.KindOf(err) != mail.Invalid {
		t.Errorf("a flag with a space: %v, want Invalid", err)
	}
	if _, err := l.acct.SetFlag(l.ctx, refs(p, 0), mail.Flag(`\Deleted`), true); mail.KindOf(err) != mail.Invalid {
		t.Errorf(`\Deleted: %v, want Invalid`, err)
	}
}

func testMove(t *testing.T, b Backend) {
	l := b.open(t, 6)
	to, err := l.acct.CreateMailbox(l.ctx, l.box, "target")
	if err != nil {
		t.Fatal(err)
	}
	p := l.list(mail.ListQuery{})
	moved, err := l.acct.Move(l.ctx, refs(p, 0, 2, 4, 4), to)
	if err != nil {
		t.Fatal(err)
	}
	if moved.Count != 3 || moved.To != to || moved.Gone != 0 || moved.Undo.Empty() {
		t.Errorf("moved %+v", moved)
	}
	after := l.list(mail.ListQuery{})
	l.wantRows("source", after, "4 2 0")
	if m, _ := mail.ByName(after.Mailboxes, to); m.Messages != 3 || m.Unseen != 3 {
		t.Errorf("the sidebar counts %d, %d unread in the target", m.Messages, m.Unseen)
	}
	l.wantRows("target", l.list(mail.ListQuery{Mailbox: to}), "5 3 1")
	if again, err := l.acct.Move(l.ctx, refs(p, 0, 1), to); err != nil || again.Count != 1 || again.Gone != 1 {
		t.Errorf("one of two is gone already: %+v, %v", again, err)
	} else if err := l.acct.Undo(l.ctx, again.Undo); err != nil {
		t.Errorf("undo: %v", err)
	}
	if err := l.acct.Undo(l.ctx, moved.Undo); err != nil {
		t.Fatalf("undo: %v", err)
	}
	l.wantRows("source after undo", l.list(mail.ListQuery{}), "5 4 3 2 1 0")
	l.wantRows("target after undo", l.list(mail.ListQuery{Mailbox: to}), "")
	if err := l.acct.Undo(l.ctx, moved.Undo); mail.KindOf(err) != mail.Stale {
		t.Errorf("undo twice: %v, want Stale", err)
	}
	if _, err := l.acct.Move(l.ctx, refs(p, 1), "No such mailbox"); mail.KindOf(err) != mail.NotFound {
		t.Errorf("move to nowhere: %v, want NotFound", err)
	}
	if m, err := l.acct.Move(l.ctx, nil, to); err != nil || m.Count != 0 {
		t.Errorf("move nothing: %+v, %v", m, err)
	}
}

func testArchive(t *testing.T, b Backend) {
	l := b.open(t, 2)
	p := l.list(mail.ListQuery{})
	m, err := l.acct.Archive(l.ctx, refs(p, 0))
	if err != nil || m.Count != 1 {
		t.Fatalf("archive: %+v, %v", m, err)
	}
	list, _ := l.acct.Mailboxes(l.ctx)
	if box, ok := mail.ByRole(list, mail.RoleArchive); !ok || box.Name != m.To {
		t.Errorf("archived to %q, the archive is %q", m.To, box.Name)
	}
	if err := l.acct.Undo(l.ctx, m.Undo); err != nil {
		t.Fatal(err)
	}
	l.wantRows("after undo", l.list(mail.ListQuery{}), "1 0")
}

func testDeleteAndEmpty(t *testing.T, b Backend) {
	l := b.open(t, 4)
	p := l.list(mail.ListQuery{})
	m, err := l.acct.Delete(l.ctx, refs(p, 0, 1))
	if err != nil || m.Count != 2 || m.Forever || m.Undo.Empty() {
		t.Fatalf("delete: %+v, %v", m, err)
	}
	l.wantRows("after deleting", l.list(mail.ListQuery{}), "1 0")
	if err := l.acct.Undo(l.ctx, m.Undo); err != nil {
		t.Fatal(err)
	}
	l.wantRows("after undo", l.list(mail.ListQuery{}), "3 2 1 0")
	p = l.list(mail.ListQuery{})
	if m, err = l.acct.Delete(l.ctx, refs(p, 0, 1, 2)); err != nil || m.Count != 3 {
		t.Fatalf("delete: %+v, %v", m, err)
	}
	trash := l.list(mail.ListQuery{Mailbox: m.To})
	if len(trash.Rows) < 3 {
		t.Fatalf("%d rows in the trash", len(trash.Rows))
	}
	// Another program has marked one and means to expunge it itself.
	l.selectOther(m.To)
	if err := l.other.Store(imap.UIDSetNum(imap.UID(trash.Rows[2].Ref.UID)), &imap.StoreFlags{Op: imap.StoreFlagsAdd, Silent: true, Flags: []imap.Flag{imap.FlagDeleted}}, nil).Close(); err != nil {
		t.Fatal(err)
	}
	before, _ := l.inOther(m.To)
	gone, err := l.acct.Delete(l.ctx, refs(trash, 0))
	if err != nil || gone.Count != 1 || !gone.Forever || !gone.Undo.Empty() {
		t.Errorf("delete in the trash: %+v, %v", gone, err)
	}
	if after, _ := l.inOther(m.To); len(after) != len(before)-1 && len(after) != len(before) {
		t.Errorf("%d messages were deleted for good, want one", len(before)-len(after))
	}
	again := l.list(mail.ListQuery{Mailbox: m.To})
	if len(again.Rows) > 0 && again.Rows[0].Ref == trash.Rows[0].Ref {
		t.Error("the deleted message is still shown")
	}
	if _, err := l.acct.EmptyMailbox(l.ctx, l.box); mail.KindOf(err) != mail.Refused {
		t.Errorf("empty an ordinary mailbox: %v, want Refused", err)
	}
	if n, err := l.acct.EmptyMailbox(l.ctx, m.To); err != nil || n < 2 {
		t.Errorf("empty the trash: %d, %v", n, err)
	}
	if left, _ := l.inOther(m.To); len(left) != 0 {
		t.Errorf("%d messages left in the trash", len(left))
	}
	if p := l.list(mail.ListQuery{Mailbox: m.To}); len(p.Rows) != 0 || p.Total != 0 {
		t.Errorf("the empty trash shows %d rows of %d", len(p.Rows), p.Total)
	}
}

func testSpam(t *testing.T, b Backend) {
	l := b.open(t, 2)
	p := l.list(mail.ListQuery{})
	m, err := l.acct.Spam(l.ctx, refs(p, 0), true)
	if err != nil || m.Count != 1 {
		t.Fatalf("spam: %+v, %v", m, err)
	}
	junk := l.list(mail.ListQuery{Mailbox: m.To})
	if len(junk.Rows) == 0 || junk.Rows[0].Subject != p.Rows[0].Subject {
		t.Fatalf("junk holds %q", subjects(junk))
	}
	if m, err := l.acct.Spam(l.ctx, refs(junk, 0), false); err != nil || m.To != "INBOX" || m.Count != 1 {
		t.Errorf("not spam: %+v, %v", m, err)
	} else if err := l.acct.Undo(l.ctx, m.Undo); err != nil {
		t.Errorf("undo: %v", err)
	}
	junk = l.list(mail.ListQuery{Mailbox: m.To})
	if back, err := l.acct.Move(l.ctx, refs(junk, 0), l.box); err != nil || back.Count != 1 {
		t.Errorf("move back: %+v, %v", back, err)
	}
	l.wantRows("at the end", l.list(mail.ListQuery{}), "1 0")
}

func testStale(t *testing.T, b Backend) {
	l := b.open(t, 2)
	p := l.list(mail.ListQuery{})
	old := p.Rows[0].Ref
	old.UIDValidity++
	if _, err := l.acct.SetFlag(l.ctx, []mail.MessageRef{old}, mail.FlagSeen, true); mail.KindOf(err) != mail.Stale {
		t.Errorf("flag: %v, want Stale", err)
	}
	if _, err := l.acct.Delete(l.ctx, []mail.MessageRef{old}); mail.KindOf(err) != mail.Stale {
		t.Errorf("delete: %v, want Stale", err)
	}
	gone := p.Rows[0].Ref
	gone.UID += 1000
	if m, err := l.acct.Delete(l.ctx, []mail.MessageRef{gone}); err == nil && m.Count != 0 {
		t.Errorf("a UID that never was: %+v", m)
	}
	l.wantRows("nothing happened", l.list(mail.ListQuery{}), "1 0")
	// The mailbox is made anew under its name.
	if err := l.other.Delete(l.box).Wait(); err != nil {
		t.Fatal(err)
	}
	if err := l.other.Create(l.box, nil).Wait(); err != nil {
		t.Fatal(err)
	}
	l.append(l.box, plain(9), start)
	l.list(mail.ListQuery{Mailbox: "INBOX"})
	p, err := l.acct.List(l.ctx, mail.ListQuery{Mailbox: l.box})
	if err != nil {
		t.Fatal(err)
	}
	l.wantRows("made anew", p, "9")
}

func testSearch(t *testing.T, b Backend) {
	l := b.open(t, 5)
	l.append(l.box, withFile("Grüße aus Åhus", "karte.pdf"), start.Add(24*time.Hour), imap.FlagSeen)
	l.append(l.box, "From: =?utf-8?q?Gu=C3=B0r=C3=BAn?= <gudrun@example.org>\r\nTo: mira@example.org\r\nSubject: =?utf-8?q?K=C3=B8benhavn?=\r\nMessage-ID: <k@example.org>\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nWir sehen uns in Kopenhagen.\r\n", start.Add(48*time.Hour), imap.FlagFlagged)
	for _, tt := range []struct{ search, want string }{
		{"subject:number", "4 3 2 1 0"},
		{`"says number 3"`, "3"},
		{`subject:number -"number 3"`, "4 2 1 0"},
		{"from:gudrun", "København"},
		{"København", "København"},
		{"from:gudrun OR \"says number 1\"", "København 1"},
		{"is:starred", "København"},
		{"is:read", "Grüße aus Åhus"},
		{"has:attachment", "Grüße aus Åhus"},
		{"filename:KARTE", "Grüße aus Åhus"},
		{"filename:other", ""},
		{"-has:attachment from:olena", ""},
		{"after:2026-03-03", "København"},
		{"on:2026-03-02", "Grüße aus Åhus"},
		{"before:2026-03-02 from:ama", "4 3 2 1 0"},
		{"larger:1M", ""},
		{"to:mira smaller:1M is:unread is:unstarred", "4 3 2 1 0"},
		{"in:nowhere", ""},
	} {
		p := l.list(mail.ListQuery{Mailbox: l.box, Search: tt.search, Zone: time.UTC})
		l.wantRows(tt.search, p, tt.want)
		if n := len(strings.Fields(tt.want)); tt.search == "subject:number" && (p.Total != n || p.First != 1) {
			t.Errorf("total %d, first %d", p.Total, p.First)
		}
	}
	q := mail.ListQuery{Mailbox: l.box, Search: "subject:number", PerPage: 2}
	l.list(q)
	q.Page = 2
	p := l.list(q)
	l.wantRows("page 2 of a search", p, "2 1")
	newer, older, place, total := l.acct.Neighbours(q, p.Rows[0].Ref)
	if place != 3 || total != 5 || newer.IsZero() || older != p.Rows[1].Ref {
		t.Errorf("neighbours in a search: %v %v %d of %d", newer, older, place, total)
	}
	if _, err := l.acct.Delete(l.ctx, refs(p, 0)); err != nil {
		t.Fatal(err)
	}
	l.wantRows("page 2 after deleting", l.list(q), "1 0")
	p = l.list(mail.ListQuery{Mailbox: l.box, Search: "frmo:ama"})
	if len(p.Problems) != 1 {
		t.Errorf("problems %q", p.Problems)
	}
	if _, err := l.acct.List(l.ctx, mail.ListQuery{Mailbox: l.box, Search: "a\r\nb"}); mail.KindOf(err) != mail.Invalid {
		t.Errorf("a search with a line break: %v, want Invalid", err)
	}
}

func testSearchEverywhere(t *testing.T, b Backend) {
	l := b.open(t, 0)
	child, err := l.acct.CreateMailbox(l.ctx, l.box, "R&D 100%")
	if err != nil {
		if child, err = l.acct.CreateMailbox(l.ctx, l.box, "child"); err != nil {
			t.Fatal(err)
		}
	}
	word := fmt.Sprintf("zebra%d", time.Now().UnixNano())
	raw := func(n int) string {
		return strings.Replace(plain(n), "The wall", word, 1)
	}
	l.append(l.box, raw(1), start)
	l.append(child, raw(2), start.Add(time.Hour))
	l.append(l.box, raw(3), start.Add(2*time.Hour))
	l.append(l.box, raw(4), start.Add(3*time.Hour))
	p := l.list(mail.ListQuery{Search: word})
	l.wantRows("everywhere", p, "4 3 2 1")
	if len(p.Rows) == 4 && (p.Rows[2].Ref.Mailbox != child || p.Rows[1].Ref.Mailbox != l.box) {
		t.Errorf("rows of %q and %q", p.Rows[2].Ref.Mailbox, p.Rows[1].Ref.Mailbox)
	}
	if len(p.Skipped) > 0 {
		t.Errorf("skipped %q", p.Skipped)
	}
	_, leaf, _ := strings.Cut(child, l.box)
	l.wantRows("in:", l.list(mail.ListQuery{Mailbox: l.box, Search: word + ` in:"` + leaf[1:] + `"`}), "2")
	m, err := l.acct.Delete(l.ctx, refs(p, 0))
	if err != nil {
		t.Fatal(err)
	}
	l.wantRows("without the trash", l.list(mail.ListQuery{Search: word}), "3 2 1")
	l.wantRows("in:trash", l.list(mail.ListQuery{Search: word + " in:trash"}), "4")
	l.wantRows("in:anywhere", l.list(mail.ListQuery{Search: word + " in:anywhere"}), "4 3 2 1")
	if err := l.acct.Undo(l.ctx, m.Undo); err != nil {
		t.Fatal(err)
	}
	// A change in one mailbox of a search with refs from several.
	if _, err := l.acct.SetFlag(l.ctx, refs(p, 1, 2), mail.FlagStarred, true); err != nil {
		t.Fatal(err)
	}
	l.wantRows("starred everywhere", l.list(mail.ListQuery{Search: word + " is:starred"}), "3 2")
}

// Two tabs act at once: nothing is lost, nothing that went comes back.
func testTwoTabs(t *testing.T, b Backend) {
	l := b.open(t, 20)
	to, err := l.acct.CreateMailbox(l.ctx, l.box, "target")
	if err != nil {
		t.Fatal(err)
	}
	p := l.list(mail.ListQuery{})
	done := make(chan error, 3)
	go func() {
		var err error
		for i := 0; i < 10 && err == nil; i++ {
			_, err = l.acct.Move(l.ctx, refs(p, i), to)
		}
		done <- err
	}()
	go func() {
		var err error
		for i := 10; i < 20 && err == nil; i++ {
			_, err = l.acct.SetFlag(l.ctx, refs(p, i), mail.FlagSeen, true)
		}
		done <- err
	}()
	go func() {
		var err error
		left := 20
		for i := 0; i < 20 && err == nil; i++ {
			var page mail.Page
			page, err = l.acct.List(l.ctx, mail.ListQuery{Mailbox: l.box})
			if err == nil && len(page.Rows) > left {
				err = fmt.Errorf("%d rows after %d", len(page.Rows), left)
			}
			left = len(page.Rows)
		}
		done <- err
	}()
	for range 3 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	p = l.list(mail.ListQuery{})
	l.wantRows("source", p, "9 8 7 6 5 4 3 2 1 0")
	if p.Unread != 0 {
		t.Errorf("%d unread", p.Unread)
	}
	if p := l.list(mail.ListQuery{Mailbox: to}); len(p.Rows) != 10 {
		t.Errorf("%d rows in the target", len(p.Rows))
	}
}
