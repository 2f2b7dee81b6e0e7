package web

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"

	"postern/mailproxy/mail"
	"postern/store"
	"postern/templates/link"
)

// site is a Web with a few pages of its own behind the whole chain.
type site struct {
	*Web
	h   http.Handler
	now time.Time
	log bytes.Buffer
	dir string
}

func newSite(t *testing.T, opt Options) *site {
	t.Helper()
	s := &site{now: time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC), dir: t.TempDir()}
	clock := func() time.Time { return s.now }
	st, err := store.Open(t.Context(), store.Options{Dir: s.dir, Key: [32]byte{1}, Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	opt.Store, opt.Key, opt.Now = st, [32]byte{1}, clock
	opt.Log = slog.New(slog.NewTextHandler(&s.log, nil))
	if opt.TrustedProxies == nil {
		opt.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
	}
	s.Web = New(opt)
	s.SetErrorPage(func(w http.ResponseWriter, r *http.Request, e ErrorInfo) {
		w.WriteHeader(e.Status)
		_, _ = io.WriteString(w, e.Msg+" ref="+e.Ref)
	})
	r := chi.NewRouter()
	r.Use(s.Middleware()...)
	r.Post("/in", func(w http.ResponseWriter, r *http.Request) {
		err := s.SignIn(w, r, Session{AccountID: "acct", Stay: r.FormValue("stay") != "", Credentials: Secret{Login: "mira", Password: "hunter2-secret"}})
		if err != nil {
			s.Fail(w, r, err)
		}
	})
	r.Post("/out", func(w http.ResponseWriter, r *http.Request) {
		if err := s.SignOut(w, r); err != nil {
			s.Fail(w, r, err)
		}
	})
	r.Get("/who", func(w http.ResponseWriter, r *http.Request) {
		who := "nobody"
		if c := Current(r); c != nil {
			who = c.Credentials.Login + " " + c.Credentials.Mail().Password
		}
		_, _ = io.WriteString(w, who)
	})
	r.Get("/addr", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, ClientAddr(r.Context()).String())
	})
	r.Post("/toast", func(w http.ResponseWriter, r *http.Request) {
		s.SetToast(w, r, Toast{Text: "3 conversations archived", Undo: "token"})
	})
	r.Get("/toast", func(w http.ResponseWriter, r *http.Request) {
		t, ok := s.TakeToast(w, r)
		if ok {
			_, _ = io.WriteString(w, t.Text+" "+t.Undo)
		}
	})
	r.Post("/form", func(w http.ResponseWriter, r *http.Request) {
		if err := s.ParseForm(w, r); err != nil {
			s.Fail(w, r, err)
		}
	})
	r.Get("/fail", func(w http.ResponseWriter, r *http.Request) {
		s.Fail(w, r, mail.Wrap(mail.Unavailable, errors.New("dial tcp: inner words"), "The mail server did not answer."))
	})
	r.Get("/panic", func(http.ResponseWriter, *http.Request) { panic("inner words") })
	s.h = r
	return s
}

// browser keeps cookies as one does.
type browser struct {
	s       *site
	cookies map[string]*http.Cookie
	header  http.Header
	peer    string
}

func (s *site) browser() *browser {
	return &browser{s: s, cookies: map[string]*http.Cookie{}, header: http.Header{}, peer: "203.0.113.5:1234"}
}

func (b *browser) do(t *testing.T, method, path string, form url.Values) *http.Response {
	t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(form.Encode()))
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for k, v := range b.header {
		r.Header[k] = v
	}
	r.RemoteAddr = b.peer
	for _, c := range b.cookies {
		r.AddCookie(c)
	}
	rec := httptest.NewRecorder()
	b.s.h.ServeHTTP(rec, r)
	resp := rec.Result()
	for _, c := range resp.Cookies() {
		if c.MaxAge < 0 {
			delete(b.cookies, c.Name)
		} else {
			b.cookies[c.Name] = c
		}
	}
	return resp
}

