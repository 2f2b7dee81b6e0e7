package static_test

import (
	"context"
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"postern/static"
)

// policy is what the product sends, with Trusted Types on.
const policy = "default-src 'self'; base-uri 'none'; object-src 'none'; form-action 'self'; frame-ancestors 'self'; " +
	"require-trusted-types-for 'script'; trusted-types postern"

// site is a small mailbox drawn by hand: whole pages, links and forms, as the
// product's are, and a record of what was asked of it.
type site struct {
	*httptest.Server
	mu      sync.Mutex
	gone    map[int]bool // archived messages
	starred map[int]bool
	flash   string
	asked   []string // "METHOD path form" in order
	ended   bool     // the session has ended
	hold    chan struct{}
	held    chan struct{}
}

const messages = 40

func newSite(t *testing.T) *site {
	s := &site{gone: map[int]bool{}, starred: map[int]bool{}, hold: make(chan struct{}), held: make(chan struct{}, 9)}
	mux := http.NewServeMux()
	mux.Handle("/static/", static.Handler())
	mux.HandleFunc("GET /list", s.list)
	mux.HandleFunc("POST /act", s.act)
	mux.HandleFunc("GET /msg/{n}", func(w http.ResponseWriter, r *http.Request) {
		n := r.PathValue("n")
		s.page(w, 200, "Message "+n, `<div class="bar thread-bar"><a class="icon-btn" href="/list" data-key="u" aria-label="Back">u</a><a href="/compose?re=`+n+`" data-key="r">Reply</a></div>
			<article class="thread"><h1>Subject `+n+`</h1><iframe class="frame" data-behavior="frame" sandbox="allow-same-origin allow-popups" src="/letter" title="Letter"></iframe></article>`)
	})
	mux.HandleFunc("GET /letter", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; sandbox allow-same-origin allow-popups")
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, `<!doctype html><html><body style="margin:0"><div style="height:1234px">letter<script>document.title="ran"</script></div></body></html>`)
	})
	mux.HandleFunc("GET /compose", func(w http.ResponseWriter, _ *http.Request) { s.compose(w, 200, "", "") })
	mux.HandleFunc("POST /compose", s.send)
	mux.HandleFunc("POST /attach", func(w http.ResponseWriter, r *http.Request) {
		f, head, err := r.FormFile("file")
		if err != nil {
			w.WriteHeader(422)
			return
		}
		_ = f.Close()
		fmt.Fprintf(w, `<ul class="uploads" id="uploads"><li><span class="fname">%s</span><span class="size">%d bytes</span><input type="hidden" name="att" value="1"></li></ul><input type="hidden" id="draft" name="draft" value="d7">`, html.EscapeString(head.Filename), head.Size)
	})
	mux.HandleFunc("GET /slow", func(w http.ResponseWriter, r *http.Request) {
		s.held <- struct{}{}
		select {
		case <-s.hold:
		case <-r.Context().Done():
		}
		s.page(w, 200, "Slow", `<h1>Slow</h1>`)
	})
	mux.HandleFunc("GET /file", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.Header().Set("Content-Disposition", `attachment; filename="a.html"`)
		fmt.Fprint(w, `<html><body>file</body></html>`)
	})
	mux.HandleFunc("GET /fail", func(w http.ResponseWriter, _ *http.Request) { s.page(w, 500, "Failed", `<h1>It failed</h1>`) })
	mux.HandleFunc("GET /dark", func(w http.ResponseWriter, _ *http.Request) {
		s.write(w, 200, "Dark", ` data-theme="dark" dir="rtl"`, s.regions(`<h1>Dark</h1>`))
	})
	s.Server = httptest.NewServer(s.record(mux))
	t.Cleanup(s.Close)
	return s
}

