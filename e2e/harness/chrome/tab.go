package chrome

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// patience is how long something on a page may take to come.
const patience = 40 * time.Second

// tabTime is how long a tab may be used in all.
const tabTime = 10 * time.Minute

// loadTime is how long a page may take to load.
const loadTime = 90 * time.Second

// Tab is one page of Chromium with a profile of its own. Its methods end the test
// when what they wait for does not come.
type Tab struct {
	Base string // where the program is

	tb     testing.TB // whose test it is
	opened testing.TB
	ctx    context.Context

	mu       sync.Mutex
	problems []string
	excused  []string
	held     int // how often a page asked whether to leave it
}

// Option sets up a tab before its first page.
type Option func(*Tab)

// Size is the window's size in CSS pixels; a narrow one is a phone's.
func Size(width, height int64) Option {
	return func(t *Tab) { t.Resize(width, height) }
}

// WithoutScripts turns the page's scripts off.
func WithoutScripts(t *Tab) {
	call(t, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
}

// Open is a new tab, with nothing in it yet. When the test ends it fails if a page
// wrote an error to the console, broke its own policy or asked another site.
func Open(tb testing.TB, base string, opts ...Option) *Tab {
	tb.Helper()
	root := browser(tb)
	ctx, cancel := chromedp.NewContext(root, chromedp.WithNewBrowserContext())
	tb.Cleanup(cancel)
	ctx, stop := context.WithTimeout(ctx, tabTime)
	tb.Cleanup(stop)
	t := &Tab{Base: base, tb: tb, opened: tb, ctx: ctx}
	if err := chromedp.Listen(ctx, t.watch); err != nil {
		tb.Fatal(err)
	}
	for _, o := range opts {
		o(t)
	}
	tb.Cleanup(func() {
		for _, p := range t.Problems() {
			tb.Errorf("the page did what it must not: %s", p)
		}
	})
	return t
}

// In has failures belong to a test below the one the tab was opened in, and to that
// one again when sub is nil; what pages did wrong meanwhile is sub's.
func (t *Tab) In(sub testing.TB) {
	if sub == nil {
		for _, p := range t.Problems() {
			t.tb.Errorf("the page did what it must not: %s", p)
		}
		t.mu.Lock()
		t.problems = nil
		t.mu.Unlock()
		t.tb = t.opened
		return
	}
	t.tb = sub
}

// watch notes what a page must not do.
func (t *Tab) watch(ev any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch ev := ev.(type) {
	case *runtime.EventExceptionThrown:
		text := ev.ExceptionDetails.Text
		if e := ev.ExceptionDetails.Exception; e != nil {
			text += " " + e.Description
		}
		t.problems = append(t.problems, "exception "+text)
	case *runtime.EventConsoleAPICalled:
		if ev.Type == runtime.ConsoleAPICalledTypeError || ev.Type == runtime.ConsoleAPICalledTypeWarning {
			var args []string
			for _, a := range ev.Args {
				args = append(args, string(a.Value)+a.Description)
			}
			t.problems = append(t.problems, "console "+strings.Join(args, " "))
		}
	case *log.EventEntryAdded:
		e := ev.Entry
		// An answer that is an error page is told to the person; the browser notes it too.
		if e.Level == log.EntryLevelError && !strings.Contains(e.Text, "responded with a status of") || e.Source == log.EntrySourceSecurity {
			t.problems = append(t.problems, fmt.Sprintf("%s: %s (%s)", e.Source, e.Text, e.URL))
		}
	case *network.EventRequestWillBeSent:
		u, err := url.Parse(ev.Request.URL)
		if err == nil && (u.Scheme == "data" || u.Scheme == "blob" || u.Scheme == "about") {
			return
		}
		base, _ := url.Parse(t.Base)
		if err != nil || u.Host != base.Host {
			t.problems = append(t.problems, "request to another site: "+ev.Request.URL)
		}
	case *network.EventWebSocketCreated:
		t.problems = append(t.problems, "socket to "+ev.URL)
	case *page.EventJavascriptDialogOpening:
		if ev.Type == page.DialogTypeBeforeunload {
			t.held++ // the page asks whether to leave unsaved words; the test leaves
		} else {
			t.problems = append(t.problems, "dialog "+ev.Message)
		}
		go func() { // not from here: this is the loop that reads the browser's answers
			_, _ = chromedp.Call(t.ctx, page.HandleJavaScriptDialog, page.HandleJavaScriptDialogParams{Accept: true})
		}()
	}
}

// Problems are what pages did that they must not, those excused left out.
func (t *Tab) Problems() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(t.problems), func(p string) bool {
		return slices.ContainsFunc(t.excused, func(e string) bool { return strings.Contains(p, e) })
	})
}

