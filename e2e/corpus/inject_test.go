package corpus

import (
	"fmt"
	"net/http"
	"net/mail"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"postern/e2e/harness"
	"postern/mailproxy/demoserver"
)

type injections map[string]struct{ Strings []string }

// mark is a word that no page has; strings are sent with it, to find them again.
const mark = "zzmarkzz"

// clean checks that a page that shows hostile text shows it as text.
func clean(t *testing.T, what string, p *harness.Page) {
	t.Helper()
	if p.Status >= 500 {
		t.Errorf("%s: %s", what, p)
		return
	}
	for k, v := range p.Header {
		if strings.HasPrefix(k, "X-Injected") || slices.ContainsFunc(v, func(s string) bool { return strings.ContainsAny(s, "\r\n") }) {
			t.Errorf("%s: header %s: %q", what, k, v)
		}
	}
	if strings.HasPrefix(p.Header.Get("Content-Type"), "text/html") {
		unscripted(t, p)
	}
}

// quietLog checks that a log has a line for each thing, and nobody's words in it.
func quietLog(t *testing.T, log string) {
	t.Helper()
	for line := range strings.Lines(log) {
		if !strings.HasPrefix(line, "time=") {
			t.Errorf("a log line begins with %.200q", line)
		}
	}
	for _, s := range []string{"leak.test", mark, "victim", "Bcc"} {
		if strings.Contains(log, s) {
			at := strings.Index(log, s)
			t.Errorf("the log holds %q: %.300q", s, log[max(0, at-200):])
		}
	}
	if strings.Contains(log, "level=ERROR") {
		at := strings.Index(log, "level=ERROR")
		t.Errorf("the log speaks of errors of ours: %.500q", log[at:])
	}
}

// TestInjectIntoFields puts every string for headers, recipients and SMTP into every
// field of the composer: the message that leaves has the header fields of a harmless
// one and goes to the people named, or it does not leave.
func TestInjectIntoFields(t *testing.T) {
	t.Parallel()
	in := readJSON[injections](t, "injection/injection.json")
	e := harness.Serve(t, demoserver.Options{})
	b, inbox := e.SignIn(t, mira, password)
	sent := 0
	send := func(fields url.Values) []demoserver.Submission {
		t.Helper()
		form := inbox.Get(t, "/compose")
		all := url.Values{}
		for n := range harness.Elements(form.Root(t), "input", "textarea") {
			if name := harness.Attr(n, "name"); name != "" && harness.Attr(n, "type") != "file" {
				all.Set(name, harness.Attr(n, "value"))
			}
		}
		all.Set("to", jonas)
		all.Set("subject", "harmless")
		all.Set("text", "text")
		all.Set("do", "send")
		for k, v := range fields {
			all[k] = v
		}
		p := form.Post(t, "/compose", "application/x-www-form-urlencoded", strings.NewReader(all.Encode()))
		clean(t, fmt.Sprint(fields), p)
		if p.Status != http.StatusOK || !strings.Contains(p.Toast(), "Sending in") {
			return nil // refused, with the form
		}
		p.Press(t, "Send now")
		sent++
		for end := time.Now().Add(20 * time.Second * slow()); ; time.Sleep(20 * time.Millisecond) {
			if got := e.Mail.Received(); len(got) >= sent {
				return got[sent-1:]
			}
			if out := b.Get(t, "/outbox"); strings.Contains(out.Text(), "Was not sent") { // the server refused it
				out.Press(t, "Dismiss")
				sent--
				return nil
			}
			if time.Now().After(end) {
				t.Fatalf("%q never left: %s", fields, b.Get(t, "/outbox"))
			}
		}
	}
	names := func(s demoserver.Submission) []string {
		m, err := mail.ReadMessage(strings.NewReader(string(s.Raw)))
		if err != nil {
			t.Fatalf("what left is no message: %v\n%q", err, s.Raw)
		}
		var names []string
		for k, v := range m.Header {
			for range v {
				names = append(names, k)
			}
		}
		slices.Sort(names)
		return names
	}
	plain := send(url.Values{})
	if len(plain) != 1 {
		t.Fatal("a harmless message did not leave")
	}
	want := names(plain[0])
	optional := []string{"Cc", "In-Reply-To", "References", "Content-Transfer-Encoding"}
	check := func(what string, got []demoserver.Submission, to ...string) {
		t.Helper()
		for _, s := range got {
			for _, n := range names(s) {
				if !slices.Contains(want, n) && !slices.Contains(optional, n) {
					t.Errorf("%s: a header field %s was added:\n%s", what, n, s.Raw)
				}
			}
			if len(to) > 0 && !slices.Equal(s.To, to) {
				t.Errorf("%s: it went to %q, want %q", what, s.To, to)
			}
			if len(got) > 1 {
				t.Errorf("%s: %d messages left", what, len(got))
			}
		}
	}
	lines := slices.Concat(in["header-injection"].Strings, in["smtp-command"].Strings)
	for _, s := range lines {
		if strings.Contains(s, "\x00") {
			continue // refused as no text: TestRefusedText
		}
		check(fmt.Sprintf("subject %q", s), send(url.Values{"subject": {s}, "in-reply-to": {s}, "references": {s}, "kind": {s}}), jonas)
		check(fmt.Sprintf("from and key %q", s), send(url.Values{"from": {s}, "key": {s}}), jonas)
		for _, field := range []string{"to", "cc", "bcc"} {
			check(fmt.Sprintf("%s %q", field, s), send(url.Values{field: {s}, "subject": {"to " + field}}))
		}
	}
	for _, s := range in["smtp-body-smuggling"].Strings {
		if !strings.Contains(s, "\x00") {
			check(fmt.Sprintf("text %q", s), send(url.Values{"text": {s}}), jonas)
		}
	}
	if got := e.Mail.Received(); len(got) != sent {
		t.Errorf("%d messages left, want %d", len(got), sent)
	}
	for _, s := range e.Mail.Received() {
		body := strings.ReplaceAll(string(s.Raw), "\r\n", "")
		if strings.ContainsAny(body, "\r\n\x00") {
			t.Errorf("what left holds a bare CR or LF, or NUL: %q", s.Raw)
		}
	}
	if sent < 40 {
		t.Errorf("only %d messages left: nothing was tried", sent)
	}
	t.Logf("%d messages left", sent)
	quietLog(t, e.Log())
}

