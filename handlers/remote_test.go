package handlers_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/base64"
	"html"
	"image"
	"image/png"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"postern/handlers"
	"postern/mailproxy"
	"postern/mailproxy/demoserver"
	"postern/mailproxy/imapconn"
	"postern/mailproxy/remote"
	"postern/store"
	"postern/templates/link"
	"postern/web"
)

// site is the whole site on a mail server of its own, and a web server with
// pictures that mails name.
type site struct {
	t        *testing.T
	mail     *demoserver.Server
	web      *httptest.Server
	pictures *httptest.Server
	hits     atomic.Int32
}

func start(t *testing.T, forbidden bool) *site {
	t.Helper()
	s := &site{t: t}
	var pic bytes.Buffer
	if err := png.Encode(&pic, image.NewGray(image.Rect(0, 0, 2, 2))); err != nil {
		t.Fatal(err)
	}
	s.pictures = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.hits.Add(1)
		w.Header().Set("Content-Type", "text/html")
		if strings.HasPrefix(r.URL.Path, "/pic") {
			_, _ = w.Write(pic.Bytes())
			return
		}
		_, _ = io.WriteString(w, "<script>alert(1)</script>")
	}))
	t.Cleanup(s.pictures.Close)

	var err error
	if s.mail, err = demoserver.Start(context.Background(), demoserver.Options{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.mail.Close() })
	key := [32]byte{1}
	st, err := store.Open(t.Context(), store.Options{Dir: t.TempDir(), Key: key})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(s.mail.CertPEM())
	host, port, err := net.SplitHostPort(s.mail.IMAPSAddr())
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	proxy := mailproxy.New(mailproxy.Options{Servers: []mailproxy.Server{{Name: "test", Domains: []string{"postern.test"},
		IMAP: imapconn.Config{Host: host, Port: n, Security: imapconn.TLS, RootCAs: roots}}}})
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_ = proxy.Close(ctx)
	})
	o := handlers.Options{Web: web.New(web.Options{Site: link.Site{}, Store: st, Key: key}), Proxy: proxy, Store: st, ImageKey: []byte("key")}
	if !forbidden {
		at := netip.MustParseAddrPort(s.pictures.Listener.Addr().String())
		out := remote.New(remote.Options{Allow: func(a netip.AddrPort) bool { return a == at }})
		t.Cleanup(out.Close)
		o.Images = out
	}
	s.web = httptest.NewServer(handlers.New(o).Routes())
	t.Cleanup(s.web.Close)
	return s
}

// browser is one signed-in browser without scripts.
type browser struct {
	*site
	http.Client
}

