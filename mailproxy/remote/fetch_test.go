package remote

import (
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"postern/mailproxy/mail"
)

// TestImage fetches from a real server: what comes back, under which type, or why
// nothing does.
func TestImage(t *testing.T) {
	pic := pngBytes(2, 2)
	send := func(kind string, body []byte) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			_, _ = w.Write(body)
		}
	}
	tests := []struct {
		name  string
		serve http.HandlerFunc
		want  string
		kind  mail.Kind
	}{
		{name: "png", serve: send("image/png", pic), want: "image/png"},
		{name: "the declared type does not count", serve: send("text/html", pic), want: "image/png"},
		{name: "gif", serve: send("", gifBytes(3, 3)), want: "image/gif"},
		{name: "jpeg", serve: send("image/jpeg", jpegBytes(3, 3)), want: "image/jpeg"},
		{name: "html as an image", serve: send("image/png", []byte("<html><script>alert(1)</script>")), kind: mail.NotFound},
		{name: "svg", serve: send("image/svg+xml", []byte(`<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`)), kind: mail.NotFound},
		{name: "nothing", serve: send("image/png", nil), kind: mail.NotFound},
		{name: "missing", serve: http.NotFound, kind: mail.NotFound},
		{name: "no content", serve: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }, kind: mail.NotFound},
		{name: "an error with an image", serve: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500); _, _ = w.Write(pic) }, kind: mail.NotFound},
		{name: "a bomb of pixels", serve: send("image/png", append([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR\x00\x01\x00\x00\x00\x01\x00\x00\x08\x06\x00\x00\x00"), pic...)), kind: mail.TooLarge},
		{name: "too long by its own word", serve: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "10737418240")
			_, _ = w.Write(pic)
		}, kind: mail.TooLarge},
		{name: "too long without a word", serve: func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(pic); endless(w) }, kind: mail.TooLarge},
		{name: "endless, but no image", serve: func(w http.ResponseWriter, _ *http.Request) { endless(w) }, kind: mail.NotFound},
		{name: "a packed bomb", serve: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			bomb(w)
		}, kind: mail.NotFound},
		{name: "cut off", serve: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			_, _ = w.Write(pic)
			panic(http.ErrAbortHandler)
		}, kind: mail.Unavailable},
		{name: "endless header", serve: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Long", strings.Repeat("a", 2*maxHeaderBytes))
			_, _ = w.Write(pic)
		}, kind: mail.Unavailable},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, tt.serve)
			f := open(t, Options{Allow: allow(s), MaxBytes: 1 << 20})
			img, err := f.Image(t.Context(), "a", s.URL+"/x.png")
			if tt.want != "" {
				if err != nil || img.Type != tt.want || len(img.Body) == 0 {
					t.Errorf("%s, %d octets, %v", img.Type, len(img.Body), err)
				}
				return
			}
			if kind(err) != tt.kind || img.Body != nil {
				t.Errorf("%v (%v), want %v", err, kind(err), tt.kind)
			}
			if err != nil && strings.Contains(err.Error(), s.URL) {
				t.Errorf("the error has the address: %v", err)
			}
			if n := f.reading.Load(); n != 0 {
				t.Errorf("%d octets are still reckoned as being read", n)
			}
		})
	}
}

func TestSlowBody(t *testing.T) {
	t.Parallel()
	gone := make(chan struct{})
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		defer close(gone)
		_, _ = w.Write(pngBytes(1, 1)[:20])
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	f := open(t, Options{Allow: allow(s), Timeout: 50 * time.Millisecond})
	if _, err := f.Image(t.Context(), "a", s.URL); kind(err) != mail.Unavailable {
		t.Error(err)
	}
	soon(t, gone, "the server is left")
}

// TestNothingIsTold: no cookie, referrer, language or anything else of the person
// leaves, on the first request and after redirects.
func TestNothingIsTold(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		for k := range r.Header {
			switch k {
			case "User-Agent", "Accept", "Accept-Encoding":
			default:
				t.Errorf("%s: %q was sent", k, r.Header[k])
			}
		}
		if got := r.Header.Get("User-Agent"); got != userAgent {
			t.Errorf("user agent %q", got)
		}
		http.SetCookie(w, &http.Cookie{Name: "id", Value: "1"})
		if r.URL.Path != "/2" {
			w.Header().Set("Location", "/"+strconv.Itoa(len(r.URL.Path)))
			w.WriteHeader(http.StatusFound)
			return
		}
		_, _ = w.Write(pngBytes(1, 1))
	})
	f := open(t, Options{Allow: allow(s)})
	for range 2 {
		if _, err := f.Image(t.Context(), "a", s.URL+"/first?secret=1"); err != nil {
			t.Fatal(err)
		}
		f.mu.Lock()
		f.cache = cache{max: f.cache.max}
		f.mu.Unlock()
	}
}

