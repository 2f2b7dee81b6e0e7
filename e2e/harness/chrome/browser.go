// Package chrome drives Chromium as a person does: elements are found by the role
// and name that assistive technology is told, and clicked where they are on
// screen. Every tab watches for what a page must not do.
package chrome

import (
	"context"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"

	"postern/e2e/harness"
)

// started is the browser of a test package; each tab has a profile of its own.
var started struct {
	sync.Mutex
	ctx context.Context
}

func browser(tb testing.TB) context.Context {
	tb.Helper()
	path := harness.NeedProgram(tb, "chromium")
	started.Lock()
	defer started.Unlock()
	if started.ctx != nil {
		return started.ctx
	}
	// No name is looked up but the loopback's: whatever a page asks for elsewhere
	// fails here, and the tab reports it.
	ctx, stop := chromedp.NewExecAllocator(context.Background(), chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.Headless, chromedp.DisableGPU,
		chromedp.WindowSize(1280, 800), chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1"),
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("force-color-profile", "srgb"),
		// A mouse, which a browser without a window does not claim to have.
		chromedp.Flag("blink-settings", "primaryHoverType=2,availableHoverTypes=2,primaryPointerType=4,availablePointerTypes=4"))
	ctx, closeBrowser := chromedp.NewContext(ctx)
	if err := chromedp.Do(ctx); err != nil {
		closeBrowser()
		stop()
		tb.Fatalf("start chromium: %v", err)
	}
	harness.AfterAll(func() { closeBrowser(); stop() })
	started.ctx = ctx
	return ctx
}
