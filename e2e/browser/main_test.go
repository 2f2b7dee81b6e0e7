// Package browser drives the built program on demo mail, each flow in Chromium
// with scripts and by a browser that has none, and holds every page against
// narrow windows, axe-core and the console.
package browser

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"postern/e2e/harness"
	"postern/e2e/harness/chrome"
)

func TestMain(m *testing.M) { harness.Main(m) }

// person uses the program, with scripts or without. What a method waits for and
// does not find ends the test.
type person interface {
	Go(path string)
	Follow(link string)
	Press(button string)
	PressInRow(subject, button string)
	AccountMenu()     // opens the menu under the person's own picture
	Menu(name string) // opens it; without scripts what is in it can be pressed anyway
	Fill(label, text string)
	Value(label string) string
	Tick(labels ...string)
	Attach(name, content string)
	Read(subject string)
	ClickRow(subject string) // opens it where it is no message: a draft
	Subjects() []string
	WantRow(subject string, n int) // n rows with a subject
	Has(name string) bool
	WantTitle(s string)
	WantText(s string)
	WantToast(s string)
	WantLetter(s string) // in the frame that shows a message's HTML
}

const (
	mira, jonas = "mira@postern.test", "jonas@postern.test"
	password    = "demo"
)

// demo starts the program in demo mode, for one test.
func demo(t *testing.T) *harness.Process {
	t.Helper()
	return harness.Start(t, "demo")
}

// flow runs f twice: each time on a demo of its own.
func flow(t *testing.T, f func(t *testing.T, p *harness.Process, u person)) {
	t.Parallel()
	t.Run("scripts", func(t *testing.T) {
		t.Parallel()
		p := demo(t)
		f(t, p, scripted(t, p))
	})
	t.Run("plain", func(t *testing.T) {
		t.Parallel()
		p := demo(t)
		f(t, p, &plain{tb: t, b: p.Browser(t)})
	})
}

func count(u person, subject string) (n int) {
	for _, s := range u.Subjects() {
		if s == subject {
			n++
		}
	}
	return n
}

func signIn(u person, address string) {
	u.Go("/sign-in")
	u.Fill("Email address", address)
	u.Fill("Password", password)
	u.Press("Sign in")
	u.WantTitle("Inbox")
}

// scripts is a person with scripts.
type scripts struct {
	*chrome.Tab
	t *testing.T
}

func scripted(t *testing.T, p *harness.Process, opts ...chrome.Option) *scripts {
	t.Helper()
	return &scripts{chrome.Open(t, p.URL, opts...), t}
}

func (s *scripts) PressInRow(subject, button string) {
	s.t.Helper()
	id := s.HoverRow(subject) // a row's own buttons are shown under the mouse
	s.PressIn("#"+id, button)
}

func (s *scripts) AccountMenu() {
	s.t.Helper()
	s.Menu(chrome.Eval[string](s.Tab, `document.querySelector("header summary[aria-label*='account of']").getAttribute("aria-label")`))
}

func (s *scripts) Attach(name, content string) {
	s.t.Helper()
	path := filepath.Join(s.t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		s.t.Fatal(err)
	}
	s.Choose(path)
	s.Wait(`document.querySelector("#uploads input[name=files]")`)
	s.WantText(name)
}

func (s *scripts) WantRow(subject string, n int) {
	s.t.Helper()
	s.Wait(`[...document.querySelectorAll("input[aria-label^='Select: ']")].filter(e => e.getAttribute("aria-label") === ` + jsString("Select: "+subject) + `).length === ` + strconv.Itoa(n))
	s.Settled()
}

func (s *scripts) WantLetter(text string) {
	s.t.Helper()
	s.Wait(`[...document.querySelectorAll("iframe.frame")].some(f => f.contentDocument?.body?.innerText.replace(/\s+/g, " ").includes(` + jsString(text) + `))`)
}

// plain is a person without scripts.
type plain struct {
	tb   testing.TB
	b    *harness.Browser
	page *harness.Page
}

func (u *plain) step(p *harness.Page) {
	u.tb.Helper()
	if p.Status >= 500 {
		u.tb.Fatal(p)
	}
	u.page = p
}

func (u *plain) Go(path string)      { u.tb.Helper(); u.step(u.b.Get(u.tb, path)) }
func (u *plain) Follow(link string)  { u.tb.Helper(); u.step(u.page.Follow(u.tb, link)) }
func (u *plain) Press(button string) { u.tb.Helper(); u.step(u.page.Press(u.tb, button)) }
func (u *plain) PressInRow(subject, button string) {
	u.tb.Helper()
	u.step(u.page.PressInRow(u.tb, subject, button))
}
func (u *plain) AccountMenu()              {}
func (u *plain) Menu(string)               {}
func (u *plain) Fill(label, text string)   { u.tb.Helper(); u.page.Fill(u.tb, label, text) }
func (u *plain) Value(label string) string { u.tb.Helper(); return u.page.Value(u.tb, label) }
func (u *plain) Tick(labels ...string)     { u.tb.Helper(); u.page.Tick(u.tb, labels...) }
func (u *plain) Read(subject string)       { u.tb.Helper(); u.step(u.page.Read(u.tb, subject)) }
func (u *plain) ClickRow(subject string)   { u.tb.Helper(); u.step(u.page.Read(u.tb, subject)) }
func (u *plain) Subjects() []string        { u.tb.Helper(); return u.page.Subjects(u.tb) }
func (u *plain) WantRow(subject string, n int) {
	u.tb.Helper()
	if got := count(u, subject); got != n {
		u.tb.Fatalf("%d rows %q, want %d: %q", got, subject, n, u.Subjects())
	}
}
func (u *plain) Has(name string) bool { u.tb.Helper(); return u.page.Has(u.tb, name) }

func (u *plain) Attach(name, content string) {
	u.tb.Helper()
	u.page.Choose(u.tb, "Attach files", harness.File{Name: name, Type: "text/plain", Size: int64(len(content)), Content: strings.NewReader(content)})
	u.Press("Upload")
	u.WantText(name)
}

func (u *plain) WantTitle(s string) {
	u.tb.Helper()
	if got := u.page.Title(); got != s {
		u.tb.Fatalf("the heading is %q, want %q: %s", got, s, u.page)
	}
}

func (u *plain) WantText(s string)  { u.tb.Helper(); u.page.WantText(u.tb, s) }
func (u *plain) WantToast(s string) { u.tb.Helper(); u.page.WantToast(u.tb, s) }

func (u *plain) WantLetter(s string) {
	u.tb.Helper()
	var said []string
	for _, src := range u.page.Frames(u.tb) {
		f := u.page.Open(u.tb, src).Want(u.tb, 200)
		if strings.Contains(f.Text(), s) {
			return
		}
		said = append(said, f.Text())
	}
	u.tb.Fatalf("no frame says %q: %.2000q", s, said)
}

// eventually looks again until f is true.
func eventually(t testing.TB, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !f(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}