func (s *site) record(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", policy)
		line := r.Method + " " + r.URL.RequestURI()
		if r.Method == http.MethodPost {
			_ = r.ParseMultipartForm(1 << 20)
			line += " " + r.PostForm.Encode()
		}
		if !strings.HasPrefix(r.URL.Path, "/static/") && r.URL.Path != "/favicon.ico" {
			s.mu.Lock()
			s.asked = append(s.asked, line)
			s.mu.Unlock()
		}
		s.mu.Lock()
		ended := s.ended && r.URL.Path != "/sign-in" && !strings.HasPrefix(r.URL.Path, "/static/")
		s.mu.Unlock()
		if ended {
			s.write(w, 401, "Sign in", "", `<main id="main" class="gate" data-swap="whole"><h1>Sign in</h1><form method="post" action="/sign-in"><input type="hidden" name="keep" value="`+
				html.EscapeString(r.PostForm.Get("text"))+`"><input type="hidden" name="tz" data-behavior="zone"><input name="password" type="password"></form></main>`)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (s *site) list(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	var b strings.Builder
	b.WriteString(`<form class="mail" method="post" action="/act" data-behavior="list"><div class="bar"><div class="bar-pick"><label><input class="check pick-all" type="checkbox" aria-label="All"></label>` +
		`<details class="menu" id="states" data-behavior="menu"><summary class="icon-btn" aria-label="By state">v</summary><div class="menu-pop at-start"><button class="menu-item" type="button" data-select="unread">Unread</button><button class="menu-item" type="button" data-select="none">None</button></div></details></div>` +
		`<div class="bar-rest"><h1>Inbox</h1></div><div class="bar-bulk"><span role="status" data-selected-count data-text-one="{n} selected" data-text-other="{n} selected"></span>` +
		`<button class="icon-btn" type="submit" name="do" value="archive" data-key="e">A</button><button type="reset" data-key="Escape">x</button></div></div><ul class="rows">`)
	for n := range messages {
		if s.gone[n] {
			continue
		}
		class := "row"
		if n%2 == 0 {
			class += " is-unread"
		}
		fmt.Fprintf(&b, `<li class="%s" id="r%d"><span class="row-mark"></span><button class="star" type="submit" name="star" value="%d" aria-pressed="%t" aria-label="Star">*</button>`+
			`<label class="pick"><input class="check" type="checkbox" name="id" value="%d" aria-label="Select"></label><a class="row-link" href="/msg/%d"><span class="what">Subject %d</span></a>`+
			`<div class="row-acts"><button class="icon-btn" type="submit" name="archive" value="%d" aria-label="Archive">A</button></div></li>`, class, n, n, s.starred[n], n, n, n, n)
	}
	b.WriteString(`</ul></form>`)
	s.mu.Unlock()
	s.page(w, 200, "Inbox", b.String())
}

func (s *site) act(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	if v := r.PostForm.Get("star"); v != "" {
		n, _ := strconv.Atoi(v)
		s.starred[n] = !s.starred[n]
	}
	if v := r.PostForm.Get("archive"); v != "" {
		n, _ := strconv.Atoi(v)
		s.gone[n] = true
		s.flash = "Archived"
	}
	if r.PostForm.Get("do") == "archive" {
		for _, v := range r.PostForm["id"] {
			n, _ := strconv.Atoi(v)
			s.gone[n] = true
		}
		s.flash = fmt.Sprintf("%d archived", len(r.PostForm["id"]))
	}
	if r.PostForm.Has("undo") {
		clear(s.gone)
		s.flash = "Undone"
	}
	s.mu.Unlock()
	http.Redirect(w, r, "/list", http.StatusSeeOther)
}

func (s *site) compose(w http.ResponseWriter, status int, text, problem string) {
	invalid := ""
	if problem != "" {
		invalid = ` aria-invalid="true"`
	}
	s.page(w, status, "New message", `<section class="composer" data-behavior="composer upload" data-attach="/attach" data-leave="Leave?" data-max-bytes="1000" data-text-too-large="Too large" data-text-failed="Failed">
		<h1>New message</h1><form id="compose" method="post" action="/compose" enctype="multipart/form-data"><input type="hidden" id="draft" name="draft" value="">
		<input id="to" name="to" data-behavior="addresses"`+invalid+`><input id="subject" name="subject"><input type="hidden" name="mode" value="text" data-with="html">
		<textarea id="text" name="text">`+html.EscapeString(text)+`</textarea>
		<div class="editor js-only" id="editor" contenteditable="true" role="textbox" aria-label="Message" hx-ignore data-behavior="editor"><p>Hello</p></div></form>
		<ul class="uploads" id="uploads"></ul><template data-upload-row><li><span class="fname"></span><span class="size"></span><button type="button" data-cancel>x</button><progress></progress></li></template>
		<div class="format"><button type="button" class="icon-btn" data-command="bold" aria-pressed="false" id="bold">B</button></div>
		<button type="button" id="plain" data-editor-mode="text">Plain</button><button type="button" data-editor-mode="html">Rich</button>
		<input type="file" id="file" data-upload multiple form="compose"><button type="submit" id="send" form="compose" name="do" value="send" data-key="Ctrl+Enter">Send</button>
		<button type="submit" form="compose" name="do" value="save" data-save>Save</button></section>`)
}

func (s *site) send(w http.ResponseWriter, r *http.Request) {
	if r.PostForm.Get("do") == "save" {
		http.Redirect(w, r, "/list", http.StatusSeeOther)
		return
	}
	if r.PostForm.Get("to") == "" {
		s.compose(w, 422, r.PostForm.Get("text"), "no")
		return
	}
	s.mu.Lock()
	s.flash = "Sent"
	s.mu.Unlock()
	http.Redirect(w, r, "/list", http.StatusSeeOther)
}

func (s *site) regions(main string) string {
	s.mu.Lock()
	toast := ""
	if s.flash != "" {
		toast = `<form class="toast" method="post" action="/act" data-behavior="toast" data-millis="8000"><span>` + s.flash + `</span><button type="submit" name="undo" value="1" data-key="z">Undo</button><button class="x" type="submit" name="dismiss" value="1">x</button></form>`
		s.flash = ""
	}
	s.mu.Unlock()
	return `<div class="notice" id="lost" data-behavior="unreachable" hidden>Postern did not answer.</div>
		<header class="top" id="top" data-swap="morph"><search class="search"><form action="/list"><input type="search" id="q" name="q" data-key="/" aria-label="Search mail"></form></search>
		<a href="/compose" data-key="c" id="compose-link">Compose</a><a href="/list" data-key="g i">Inbox</a> <a href="/slow" id="slow">Slow</a> <a href="/file" id="file-link">File</a> <a href="/fail" id="fail">Fail</a> <a href="/dark" id="dark">Dark</a><button popovertarget="keys" type="button" data-key="?">?</button></header>
		<nav class="side" id="nav" data-swap="morph"><ul><li><a class="side-link" href="/list">Inbox</a></li></ul></nav>
		<main class="sheet" id="main" data-swap="whole">` + main + `</main><div class="toasts" id="toasts" role="status" data-swap="inside">` + toast + `</div>
		<div id="keys" popover>Keys</div>`
}

func (s *site) page(w http.ResponseWriter, status int, title, main string) {
	s.write(w, status, title, "", s.regions(main))
}

func (s *site) write(w http.ResponseWriter, status int, title, root, body string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	fmt.Fprintf(w, `<!doctype html><html lang="en"%s><head><meta charset="utf-8"><title>%s</title><link rel="icon" type="image/svg+xml" href="%s"><link rel="stylesheet" href="%s"><script src="%s" defer></script></head>`+
		`<body class="app" hx-boost:inherited="true" hx-sync:inherited="body:replace">%s</body></html>`, root, title, static.URL("favicon.svg"), static.URL("app.css"), static.URL("app.js"), body)
}

func (s *site) requests(prefix string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var got []string
	for _, line := range s.asked {
		if strings.HasPrefix(line, prefix) {
			got = append(got, line)
		}
	}
	return got
}

// tab is one page of a real browser.
type tab struct {
	*testing.T
	ctx context.Context
	*site
	saw      sync.Mutex
	problems []string // what the console complained of
}

// browser is started once, by the first test that needs it; each has a tab of its own.
var browser = sync.OnceValues(func() (context.Context, error) {
	path, err := exec.LookPath("chromium")
	if err != nil {
		return nil, err
	}
	ctx, stop := chromedp.NewExecAllocator(context.Background(), chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.Headless, chromedp.DisableGPU, chromedp.WindowSize(1280, 800))
	ctx, closeBrowser := chromedp.NewContext(ctx)
	afterAll = append(afterAll, closeBrowser, stop)
	return ctx, chromedp.Do(ctx)
})

var afterAll []func()

func TestMain(m *testing.M) {
	code := m.Run()
	for _, f := range afterAll {
		f()
	}
	os.Exit(code)
}

// open is a tab on a site of its own.
func open(t *testing.T, path string) *tab {
	t.Helper()
	if testing.Short() {
		t.Skip("needs a browser")
	}
	root, err := browser()
	if err != nil {
		t.Skipf("no browser here: %v", err)
	}
	ctx, cancel := chromedp.NewContext(root)
	t.Cleanup(cancel)
	ctx, stop := context.WithTimeout(ctx, time.Minute)
	t.Cleanup(stop)
	b := &tab{T: t, ctx: ctx, site: newSite(t)}
	if err := chromedp.Do(ctx); err != nil {
		t.Fatal(err)
	}
	messages := chromedp.Console(ctx)
	go func() {
		for m, err := range messages {
			if err != nil {
				return // the tab is closed
			}
			if m.IsException() || strings.Contains(m.Text, "Content Security Policy") || strings.Contains(m.Text, "Trusted") {
				b.saw.Lock()
				b.problems = append(b.problems, m.Text)
				b.saw.Unlock()
			}
		}
	}()
	b.do(chromedp.Navigate(b.URL + path))
	eval[bool](b, `(window.loaded = 1, window.violations = [], document.addEventListener("securitypolicyviolation", e => violations.push(e.violatedDirective + " " + e.sample)), true)`)
	t.Cleanup(func() {
		b.saw.Lock()
		defer b.saw.Unlock()
		if len(b.problems) > 0 {
			t.Errorf("console: %q", b.problems)
		}
	})
	return b
}

func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		b.Fatal(err)
	}
}

