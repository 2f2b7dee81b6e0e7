package browser

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"postern/e2e/harness"
	"postern/e2e/harness/chrome"
)

// axe is axe-core 4.14 of Deque Systems, under MPL 2.0 (testdata/LICENSE-axe-core.txt).
//
//go:embed testdata/axe.min.js
var axe string

// pages are all there are. Each begins at its address, signed in, and may do
// something first.
var pages = []struct {
	name, path string
	first      func(*scripts)
}{
	{"inbox", "/mail/INBOX", nil},
	{"inbox with ticks", "/mail/INBOX", func(s *scripts) { s.Tick("Select all on this page") }},
	{"inbox, second page", "/mail/INBOX?page=2", nil},
	{"unread", "/mail/INBOX?show=unread", nil},
	{"drafts", "/mail/Drafts", nil},
	{"sent", "/mail/Sent", nil},
	{"spam", "/mail/Junk", nil},
	{"trash", "/mail/Trash", nil},
	{"empty folder", "/mail/Archiv/2023/Q3/Projekte/Depot%20Waalhaven/%C3%9Cbergabe", nil},
	{"account menu", "/mail/INBOX", func(s *scripts) { s.AccountMenu() }},
	{"keys", "/mail/INBOX", func(s *scripts) { s.Key("?"); s.Wait(`document.querySelector("#keys").matches(":popover-open")`) }},
	{"message with files", "", func(s *scripts) { s.Read(rotterdam) }},
	{"message, details open", "", func(s *scripts) {
		s.Read(rotterdam)
		s.Eval(`document.querySelector("details.to").open = true`)
	}},
	{"message, menu open", "", func(s *scripts) { s.Read(cake); s.Menu("More actions") }},
	{"message in Arabic", "", func(s *scripts) { s.Read(arabic) }},
	{"message in Japanese", "", func(s *scripts) { s.Read("来週の打ち合わせについて（資料添付）") }},
	{"invitation", "", func(s *scripts) { s.Read(subjectOf(s, invitation)) }},
	{"all headers", "", func(s *scripts) { s.Read(cake); s.Go(addressOf(s, "view=headers")) }},
	{"source", "", func(s *scripts) { s.Read(cake); s.Go(addressOf(s, "/source")) }},
	{"for printing", "", func(s *scripts) {
		s.Read(cake)
		s.Eval(`window.print = () => {}`)
		s.Go(addressOf(s, "/print"))
	}},
	{"search results", "/search?q=from%3Aama", nil},
	{"nothing found", "/search?q=nothing+at+all+like+this", nil},
	{"search options", "/search", nil},
	{"composer", "/compose", nil},
	{"composer with problems", "/compose?to=nobody", func(s *scripts) { s.Press("Send"); s.WantText("nobody") }},
	{"reply", "", func(s *scripts) { s.Read(rotterdam); s.Follow("Reply to all") }},
	{"outbox", "/outbox", nil},
	{"folders", "/mailboxes", nil},
	{"folder to rename", "/mailboxes?rename=Travel", nil},
	{"folder to delete", "/mailboxes?delete=Travel", nil},
	{"settings", "/settings", nil},
	{"identities", "/settings/identities", nil},
	{"appearance", "/settings/appearance", nil},
	{"privacy", "/settings/privacy", nil},
	{"security", "/settings/security", nil},
	{"keyboard", "/settings/keyboard", nil},
	{"not found", "/nowhere", nil},
	{"no such folder", "/mail/Nowhere", nil},
	{"gone message", "/message/AAAAAAAAAAAA", nil},
}

func subjectOf(s *scripts, prefix string) string { return subject(s.t, s, prefix) }

// addressOf is the first link that holds part.
func addressOf(s *scripts, part string) string {
	s.t.Helper()
	href := chrome.Eval[string](s.Tab, fmt.Sprintf(`[...document.querySelectorAll("a[href]")].find(a => a.href.includes(%s))?.href ?? ""`, jsString(part)))
	if href == "" {
		s.t.Fatalf("no link with %q", part)
	}
	return href
}

// Eval runs a statement in the page.
func (s *scripts) Eval(code string) { s.t.Helper(); chrome.Eval[bool](s.Tab, "("+code+", true)") }

// look reports what axe-core finds in the page as it is, by all rules or by some. A letter's own colours, in
// its frame or quoted in the editor, are its sender's.
func (s *scripts) look(what string, rules ...string) {
	s.t.Helper()
	s.Settled()
	s.Eval(`document.getAnimations().forEach(a => { try { a.finish() } catch {} })`) // colours as they end up
	if !chrome.Eval[bool](s.Tab, `typeof axe === "object"`) {
		chrome.Eval[bool](s.Tab, "("+"() => {"+axe+"\n; return true })()")
	}
	only, _ := json.Marshal(append([]string{}, rules...))
	found := chrome.Eval[[]string](s.Tab, `axe.run({exclude: [".editor"]}, {resultTypes: ["violations"], iframes: false, ...(`+string(only)+`.length ? {runOnly: {type: "rule", values: `+string(only)+`}} : {})}).then(r => r.violations.flatMap(v => v.nodes.map(n =>
		v.id + ": " + n.target.join(" ") + "  " + (n.any[0] ?? n.all[0] ?? n.none[0])?.message)))`)
	for i, f := range found {
		if i == 8 {
			s.t.Errorf("%s: and %d more", what, len(found)-i)
			break
		}
		s.t.Errorf("%s: %s", what, f)
	}
}

