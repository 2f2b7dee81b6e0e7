// Package accounttest tests accounts of mailproxy on a mail server: the embedded
// one and real ones run the same tests. They make mailboxes of their own, empty
// the trash, and leave the rest of the account alone.
package accounttest

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"postern/mailproxy"
	"postern/mailproxy/imapconn"
	"postern/mailproxy/mail"
)

// Backend is a mail server with an account on it.
type Backend struct {
	Server   mailproxy.Server
	Login    string
	Password string
	Address  string

	// Dial opens a connection to the server for another mail program, before sign-in.
	Dial func(t testing.TB) *imapclient.Client
}

// lab is one account in one test: ours, and another program's on the same mailbox.
type lab struct {
	testing.TB
	ctx   context.Context
	acct  *mailproxy.Account
	other *imapclient.Client
	box   string // a mailbox made for this test
}

// proxy makes a proxy for the backend that ends with the test.
func (b Backend) proxy(t testing.TB) *mailproxy.Proxy {
	t.Helper()
	p := mailproxy.New(mailproxy.Options{Servers: []mailproxy.Server{b.Server}})
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := p.Close(ctx); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return p
}

func (b Backend) credentials() mail.Credentials {
	return mail.Credentials{Login: b.Login, Password: b.Password, Address: b.Address, Server: b.Server.Name}
}

// open signs in twice and makes a mailbox with n messages.
func (b Backend) open(t testing.TB, n int) *lab {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	t.Cleanup(cancel)
	acct, err := b.proxy(t).SignIn(ctx, b.credentials())
	if err != nil {
		t.Fatalf("sign in: %v", err)
	}
	l := &lab{TB: t, ctx: ctx, acct: acct, other: b.Dial(t)}
	if err := l.other.Login(b.Login, b.Password).Wait(); err != nil {
		t.Fatalf("other program: %v", err)
	}
	name := fmt.Sprintf("Test %d %s", time.Now().UnixNano()%1e9, strings.Map(func(r rune) rune {
		if r == '/' || r == '.' {
			return ' '
		}
		return r
	}, t.Name()))
	l.box, err = acct.CreateMailbox(ctx, "", name[:min(len(name), 60)])
	if err != nil {
		t.Fatalf("create %q: %v", name, err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := acct.DeleteMailbox(ctx, l.box); err != nil && mail.KindOf(err) != mail.NotFound {
			t.Logf("delete %q: %v", l.box, err)
		}
		_ = l.other.Close()
	})
	for i := range n {
		l.append(l.box, plain(i), start.Add(time.Duration(i)*time.Hour))
	}
	return l
}

var start = time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)

// plain is the i-th message of a test mailbox.
func plain(i int) string {
	return fmt.Sprintf("From: Ama Serwaa-Boateng <ama@example.org>\r\nTo: mira@example.org\r\nSubject: Stone number %d\r\n"+
		"Date: %s\r\nMessage-ID: <m%d.%d@example.org>\r\n\r\nThe wall stands, says number %d.\r\n",
		i, start.Add(time.Duration(i)*time.Hour).Format(time.RFC1123Z), i, time.Now().UnixNano(), i)
}

// withFile is a message with an attachment.
func withFile(subject, file string) string {
	return "From: Olena <olena@example.org>\r\nTo: mira@example.org\r\nSubject: " + subject + "\r\nMessage-ID: <" + strings.ReplaceAll(subject, " ", "-") + "@example.org>\r\n" +
		"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nSee the file.\r\n" +
		"--b\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; filename=" + file + "\r\nContent-Transfer-Encoding: base64\r\n\r\nJVBERi0=\r\n--b--\r\n"
}

func (l *lab) append(box, raw string, date time.Time, flags ...imap.Flag) {
	l.Helper()
	cmd := l.other.Append(box, int64(len(raw)), &imap.AppendOptions{Flags: flags, Time: date})
	if _, err := cmd.Write([]byte(raw)); err != nil {
		l.Fatal(err)
	}
	if err := cmd.Close(); err != nil {
		l.Fatal(err)
	}
	if _, err := cmd.Wait(); err != nil {
		l.Fatalf("append: %v", err)
	}
}

// list is a page of the test mailbox.
func (l *lab) list(q mail.ListQuery) mail.Page {
	l.Helper()
	if q.Mailbox == "" && q.Search == "" {
		q.Mailbox = l.box
	}
	p, err := l.acct.List(l.ctx, q)
	if err != nil {
		l.Fatalf("list %+v: %v", q, err)
	}
	return p
}

// flights is how many round trips f costs.
func (l *lab) flights(f func()) int64 {
	l.Helper()
	before := l.acct.Flights()
	f()
	return l.acct.Flights() - before
}

func (l *lab) wantFlights(what string, most int64, f func()) {
	l.Helper()
	if n := l.flights(f); n > most {
		l.Errorf("%s took %d flights, want at most %d", what, n, most)
	}
}

func subjects(p mail.Page) string {
	var s []string
	for _, r := range p.Rows {
		s = append(s, strings.TrimPrefix(r.Subject, "Stone number "))
	}
	return strings.Join(s, " ")
}

func (l *lab) wantRows(what string, p mail.Page, want string) {
	l.Helper()
	if got := subjects(p); got != want {
		l.Errorf("%s: rows %q, want %q", what, got, want)
	}
}

func refs(p mail.Page, at ...int) []mail.MessageRef {
	var out []mail.MessageRef
	for _, i := range at {
		out = append(out, p.Rows[i].Ref)
	}
	return out
}

// select opens a mailbox in the other program.
func (l *lab) selectOther(box string) {
	l.Helper()
	if _, err := l.other.Select(box, nil).Wait(); err != nil {
		l.Fatalf("other program: select: %v", err)
	}
}

// inOther lists the subjects of a mailbox as the server has it, oldest UID first.
func (l *lab) inOther(box string) (subjects []string, flags [][]imap.Flag) {
	l.Helper()
	sel, err := l.other.Select(box, nil).Wait()
	if err != nil {
		l.Fatalf("other program: select: %v", err)
	}
	if sel.NumMessages == 0 {
		return nil, nil
	}
	header := &imap.FetchItemBodySection{Specifier: imap.PartSpecifierHeader, HeaderFields: []string{"Subject"}, Peek: true}
	msgs, err := l.other.Fetch(imap.UIDSet{{Start: 1}}, &imap.FetchOptions{UID: true, Flags: true, BodySection: []*imap.FetchItemBodySection{header}}).Collect()
	if err != nil {
		l.Fatalf("other program: fetch: %v", err)
	}
	for _, m := range msgs {
		_, s, _ := bytes.Cut(m.FindBodySection(header), []byte(": "))
		subjects = append(subjects, strings.TrimPrefix(string(bytes.TrimSpace(s)), "Stone number "))
		flags = append(flags, m.Flags)
	}
	return subjects, flags
}

// Plain is the configuration of a server on a loopback port without TLS.
func Plain(addr string) imapconn.Config {
	host, port, _ := net.SplitHostPort(addr)
	n := 0
	fmt.Sscan(port, &n)
	return imapconn.Config{Host: host, Port: n, Security: imapconn.None, AllowPlaintext: true}
}
