package mailproxy_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"postern/e2e/accounttest"
	"postern/mailproxy"
	"postern/mailproxy/demoserver"
	"postern/mailproxy/mail"
)

// reading is an account with a mailbox of its own to read from.
type reading struct {
	*testing.T
	acct  *mailproxy.Account
	other *imapclient.Client
	box   string
	valid uint32
}

func openReading(t *testing.T, b accounttest.Backend) *reading {
	t.Helper()
	p := mailproxy.New(mailproxy.Options{Servers: []mailproxy.Server{b.Server}})
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_ = p.Close(ctx)
	})
	acct, err := p.SignIn(t.Context(), mail.Credentials{Login: b.Login, Password: b.Password, Address: b.Address, Server: b.Server.Name})
	if err != nil {
		t.Fatal(err)
	}
	r := &reading{T: t, acct: acct, other: b.Dial(t), box: fmt.Sprintf("Reading %d", time.Now().UnixNano())}
	if err := r.other.Login(b.Login, b.Password).Wait(); err != nil {
		t.Fatal(err)
	}
	if err := r.other.Create(r.box, nil).Wait(); err != nil {
		t.Fatal(err)
	}
	st, err := r.other.Status(r.box, &imap.StatusOptions{UIDValidity: true}).Wait()
	if err != nil {
		t.Fatal(err)
	}
	r.valid = st.UIDValidity
	t.Cleanup(func() {
		_ = r.other.Delete(r.box).Wait()
		_ = r.other.Close()
	})
	return r
}

// put appends a message and gives its reference; ok is false when the server will not have it.
func (r *reading) put(raw []byte) (ref mail.MessageRef, ok bool) {
	r.Helper()
	cmd := r.other.Append(r.box, int64(len(raw)), nil)
	_, _ = cmd.Write(raw) // Wait tells
	_ = cmd.Close()
	data, err := cmd.Wait()
	if err != nil {
		r.Logf("append: %v", err)
		return ref, false
	}
	uid := data.UID
	if uid == 0 { // no UIDPLUS
		st, err := r.other.Status(r.box, &imap.StatusOptions{UIDNext: true}).Wait()
		if err != nil {
			r.Error(err)
			return ref, false
		}
		uid = st.UIDNext - 1
	}
	return mail.MessageRef{Mailbox: r.box, UIDValidity: r.valid, UID: uint32(uid)}, true
}

func (r *reading) must(raw string) mail.MessageRef {
	r.Helper()
	ref, ok := r.put([]byte(strings.ReplaceAll(strings.ReplaceAll(raw, "\r\n", "\n"), "\n", "\r\n")))
	if !ok {
		r.Error("the message was not taken")
	}
	return ref
}

func (r *reading) flights(f func()) int64 {
	before := r.acct.Flights()
	f()
	return r.acct.Flights() - before
}

func textOf(m mail.Message) string {
	var b strings.Builder
	for _, bl := range m.Text {
		for _, l := range bl.Lines {
			for _, s := range l {
				b.WriteString(s.Text)
			}
			b.WriteByte('\n')
		}
	}
	return b.String()
}

func readAll(t *testing.T, s mail.PartStream, err error) string {
	t.Helper()
	if err != nil {
		t.Error(err)
		return ""
	}
	b, err := io.ReadAll(s.Body)
	if err != nil {
		t.Error(err)
	}
	if err := s.Body.Close(); err != nil {
		t.Error(err)
	}
	return string(b)
}

func TestOpen(t *testing.T) {
	t.Parallel()
	_, b := demo(t, demoserver.Options{})
	openTests(t, b)
}

func TestOpenOnRealServer(t *testing.T) { openTests(t, realServer(t)) }