func eval[T any](b *tab, expr string) T {
	b.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expr))
	if err != nil {
		b.Fatalf("%s: %v", expr, err)
	}
	return v
}

// wait returns once the expression is true in the page.
func (b *tab) wait(expr string) {
	b.Helper()
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if v, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](`!!(`+expr+`)`)); err == nil && v {
			return
		} else if time.Now().After(end) {
			b.Fatalf("never true: %s (err %v); page %s, title %s, focus %s", expr, err, eval[string](b, "location.href"), eval[string](b, "document.title"), eval[string](b, "document.activeElement.outerHTML.slice(0,200)"))
		}
	}
}

func (b *tab) click(css string) { b.Helper(); b.do(chromedp.Click(chromedp.CSS(css))) }
func (b *tab) key(k string)     { b.Helper(); b.do(chromedp.KeyEvent(k)) }

// here checks that the page was never loaded again, and that nothing broke the policy.
func (b *tab) here() {
	b.Helper()
	if !eval[bool](b, "window.loaded === 1") {
		b.Error("the page was loaded anew")
	}
	if v := eval[[]string](b, "window.violations ?? []"); len(v) > 0 {
		b.Errorf("policy violations: %q", v)
	}
}

func TestLinksSwapInPlace(t *testing.T) {
	b := open(t, "/list")
	eval[bool](b, `(document.getElementById("nav").kept = 1, document.querySelector("#main").scrollTop = 300, true)`)
	b.click("#r12 .row-link")
	b.wait(`document.title === "Message 12" && location.pathname === "/msg/12"`)
	if !eval[bool](b, `document.getElementById("nav").kept === 1`) {
		t.Error("the side was replaced, not morphed")
	}
	if got := eval[string](b, "document.activeElement.tagName"); got != "H1" {
		t.Errorf("focus is on %s, want the heading", got)
	}
	if got := eval[int](b, `document.querySelector("#main").scrollTop`); got != 0 {
		t.Errorf("a new page begins at %d, not at its top", got)
	}
	b.wait(`document.querySelector("iframe").clientHeight === 1234`)
	if title := eval[string](b, `document.querySelector("iframe").contentDocument.title`); title == "ran" {
		t.Error("a script ran in the letter")
	}
	b.do(chromedp.NavigateBack())
	b.wait(`document.title === "Inbox" && location.pathname === "/list"`)
	b.wait(`document.querySelector("#main").scrollTop === 300`)
	b.wait(`document.activeElement.matches("#r12 .row-link")`)
	b.do(chromedp.NavigateForward())
	b.wait(`document.title === "Message 12"`)
	if got := eval[string](b, `document.querySelector("link[rel=icon]").getAttribute("href")`); !strings.Contains(got, "/static/favicon.") {
		t.Errorf("icon is %s", got)
	}
	b.here()
}