func body(t *testing.T, r *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func (b *browser) who(t *testing.T) string {
	t.Helper()
	return body(t, b.do(t, "GET", "/who", nil))
}

const me = "mira hunter2-secret"

func TestSession(t *testing.T) {
	s := newSite(t, Options{})
	b := s.browser()
	if got := b.who(t); got != "nobody" {
		t.Fatalf("before sign-in: %q", got)
	}
	b.do(t, "POST", "/in", nil)
	if got := b.who(t); got != me {
		t.Fatalf("after sign-in: %q", got)
	}
	first := b.cookies["postern"]
	if first == nil || !first.HttpOnly || first.SameSite != http.SameSiteLaxMode || first.Secure || first.Path != "/" || first.Domain != "" || first.MaxAge != 0 {
		t.Errorf("cookie on plain http: %v", first)
	}
	b.do(t, "POST", "/in", nil)
	if b.cookies["postern"].Value == first.Value {
		t.Error("signing in again keeps the id")
	}
	old := s.browser()
	old.cookies["postern"] = first
	if got := old.who(t); got != "nobody" {
		t.Errorf("the session before the second sign-in still works: %q", got)
	}
	b.do(t, "POST", "/out", nil)
	if got := b.who(t); got != "nobody" || len(b.cookies) != 0 {
		t.Errorf("after sign-out: %q, cookies %v", got, b.cookies)
	}
}

func TestCookieBehindHTTPS(t *testing.T) {
	s := newSite(t, Options{})
	b := s.browser()
	b.peer = "192.0.2.1:1"
	b.header.Set("X-Forwarded-Proto", "https")
	r := b.do(t, "POST", "/in", nil)
	c := b.cookies["__Host-postern"]
	if c == nil || !c.Secure || !c.HttpOnly || c.Path != "/" || c.Domain != "" {
		t.Errorf("cookie behind https: %v", c)
	}
	if r.Header.Get("Strict-Transport-Security") == "" {
		t.Error("no HSTS behind https")
	}
	b.peer = "203.0.113.5:1" // not a trusted proxy: its word counts for nothing
	b.cookies = map[string]*http.Cookie{}
	b.do(t, "POST", "/in", nil)
	if b.cookies["__Host-postern"] != nil {
		t.Error("anybody can claim https")
	}
}

func TestSessionLifetimes(t *testing.T) {
	for _, tt := range []struct {
		name          string
		stay          bool
		step          time.Duration
		steps, endsBy int // alive after steps, gone after endsBy
	}{
		{"idle", false, 2*time.Hour + time.Minute, 0, 1},
		{"in use until the absolute end", false, 100 * time.Minute, 14, 15},
		{"staying idle", true, 31 * 24 * time.Hour, 0, 1},
		{"staying in use", true, 20 * 24 * time.Hour, 8, 9},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSite(t, Options{})
			b := s.browser()
			form := url.Values{}
			if tt.stay {
				form.Set("stay", "1")
			}
			b.do(t, "POST", "/in", form)
			for i := range tt.endsBy {
				s.now = s.now.Add(tt.step)
				if got, want := b.who(t) == me, i < tt.steps; got != want {
					t.Fatalf("after %d steps of %v alive is %v", i+1, tt.step, got)
				}
			}
		})
	}
}

func TestForgedCookies(t *testing.T) {
	s := newSite(t, Options{})
	b := s.browser()
	b.do(t, "POST", "/in", nil)
	good := b.cookies["postern"].Value
	for _, v := range []string{"", "x", good[:len(good)-2], good + "A", strings.Repeat("A", 4000), "\x00"} {
		b.cookies["postern"] = &http.Cookie{Name: "postern", Value: v}
		r := b.do(t, "GET", "/who", nil)
		if got := body(t, r); r.StatusCode != 200 || got != "nobody" {
			t.Errorf("cookie %.20q gives %d %q", v, r.StatusCode, got)
		}
	}
}

func TestNoSecretInStoreOrLog(t *testing.T) {
	s := newSite(t, Options{})
	b := s.browser()
	b.do(t, "POST", "/in", nil)
	b.who(t)
	files, err := filepath.Glob(filepath.Join(s.dir, "*"))
	if err != nil || len(files) == 0 {
		t.Fatal("no files", err)
	}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(data, []byte("hunter2-secret")) {
			t.Errorf("%s holds the password", f)
		}
	}
	if strings.Contains(s.log.String(), "hunter2") {
		t.Error("the log holds the password")
	}
}

func TestToastIsShownOnce(t *testing.T) {
	s := newSite(t, Options{})
	b := s.browser()
	b.do(t, "POST", "/in", nil)
	b.do(t, "POST", "/toast", nil)
	if c := b.cookies[flashCookie]; c == nil || strings.Contains(c.Value, "conversations") {
		t.Errorf("toast cookie %v", c)
	}
	if got := body(t, b.do(t, "GET", "/toast", nil)); got != "3 conversations archived token" {
		t.Errorf("toast %q", got)
	}
	if got := body(t, b.do(t, "GET", "/toast", nil)); got != "" {
		t.Errorf("toast again %q", got)
	}
}