// TestRecipients names people in odd ways: what is sent goes to those a reader sees.
func TestRecipients(t *testing.T) {
	t.Parallel()
	in := readJSON[injections](t, "injection/injection.json")
	e := harness.Serve(t, demoserver.Options{})
	_, inbox := e.SignIn(t, mira, password)
	for _, s := range slices.Concat(in["recipient-fields"].Strings, in["confusable-letters"].Strings) {
		if strings.Contains(s, "\x00") {
			continue // no text: TestRefusedText
		}
		p := inbox.Get(t, "/compose").Fill(t, "To", s).Fill(t, "Subject", "Recipients").Fill(t, "Message", "x")
		p = p.Press(t, "Send")
		clean(t, s, p)
		if p.Status == http.StatusOK {
			p.Press(t, "Undo") // what it would have been sent to is in the draft again
			continue
		}
		if p.Status != http.StatusUnprocessableEntity {
			t.Errorf("%q: %s", s, p)
		} else if got := p.Value(t, "To"); strings.Join(strings.Fields(got), "") != strings.Join(strings.Fields(s), "") {
			t.Errorf("%q was refused, and the field says %q", s, got)
		}
	}
	quietLog(t, e.Log())
}

// TestInjectIntoIMAP puts strings into folder names, searches, addresses and the
// sign-in form: the commands stay in step, and names come back as they were.
func TestInjectIntoIMAP(t *testing.T) {
	t.Parallel()
	in := readJSON[injections](t, "injection/injection.json")
	e := harness.Serve(t, demoserver.Options{})
	b, inbox := e.SignIn(t, mira, password)
	before := e.Mail.Mailboxes(mira)
	all := slices.Concat(in["imap-strings"].Strings, in["attachment-names"].Strings, in["header-injection"].Strings, in["imap-server-answers"].Strings)
	for _, s := range all {
		clean(t, fmt.Sprintf("search %q", s), b.Get(t, "/search?q="+url.QueryEscape(s)))
		clean(t, fmt.Sprintf("search from %q", s), b.Get(t, "/search?words="+url.QueryEscape(s)+"&from="+url.QueryEscape(s)+"&in="+url.QueryEscape(s)))
		clean(t, fmt.Sprintf("mailbox %q", s), b.Get(t, "/mail/"+url.PathEscape(s)))
		clean(t, fmt.Sprintf("message %q", s), b.Get(t, "/message/"+url.PathEscape(s)))
		clean(t, fmt.Sprintf("part %q", s), b.Get(t, "/message/AAAA/part/"+url.PathEscape(s)))
		clean(t, fmt.Sprintf("compose %q", s), b.Get(t, "/compose?kind=reply&ref="+url.QueryEscape(s)+"&to="+url.QueryEscape(s)))
		clean(t, fmt.Sprintf("next %q", s), e.Browser(t).Get(t, "/sign-in?next="+url.QueryEscape(s)))
		for _, form := range []url.Values{
			{"do": {"create"}, "leaf": {s}}, {"do": {"rename"}, "name": {s}, "leaf": {s}}, {"do": {"delete"}, "sure": {"1"}, "name": {s}}, {"do": {"role"}, "name": {s}, "role": {s}},
		} {
			p := inbox.Post(t, "/mailboxes", "application/x-www-form-urlencoded", strings.NewReader(form.Encode()))
			clean(t, fmt.Sprintf("mailboxes %v", form), p)
		}
		p := inbox.Post(t, "/act", "application/x-www-form-urlencoded", strings.NewReader(url.Values{"do": {"archive"}, "id": {s}, "to": {s}, "back": {s}}.Encode()))
		clean(t, fmt.Sprintf("act %q", s), p)
		if p.URL.Host != inbox.URL.Host {
			t.Errorf("back=%q leads to %s", s, p.URL)
		}
	}
	// What was made has the name that was asked for, and all of it is shown.
	list := b.Get(t, "/mailboxes")
	clean(t, "folders", list)
	for _, name := range e.Mail.Mailboxes(mira) {
		if strings.ContainsAny(name, "\r\n\x00") {
			t.Errorf("a mailbox %q was made", name)
		}
	}
	for _, name := range before {
		if !slices.Contains(e.Mail.Mailboxes(mira), name) {
			t.Errorf("mailbox %q is gone", name)
		}
	}
	quietLog(t, e.Log())
	// Signing in with them, last: it is slowed down.
	for _, s := range in["imap-strings"].Strings[:8] {
		clean(t, fmt.Sprintf("sign in as %q", s), e.Browser(t).Get(t, "/sign-in").Fill(t, "Email address", s).Fill(t, "Password", s).Press(t, "Sign in"))
	}
}