func TestSameRegionsOnly(t *testing.T) {
	b := open(t, "/list")
	b.site.mu.Lock()
	b.site.ended = true
	b.site.mu.Unlock()
	b.click("#r0 .row-link")
	b.wait(`document.title === "Sign in" && !document.getElementById("nav")`)
	b.wait(`document.querySelector("[name=tz]").value !== ""`)
	b.here()
}

func TestErrorPagesAreShown(t *testing.T) {
	b := open(t, "/list")
	b.click("#fail")
	b.wait(`document.title === "Failed" && location.pathname === "/fail"`)
	b.click("#dark")
	b.wait(`document.documentElement.dataset.theme === "dark" && document.documentElement.dir === "rtl"`)
	b.click(".side-link")
	b.wait(`document.title === "Inbox" && !document.documentElement.dataset.theme && !document.documentElement.dir`)
	b.here()
}

func TestFilesAreLeftToTheBrowser(t *testing.T) {
	b := open(t, "/list")
	b.click("#file-link")
	for end := time.Now().Add(5 * time.Second); len(b.requests("GET /file")) < 2; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the browser was not sent to the file")
		}
	}
	if got := eval[string](b, "document.title"); got != "Inbox" {
		t.Errorf("title is %q, want the list to stay", got)
	}
	b.here()
}