// narrow checks that the page scrolls only up and down.
func (s *scripts) narrow(what string) {
	s.t.Helper()
	s.Settled()
	if wide := chrome.Eval[string](s.Tab, `(() => { const e = document.scrollingElement;
		if (e.scrollWidth <= innerWidth) return "";
		const out = [...document.querySelectorAll("body *")].filter(n => n.getBoundingClientRect().right > innerWidth + 1).slice(0, 4).map(n => n.tagName + "." + n.className);
		return e.scrollWidth + " > " + innerWidth + " " + out.join(", ") })()`); wide != "" {
		s.t.Errorf("%s scrolls sideways: %s", what, wide)
	}
}

// TestPages looks at every page: wide and as a phone, light and dark. A page that
// writes to the console, breaks its policy or asks another site fails too.
func TestPages(t *testing.T) {
	t.Parallel()
	p := demo(t)
	const tabs = 2 // at a time
	for i := range tabs {
		t.Run(fmt.Sprintf("part %d", i+1), func(t *testing.T) {
			t.Parallel()
			s := scripted(t, p)
			s.Go("/sign-in")
			lookAll(s, "sign-in")
			signIn(s, mira)
			for n := i; n < len(pages); n += tabs {
				pg := pages[n]
				t.Run(pg.name, func(t *testing.T) {
					s.In(t)
					defer s.In(nil)
					s.t = t
					s.Resize(1280, 800)
					path := pg.path
					if path == "" {
						path = "/mail/INBOX"
					}
					s.Go(path)
					if pg.first != nil {
						pg.first(s)
					}
					lookAll(s, pg.name)
				})
			}
		})
	}
}

func lookAll(s *scripts, name string) {
	s.t.Helper()
	s.Dark(false)
	s.look(name)
	s.Dark(true)
	s.look(name+", dark", "color-contrast") // only colours differ
	s.Dark(false)
	for _, width := range []int64{390, 320} {
		s.Resize(width, 844)
		s.narrow(fmt.Sprintf("%s at %d pixels", name, width))
		if width == 390 {
			s.look(name + ", phone")
		}
	}
	s.Resize(1280, 800)
}

// TestMenusOnPhone opens the menu of mailboxes on a phone.
func TestMenusOnPhone(t *testing.T) {
	t.Parallel()
	p := demo(t)
	s := scripted(t, p, chrome.Size(390, 844))
	signIn(s, mira)
	s.Press("Menu")
	s.Wait(`document.querySelector("#nav").matches(":popover-open")`)
	s.look("mailboxes on a phone")
	s.narrow("mailboxes on a phone")
	s.Follow("Sent")
	s.WantTitle("Sent")
	s.Wait(`!document.querySelector("#nav").matches(":popover-open")`)
	s.Follow("Compose")
	s.WantTitle("New message")
	s.narrow("composer on a phone")
}

// TestPlainPages asks for every page as a browser without scripts does: each is
// whole, and says the policy and the rest of the headers.
func TestPlainPages(t *testing.T) {
	t.Parallel()
	p := demo(t)
	b, inbox := p.SignIn(t, mira, password)
	seen := map[string]bool{}
	var open func(page *harness.Page, href string, depth int)
	open = func(page *harness.Page, href string, depth int) {
		u, err := page.URL.Parse(href)
		if err != nil || seen[u.Path] || len(seen) > 120 || strings.HasPrefix(u.Path, "/static/") || u.Host != page.URL.Host {
			return
		}
		seen[u.Path] = true
		got := page.Open(t, (&url.URL{Path: u.Path, RawQuery: u.RawQuery}).String())
		if got.Status != 200 {
			t.Errorf("%s leads to %s", page.URL, got)
		}
		if got.Header.Get("X-Content-Type-Options") != "nosniff" || got.Header.Get("Content-Security-Policy") == "" || got.Header.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("%s lacks headers: %v", u, got.Header)
		}
		if !strings.HasPrefix(got.Header.Get("Content-Type"), "text/html") || depth == 0 || strings.Contains(u.Path, "/part/") {
			return
		}
		for a := range harness.Elements(got.Root(t), "a", "link", "script", "img", "iframe") {
			for _, name := range []string{"href", "src"} {
				if v := harness.Attr(a, name); v != "" && !strings.HasPrefix(v, "#") && !strings.HasPrefix(v, "mailto:") && !strings.HasPrefix(v, "http") && !strings.HasPrefix(v, "data:") {
					if strings.HasPrefix(v, "/static/") {
						if !seen[v] {
							seen[v] = true
							if s := got.Open(t, v); s.Status != 200 || !strings.Contains(s.Header.Get("Cache-Control"), "immutable") {
								t.Errorf("%s: %d %v", v, s.Status, s.Header)
							}
						}
						continue
					}
					open(got, v, depth-1)
				}
			}
		}
	}
	_ = b
	open(inbox, "/mail/INBOX", 2)
	if len(seen) < 60 {
		t.Errorf("only %d addresses were found", len(seen))
	}
}