const (
	innerMail = "From: Ann <ann@x.test>\nTo: b@x.test\nSubject: inner\nMessage-ID: <inner@x.test>\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=in\n\n--in\nContent-Type: text/plain\n\ninner text\n--in\nContent-Type: image/png; name=i.png\nContent-Transfer-Encoding: base64\n\nAAEC\n--in--\n"
	fullMail  = `From: =?utf-8?q?J=C3=B6rg?= <j@x.test>
To: mira@x.test
Subject: All of it
Message-ID: <full@x.test>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: multipart/related; boundary=r

--r
Content-Type: multipart/alternative; boundary=a

--a
Content-Type: text/plain; charset=iso-8859-1
Content-Transfer-Encoding: quoted-printable

caf=E9 http://x.test/
--a
Content-Type: text/html; charset=utf-8

<p>html <img src="cid:pic@x"> <img src="http://far.test/a.png" width=100 height=100></p>
--a--
--r
Content-Type: image/png; name=pic.png
Content-ID: <pic@x>
Content-Transfer-Encoding: base64

AAEC
--r--
--b
Content-Type: application/pdf
Content-Disposition: attachment; filename*=iso-8859-1''na%EFve.pdf
Content-Transfer-Encoding: base64

JVBERi0=
--b
Content-Type: message/rfc822

`
)

// hiddenMail encloses innerMail where the server does not see it.
var hiddenMail = "Subject: outer\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=o\n\n--o\nContent-Type: text/plain\n\nouter\n--o\nContent-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n" +
	base64.StdEncoding.EncodeToString([]byte(innerMail)) + "\n--o--\n"

func (r *reading) checkHidden(ref mail.MessageRef) {
	r.Helper()
	in, err := r.acct.Open(r.Context(), ref, mailproxy.OpenOptions{Path: "2", MarkSeen: true})
	if err != nil || in.Subject != "inner" || textOf(in) != "inner text\n" || len(in.Files) != 1 || in.Files[0].Path != "2.2" || !in.Flags.Seen {
		r.Errorf("%v %+v", err, in)
	}
	s, err := r.acct.Part(r.Context(), ref, "2.2")
	if readAll(r.T, s, err) != "\x00\x01\x02" || s.File.Name != "i.png" || s.Size != 3 {
		r.Errorf("part: %+v", s)
	}
	s, err = r.acct.Raw(r.Context(), ref, "2")
	if readAll(r.T, s, err) != innerMail {
		r.Error("the enclosed message is not what was enclosed")
	}
}