func TestClientAddr(t *testing.T) {
	s := newSite(t, Options{})
	for _, tt := range []struct{ name, peer, forwarded, want string }{
		{"direct", "203.0.113.5:1", "", "203.0.113.5"},
		{"a stranger's header is ignored", "203.0.113.5:1", "198.51.100.7", "203.0.113.5"},
		{"behind a proxy", "192.0.2.9:1", "198.51.100.7", "198.51.100.7"},
		{"behind two", "192.0.2.9:1", "198.51.100.7, 192.0.2.8", "198.51.100.7"},
		{"spoofed on the left", "192.0.2.9:1", "10.1.1.1, 198.51.100.7", "198.51.100.7"},
		{"rubbish", "192.0.2.9:1", "rubbish", "192.0.2.9"},
		{"mapped", "[::ffff:203.0.113.5]:1", "", "203.0.113.5"},
	} {
		b := s.browser()
		b.peer = tt.peer
		if tt.forwarded != "" {
			b.header.Set("X-Forwarded-For", tt.forwarded)
		}
		if got := body(t, b.do(t, "GET", "/addr", nil)); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestOtherSitesChangeNothing(t *testing.T) {
	s := newSite(t, Options{})
	b := s.browser()
	for _, site := range []string{"cross-site", "same-site"} {
		b.header.Set("Sec-Fetch-Site", site)
		if r := b.do(t, "POST", "/in", nil); r.StatusCode != http.StatusForbidden {
			t.Errorf("%s POST gives %d", site, r.StatusCode)
		}
	}
	b.header.Set("Sec-Fetch-Site", "same-origin")
	if r := b.do(t, "POST", "/in", nil); r.StatusCode != http.StatusOK {
		t.Errorf("same-origin POST gives %d", r.StatusCode)
	}
}

func TestForms(t *testing.T) {
	s := newSite(t, Options{MaxForm: 1000})
	b := s.browser()
	for _, tt := range []struct {
		name, value string
		want        int
	}{
		{"fine", "Grüße 😀\r\n", 200}, {"NUL", "a\x00b", 422}, {"not UTF-8", "a\xff", 422}, {"too long", strings.Repeat("a", 2000), 413},
	} {
		if r := b.do(t, "POST", "/form", url.Values{"x": {tt.value}}); r.StatusCode != tt.want {
			t.Errorf("%s gives %d, want %d", tt.name, r.StatusCode, tt.want)
		}
	}
}

func TestFailure(t *testing.T) {
	s := newSite(t, Options{})
	b := s.browser()
	for path, want := range map[string]int{"/fail": 503, "/panic": 500} {
		s.log.Reset()
		r := b.do(t, "GET", path, nil)
		got := body(t, r)
		if r.StatusCode != want || strings.Contains(got, "inner words") {
			t.Errorf("%s gives %d %q", path, r.StatusCode, got)
		}
		_, ref, _ := strings.Cut(got, "ref=")
		n := 0
		for _, line := range strings.Split(s.log.String(), "\n") {
			if strings.Contains(line, "ref="+ref) && strings.Contains(line, "msg=failed") && strings.Contains(line, "inner words") {
				n++
			}
		}
		if ref == "" || n != 1 {
			t.Errorf("%s: reference %q finds %d lines in\n%s", path, ref, n, s.log.String())
		}
	}
}

func TestHeaders(t *testing.T) {
	s := newSite(t, Options{Site: link.Site{}})
	h := s.browser().do(t, "GET", "/who", nil).Header
	for name, want := range map[string]string{
		"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "X-Frame-Options": "DENY", "Cache-Control": "no-store",
	} {
		if h.Get(name) != want {
			t.Errorf("%s: %q", name, h.Get(name))
		}
	}
	csp := h.Get("Content-Security-Policy")
	for _, part := range []string{"default-src 'self'", "object-src 'none'", "base-uri 'none'", "form-action 'self'", "frame-ancestors 'none'", "require-trusted-types-for 'script'"} {
		if !strings.Contains(csp, part) {
			t.Errorf("the policy lacks %q", part)
		}
	}
	if strings.Contains(csp, "unsafe") {
		t.Errorf("the policy is %q", csp)
	}
}
