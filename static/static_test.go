package static_test

import (
	"compress/gzip"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"

	"postern/static"
)

func writeFile(t *testing.T, name string, size int) {
	t.Helper()
	if err := os.WriteFile(name, make([]byte, size), 0o600); err != nil {
		t.Fatal(err)
	}
}

func get(t *testing.T, url string, header ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	static.Handler().ServeHTTP(w, r)
	return w.Result()
}

func TestServe(t *testing.T) {
	css := static.URL("app.css")
	tests := []struct {
		name, url, accept string
		status            int
		encoding, kind    string
	}{
		{"brotli first", css, "gzip, deflate, br, zstd", 200, "br", "text/css; charset=utf-8"},
		{"gzip", css, "gzip", 200, "gzip", "text/css; charset=utf-8"},
		{"brotli refused", css, "br;q=0, gzip;q=0.5", 200, "gzip", "text/css; charset=utf-8"},
		{"plain", css, "", 200, "", "text/css; charset=utf-8"},
		{"wildcard", css, "*", 200, "", "text/css; charset=utf-8"},
		{"nonsense", css, "br;q=x,,;;=", 200, "", "text/css; charset=utf-8"},
		{"font", static.URL("plex-sans-latin.woff2"), "br", 200, "", "font/woff2"},
		{"script", static.URL("app.js"), "br", 200, "br", "text/javascript; charset=utf-8"},
		{"below a base path", "/base" + css, "", 200, "", "text/css; charset=utf-8"},
		{"prefix stripped", strings.TrimPrefix(css, "/static"), "", 200, "", "text/css; charset=utf-8"},
		{"no hash", "/static/app.css", "", 404, "", ""},
		{"packed by name", css + ".br", "", 404, "", ""},
		{"above", "/static/../static.go", "", 404, "", ""},
		{"folder", "/static/", "", 404, "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			res := get(t, tt.url, "Accept-Encoding", tt.accept)
			if res.StatusCode != tt.status {
				t.Fatalf("status %d, want %d", res.StatusCode, tt.status)
			}
			if tt.status != 200 {
				return
			}
			if got := res.Header.Get("Content-Encoding"); got != tt.encoding {
				t.Errorf("encoding %q, want %q", got, tt.encoding)
			}
			if got := res.Header.Get("Content-Type"); got != tt.kind {
				t.Errorf("type %q, want %q", got, tt.kind)
			}
			for name, want := range map[string]string{"Cache-Control": "immutable", "X-Content-Type-Options": "nosniff", "ETag": `"`} {
				if !strings.Contains(res.Header.Get(name), want) {
					t.Errorf("%s: %q, want %q in it", name, res.Header.Get(name), want)
				}
			}
			again := get(t, tt.url, "Accept-Encoding", tt.accept, "If-None-Match", res.Header.Get("ETag"))
			if again.StatusCode != http.StatusNotModified {
				t.Errorf("asked again: %d, want 304", again.StatusCode)
			}
		})
	}
}

func TestMethods(t *testing.T) {
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, static.URL("app.css"), nil)
	w := httptest.NewRecorder()
	static.Handler().ServeHTTP(w, r)
	if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET, HEAD" {
		t.Errorf("POST: %d, Allow %q", w.Code, w.Header().Get("Allow"))
	}
	r = httptest.NewRequestWithContext(t.Context(), http.MethodHead, static.URL("app.css"), nil)
	w = httptest.NewRecorder()
	static.Handler().ServeHTTP(w, r)
	if w.Code != http.StatusOK || w.Body.Len() != 0 || w.Header().Get("Content-Length") == "0" {
		t.Errorf("HEAD: %d, %d bytes, length %s", w.Code, w.Body.Len(), w.Header().Get("Content-Length"))
	}
}

// TestBudget holds what a first visit loads besides the page itself: at most
// 60 KB of script and 116 KB in all (docs/architecture.md), latin font included.
func TestBudget(t *testing.T) {
	size := func(name string) int {
		body, err := io.ReadAll(get(t, static.URL(name), "Accept-Encoding", "gzip").Body)
		if err != nil {
			t.Fatal(err)
		}
		return len(body)
	}
	script := size("app.js")
	all := script + size("app.css") + size("icons.svg") + size("favicon.svg") + size("plex-sans-latin.woff2")
	t.Logf("script %d bytes, all %d bytes", script, all)
	if script > 60_000 || all > 116_000 {
		t.Errorf("script %d bytes of 60000, all %d of 116000", script, all)
	}
}

// TestStyleSheet holds what the style sheet may load and name.
func TestStyleSheet(t *testing.T) {
	z, err := gzip.NewReader(get(t, static.URL("app.css"), "Accept-Encoding", "gzip").Body)
	if err != nil {
		t.Fatal(err)
	}
	css, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`url\("?([^")]*)"?\)`).FindAllSubmatch(css, -1) {
		name, ok := strings.CutPrefix(string(m[1]), "./")
		if !ok || get(t, "/static/"+name).StatusCode != http.StatusOK {
			t.Errorf("the style sheet names %s, which is not there", m[1])
		}
	}
	for _, bad := range []string{"@import", "http:", "https:", "expression("} {
		if strings.Contains(string(css), bad) {
			t.Errorf("%s in the style sheet", bad)
		}
	}
}

// TestNoStrayTokens finds names of tokens that nothing defines.
func TestNoStrayTokens(t *testing.T) {
	defined, used := map[string]bool{}, map[string]string{}
	def := regexp.MustCompile(`(--[a-z0-9-]+)\s*:`)
	use := regexp.MustCompile(`var\((--[a-z0-9-]+)\)`)
	files, err := fs.Glob(os.DirFS("css"), "*.css")
	if err != nil || len(files) == 0 {
		t.Fatal("no style sheets", err)
	}
	for _, name := range files {
		src, err := os.ReadFile("css/" + name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range def.FindAllSubmatch(src, -1) {
			defined[string(m[1])] = true
		}
		for _, m := range use.FindAllSubmatch(src, -1) {
			used[string(m[1])] = name
		}
	}
	for token, name := range used {
		if !defined[token] {
			t.Errorf("%s uses %s, which nothing defines", name, token)
		}
	}
}

func TestUnknownName(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("URL of an unknown name did not panic")
		}
	}()
	static.URL("app.exe")
}

func FuzzServe(f *testing.F) {
	f.Add("/static/app.css", "br", `"x"`)
	f.Fuzz(func(t *testing.T, path, accept, tag string) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		r.URL.Path = path
		r.Header.Set("Accept-Encoding", accept)
		r.Header.Set("If-None-Match", tag)
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if w.Code != 200 && w.Code != 304 && w.Code != 404 {
			t.Errorf("status %d", w.Code)
		}
	})
}

var handler = static.Handler()