func TestLastLinkWins(t *testing.T) {
	b := open(t, "/list")
	b.click("#slow")
	<-b.held
	b.click("#r3 .row-link")
	b.wait(`document.title === "Message 3"`)
	close(b.hold)
	b.click(".side-link")
	b.wait(`document.title === "Inbox"`)
	b.here()
}

func TestActionsKeepThePlace(t *testing.T) {
	b := open(t, "/list")
	eval[bool](b, `(document.querySelector("#main").scrollTop = 200, document.querySelector("#r8 .row-link").focus({preventScroll: true}), true)`)
	entries := eval[int](b, "history.length")
	b.key("e")
	b.wait(`!document.getElementById("r8") && document.querySelector(".toast span").textContent === "1 archived"`)
	b.wait(`document.activeElement.matches("#r9 .row-link")`)
	if got := eval[int](b, `document.querySelector("#main").scrollTop`); got != 200 {
		t.Errorf("scrolled to %d, want 200", got)
	}
	if got := eval[int](b, "history.length"); got != entries {
		t.Errorf("history grew from %d to %d", entries, got)
	}
	if n := eval[int](b, `document.querySelectorAll(".pick input:checked").length`); n != 0 {
		t.Errorf("%d boxes are ticked after a key acted on one row", n)
	}
	b.key("s")
	b.wait(`document.querySelector("#r9 .star").getAttribute("aria-pressed") === "true"`)
	b.wait(`document.documentElement.dataset.busy === undefined`)
	b.wait(`document.querySelector("#r9 .star").getAttribute("aria-pressed") === "true"`)
	b.here()
}