func TestRedirects(t *testing.T) {
	t.Parallel()
	inside := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(pngBytes(1, 1)) })
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if n, err := strconv.Atoi(r.URL.Query().Get("n")); err == nil && n > 0 {
			http.Redirect(w, r, fmt.Sprintf("/?n=%d", n-1), http.StatusMovedPermanently)
			return
		}
		if to := r.URL.Query().Get("to"); to != "" {
			w.Header().Set("Location", to)
			w.WriteHeader(http.StatusTemporaryRedirect)
			return
		}
		_, _ = w.Write(pngBytes(1, 1))
	})
	_, port, _ := strings.Cut(inside.at.String(), ":")
	resolver := names(t, map[string][]string{"inside.example": {"127.0.0.1"}, "six.example": {"::1", "::ffff:127.0.0.1"}})
	f := open(t, Options{Allow: allow(s), Resolver: resolver})
	for query, want := range map[string]mail.Kind{
		"n=3": -1, "n=4": mail.NotFound, "n=1000": mail.NotFound,
		"to=" + inside.URL: mail.Invalid, "to=http://localhost:" + port: mail.Invalid, "to=http://2130706433:" + port: mail.Invalid,
		"to=http://inside.example:" + port: mail.Invalid, "to=http://six.example:" + port: mail.Invalid, "to=http://inside.example/": mail.Invalid,
		"to=http://169.254.169.254/latest/meta-data/": mail.Invalid, "to=file:///etc/passwd": mail.Invalid, "to=gopher://127.0.0.1:25/": mail.Invalid,
		"to=http://user:pass@1.1.1.1/": mail.Invalid, "to=http://1.1.1.1:22/": mail.Invalid, "to=http://%5B::1%5D/": mail.Invalid, "to=http://%5B::ffff:7f00:1%5D/": mail.Invalid,
	} {
		if _, err := f.Image(t.Context(), "a", s.URL+"/?"+query); kind(err) != want {
			t.Errorf("%s: %v (%v), want %v", query, err, kind(err), want)
		}
	}
	if n := inside.hits.Load(); n != 0 {
		t.Errorf("%d requests reached the inside", n)
	}
}

// TestNamesOfTheInside: names of the public DNS that lead inside are refused when
// the connection is made.
func TestNamesOfTheInside(t *testing.T) {
	t.Parallel()
	table := map[string][]string{
		"127.0.0.1.nip.io": {"127.0.0.1"}, "127-0-0-1.nip.io": {"127.0.0.1"}, "7f000001.nip.io": {"127.0.0.1"}, "fc00--1.nip.io": {"fc00::1"},
		"meta.example": {"169.254.169.254"}, "ten.example": {"10.0.0.1"}, "carrier.example": {"100.64.0.1"}, "zero.example": {"0.0.0.0"}, "mapped.example": {"::ffff:127.0.0.1"},
		"nat64.example": {"64:ff9b::7f00:1"}, "link.example": {"fe80::1"}, "six4.example": {"2002:7f00:1::"}, "many.example": {"127.0.0.1", "10.0.0.1", "::1", "192.168.0.1"},
	}
	f := open(t, Options{Resolver: names(t, table)})
	for name := range table {
		for _, u := range []string{"http://" + name + "/", "https://" + name + "/", "http://" + strings.ToUpper(name) + "./"} {
			if _, err := f.Image(t.Context(), "a", u); kind(err) != mail.Invalid {
				t.Errorf("%s: %v (%v)", u, err, kind(err))
			}
		}
	}
	if _, err := f.Image(t.Context(), "a", "http://nowhere.example/"); kind(err) != mail.Unavailable || strings.Contains(err.Error(), "nowhere") {
		t.Errorf("a name that is not there: %v", err)
	}
}

// TestNameThatTurns answers once with an address that may be reached and then with
// one that may not: every connection is checked for itself.
func TestNameThatTurns(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Connection", "close")
		_, _ = w.Write(pngBytes(1, 1))
	})
	inner, err := http.NewRequest(http.MethodGet, s.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	table := map[string][]string{"turning.example": {"127.0.0.1"}}
	good := true
	f := open(t, Options{Resolver: names(t, table), Allow: func(a netip.AddrPort) bool { return good && a == s.at }})
	u := "http://turning.example:" + inner.URL.Port()
	if _, err := f.Image(t.Context(), "a", u+"/1"); err != nil {
		t.Fatal(err)
	}
	good = false
	if _, err := f.Image(t.Context(), "a", u+"/2"); kind(err) != mail.Invalid {
		t.Error(err)
	}
}

func TestProxyOfTheEnvironmentIsNotUsed(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(pngBytes(1, 1)) })
	proxy := serve(t, func(http.ResponseWriter, *http.Request) {})
	for _, v := range []string{"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"} {
		t.Setenv(v, proxy.URL)
	}
	f := open(t, Options{Allow: allow(s, proxy), Resolver: names(t, map[string][]string{"pictures.example": {"127.0.0.1"}})})
	if _, err := f.Image(t.Context(), "a", "http://pictures.example:"+strconv.Itoa(int(s.at.Port()))+"/"); err != nil || proxy.hits.Load() != 0 {
		t.Errorf("%v, %d requests to the proxy", err, proxy.hits.Load())
	}
}

func TestTLS(t *testing.T) {
	t.Parallel()
	s := &site{Server: httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor != 2 {
			t.Errorf("%s is spoken", r.Proto)
		}
		_, _ = w.Write(pngBytes(1, 1))
	}))}
	s.EnableHTTP2 = true
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	s.at = netip.MustParseAddrPort(s.Listener.Addr().String())
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	resolver := names(t, map[string][]string{"example.com": {"127.0.0.1"}, "other.example": {"127.0.0.1"}})
	port := ":" + strconv.Itoa(int(s.at.Port()))
	for _, tt := range []struct {
		name  string
		host  string
		roots *x509.CertPool
		want  mail.Kind
	}{
		{"trusted", "example.com", roots, -1},
		{"another name", "other.example", roots, mail.Unavailable},
		{"nobody's", "example.com", nil, mail.Unavailable},
	} {
		f := open(t, Options{Allow: allow(s), Resolver: resolver, Roots: tt.roots})
		if _, err := f.Image(t.Context(), "a", "https://"+tt.host+port+"/"); kind(err) != tt.want {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}
