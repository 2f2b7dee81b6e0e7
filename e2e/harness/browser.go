package harness

import (
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"
)

// Browser is a browser without scripts, with cookies of its own. It sends what
// browsers send of where a request comes from (Sec-Fetch-Site, Origin).
type Browser struct {
	Base   string // of addresses that are only a path
	Client *http.Client
	Header http.Header // sent with every request
}

const (
	pageTime = 60 * time.Second
	pageMax  = 64 << 20 // octets of an answer that are read
)

// NewBrowser is a browser whose paths are below base. tls may be nil.
func NewBrowser(tb testing.TB, base string, conf *tls.Config) *Browser {
	tb.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		tb.Fatal(err)
	}
	tr := &http.Transport{TLSClientConfig: conf}
	tb.Cleanup(tr.CloseIdleConnections)
	return &Browser{Base: base, Client: &http.Client{Jar: jar, Transport: tr, Timeout: pageTime}, Header: http.Header{}}
}

// Get opens an address and returns the page it leads to.
func (b *Browser) Get(tb testing.TB, path string) *Page {
	tb.Helper()
	if strings.HasPrefix(path, "/") {
		path = b.Base + path
	}
	req, err := http.NewRequest(http.MethodGet, path, nil)
	if err != nil {
		tb.Fatal(err)
	}
	return b.do(tb, req, "none")
}

// SignIn signs in and returns the page after it, which must not be the form again.
func (b *Browser) SignIn(tb testing.TB, address, password string) *Page {
	tb.Helper()
	p := b.Get(tb, "/sign-in").Fill(tb, "Email address", address).Fill(tb, "Password", password).Press(tb, "Sign in")
	if p.Status != http.StatusOK || strings.HasSuffix(p.URL.Path, "/sign-in") {
		tb.Fatalf("signing in as %s: %s", address, p)
	}
	return p
}

func (b *Browser) do(tb testing.TB, req *http.Request, from string) *Page {
	tb.Helper()
	for k, v := range b.Header {
		req.Header[k] = v
	}
	req.Header.Set("Sec-Fetch-Site", from)
	if req.Header.Get("Accept") == "" {
		req.Header.Set("Accept", "text/html,*/*;q=0.8")
	}
	if req.Method == http.MethodPost {
		req.Header.Set("Origin", req.URL.Scheme+"://"+req.URL.Host)
	}
	start := time.Now()
	resp, err := b.Client.Do(req)
	if err != nil {
		tb.Fatalf("%s %s: %v", req.Method, req.URL, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, pageMax))
	if err != nil {
		tb.Fatalf("%s %s: %v", req.Method, req.URL, err)
	}
	p := &Page{Browser: b, URL: resp.Request.URL, Status: resp.StatusCode, Header: resp.Header, Body: body, Took: time.Since(start)}
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html") {
		if p.root, err = html.Parse(strings.NewReader(string(body))); err != nil {
			tb.Fatalf("%s %s: %v", req.Method, req.URL, err)
		}
	}
	return p
}

// Page is an answer. HTML has a tree that Fill and Tick write to, as a person
// does to the page on screen.
type Page struct {
	*Browser
	URL    *url.URL
	Status int
	Header http.Header
	Body   []byte
	Took   time.Duration // with redirects, until the last octet

	root  *html.Node
	files map[*html.Node][]File // chosen in file fields
}

// String describes the page for a failed test.
func (p *Page) String() string {
	text := ""
	if p.root != nil {
		if text = p.Main(); text == "" {
			text = p.Text()
		}
	}
	if len(text) > 1500 {
		text = text[:1500] + "…"
	}
	return fmt.Sprintf("%d %s: %s", p.Status, p.URL, text)
}

// Root is the document.
func (p *Page) Root(tb testing.TB) *html.Node {
	tb.Helper()
	if p.root == nil {
		tb.Fatalf("not HTML: %s (%s)", p, p.Header.Get("Content-Type"))
	}
	return p.root
}

// Open follows an address as found in this page.
func (p *Page) Open(tb testing.TB, href string) *Page {
	tb.Helper()
	u, err := p.URL.Parse(href)
	if err != nil {
		tb.Fatalf("address %q: %v", href, err)
	}
	req, err := http.NewRequest(http.MethodGet, u.String(), nil)
	if err != nil {
		tb.Fatal(err)
	}
	from := "same-origin"
	if u.Host != p.URL.Host {
		tb.Fatalf("the page leads to another site: %s", u)
	}
	return p.do(tb, req, from)
}

// Want checks the status of a page.
func (p *Page) Want(tb testing.TB, status int) *Page {
	tb.Helper()
	if p.Status != status {
		tb.Fatalf("status %d, want %d: %s", p.Status, status, p)
	}
	return p
}
