package parse

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"postern/mailproxy/mail"
)

// corpus is the folder of the shared test mails. They are not part of the
// repository: POSTERN_CORPUS names the folder, else it is looked for beside the
// checkout. Without it these tests are skipped, in CI they fail.
func corpus(t testing.TB) string {
	t.Helper()
	_, file, _, _ := runtime.Caller(0)
	dir := os.Getenv("POSTERN_CORPUS")
	if dir == "" {
		dir = filepath.Join(filepath.Dir(file), "../../../shared/corpus")
	}
	if _, err := os.Stat(filepath.Join(dir, "mail")); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("the test mails are missing: %v", err)
		}
		t.Skipf("the test mails are missing (set POSTERN_CORPUS): %v", err)
	}
	return dir
}

// patience is how long one hostile input may take on a busy machine with the
// race detector; what is quadratic takes minutes.
const patience = 15 * time.Second

func emls(t testing.TB, dir string) (files []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && strings.HasSuffix(p, ".eml") {
			files = append(files, p)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// open reads a whole message as a page would show it.
func open(raw []byte) (mail.Message, Plan, *Entity, string) {
	e := Parse(raw)
	p := Choose(e.Structure(), "")
	p.Problems = append(p.Problems, e.Problems()...)
	body := map[string][]byte{}
	for _, list := range [][]Part{p.Text, p.HTML, {p.Report}} {
		for _, x := range list {
			if x.Path != "" {
				_, b := e.Section(x.Path)
				body[x.Path] = b
			}
		}
	}
	src, _ := p.HTMLSource(body)
	return p.Message(e.HeaderOf(""), body), p, e, src
}

func plain(m mail.Message) string {
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

// checkMessage holds what must be true of every message, whatever it came from.
func checkMessage(t *testing.T, m mail.Message) {
	t.Helper()
	line := func(what, s string) {
		if !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return r < 0x20 || r >= 0x7f && r < 0xa0 || invisible(r) }) {
			t.Errorf("%s is not one clean line: %q", what, s)
		}
	}
	line("subject", m.Subject)
	line("message-id", m.MessageID)
	for _, l := range [][]mail.Address{m.From, m.Sender, m.ReplyTo, m.To, m.Cc, m.Bcc} {
		if len(l) > maxAddresses {
			t.Errorf("%d addresses", len(l))
		}
		for _, a := range l {
			line("name", a.Name)
			line("address", a.Addr)
			line("group", a.Group)
		}
	}
	for _, h := range m.Header {
		line("field "+h.Name, h.Value)
	}
	for _, l := range [][]mail.File{m.Files, m.Inline} {
		for _, f := range l {
			line("file", f.Name)
			if f.Name == "" || strings.ContainsAny(f.Name, `/\`) || utf8.RuneCountInString(f.Name) > maxName+1 || f.Path == "" {
				t.Errorf("file name %q at %q", f.Name, f.Path)
			}
			if cleanType(f.Type) != f.Type {
				t.Errorf("type %q", f.Type)
			}
		}
	}
	for _, b := range m.Text {
		for _, l := range b.Lines {
			for _, s := range l {
				if !utf8.ValidString(s.Text) || strings.ContainsFunc(s.Text, func(r rune) bool { return r < 0x20 && r != '\t' || r >= 0x7f && r < 0xa0 }) {
					t.Errorf("text is not clean: %q", s.Text)
				}
				if s.URL != "" && !strings.HasPrefix(s.URL, "http://") && !strings.HasPrefix(s.URL, "https://") && !strings.HasPrefix(s.URL, "mailto:") && !strings.HasPrefix(s.URL, "tel:") {
					t.Errorf("link %q", s.URL)
				}
			}
		}
	}
}

// TestCorpus opens every mail there is, in bounded time, with its own row too.
func TestCorpus(t *testing.T) {
	dir := corpus(t)
	for _, sub := range []string{"mail", "bombs", "xss", "leaks", "render"} {
		for _, f := range emls(t, filepath.Join(dir, sub)) {
			rel, _ := filepath.Rel(dir, f)
			t.Run(rel, func(t *testing.T) {
				raw, err := os.ReadFile(f)
				if err != nil {
					t.Fatal(err)
				}
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				start := time.Now()
				m, _, e, src := open(raw)
				_ = TextFromHTML(src)
				_, body := e.Section("")
				s := Summarize(Fetched{Header: e.HeaderOf(""), Structure: e.Structure(), Prefix: body[:min(len(body), PrefixLen)]})
				took := time.Since(start)
				runtime.ReadMemStats(&after)
				if took > patience {
					t.Errorf("took %v", took)
				}
				if got := after.TotalAlloc - before.TotalAlloc; got > 64<<20 && len(raw) < 1<<20 {
					t.Errorf("allocated %d MB", got>>20)
				}
				checkMessage(t, m)
				if utf8.RuneCountInString(s.Snippet) > snippetLen || strings.ContainsAny(s.Snippet, "\r\n\x00") {
					t.Errorf("snippet %q", s.Snippet)
				}
			})
		}
	}
}

// TestCharsets reads 52 charsets as text and as HTML, in body and subject.
func TestCharsets(t *testing.T) {
	dir := corpus(t)
	b, err := os.ReadFile(filepath.Join(dir, "mail/charsets-generated/EXPECTED.json"))
	if err != nil {
		t.Fatal(err)
	}
	var want []struct {
		File, Charset, Subject string
		Body                   string `json:"body_contains"`
	}
	if err := json.Unmarshal(b, &want); err != nil {
		t.Fatal(err)
	}
	good := 0
	for _, w := range want {
		raw, err := os.ReadFile(filepath.Join(dir, w.File))
		if err != nil {
			t.Fatal(err)
		}
		m, _, _, src := open(raw)
		ok := true
		if m.Subject != w.Subject {
			t.Errorf("%s: subject %q, want %q", w.File, m.Subject, w.Subject)
			ok = false
		}
		if got := plain(m) + src; !strings.Contains(got, w.Body) {
			t.Errorf("%s: body %q, want %q", w.File, got, w.Body)
			ok = false
		}
		if ok {
			good++
		}
	}
	t.Logf("%d of %d right", good, len(want))
}