func TestUndoAfterTheToast(t *testing.T) {
	b := open(t, "/list")
	eval[bool](b, `(document.querySelector("#r8 .row-link").focus(), true)`)
	b.key("e")
	b.wait(`document.querySelector(".toast")`)
	b.click(".toast .x")
	b.wait(`document.querySelector(".toast").hidden`)
	if got := b.requests("POST"); len(got) != 1 {
		t.Errorf("dismissing told the server: %q", got)
	}
	b.click("#r9 .row-link")
	b.wait(`document.title === "Message 9"`)
	b.key("u")
	b.wait(`document.title === "Inbox" && document.activeElement.matches("#r9 .row-link")`)
	b.key("z")
	b.wait(`document.getElementById("r8") && document.querySelector(".toast:not([hidden]) span").textContent === "Undone"`)
	b.here()
}

func TestListKeys(t *testing.T) {
	b := open(t, "/list")
	for range 3 {
		b.key("j")
	}
	b.key("k")
	b.wait(`document.activeElement.matches("#r1 .row-link")`)
	b.key("x")
	b.wait(`document.querySelector("[data-selected-count]").textContent === "1 selected" && document.querySelector(".pick-all").indeterminate`)
	b.key("j")
	b.key("j")
	b.do(chromedp.KeyEvent("X", chromedp.KeyModifiers(8)))
	b.wait(`document.querySelectorAll(".pick input:checked").length === 3`)
	b.key("*")
	b.key("u")
	b.wait(`document.querySelectorAll(".pick input:checked").length === 20 && [...document.querySelectorAll(".pick input:checked")].every(b => b.closest(".is-unread"))`)
	b.key(kb.Escape)
	b.wait(`document.querySelectorAll(".pick input:checked").length === 0 && document.querySelector("[data-selected-count]").textContent === ""`)
	b.key("*")
	b.key("a")
	b.wait(`document.querySelector(".pick-all").checked`)
	b.key("e")
	b.wait(`document.querySelectorAll(".row").length === 0 && document.querySelector(".toast span").textContent === "40 archived"`)
	b.key("/")
	b.wait(`document.activeElement.id === "q"`)
	b.key("c") // written, not pressed
	b.wait(`document.getElementById("q").value.endsWith("c")`)
	eval[bool](b, `(document.activeElement.blur(), true)`)
	b.key("g")
	b.key("i")
	b.wait(`document.title === "Inbox" && document.activeElement.id !== "q"`)
	b.key("?")
	b.wait(`document.querySelector("#keys").matches(":popover-open")`)
	b.key("c")
	if got := eval[string](b, "document.title"); got != "Inbox" {
		t.Error("a key reached the page under an open window")
	}
	b.key(kb.Escape)
	b.wait(`!document.querySelector("#keys").matches(":popover-open")`)
	b.key("c")
	b.wait(`document.title === "New message"`)
	b.here()
}

func TestListMouse(t *testing.T) {
	b := open(t, "/list")
	eval[bool](b, `(document.querySelector("#r2 .check").click(), true)`)
	eval[bool](b, `(document.querySelector("#r6 .check").dispatchEvent(new MouseEvent("click", {bubbles: true, cancelable: true, shiftKey: true})), true)`)
	b.wait(`document.querySelectorAll(".pick input:checked").length === 5`)
	b.click("#states summary")
	b.wait(`document.querySelector("#states").open`)
	b.key(kb.Escape)
	b.wait(`!document.querySelector("#states").open && document.activeElement.matches("#states summary")`)
	b.click("#states summary")
	b.key(kb.ArrowDown)
	b.wait(`document.activeElement.dataset.select === "unread"`)
	b.click("[data-select=unread]")
	b.wait(`!document.querySelector("#states").open && document.querySelectorAll(".pick input:checked").length === 20`)
	b.click(".pick-all")
	b.here()
	// ticks come back with the page
	b.click("#r3 .row-link")
	b.wait(`document.title === "Message 3"`)
	n := len(b.requests("GET /list"))
	b.do(chromedp.NavigateBack())
	b.wait(`document.title === "Inbox"`)
	if got := len(b.requests("GET /list")); got != n+1 {
		t.Errorf("going back asked for the list %d times, want once", got-n)
	}
	if got := eval[[]string](b, `[document.querySelectorAll(".pick input:checked").length + "", document.querySelector("[data-selected-count]").textContent]`); !slices.Equal(got, []string{"40", "40 selected"}) {
		t.Errorf("ticks after going back: %q", got)
	}
}