// openTests run on any server.
func openTests(t *testing.T, b accounttest.Backend) {
	r := openReading(t, b)
	ctx := t.Context()
	full := r.must(fullMail + innerMail + "--b--\n")

	// the first connection selects the mailbox, then a message costs what it should
	m, err := r.acct.Open(ctx, full, mailproxy.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if m.Subject != "All of it" || len(m.From) != 1 || m.From[0].Name != "Jörg" || textOf(m) != "café http://x.test/\n" || m.HTMLPath != "1.1.2" || m.Remote != 1 || m.Flags.Seen || m.Size == 0 || m.Arrived.IsZero() {
		t.Errorf("message: %+v", m)
	}
	if len(m.Files) != 1 || m.Files[0].Name != "naïve.pdf" || len(m.Inline) != 1 || len(m.Nested) != 1 || m.Nested[0].Subject != "inner" || len(m.Problems) != 0 {
		t.Errorf("parts: files %+v, inline %+v, nested %+v, problems %q", m.Files, m.Inline, m.Nested, m.Problems)
	}

	t.Run("Seen", func(t *testing.T) {
		ref := r.must("Subject: unread\n\nx")
		m, err := r.acct.Open(ctx, ref, mailproxy.OpenOptions{MarkSeen: true})
		if err != nil || !m.Flags.Seen {
			t.Fatalf("%v, flags %+v", err, m.Flags)
		}
		m, err = r.acct.Open(ctx, ref, mailproxy.OpenOptions{})
		if err != nil || !m.Flags.Seen {
			t.Errorf("the flag did not stay: %v, %+v", err, m.Flags)
		}
	})

	t.Run("Flights", func(t *testing.T) {
		ref := r.must(fullMail + innerMail + "--b--\n")
		other := r.must("Subject: x\n\ny")
		if _, err := r.acct.Open(ctx, other, mailproxy.OpenOptions{}); err != nil { // the connection knows of both now
			t.Fatal(err)
		}
		if n := r.flights(func() { _, _ = r.acct.Open(ctx, ref, mailproxy.OpenOptions{MarkSeen: true}) }); n > 2 {
			t.Errorf("a message nothing is known of took %d flights, want at most 2", n)
		}
		ref = r.must(fullMail + innerMail + "--b--\n")
		if _, err := r.acct.List(ctx, mail.ListQuery{Mailbox: r.box}); err != nil {
			t.Fatal(err)
		}
		if n := r.flights(func() { _, _ = r.acct.Open(ctx, ref, mailproxy.OpenOptions{MarkSeen: true}) }); n > 1 {
			t.Errorf("a message of a list took %d flights, want 1", n)
		}
		if n := r.flights(func() { _, _ = r.acct.Frame(ctx, ref, mailproxy.FrameOptions{Path: "1.1.2"}) }); n > 0 {
			t.Errorf("its HTML body took %d flights, want none", n)
		}
	})

	t.Run("Frame", func(t *testing.T) {
		doc, err := r.acct.Frame(ctx, full, mailproxy.FrameOptions{Path: m.HTMLPath, PartURL: func(p string) string { return "/part/" + p }})
		if err != nil || !strings.Contains(doc.String(), `src="/part/1.2"`) || strings.Contains(doc.String(), `src="http`) {
			t.Errorf("%v\n%s", err, doc)
		}
		doc, err = r.acct.Frame(ctx, full, mailproxy.FrameOptions{Path: m.HTMLPath, Remote: true, RemoteURL: func(string) string { return "/far" }})
		if err != nil || !strings.Contains(doc.String(), `src="/far"`) {
			t.Errorf("%v\n%s", err, doc)
		}
		for _, p := range []string{"", "9", "1.1.1", "2", "1.1.2,2", "x", strings.Repeat("1.", 500)} {
			if _, err := r.acct.Frame(ctx, full, mailproxy.FrameOptions{Path: p}); mail.KindOf(err) != mail.NotFound {
				t.Errorf("frame of %q: %v", p, err)
			}
		}
	})

	t.Run("SeveralBodies", func(t *testing.T) {
		ref := r.must("Subject: x\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/html\n\n<p>one\n--b\nContent-Type: text/plain\n\n<two>\n--b--\n")
		m, err := r.acct.Open(ctx, ref, mailproxy.OpenOptions{})
		if err != nil || m.HTMLPath != "1" {
			t.Fatalf("%v, path %q", err, m.HTMLPath)
		}
		doc, err := r.acct.Frame(ctx, ref, mailproxy.FrameOptions{Path: m.HTMLPath})
		if s := doc.String(); err != nil || !strings.Contains(s, "one") || !strings.Contains(s, "&lt;two&gt;") {
			t.Errorf("%v\n%s", err, doc)
		}
		ref = r.must("Subject: x\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\n<one>\n--b\nContent-Type: text/html\n\n<p>two\n--b\nContent-Type: text/html\n\n<p>three\n--b--\n")
		for path, want := range map[string]string{"2": "one two three", "3": "three"} {
			doc, err := r.acct.Frame(ctx, ref, mailproxy.FrameOptions{Path: path})
			for _, w := range []string{"one", "two", "three"} {
				if err != nil || strings.Contains(doc.String(), w) != strings.Contains(want, w) {
					t.Errorf("frame of %s: %v, want %s\n%s", path, err, want, doc)
				}
			}
		}
	})

	t.Run("Parts", func(t *testing.T) {
		s, err := r.acct.Part(ctx, full, "2")
		if s.File.Name != "naïve.pdf" || s.File.Type != "application/pdf" || readAll(t, s, err) != "%PDF-" {
			t.Errorf("part 2: %+v", s.File)
		}
		s, err = r.acct.Part(ctx, full, "3.2")
		if s.File.Name != "i.png" || readAll(t, s, err) != "\x00\x01\x02" {
			t.Errorf("part 3.2: %+v", s.File)
		}
		for _, p := range []string{"", "9", "1.9", "2.1", "1", "x", "0"} {
			if _, err := r.acct.Part(ctx, full, p); mail.KindOf(err) != mail.NotFound {
				t.Errorf("part %q: %v", p, err)
			}
		}
	})

	t.Run("Enclosed", func(t *testing.T) {
		in, err := r.acct.Open(ctx, full, mailproxy.OpenOptions{Path: "3"})
		if err != nil || in.Subject != "inner" || textOf(in) != "inner text\n" || len(in.Files) != 1 || in.Files[0].Path != "3.2" || in.Path != "3" {
			t.Errorf("%v %+v", err, in)
		}
		s, err := r.acct.Raw(ctx, full, "3")
		if got := strings.ReplaceAll(readAll(t, s, err), "\r\n", "\n"); strings.TrimSpace(got) != strings.TrimSpace(innerMail) {
			t.Errorf("raw: %q", got)
		}
		if _, err := r.acct.Raw(ctx, full, "2"); mail.KindOf(err) != mail.NotFound {
			t.Errorf("a file as a message: %v", err)
		}
		if _, err := r.acct.Open(ctx, full, mailproxy.OpenOptions{Path: "2"}); mail.KindOf(err) != mail.NotFound {
			t.Errorf("a file opened as a message: %v", err)
		}
	})

	t.Run("EnclosedInBase64", func(t *testing.T) {
		ref := r.must(hiddenMail)
		m, err := r.acct.Open(ctx, ref, mailproxy.OpenOptions{})
		switch {
		case err != nil:
			t.Error(err)
		case len(m.Nested) == 0: // this server takes it for a file, as which it is offered
			if len(m.Files) == 0 {
				t.Errorf("neither a message nor a file: %+v", m)
			}
		default:
			r.checkHidden(ref)
		}
	})

	t.Run("Raw", func(t *testing.T) {
		raw := "Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe/x?=\r\n\r\n" + strings.Repeat("0123456789\r\n", 100000)
		ref, _ := r.put([]byte(raw))
		if _, err := r.acct.Open(ctx, ref, mailproxy.OpenOptions{}); err != nil {
			t.Error(err)
		}
		s, err := r.acct.Raw(ctx, ref, "")
		if got := readAll(t, s, err); got != raw {
			t.Errorf("%d octets, want %d", len(got), len(raw))
		}
		if s.File.Name != "Grüße-x.eml" {
			t.Errorf("name %q", s.File.Name)
		}
	})

	t.Run("Gone", func(t *testing.T) {
		ref := r.must("Subject: gone\n\nx")
		if _, err := r.acct.Open(ctx, ref, mailproxy.OpenOptions{}); err != nil {
			t.Fatal(err)
		}
		missing := ref
		missing.UID += 1000
		anew := ref
		anew.UIDValidity++
		nowhere := ref
		nowhere.Mailbox = "No such mailbox"
		for _, tt := range []struct {
			ref  mail.MessageRef
			want mail.Kind
		}{{missing, mail.Stale}, {anew, mail.Stale}, {nowhere, mail.NotFound}} {
			for _, seen := range []bool{false, true} {
				if _, err := r.acct.Open(ctx, tt.ref, mailproxy.OpenOptions{MarkSeen: seen}); mail.KindOf(err) != tt.want || mail.MsgOf(err) == "" {
					t.Errorf("open %+v: %v, want %v", tt.ref, err, tt.want)
				}
			}
			if _, err := r.acct.Part(ctx, tt.ref, "1"); mail.KindOf(err) != tt.want {
				t.Errorf("part of %+v: %v, want %v", tt.ref, err, tt.want)
			}
			if _, err := r.acct.Raw(ctx, tt.ref, ""); mail.KindOf(err) != tt.want {
				t.Errorf("raw of %+v: %v, want %v", tt.ref, err, tt.want)
			}
			if _, err := r.acct.Frame(ctx, tt.ref, mailproxy.FrameOptions{Path: "1"}); mail.KindOf(err) != tt.want {
				t.Errorf("frame of %+v: %v, want %v", tt.ref, err, tt.want)
			}
		}
		// known to us, gone on the server
		if _, err := r.other.Select(r.box, nil).Wait(); err != nil {
			t.Fatal(err)
		}
		var set imap.UIDSet
		set.AddNum(imap.UID(ref.UID))
		if err := r.other.Store(set, &imap.StoreFlags{Op: imap.StoreFlagsAdd, Flags: []imap.Flag{imap.FlagDeleted}}, nil).Close(); err != nil {
			t.Fatal(err)
		}
		if err := r.other.Expunge().Close(); err != nil {
			t.Fatal(err)
		}
		if err := r.other.Unselect().Wait(); err != nil {
			t.Fatal(err)
		}
		if _, err := r.acct.Open(ctx, ref, mailproxy.OpenOptions{MarkSeen: true}); mail.KindOf(err) != mail.Stale {
			t.Errorf("an expunged message: %v", err)
		}
	})

	t.Run("Large", func(t *testing.T) {
		// 6 MB of text and of HTML: cut, and said so
		ref, ok := r.put([]byte("Subject: large\r\n\r\n" + strings.Repeat("words and words\r\n", 400000)))
		if !ok {
			t.Skip("not taken")
		}
		m, err := r.acct.Open(ctx, ref, mailproxy.OpenOptions{})
		if err != nil || len(m.Problems) != 1 {
			t.Errorf("%v, problems %q", err, m.Problems)
		}
		ref, _ = r.put([]byte("Subject: large\r\nMIME-Version: 1.0\r\nContent-Type: text/html\r\n\r\n<img src=http://far.test/x.png width=50 height=50>" + strings.Repeat("<p>words and words\r\n", 100000)))
		m, err = r.acct.Open(ctx, ref, mailproxy.OpenOptions{})
		if err != nil || m.Remote != 1 || m.HTMLSize < 1<<20 {
			t.Errorf("%v, %d remote, %d octets", err, m.Remote, m.HTMLSize)
		}
		if doc, err := r.acct.Frame(ctx, ref, mailproxy.FrameOptions{Path: "1"}); err != nil || len(doc.String()) < 1<<20 {
			t.Errorf("%v, %d octets", err, len(doc.String()))
		}
	})
}

// TestOpenWhenTheServerFails: a message that the server cannot describe, or that
// it loses the connection over, is fetched whole and split by us.
func TestOpenWhenTheServerFails(t *testing.T) {
	t.Parallel()
	srv, b := demo(t, demoserver.Options{})
	r := openReading(t, b)
	ref := r.must(fullMail + innerMail + "--b--\n")
	if _, err := r.acct.Mailboxes(t.Context()); err != nil {
		t.Fatal(err)
	}
	srv.FailIMAPNext(demoserver.IMAPFailure{Command: "FETCH", Text: "Cannot convert the message"})
	m, err := r.acct.Open(t.Context(), ref, mailproxy.OpenOptions{})
	if err != nil || m.Subject != "All of it" || textOf(m) != "café http://x.test/\n" || len(m.Files) != 1 {
		t.Fatalf("%v %+v", err, m)
	}
	s, err := r.acct.Part(t.Context(), ref, "2")
	if readAll(t, s, err) != "%PDF-" {
		t.Error("its part differs")
	}
	if doc, err := r.acct.Frame(t.Context(), ref, mailproxy.FrameOptions{Path: m.HTMLPath}); err != nil || !strings.Contains(doc.String(), "html") {
		t.Errorf("frame: %v", err)
	}

	ref = r.must(hiddenMail)
	srv.FailIMAPNext(demoserver.IMAPFailure{Command: "FETCH", Text: "Cannot convert the message"})
	if _, err := r.acct.Open(t.Context(), ref, mailproxy.OpenOptions{}); err != nil {
		t.Error(err)
	}
	r.checkHidden(ref)

	srv.FailIMAPNext(demoserver.IMAPFailure{Command: "FETCH", Drop: true})
	if _, err := r.acct.Open(t.Context(), r.must("Subject: x\n\ny"), mailproxy.OpenOptions{}); err != nil {
		t.Errorf("after a dropped connection: %v", err)
	}
}

// TestOpenCorpus opens every test mail there is through a server: each opens or
// says why not, all its files can be fetched, and the source is what went in.
func TestOpenCorpus(t *testing.T) {
	t.Parallel()
	dir := os.Getenv("POSTERN_CORPUS")
	if dir == "" {
		dir = "../../shared/corpus"
	}
	if _, err := os.Stat(filepath.Join(dir, "mail")); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("the test mails are missing: %v", err)
		}
		t.Skipf("the test mails are missing (set POSTERN_CORPUS): %v", err)
	}
	_, b := demo(t, demoserver.Options{})
	openCorpus(t, openReading(t, b), dir)
}

