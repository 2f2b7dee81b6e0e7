package corpus

import (
	"bytes"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"postern/e2e/harness"
)

// said is what the message page of a file says, with its frames.
type said struct {
	page   *harness.Page
	frames []*harness.Page
	took   time.Duration
}

func (s said) text() string {
	b := s.page.Text()
	for _, f := range s.frames {
		b += " " + f.Text()
	}
	return b
}

// open opens a message with its frames, and its source as it came.
func open(t *testing.T, b *harness.Browser, f *file) said {
	t.Helper()
	s := said{page: b.Get(t, "/message/"+f.ref.String())}
	s.took = s.page.Took
	if s.page.Status != http.StatusOK {
		t.Fatalf("%s", s.page)
	}
	for _, src := range s.page.Frames(t) {
		p := s.page.Open(t, src)
		s.took += p.Took
		if p.Status != http.StatusOK {
			t.Errorf("frame: %s", p)
			continue
		}
		s.frames = append(s.frames, p)
		inert(t, p)
	}
	unscripted(t, s.page)
	raw := b.Get(t, "/message/"+f.ref.String()+"/raw")
	if raw.Status != http.StatusOK || !bytes.Equal(raw.Body, f.raw) {
		t.Errorf("the download is %d octets (status %d), the message has %d", len(raw.Body), raw.Status, len(f.raw))
	}
	if d := raw.Header.Get("Content-Disposition"); !strings.HasPrefix(d, "attachment") {
		t.Errorf("the download is shown in place: %q", d)
	}
	return s
}

// inert checks that a letter's frame can do nothing: by its policy, and by what is in it.
func inert(t *testing.T, p *harness.Page) {
	t.Helper()
	policy := p.Header.Get("Content-Security-Policy")
	if !strings.Contains(policy, "default-src 'none'") || !strings.Contains(policy, "sandbox") || strings.Contains(policy, "allow-scripts") {
		t.Errorf("the frame's policy is %q", policy)
	}
	for n := range harness.Elements(p.Root(t)) {
		switch n.Data {
		case "script", "iframe", "object", "embed", "form", "frame", "frameset", "applet", "portal":
			t.Errorf("the frame holds <%s>", n.Data)
		case "base": // ours, so that links open in a tab of their own
			if harness.Attr(n, "href") != "" {
				t.Errorf("the frame holds <base href=%q>", harness.Attr(n, "href"))
			}
		case "meta":
			if e := strings.ToLower(harness.Attr(n, "http-equiv")); e == "refresh" || e == "set-cookie" {
				t.Errorf("the frame holds <meta http-equiv=%s>", e)
			}
		}
		noHandlers(t, n)
	}
}

var addresses = []string{"href", "src", "action", "formaction", "data", "background", "poster", "cite", "xlink:href", "srcset", "ping"}

func noHandlers(t *testing.T, n *html.Node) {
	t.Helper()
	for _, a := range n.Attr {
		key := strings.ToLower(a.Key)
		if strings.HasPrefix(key, "on") {
			t.Errorf("<%s %s=%.80q>", n.Data, a.Key, a.Val)
		}
		if slices.Contains(addresses, key) {
			v := strings.Map(func(r rune) rune {
				if r <= ' ' {
					return -1
				}
				return r
			}, strings.ToLower(a.Val))
			if strings.HasPrefix(v, "javascript:") || strings.HasPrefix(v, "vbscript:") || strings.HasPrefix(v, "data:text/html") || strings.HasPrefix(v, "data:image/svg") && n.Data != "img" {
				t.Errorf("<%s %s=%.80q>", n.Data, a.Key, a.Val)
			}
		}
	}
}

// unscripted checks that a page of ours holds only our own script, by address, and
// no style in place.
func unscripted(t *testing.T, p *harness.Page) {
	t.Helper()
	for n := range harness.Elements(p.Root(t)) {
		if n.Data == "script" && (!strings.HasPrefix(harness.Attr(n, "src"), "/static/") || n.FirstChild != nil) || n.Data == "style" || n.Data == "base" || n.Data == "object" || n.Data == "embed" {
			t.Errorf("the page holds <%s %v>", n.Data, n.Attr)
		}
		if harness.Attr(n, "style") != "" && !editor(n) {
			t.Errorf("the page holds a style in place: <%s style=%.80q>", n.Data, harness.Attr(n, "style"))
		}
		if n.Data == "iframe" {
			if box := harness.Attr(n, "sandbox"); box == "" || strings.Contains(box, "allow-scripts") || strings.Contains(box, "allow-top-navigation") {
				t.Errorf("a frame with sandbox=%q", box)
			}
		}
		noHandlers(t, n)
	}
}

// editor reports whether n is in the editor, where a letter is quoted with its styles.
func editor(n *html.Node) bool {
	for a := range n.Ancestors() {
		if a.Type == html.ElementNode && harness.HasClass(a, "editor") {
			return true
		}
	}
	return false
}