// TestNamesOfFiles uploads files with odd names, and opens them as they arrived.
func TestNamesOfFiles(t *testing.T) {
	t.Parallel()
	in := readJSON[injections](t, "injection/injection.json")
	e := harness.Serve(t, demoserver.Options{})
	_, inbox := e.SignIn(t, mira, password)
	p := inbox.Get(t, "/compose").Fill(t, "To", mira).Fill(t, "Subject", "Names").Fill(t, "Message", "x")
	names := in["attachment-names"].Strings
	types := in["content-types"].Strings
	for i, name := range names {
		name = strings.ReplaceAll(name, "\x00", "") // which no name on a disk has
		p.Choose(t, "Attach files", harness.File{Name: name, Type: strings.Map(noLines, types[i%len(types)]), Size: 1, Content: strings.NewReader("x")})
	}
	p = p.Press(t, "Upload").Want(t, http.StatusOK)
	clean(t, "uploaded", p)
	p.Press(t, "Send").Press(t, "Send now")
	eventually(t, "it arrives", func() bool { return len(e.Mail.Mailbox(mira, "INBOX")) == 1 })
	msg := inbox.Get(t, "/mail/INBOX").Read(t, "Names")
	clean(t, "message", msg)
	n := 0
	for a := range harness.Elements(msg.Root(t), "a") {
		href := harness.Attr(a, "href")
		if !strings.Contains(href, "/part/") {
			continue
		}
		n++
		got := msg.Open(t, href)
		d := got.Header.Get("Content-Disposition")
		if got.Status != http.StatusOK || string(got.Body) != "x" || strings.ContainsAny(d, "\r\n\x00") {
			t.Errorf("%s: status %d, disposition %q", href, got.Status, d)
		}
		if got.Header.Get("X-Content-Type-Options") != "nosniff" || !strings.Contains(got.Header.Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("%s may be executed: %v", href, got.Header)
		}
		kind, _, _ := strings.Cut(got.Header.Get("Content-Type"), ";")
		if !strings.HasPrefix(d, "attachment") && !strings.HasPrefix(kind, "image/") && kind != "text/plain" && kind != "application/pdf" && !strings.HasPrefix(kind, "audio/") && !strings.HasPrefix(kind, "video/") {
			t.Errorf("%s is shown in place as %s", href, kind)
		}
		if strings.Contains(kind, "svg") && !strings.HasPrefix(d, "attachment") {
			t.Errorf("%s is shown in place as %s", href, kind)
		}
	}
	if n < len(names) {
		t.Errorf("%d of %d files arrived", n, len(names))
	}
}

