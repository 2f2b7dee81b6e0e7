package remote

import (
	"encoding/json"
	"html"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

var srcAttr = regexp.MustCompile(`src="([^"]*)"`)

// TestCorpus fetches what the shared corpus has against image proxies
// (POSTERN_CORPUS, or shared/corpus beside the checkout): nothing comes back, and
// nothing inside is touched. "leak.test" is a server that does its worst.
func TestCorpus(t *testing.T) {
	dir := os.Getenv("POSTERN_CORPUS")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "corpus")
	}
	b, err := os.ReadFile(filepath.Join(dir, "leaks", "matrix.json"))
	if err != nil && os.Getenv("CI") == "true" {
		t.Fatal(err)
	}
	if err != nil {
		t.Skipf("no corpus here (POSTERN_CORPUS names it): %v", err)
	}
	var matrix []struct{ ID, Group, HTML string }
	if err := json.Unmarshal(b, &matrix); err != nil {
		t.Fatal(err)
	}
	inside := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(pngBytes(1, 1)) })
	evil := serve(t, worst(inside))
	f := open(t, Options{
		Allow: allow(evil), Timeout: 2 * time.Second,
		Resolver: names(t, map[string][]string{"leak.test": {"127.0.0.1"}, "127.0.0.1.nip.io": {"127.0.0.1"}, "metadata.google.internal": {"169.254.169.254"}}),
	})
	n := 0
	for _, e := range matrix {
		m := srcAttr.FindStringSubmatch(e.HTML)
		if e.Group != "proxy-ssrf" || m == nil {
			continue
		}
		n++
		raw := html.UnescapeString(m[1])
		// The server of leak.test is at a port of its own here.
		if rest, ok := strings.CutPrefix(raw, "http://leak.test/"); ok {
			raw = "http://leak.test:" + strconv.Itoa(int(evil.at.Port())) + "/" + rest
		}
		img, err := f.Image(t.Context(), "a", raw)
		if err == nil || img.Body != nil {
			t.Errorf("%s: %s gave %s", e.ID, raw, img.Type)
		}
	}
	if n < 40 {
		t.Errorf("only %d entries", n)
	}
	if inside.hits.Load() != 0 || evil.hits.Load() == 0 {
		t.Errorf("%d requests inside, %d at the evil server", inside.hits.Load(), evil.hits.Load())
	}
}

// worst is what leak.test answers.
func worst(inside *site) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/redirect-to":
			w.Header().Set("Location", inside.URL)
			w.WriteHeader(http.StatusFound)
		case "/redirect-loop":
			http.Redirect(w, r, "/redirect-loop", http.StatusFound)
		case "/slow-1-byte-a-second":
			_, _ = w.Write(pngBytes(1, 1)[:30])
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		case "/10GB.png":
			_, _ = w.Write(pngBytes(1, 1))
			endless(w)
		case "/gzip-bomb.png":
			w.Header().Set("Content-Encoding", "gzip")
			bomb(w)
		case "/svg-with-script.svg":
			_, _ = w.Write([]byte(`<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`))
		default:
			w.Header().Set("Content-Type", "image/png")
			_, _ = w.Write([]byte("<!doctype html><script>alert(1)</script>"))
		}
	}
}
