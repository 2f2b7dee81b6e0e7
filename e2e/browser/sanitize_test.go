package browser

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/debugger"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"golang.org/x/net/html"

	"postern/mailproxy/sanitize"
)

// sanitizeCase is a source to sanitise and to open.
type sanitizeCase struct{ ID, HTML string }

// sanitizeCases reads the attacks and the leaks of the corpus.
func sanitizeCases(t *testing.T) []sanitizeCase {
	dir := os.Getenv("POSTERN_CORPUS")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "corpus")
	}
	var all []sanitizeCase
	for _, name := range []string{"xss/xss.json", "leaks/matrix.json"} {
		b, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
		if err != nil {
			if os.Getenv("CI") == "true" {
				t.Fatalf("corpus: %v", err)
			}
			t.Skipf("no corpus here (POSTERN_CORPUS names it): %v", err)
		}
		var cases []sanitizeCase
		if err := json.Unmarshal(b, &cases); err != nil {
			t.Fatal(err)
		}
		all = append(all, cases...)
	}
	return all
}

// TestSanitizerAlone opens what the sanitiser makes of the corpus in Chromium
// with the other two walls down: scripts allowed, no policy, no sandbox. No
// script is compiled, nothing is asked for or navigated to, no dialog opens, and
// the browser reads the tree that was written.
func TestSanitizerAlone(t *testing.T) {
	t.Parallel()
	path, err := exec.LookPath("chromium")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip("no chromium here")
	}
	cases := sanitizeCases(t)
	docs := map[string]string{}
	for _, c := range cases {
		d, _ := sanitize.HTML(c.HTML, sanitize.Options{})
		docs["/"+c.ID] = d.String()
	}
	// One that must be noticed, so that silence means something.
	docs["/canary"] = `<!doctype html><body onload="1"><script>1</script><img src="/asked">`
	// They are opened in frames of the same origin, many at a time.
	for ids := range slices.Chunk(cases, 50) {
		var b strings.Builder
		b.WriteString("<!doctype html><body>")
		for _, c := range ids {
			b.WriteString(`<iframe src="/` + c.ID + `"></iframe>`)
		}
		docs["/all-"+ids[0].ID] = b.String()
	}
	docs["/all-canary"] = `<!doctype html><body><iframe src="/canary"></iframe>`
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d, ok := docs[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, d)
	}))
	defer srv.Close()

	opts := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]), chromedp.ExecPath(path), chromedp.NoSandbox,
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"))
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), opts...)
	defer cancel()
	ctx, cancel = chromedp.NewContext(ctx)
	defer cancel()

	var mu sync.Mutex
	var known []string // paths of the documents being opened
	var alarms []string
	dialogs := make(chan struct{}, 64)
	err = chromedp.Listen(ctx, func(ev any) {
		mu.Lock()
		defer mu.Unlock()
		switch ev := ev.(type) {
		case *page.EventJavascriptDialogOpening:
			alarms = append(alarms, "dialog "+ev.Message)
			select {
			case dialogs <- struct{}{}:
			default:
			}
		case *debugger.EventScriptParsed:
			if strings.HasPrefix(ev.URL, srv.URL) {
				alarms = append(alarms, "script in "+ev.URL)
			}
		case *network.EventRequestWillBeSent:
			path, ours := strings.CutPrefix(ev.Request.URL, srv.URL)
			if !(ours && (slices.Contains(known, path) || path == "/favicon.ico")) && !strings.HasPrefix(ev.Request.URL, "data:") {
				alarms = append(alarms, "request for "+ev.Request.URL+" by "+ev.DocumentURL)
			}
		case *page.EventWindowOpen:
			alarms = append(alarms, "window "+ev.URL)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for range dialogs {
			_, _ = chromedp.Call(ctx, page.HandleJavaScriptDialog, page.HandleJavaScriptDialogParams{Accept: true})
		}
	}()
	defer close(dialogs)
	if _, err := chromedp.Call(ctx, network.Enable, network.EnableParams{}); err != nil {
		t.Fatal(err)
	}
	if _, err := chromedp.Call(ctx, debugger.Enable, debugger.EnableParams{}); err != nil {
		t.Fatal(err)
	}
	type frame struct{ Path, Body string }
	open := func(first string, ids ...string) (frames []frame, seen []string) {
		top := "/all-" + first
		mu.Lock()
		known, alarms = append([]string{top}, ids...), nil
		mu.Unlock()
		ctx, cancel := context.WithTimeout(ctx, time.Minute)
		defer cancel()
		if err := chromedp.Do(ctx, chromedp.Navigate(srv.URL+top)); err != nil {
			t.Fatalf("%s: %v", first, err)
		}
		frames, err := chromedp.Run(ctx, chromedp.Evaluate[[]frame](`[...document.querySelectorAll("iframe")].map(f =>
			({Path: f.contentWindow.location.pathname, Body: f.contentDocument.body.outerHTML}))`))
		if err != nil {
			t.Fatalf("%s: %v", first, err)
		}
		at, err := chromedp.Run(ctx, chromedp.Location())
		if err != nil {
			t.Fatalf("%s: %v", first, err)
		}
		mu.Lock()
		defer mu.Unlock()
		if at != srv.URL+top {
			alarms = append(alarms, "went to "+at)
		}
		return frames, alarms
	}
	if _, seen := open("canary", "/canary"); len(seen) < 3 {
		t.Fatalf("the canary was noticed only by %q", seen)
	}
	for chunk := range slices.Chunk(cases, 50) {
		var ids []string
		for _, c := range chunk {
			ids = append(ids, "/"+c.ID)
		}
		frames, seen := open(chunk[0].ID, ids...)
		for _, s := range seen {
			t.Error(s)
		}
		if len(frames) != len(chunk) {
			t.Fatalf("%s: %d frames of %d", chunk[0].ID, len(frames), len(chunk))
		}
		for i, f := range frames {
			if f.Path != ids[i] {
				t.Errorf("%s went to %s", ids[i], f.Path)
			}
			if got, want := sanitizeTree(t, f.Body), sanitizeTree(t, docs[ids[i]]); got != want {
				t.Errorf("%s: Chromium reads\n%s\nwritten\n%s", ids[i], got, want)
			}
		}
	}
}

// sanitizeTree describes the body of a document.
func sanitizeTree(t *testing.T, src string) string {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(src))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	var walk func(*html.Node)
	walk = func(n *html.Node) {
		if n.Type == html.TextNode {
			fmt.Fprintf(&b, "%q ", n.Data)
			return
		}
		b.WriteString("(" + n.Data)
		var attrs []string
		for _, a := range n.Attr {
			attrs = append(attrs, fmt.Sprintf(" %s=%q", a.Key, a.Val))
		}
		slices.Sort(attrs)
		b.WriteString(strings.Join(attrs, "") + " ")
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			walk(c)
		}
		b.WriteString(")")
	}
	for n := range doc.Descendants() {
		if n.Type == html.ElementNode && n.Data == "body" {
			walk(n)
			break
		}
	}
	return b.String()
}