func (s *site) browser() *browser {
	s.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	b := &browser{site: s, Client: http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	if a := b.post("/sign-in", url.Values{"email": {"mira@postern.test"}, "password": {"demo"}}); a.status != http.StatusSeeOther {
		s.t.Fatalf("sign-in: %d", a.status)
	}
	return b
}

type answer struct {
	status int
	header http.Header
	body   string
}

func (b *browser) read(r *http.Response, err error) answer {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return answer{r.StatusCode, r.Header, string(body)}
}

func (b *browser) get(path string) answer {
	b.t.Helper()
	return b.read(b.Get(b.web.URL + path))
}

func (b *browser) post(path string, form url.Values) answer {
	b.t.Helper()
	return b.read(b.PostForm(b.web.URL+path, form))
}

// put files a message and gives the address of its page.
func (b *browser) put(raw string) string {
	b.t.Helper()
	raw = strings.NewReplacer("PICTURES", b.pictures.URL, "\n", "\r\n").Replace(raw)
	if _, err := b.mail.Append("mira@postern.test", "INBOX", []byte(raw), time.Now()); err != nil {
		b.t.Fatal(err)
	}
	m := regexp.MustCompile(`href="(/message/[A-Za-z0-9_-]+)`).FindStringSubmatch(b.get("/mail/INBOX").body)
	if m == nil {
		b.t.Fatal("the list shows no message")
	}
	return m[1]
}

// frame follows a page to the HTML of its letter.
func (b *browser) frame(page string) string {
	b.t.Helper()
	m := regexp.MustCompile(`<iframe[^>]* src="([^"]+)"`).FindStringSubmatch(page)
	if m == nil {
		b.t.Fatal("the page has no frame")
	}
	a := b.get(html.UnescapeString(m[1]))
	if a.status != http.StatusOK || !strings.Contains(a.header.Get("Content-Security-Policy"), "sandbox allow-same-origin") {
		b.t.Fatalf("frame: %d, %v", a.status, a.header)
	}
	return a.body
}

var remoteLink = regexp.MustCompile(`/remote\?[^"') ]+`)

func links(letter string) []string {
	var out []string
	for _, l := range remoteLink.FindAllString(letter, -1) {
		out = append(out, html.UnescapeString(l))
	}
	return out
}

const newsletter = `From: News <news@example.org>
To: mira@postern.test
Subject: News
Date: Mon, 2 Mar 2026 10:00:00 +0000
MIME-Version: 1.0
Content-Type: multipart/related; boundary=b

--b
Content-Type: text/html

<p>Look</p><img src="PICTURES/pic.png?id=1&amp;x=2" width="20" height="10"><img src="PICTURES/bad.png" width="20" height="10">
<img src="http://169.254.169.254/latest/meta-data/" width="20" height="10"><img src="cid:logo@x" alt="logo">
--b
Content-Type: image/png
Content-ID: <logo@x>
Content-Disposition: inline
Content-Transfer-Encoding: base64

iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg==
--b--
`

const blocked = "Images are blocked"

func TestRemoteImages(t *testing.T) {
	t.Parallel()
	s := start(t, false)
	b := s.browser()
	page := b.put(newsletter)

	first := b.get(page).body
	letter := b.frame(first)
	if !strings.Contains(first, blocked) || !strings.Contains(first, "Always from") || len(links(letter)) != 0 || strings.Count(letter, `data-blocked="remote"`) != 3 {
		t.Errorf("before anybody asked:\n%s", letter)
	}
	cid := regexp.MustCompile(`src="(/message/[^"]+/part/[^"]+)"`).FindStringSubmatch(letter)
	if cid == nil {
		t.Fatalf("the picture of the mail itself is not there:\n%s", letter)
	}
	if a := b.get(cid[1]); a.status != http.StatusOK || a.header.Get("Content-Type") != "image/png" {
		t.Errorf("the picture of the mail itself: %d %s", a.status, a.header.Get("Content-Type"))
	}
	if n := s.hits.Load(); n != 0 {
		t.Fatalf("%d requests before anybody asked", n)
	}

	a := b.post(page+"/images", url.Values{"show": {"once"}})
	once := a.header.Get("Location")
	if a.status != http.StatusSeeOther || !strings.HasPrefix(once, page+"?images=") {
		t.Fatalf("show once: %d, %s", a.status, once)
	}
	for _, word := range []string{"1", "AAAAAAAAAAAAAAAAAAAAAA", ""} { // no link from elsewhere can ask
		if got := b.get(page + "?images=" + word).body; !strings.Contains(got, blocked) {
			t.Errorf("images=%s is enough", word)
		}
	}
	if got := s.browser().get(once).body; !strings.Contains(got, blocked) {
		t.Error("another session's word is enough")
	}
	shown := b.get(once).body
	l := links(b.frame(shown))
	if strings.Contains(shown, blocked) || len(l) != 3 || s.hits.Load() != 0 {
		t.Fatalf("asked: %q, %d requests before the browser's", l, s.hits.Load())
	}
	a = b.get(l[0])
	if a.status != http.StatusOK || a.header.Get("Content-Type") != "image/png" || !strings.HasPrefix(a.body, "\x89PNG") {
		t.Fatalf("the picture: %d %s", a.status, a.header.Get("Content-Type"))
	}
	for name, want := range map[string]string{
		"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox", "X-Content-Type-Options": "nosniff",
		"Cache-Control": "private, max-age=86400, immutable", "Cross-Origin-Resource-Policy": "same-origin", "Referrer-Policy": "no-referrer",
	} {
		if got := a.header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	nothing := func(what string, a answer) {
		t.Helper()
		if a.status != http.StatusNotFound || a.body != "" || a.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d, %q", what, a.status, a.body)
		}
	}
	nothing("no picture", b.get(l[1]))
	nothing("inside", b.get(l[2]))
	hits := s.hits.Load()
	nothing("another session", s.browser().get(l[0]))
	nothing("a mac of its own", b.get(regexp.MustCompile(`s=[^&]+`).ReplaceAllString(l[0], "s=AAAAAAAAAAAAAAAAAAAAAA")))
	nothing("another address", b.get(regexp.MustCompile(`u=[^&]+`).ReplaceAllString(l[0], "u="+base64.RawURLEncoding.EncodeToString([]byte(s.pictures.URL+"/pic2.png")))))
	nothing("nothing at all", b.get("/remote"))
	if n := s.hits.Load(); n != hits {
		t.Errorf("%d requests for addresses that we did not make", n-hits)
	}
	out, err := http.Get(s.web.URL + l[0])
	if err != nil {
		t.Fatal(err)
	}
	out.Body.Close()
	if strings.HasPrefix(out.Header.Get("Content-Type"), "image/") || s.hits.Load() != hits {
		t.Errorf("without a session: %d %s", out.StatusCode, out.Header.Get("Content-Type"))
	}

	if again := b.get(page).body; !strings.Contains(again, blocked) {
		t.Error("once was for ever")
	}
	b.post(page+"/images", url.Values{"show": {"always"}})
	if again := b.get(page).body; strings.Contains(again, blocked) || len(links(b.frame(again))) != 3 {
		t.Error("always was once")
	}
}

// TestRemoteImagesOfEnclosed: an enclosed message may name anybody as its sender,
// so nothing in it is shown but when asked for.
func TestRemoteImagesOfEnclosed(t *testing.T) {
	t.Parallel()
	s := start(t, false)
	b := s.browser()
	b.post(b.put(newsletter)+"/images", url.Values{"show": {"always"}})
	page := b.put("From: other@example.net\nTo: mira@postern.test\nSubject: Fwd\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=out\n\n--out\nContent-Type: text/plain\n\nsee\n--out\nContent-Type: message/rfc822\n\n" + newsletter + "\n--out--\n")
	inner := b.get(page + "?part=2").body
	if !strings.Contains(inner, blocked) || strings.Contains(inner, "Always from") || len(links(b.frame(inner))) != 0 {
		t.Errorf("an enclosed message shows images by itself")
	}
	a := b.post(page+"/images?part=2", url.Values{"show": {"always"}})
	to := a.header.Get("Location")
	if a.status != http.StatusSeeOther || !strings.Contains(to, "part=2") || len(links(b.frame(b.get(to).body))) != 3 {
		t.Errorf("asked for: %d, %s", a.status, to)
	}
	if again := b.get(page + "?part=2").body; !strings.Contains(again, blocked) {
		t.Error("once was for ever")
	}
}

func TestRemoteImagesForbidden(t *testing.T) {
	t.Parallel()
	s := start(t, true)
	b := s.browser()
	page := b.put(newsletter)
	for _, p := range []string{page, page + "?images=1"} {
		body := b.get(p).body
		if !strings.Contains(body, blocked) || strings.Contains(body, "Show once") || len(links(b.frame(body))) != 0 {
			t.Errorf("%s offers images", p)
		}
	}
	if a := b.post(page+"/images", url.Values{"show": {"always"}}); a.status != http.StatusSeeOther || a.header.Get("Location") != page {
		t.Errorf("asked all the same: %d, %s", a.status, a.header.Get("Location"))
	}
	if a := b.get("/remote?u=aHR0cDovL2V4YW1wbGUub3JnLw&s=x"); a.status != http.StatusNotFound || a.body != "" {
		t.Errorf("%d, %q", a.status, a.body)
	}
}

// TestFrameError: what is wrong is said within the frame, by a document for frames.
func TestFrameError(t *testing.T) {
	t.Parallel()
	s := start(t, false)
	b := s.browser()
	page := b.put(newsletter)
	for _, tt := range []struct {
		part string
		want int
	}{{"9", http.StatusNotFound}, {"2", http.StatusNotFound}} {
		a := b.get(page + "/frame?part=" + tt.part)
		if a.status != tt.want || a.header.Get("X-Frame-Options") != "SAMEORIGIN" || !strings.Contains(a.header.Get("Content-Security-Policy"), "sandbox") || strings.Contains(a.body, "<script") || !strings.Contains(a.body, "letter.") {
			t.Errorf("part %s: %d, %v\n%s", tt.part, a.status, a.header, a.body)
		}
	}
}
