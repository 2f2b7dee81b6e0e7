package mailproxy_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2/imapclient"

	"postern/mailproxy"
	"postern/mailproxy/demoserver"
	"postern/mailproxy/mail"
)

// signedIn is the first demo account on a fresh server.
func signedIn(t testing.TB, o demoserver.Options) (*demoserver.Server, *mailproxy.Account) {
	t.Helper()
	srv, b := demo(t, o)
	p := mailproxy.New(mailproxy.Options{Servers: []mailproxy.Server{b.Server}})
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = p.Close(ctx)
	})
	c, err := p.Resolve(b.Login, b.Password)
	if err != nil {
		t.Fatal(err)
	}
	a, err := p.SignIn(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return srv, a
}

func listPage(t testing.TB, a *mailproxy.Account, q mail.ListQuery) mail.Page {
	t.Helper()
	if q.Mailbox == "" {
		q.Mailbox = "INBOX"
	}
	p, err := a.List(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// A large mailbox shows its newest page at once; every other page and filter is
// right as soon as it is asked for.
func TestLargeMailbox(t *testing.T) {
	const n = 30_000
	srv, a := signedIn(t, demoserver.Options{Messages: n})
	before := a.Flights()
	p := listPage(t, a, mail.ListQuery{})
	if cost := a.Flights() - before; cost > 3 {
		t.Errorf("first page took %d flights, want at most 3", cost)
	}
	if len(p.Rows) != 50 || p.Total != n || !strings.HasPrefix(p.Rows[0].Subject, "Message 30000 ") {
		t.Fatalf("%d rows of %d, first %q", len(p.Rows), p.Total, p.Rows[0].Subject)
	}
	deep := listPage(t, a, mail.ListQuery{Page: 600})
	if len(deep.Rows) != 50 || !strings.HasPrefix(deep.Rows[49].Subject, "Message 1 ") || deep.Total != n {
		t.Errorf("last page: %d rows of %d, last %q", len(deep.Rows), deep.Total, deep.Rows[len(deep.Rows)-1].Subject)
	}
	if u := listPage(t, a, mail.ListQuery{Show: mail.ShowUnread}); u.Total != n/3 || u.Unread != n/3 {
		t.Errorf("%d unread in the list, %d said, want %d", u.Total, u.Unread, n/3)
	}
	before = a.Flights()
	listPage(t, a, mail.ListQuery{})
	if cost := a.Flights() - before; cost > 1 {
		t.Errorf("warm page took %d flights", cost)
	}
	if _, err := srv.Append("mira@postern.test", "INBOX", []byte("From: a@example.org\r\nSubject: new\r\n\r\nhello\r\n"), time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if p := listPage(t, a, mail.ListQuery{}); p.Rows[0].Subject != "new" || p.Total != n+1 {
		t.Errorf("after an arrival: %q of %d", p.Rows[0].Subject, p.Total)
	}
}

// A connection that dropped is replaced without the person noticing, and a
// server that is down is said to be so, in time.
func TestServerTrouble(t *testing.T) {
	srv, a := signedIn(t, demoserver.Options{Messages: 20})
	p := listPage(t, a, mail.ListQuery{})
	srv.Drop()
	if got := listPage(t, a, mail.ListQuery{}); len(got.Rows) != 20 {
		t.Errorf("%d rows after a dropped connection", len(got.Rows))
	}
	srv.Drop()
	if _, err := a.SetFlag(t.Context(), []mail.MessageRef{p.Rows[0].Ref}, mail.FlagStarred, true); err != nil {
		t.Errorf("flag after a dropped connection: %v", err)
	}
	srv.SetSilent(true)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	start := time.Now()
	if _, err := a.List(ctx, mail.ListQuery{Mailbox: "INBOX"}); mail.KindOf(err) != mail.Unavailable || mail.MsgOf(err) == "" {
		t.Errorf("silent server: %v, want Unavailable with a sentence", err)
	}
	if d := time.Since(start); d > 5*time.Second {
		t.Errorf("a silent server was waited for %v", d)
	}
	srv.SetSilent(false)
	srv.SetDown(true)
	if _, err := a.List(t.Context(), mail.ListQuery{Mailbox: "INBOX"}); mail.KindOf(err) != mail.Unavailable || mail.MsgOf(err) == "" {
		t.Errorf("server down: %v, want Unavailable with a sentence", err)
	}
	srv.SetDown(false)
	for deadline := time.Now().Add(10 * time.Second); ; {
		p, err := a.List(t.Context(), mail.ListQuery{Mailbox: "INBOX"})
		if err == nil {
			if len(p.Rows) != 20 || !p.Rows[0].Flags.Flagged {
				t.Errorf("back again: %d rows", len(p.Rows))
			}
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("still down: %v", err)
		}
	}
}

// UIDVALIDITY that changes under an open list starts the mailbox afresh.
func TestMailboxMadeAnew(t *testing.T) {
	srv, a := signedIn(t, demoserver.Options{Messages: 5})
	p := listPage(t, a, mail.ListQuery{})
	if err := srv.ResetUIDs("mira@postern.test", "INBOX"); err != nil {
		t.Fatal(err)
	}
	after := listPage(t, a, mail.ListQuery{})
	if len(after.Rows) != 5 || after.Rows[0].Ref == p.Rows[0].Ref || after.Rows[0].Subject != p.Rows[0].Subject {
		t.Errorf("%d rows, first %v", len(after.Rows), after.Rows[0].Ref)
	}
	if _, err := a.Delete(t.Context(), []mail.MessageRef{p.Rows[0].Ref}); mail.KindOf(err) != mail.Stale {
		t.Errorf("a reference of before: %v, want Stale", err)
	}
}

// The archive and the trash are made when there are none.
func TestMissingMailboxesAreMade(t *testing.T) {
	srv, a := signedIn(t, demoserver.Options{Messages: 3})
	for _, name := range []string{"Archive", "Trash", "Junk"} {
		p, err := a.Mailboxes(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := mail.ByName(p, name); !ok {
			t.Fatalf("the demo has no %s", name)
		}
	}
	other, err := imapclient.DialInsecure(srv.IMAPAddr(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if err := other.Login("mira@postern.test", "demo").Wait(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"Archive", "Trash", "Junk"} {
		if err := other.Delete(name).Wait(); err != nil {
			t.Fatal(err)
		}
	}
	p := listPage(t, a, mail.ListQuery{})
	if m, err := a.Archive(t.Context(), []mail.MessageRef{p.Rows[0].Ref}); err != nil || m.Count != 1 || m.To != "Archive" {
		t.Errorf("archive: %+v, %v", m, err)
	}
	if m, err := a.Delete(t.Context(), []mail.MessageRef{p.Rows[1].Ref}); err != nil || m.Count != 1 || m.To != "Trash" {
		t.Errorf("delete: %+v, %v", m, err)
	}
	if m, err := a.Spam(t.Context(), []mail.MessageRef{p.Rows[2].Ref}, true); err != nil || m.Count != 1 || m.To != "Junk" {
		t.Errorf("spam: %+v, %v", m, err)
	}
}

func benchmarkWarm(b *testing.B, n int) {
	_, a := signedIn(b, demoserver.Options{Messages: n})
	listPage(b, a, mail.ListQuery{})
	listPage(b, a, mail.ListQuery{Page: 2}) // waits for the scan
	b.ReportAllocs()
	for b.Loop() {
		listPage(b, a, mail.ListQuery{})
	}
}

func BenchmarkListWarm1k(b *testing.B)   { benchmarkWarm(b, 1000) }
func BenchmarkListWarm100k(b *testing.B) { benchmarkWarm(b, 100_000) }
