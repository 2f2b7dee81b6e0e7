package remote

import (
	"bytes"
	"compress/gzip"
	"context"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"postern/mailproxy/mail"
)

// names answers DNS questions on the loopback from a table of names without the
// dot at their end; what is not in it does not exist.
func names(t *testing.T, table map[string][]string) *net.Resolver {
	t.Helper()
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 1500)
		for {
			n, from, err := pc.ReadFrom(buf)
			if err != nil {
				return
			}
			if out := answer(buf[:n], table); out != nil {
				_, _ = pc.WriteTo(out, from)
			}
		}
	}()
	t.Cleanup(func() { pc.Close(); <-done })
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", pc.LocalAddr().String())
	}}
}

func answer(question []byte, table map[string][]string) []byte {
	var m dnsmessage.Message
	if m.Unpack(question) != nil || len(m.Questions) != 1 {
		return nil
	}
	q := m.Questions[0]
	m.Header = dnsmessage.Header{ID: m.ID, Response: true, RecursionAvailable: true}
	m.Additionals = nil
	addrs, ok := table[strings.ToLower(strings.TrimSuffix(q.Name.String(), "."))]
	if !ok {
		m.RCode = dnsmessage.RCodeNameError
	}
	for _, s := range addrs {
		a, h := netip.MustParseAddr(s), dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class, TTL: 1}
		switch {
		case q.Type == dnsmessage.TypeA && a.Is4():
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: h, Body: &dnsmessage.AResource{A: a.As4()}})
		case q.Type == dnsmessage.TypeAAAA && a.Is6():
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: h, Body: &dnsmessage.AAAAResource{AAAA: a.As16()}})
		}
	}
	out, err := m.Pack()
	if err != nil {
		return nil
	}
	return out
}

// site is a web server on the loopback that a fetcher may be allowed to reach.
type site struct {
	*httptest.Server
	at   netip.AddrPort
	hits atomic.Int32
}

func serve(t *testing.T, h http.HandlerFunc) *site {
	t.Helper()
	s := &site{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.hits.Add(1)
		h(w, r)
	}))
	t.Cleanup(s.Close)
	s.at = netip.MustParseAddrPort(s.Listener.Addr().String())
	return s
}

// allow lets a fetcher reach these sites beside the public Internet.
func allow(sites ...*site) func(netip.AddrPort) bool {
	return func(a netip.AddrPort) bool {
		for _, s := range sites {
			if s.at == a {
				return true
			}
		}
		return false
	}
}

func open(t *testing.T, o Options) *Fetcher {
	t.Helper()
	f := New(o)
	t.Cleanup(f.Close)
	return f
}

// kind is the kind of an error, -1 for none.
func kind(err error) mail.Kind {
	if err == nil {
		return -1
	}
	return mail.KindOf(err)
}

func pngBytes(w, h int) []byte {
	var b bytes.Buffer
	m := image.NewGray(image.Rect(0, 0, w, h))
	m.SetGray(0, 0, color.Gray{Y: 200})
	if err := png.Encode(&b, m); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func gifBytes(w, h int) []byte {
	var b bytes.Buffer
	if err := gif.Encode(&b, image.NewGray(image.Rect(0, 0, w, h)), nil); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func jpegBytes(w, h int) []byte {
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, w, h)), nil); err != nil {
		panic(err)
	}
	return b.Bytes()
}

const patience = 30 * time.Second // for what happens in another goroutine

func soon[T any](t *testing.T, c <-chan T, what string) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(patience):
		t.Fatalf("%s: did not happen", what)
	}
	return v
}

// endless writes zeros until the reader has had enough.
func endless(w io.Writer) {
	zeros := make([]byte, 64<<10)
	for {
		if _, err := w.Write(zeros); err != nil {
			return
		}
	}
}

// bomb writes a packed image that is a thousand times as large unpacked.
func bomb(w io.Writer) {
	z := gzip.NewWriter(w)
	_, _ = z.Write(pngBytes(1, 1))
	_, _ = z.Write(make([]byte, 4<<20))
	_ = z.Close()
}