// Held is how often a page asked whether it may be left, for the words on it.
func (t *Tab) Held() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.held
}

// Excuse forgives problems that contain s: those the test brings about itself.
func (t *Tab) Excuse(s string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.excused = append(t.excused, s)
}

// Do runs steps of chromedp.
func (t *Tab) Do(steps ...chromedp.Action[chromedp.Void]) {
	t.tb.Helper()
	if err := chromedp.Do(t.ctx, steps...); err != nil {
		t.tb.Fatal(err)
	}
}

// Go opens an address; a path is the program's.
func (t *Tab) Go(addr string) {
	t.tb.Helper()
	if strings.HasPrefix(addr, "/") {
		addr = t.Base + addr
	}
	ctx, cancel := context.WithTimeout(t.ctx, loadTime)
	defer cancel()
	if err := chromedp.Do(ctx, chromedp.Navigate(addr)); err != nil {
		t.tb.Fatalf("open %s: %v", addr, err)
	}
	t.Settled()
}

// Back and Forward are the browser's buttons.
func (t *Tab) Back() { t.tb.Helper(); t.Do(chromedp.NavigateBack()) }

// Forward is Back's other way.
func (t *Tab) Forward() { t.tb.Helper(); t.Do(chromedp.NavigateForward()) }

// Resize changes the size of the window. Below 700 pixels it is a phone.
func (t *Tab) Resize(width, height int64) {
	t.tb.Helper()
	call(t, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: width, Height: height, DeviceScaleFactor: 1, Mobile: width < 700})
}

// Dark makes the system's colour scheme dark or light, and keeps things still.
func (t *Tab) Dark(dark bool) {
	t.tb.Helper()
	scheme := "light"
	if dark {
		scheme = "dark"
	}
	call(t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}}})
}

// Eval is the value of an expression in the page.
func Eval[T any](t *Tab, expr string) T {
	t.tb.Helper()
	v, err := chromedp.Run(t.ctx, chromedp.Evaluate[T](expr, chromedp.EvalAwaitPromise))
	if err != nil {
		t.tb.Fatalf("%s: %v", expr, err)
	}
	return v
}

// Wait returns once an expression is true in the page.
func (t *Tab) Wait(expr string) {
	t.tb.Helper()
	t.until(func() (bool, string) {
		ok, err := chromedp.Run(t.ctx, chromedp.Evaluate[bool](`!!(`+expr+`)`))
		return ok && err == nil, fmt.Sprintf("never true: %s (%v)", expr, err)
	})
}

// Settled returns once the page is whole and no other is on its way.
func (t *Tab) Settled() {
	t.tb.Helper()
	t.Wait(`document.readyState === "complete" && !("busy" in document.documentElement.dataset) && !document.querySelector("[aria-busy=true]")`)
}

// until tries f until it is true; what it says last is the reason of the failure.
func (t *Tab) until(f func() (bool, string)) {
	t.tb.Helper()
	for end := time.Now().Add(patience); ; {
		ok, why := f()
		if ok {
			return
		}
		if time.Now().After(end) || t.ctx.Err() != nil {
			t.tb.Fatalf("%s\n%s", why, t.describe())
		}
		select { // between looks at the page, so that it has the processor
		case <-time.After(15 * time.Millisecond):
		case <-t.ctx.Done():
		}
	}
}

// describe is the page as a failed test shows it.
func (t *Tab) describe() string {
	s, err := chromedp.Run(t.ctx, chromedp.Evaluate[string](`location.href + "\ntitle " + document.title + "\nfocus " +
		(document.activeElement?.outerHTML ?? "").slice(0, 200) + "\n" + (document.querySelector(".toasts")?.innerText ?? "") + "\n" +
		(document.querySelector("main") ?? document.body).innerText.slice(0, 1500)`))
	if err != nil {
		return err.Error()
	}
	return s
}