func TestComposer(t *testing.T) {
	b := open(t, "/compose")
	b.wait(`!document.querySelector("#editor").hidden && document.querySelector("#text").hidden && document.querySelector("[name=mode]").value === "html"`)

	// refused: the words stay and the focus goes to what is wrong
	b.click("#editor")
	b.do(chromedp.SendKeys(chromedp.CSS("#editor"), " there"))
	b.do(chromedp.KeyEvent(kb.Enter, chromedp.KeyModifiers(2)))
	b.wait(`document.activeElement.matches("#to[aria-invalid=true]") && location.pathname === "/compose"`)
	sent := b.requests("POST /compose")
	if len(sent) != 1 || !strings.Contains(sent[0], "mode=html") || !strings.Contains(sent[0], "there") || !strings.Contains(sent[0], "do=send") {
		t.Fatalf("sent %q", sent)
	}

	// lists of people
	eval[bool](b, `(() => { const d = new DataTransfer(); d.setData("text/plain", "a@b.c\n\"Doe; J\" <j@d.e>;x@y.z"); document.querySelector("#to").dispatchEvent(new ClipboardEvent("paste", {clipboardData: d, bubbles: true, cancelable: true})); return true })()`)
	b.wait(`document.querySelector("#to").value === 'a@b.c, "Doe; J" <j@d.e>, x@y.z'`)

	// files
	dir := t.TempDir()
	small, large := dir+"/naïve.txt", dir+"/large.bin"
	writeFile(t, small, 100)
	writeFile(t, large, 2000)
	b.do(chromedp.SetUploadFiles(chromedp.CSS("#file"), []string{large, small}))
	b.wait(`document.querySelector("#uploads li.is-bad .size")?.textContent === "Too large" && document.querySelector("#draft").value === "d7" && [...document.querySelectorAll("#uploads .size")].some(s => s.textContent === "100 bytes")`)

	// leaving saves
	b.click(".side-link")
	b.wait(`document.title === "Inbox"`)
	posts := b.requests("POST /compose")
	if len(posts) != 2 || !strings.Contains(posts[1], "do=save") {
		t.Errorf("leaving a changed letter sent %q", posts)
	}
	b.here()
}

func TestComposerPlain(t *testing.T) {
	b := open(t, "/compose")
	b.wait(`!document.querySelector("#editor").hidden`)
	b.click("#editor")
	b.do(chromedp.KeyEvent("a", chromedp.KeyModifiers(2)))
	b.click("#bold")
	b.wait(`document.querySelector("#editor b")?.textContent === "Hello" && document.querySelector("#bold").getAttribute("aria-pressed") === "true"`)
	b.click("#plain")
	b.wait(`!document.querySelector("#text").hidden && document.querySelector("#text").value === "Hello\n" && document.querySelector("[name=mode]").value === "text"`)
	b.do(chromedp.SendKeys(chromedp.CSS("#to"), "a@b.c"))
	b.click("#send")
	b.wait(`document.title === "Inbox" && document.querySelector(".toast span").textContent === "Sent"`)
	b.here()
}

func TestSessionEndsUnderTheComposer(t *testing.T) {
	b := open(t, "/compose")
	b.wait(`!document.querySelector("#editor").hidden`)
	b.do(chromedp.SendKeys(chromedp.CSS("#to"), "a@b.c"))
	b.site.mu.Lock()
	b.site.ended = true
	b.site.mu.Unlock()
	b.click("#send")
	b.wait(`document.title === "Sign in" && document.querySelector("[name=keep]").value === "Hello"`)
	b.here()
}

func TestServerGone(t *testing.T) {
	b := open(t, "/list")
	b.CloseClientConnections()
	b.Close()
	b.click("#r0 .row-link")
	b.wait(`!document.getElementById("lost").hidden`)
	if got := eval[string](b, "document.title"); got != "Inbox" {
		t.Errorf("title is %q, want the page to stay", got)
	}
	b.here()
}