// TestMail opens every mail.
func TestMail(t *testing.T) {
	t.Parallel()
	files := load(t, "mail")
	texts := map[string]string{}
	for _, x := range readJSON[[]struct {
		File, Subject string
		Body          string `json:"body_contains"`
	}](t, "mail/charsets-generated/EXPECTED.json") {
		texts[x.File] = x.Subject + "\x00" + x.Body
	}
	e := mailbox(t, "Corpus", files)
	listed(t, e, "Corpus", len(files))
	expected := 0
	each(t, e, files, func(t *testing.T, b *harness.Browser, f *file) {
		s := open(t, b, f)
		if s.took > 2*time.Second*slow() {
			t.Errorf("it took %v", s.took)
		}
		if want, ok := texts[f.name]; ok {
			for _, w := range strings.Split(want, "\x00") {
				if w = strings.Join(strings.Fields(w), " "); !strings.Contains(s.text(), w) {
					t.Errorf("it does not say %q: %.600q", w, s.text())
				}
			}
		}
	})
	for _, f := range files {
		if _, ok := texts[f.name]; ok {
			expected++
		}
	}
	if expected != len(texts) {
		t.Errorf("%d of %d expectations were tried", expected, len(texts))
	}
	if strings.Contains(e.Log(), "level=ERROR") {
		t.Error("the log speaks of errors")
	}
}

// listed turns all pages of a list.
func listed(t *testing.T, e *harness.Embedded, name string, n int) {
	t.Helper()
	_, page := e.SignIn(t, mira, password)
	rows := 0
	for page = page.Get(t, "/mail/"+name); ; page = page.Follow(t, "Older") {
		page.Want(t, http.StatusOK)
		unscripted(t, page)
		if page.Took > 3*time.Second*slow() {
			t.Errorf("%s took %v", page.URL, page.Took)
		}
		rows += len(page.Rows(t))
		if rows >= n || !page.Has(t, "Older") {
			break
		}
	}
	if rows != n {
		t.Errorf("%d rows are listed, want %d", rows, n)
	}
}

// TestBombs opens what is made to blow up: within a second, or it says why not.
func TestBombs(t *testing.T) {
	t.Parallel()
	files := load(t, "bombs")
	e := mailbox(t, "Bombs", files)
	before := e.Peak(t)
	listed(t, e, "Bombs", len(files))
	b, _ := e.SignIn(t, mira, password)
	for _, f := range files { // one after the other: each is timed
		t.Run(f.name, func(t *testing.T) {
			s := open(t, b, f)
			if s.took > time.Second*slow() {
				t.Errorf("it took %v", s.took)
			}
			for _, view := range []string{"source", "print"} {
				if p := b.Get(t, "/message/"+f.ref.String()+"/"+view); p.Status >= 500 || p.Took > time.Second*slow() {
					t.Errorf("%s: status %d, %v", view, p.Status, p.Took)
				}
			}
			for _, kind := range []string{"reply-all", "forward"} {
				p := b.Get(t, "/compose?kind="+kind+"&ref="+f.ref.String())
				if p.Status >= 500 || p.Took > time.Second*slow() {
					t.Errorf("%s: status %d, %v", kind, p.Status, p.Took)
				}
				unscripted(t, p)
			}
		})
	}
	if p := b.Get(t, "/search?q=word&in=Bombs"); p.Status != http.StatusOK {
		t.Errorf("searching among them: %s", p)
	}
	if grown := e.Peak(t) - before; grown > 256<<20 {
		t.Errorf("memory grew by %d MB", grown>>20)
	} else {
		t.Logf("memory grew by %d MB", grown>>20)
	}
}

// TestAttacks opens what tries to run or to phone home.
func TestAttacks(t *testing.T) {
	t.Parallel()
	files := load(t, "xss/eml", "leaks")
	e := mailbox(t, "Attacks", files)
	listed(t, e, "Attacks", len(files))
	each(t, e, files, func(t *testing.T, b *harness.Browser, f *file) {
		s := open(t, b, f)
		for _, p := range s.frames {
			for n := range harness.Elements(p.Root(t), "img", "source", "video", "audio", "link", "image", "use", "input", "track") {
				for _, a := range []string{"src", "srcset", "href", "poster", "xlink:href"} {
					if v := harness.Attr(n, a); strings.HasPrefix(v, "http") || strings.HasPrefix(v, "//") {
						t.Errorf("a blocked letter asks for %q", v)
					}
				}
			}
		}
		for _, kind := range []string{"reply", "forward"} {
			p := b.Get(t, "/compose?kind="+kind+"&ref="+f.ref.String())
			if p.Status >= 500 {
				t.Errorf("%s: %s", kind, p)
				continue
			}
			unscripted(t, p)
		}
	})
}