func openCorpus(t *testing.T, r *reading, dir string) {
	for _, sub := range []string{"mail", "bombs", "leaks"} {
		err := filepath.WalkDir(filepath.Join(dir, sub), func(p string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(p, ".eml") {
				return err
			}
			raw, err := os.ReadFile(p)
			if err != nil {
				return err
			}
			rel, _ := filepath.Rel(dir, p)
			t.Run(rel, func(t *testing.T) { openOne(t, r, raw) })
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func openOne(t *testing.T, r *reading, raw []byte) {
	ref, ok := r.put(raw)
	if !ok {
		t.Skip("the server does not take it")
	}
	start := time.Now()
	m, err := r.acct.Open(t.Context(), ref, mailproxy.OpenOptions{MarkSeen: true})
	if err != nil {
		t.Fatal(err)
	}
	if m.HTMLPath != "" {
		doc, err := r.acct.Frame(t.Context(), ref, mailproxy.FrameOptions{Path: m.HTMLPath, PartURL: func(p string) string { return "/p/" + p }})
		if err != nil || doc.String() == "" {
			t.Errorf("frame: %v", err)
		}
	}
	if d := time.Since(start); d > time.Minute { // it hangs; e2e/corpus holds the second that people wait
		t.Errorf("took %v", d)
	}
	for i, f := range append(m.Files, m.Inline...) {
		if i == 10 {
			break
		}
		s, err := r.acct.Part(t.Context(), ref, f.Path)
		if err != nil {
			t.Errorf("part %s: %v", f.Path, err)
			continue
		}
		if s.File.Name != f.Name {
			t.Errorf("part %s is %q here and %q there", f.Path, f.Name, s.File.Name)
		}
		_, _ = io.Copy(io.Discard, s.Body)
		_ = s.Body.Close()
	}
	for _, n := range m.Nested[:min(len(m.Nested), 5)] {
		if _, err := r.acct.Open(t.Context(), ref, mailproxy.OpenOptions{Path: n.Path}); err != nil {
			t.Errorf("enclosed %s: %v", n.Path, err)
		}
	}
	s, err := r.acct.Raw(t.Context(), ref, "")
	if got := readAll(t, s, err); got != string(raw) && !bytes.Equal(bytes.ReplaceAll([]byte(got), []byte("\r\n"), []byte("\n")), bytes.ReplaceAll(raw, []byte("\r\n"), []byte("\n"))) {
		t.Errorf("the source differs: %d octets, want %d", len(got), len(raw))
	}
}
