package mailproxy_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"postern/mailproxy"
	pm "postern/mailproxy/mail"
	"postern/mailproxy/submit"
	"postern/store"
)

// Writing and sending on a real server: POSTERN_TEST_IMAP as for the account
// tests, POSTERN_TEST_SMTP such as smtp://localhost:10587 (STARTTLS) or smtps://…,
// and POSTERN_TEST_ADDRESS, the account's address, which the test writes to.
func TestWritingOnRealServer(t *testing.T) {
	smtp, address := os.Getenv("POSTERN_TEST_SMTP"), os.Getenv("POSTERN_TEST_ADDRESS")
	if smtp == "" || address == "" {
		t.Skip("POSTERN_TEST_SMTP and POSTERN_TEST_ADDRESS name no server")
	}
	b := realServer(t)
	u, err := url.Parse(smtp)
	if err != nil {
		t.Fatal("POSTERN_TEST_SMTP is not a URL")
	}
	b.Server.Submit = submit.Config{Address: u.Host, Mode: submit.StartTLS, TLS: &tls.Config{RootCAs: b.Server.IMAP.RootCAs}, Hello: "webmail.test"}
	if u.Scheme == "smtps" {
		b.Server.Submit.Mode = submit.TLS
	}
	st, err := store.Open(t.Context(), store.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	p := mailproxy.New(mailproxy.Options{Servers: []mailproxy.Server{b.Server}, Blobs: st, Outbox: st, UndoWindow: time.Millisecond})
	defer func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = p.Close(ctx)
	}()
	a, err := p.SignIn(t.Context(), pm.Credentials{Login: b.Login, Password: b.Password, Address: address})
	if err != nil {
		t.Fatal(err)
	}
	count := func(mailbox, word string) (n int, first pm.MessageRef) {
		t.Helper()
		pg, err := a.List(t.Context(), pm.ListQuery{Mailbox: mailbox})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range pg.Rows {
			if strings.Contains(r.Subject, word) {
				first = r.Ref
				n++
			}
		}
		return n, first
	}

	d, err := a.Compose(t.Context(), pm.ComposeNew, pm.MessageRef{}, false)
	if err != nil {
		t.Fatal(err)
	}
	mark := "mark" + d.Key
	d.To, d.Subject, d.Text = address, "Grüße "+mark, "Hello\n\n.\nFrom here\n"+strings.Repeat("long line ", 30)
	f, err := a.Upload(t.Context(), d.Key, "Pläne.bin", "application/x-test", bytes.NewReader(bytes.Repeat([]byte{0, 13, 10, '.', 255}, 200_000)))
	if err != nil {
		t.Fatal(err)
	}
	d.Files = []pm.DraftFile{f}
	for i := range 3 {
		d.Text += "."
		before := a.Flights()
		if d.Saved, err = a.SaveDraft(t.Context(), d); err != nil {
			t.Fatal(err)
		}
		t.Logf("save %d: %d flights", i, a.Flights()-before)
	}
	if n, _ := count("Drafts", mark); n != 1 {
		t.Errorf("%d drafts", n)
	}
	c, err := a.Compose(t.Context(), pm.ComposeContinue, d.Saved, false)
	if err != nil || c.Text != d.Text || c.To != d.To || c.Subject != d.Subject || c.Key != d.Key || len(c.Files) != 1 || c.Files[0].Name != "Pläne.bin" {
		t.Errorf("%+v %v", c, err)
	}
	before := a.Flights()
	it, err := a.Send(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("send: %d flights", a.Flights()-before)
	deadline := time.Now().Add(20 * time.Second)
	for {
		wait, err := p.RunOutbox(t.Context(), it.ID)
		if err != nil {
			t.Fatal(err)
		}
		if wait == 0 {
			break
		}
		if time.Now().After(deadline) || wait > time.Second {
			items, _ := a.Outbox(t.Context())
			t.Fatalf("still waiting: %+v", items)
		}
		time.Sleep(wait)
	}
	if items, _ := a.Outbox(t.Context()); len(items) != 0 {
		t.Fatalf("%+v", items)
	}
	if n, _ := count("Drafts", mark); n != 0 {
		t.Errorf("%d drafts", n)
	}
	if n, _ := count("Sent", mark); n != 1 {
		t.Errorf("%d copies in Sent", n)
	}
	var got pm.MessageRef
	for n := 0; n == 0 && time.Now().Before(deadline); {
		if n, got = count("INBOX", mark); n == 0 {
			time.Sleep(100 * time.Millisecond) // delivery is not ours to wait for otherwise
		}
	}
	r, err := a.Compose(t.Context(), pm.ComposeReply, got, true)
	if err != nil {
		t.Fatal(err)
	}
	if r.Subject != "Re: Grüße "+mark || r.To != address || !strings.Contains(r.Text, "> "+strings.Repeat("long line ", 30)[:200]) || !strings.Contains(r.HTML, "From here") {
		t.Errorf("%+v", r)
	}
	fw, err := a.Compose(t.Context(), pm.ComposeForward, got, false)
	if err != nil || len(fw.Files) != 1 || fw.Files[0].Name != "Pläne.bin" {
		t.Errorf("%+v %v", fw.Files, err)
	}
	if u, err := a.DiscardDraft(t.Context(), r); err != nil || u.Empty() {
		t.Errorf("%+v %v", u, err)
	}
}