func noLines(r rune) rune {
	if r < ' ' || r == 0x7f {
		return -1
	}
	return r
}

// TestMailto opens the composer by links as a letter may hold them.
func TestMailto(t *testing.T) {
	t.Parallel()
	in := readJSON[injections](t, "injection/injection.json")
	e := harness.Serve(t, demoserver.Options{})
	b, _ := e.SignIn(t, mira, password)
	for _, s := range in["mailto-links"].Strings {
		for _, name := range []string{"mailto", "to", "body", "subject"} {
			p := b.Get(t, "/compose?"+name+"="+url.QueryEscape(s))
			clean(t, s, p)
			if p.Has(t, "Bcc") && p.Value(t, "Bcc") != "" {
				t.Errorf("%s fills Bcc with %q", s, p.Value(t, "Bcc"))
			}
		}
	}
	if n := len(e.Mail.Received()); n > 0 {
		t.Errorf("%d messages were sent by opening a page", n)
	}
}

// TestSpoofedSenders shows senders that pretend: the address itself is always there.
func TestSpoofedSenders(t *testing.T) {
	t.Parallel()
	in := readJSON[injections](t, "injection/injection.json")
	var files []*file
	for i, s := range in["spoofed-senders"].Strings {
		files = append(files, &file{name: fmt.Sprint("sender ", i), raw: []byte("From: " + s + "\r\nTo: mira@postern.test\r\nSubject: Sender\r\nDate: Tue, 24 Nov 2026 10:00:00 +0000\r\n\r\nHello\r\n")})
	}
	e := mailbox(t, "Senders", files)
	listed(t, e, "Senders", len(files))
	each(t, e, files, func(t *testing.T, b *harness.Browser, f *file) {
		s := open(t, b, f)
		if strings.Contains(string(f.raw), "<attacker@leak.test>") && !strings.Contains(s.page.Text(), "attacker@leak.test") {
			t.Errorf("the address is not shown for %.120q: %.400q", f.raw, s.page.Main())
		}
	})
}

// TestRefusedText sends what is no text: NUL, broken UTF-8, too much.
func TestRefusedText(t *testing.T) {
	t.Parallel()
	e := harness.Serve(t, demoserver.Options{})
	b, inbox := e.SignIn(t, mira, password)
	post := func(path, kind, body string) *harness.Page {
		return inbox.Post(t, path, kind, strings.NewReader(body))
	}
	const form = "application/x-www-form-urlencoded"
	for _, tt := range []struct {
		name, path, kind, body string
		status                 int
	}{
		{"NUL", "/compose", form, "subject=a%00b&do=send", 422},
		{"broken UTF-8", "/compose", form, "subject=%ff%fe&do=send", 422},
		{"broken escape", "/act", form, "do=%zz", 422},
		{"too long", "/act", form, "do=" + strings.Repeat("a", 2<<20), 413},
		{"half a file", "/compose", "multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\nabc", 422},
		{"too many fields", "/compose", "multipart/form-data; boundary=b", strings.Repeat("--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx\r\n", 3000) + "--b--\r\n", 413},
		{"foreign id", "/act", form, "do=archive&id=AAAA", 404},
		{"nothing known", "/settings/general", form, "do=nothing", 0},
	} {
		p := post(tt.path, tt.kind, tt.body)
		clean(t, tt.name, p)
		if tt.status != 0 && p.Status != tt.status {
			t.Errorf("%s: status %d, want %d: %s", tt.name, p.Status, tt.status, p)
		}
	}
	// from another site
	r, err := http.NewRequest(http.MethodPost, b.Base+"/act", strings.NewReader("do=archive"))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	r.Header.Set("Origin", "https://evil.example")
	resp, err := b.Client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusForbidden {
		t.Errorf("another site's form was answered with %d", resp.StatusCode)
	}
	quietLog(t, e.Log())
}

func eventually(t testing.TB, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second * slow()); !f(); time.Sleep(30 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}
