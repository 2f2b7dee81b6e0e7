package remote

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"

	"postern/mailproxy/mail"
)

const (
	userAgent      = "Mozilla/5.0 (compatible; Postern image proxy)" // the same for everybody
	accepted       = "image/avif,image/webp,image/png,image/jpeg,image/gif,image/bmp"
	maxHeaderBytes = 64 << 10
	dialTime       = 5 * time.Second
	firstRead      = 16 << 10 // octets of the first buffer
	headSize       = 64       // octets that tell what kind of image it is
)

var errRedirects = errors.New("too many redirects")

// downError is a host that did not answer at all.
type downError struct{ error }

func (e *downError) Unwrap() error { return e.error }

// newClient makes the client: no proxy of the environment, no cookies, no
// referrer, TLS verified, every address checked when it is dialled.
func (f *Fetcher) newClient() *http.Client {
	dialer := &net.Dialer{
		Timeout:  dialTime,
		Resolver: f.opt.Resolver,
		// Runs for each connection once its address is known: what a name resolved
		// to before does not matter.
		Control: func(_, address string, _ syscall.RawConn) error {
			a, err := netip.ParseAddrPort(address)
			if err != nil {
				return errNetwork
			}
			return f.permit(a)
		},
	}
	return &http.Client{
		Transport: &http.Transport{
			Proxy: nil,
			DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
				return dialer.DialContext(ctx, network, rooted(address))
			},
			TLSClientConfig:        &tls.Config{RootCAs: f.opt.Roots, MinVersion: tls.VersionTLS12},
			TLSHandshakeTimeout:    dialTime,
			ForceAttemptHTTP2:      true,
			DisableCompression:     true, // images are packed already, and bombs stay packed
			MaxIdleConns:           64,
			MaxIdleConnsPerHost:    4,
			IdleConnTimeout:        30 * time.Second,
			MaxResponseHeaderBytes: maxHeaderBytes,
		},
		CheckRedirect: func(r *http.Request, via []*http.Request) error {
			if len(via) > f.opt.Redirects {
				return errRedirects
			}
			r.Header.Del("Referer") // which net/http adds
			return f.check(r.URL)
		},
	}
}

// rooted ends a name with a dot, so that no search domain of this machine is
// tried (RFC 1034 section 3.1).
func rooted(address string) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil || strings.HasSuffix(host, ".") {
		return address
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return address
	}
	return host + ".:" + port
}

// plain takes addresses and names out of an error of net and net/http.
func plain(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	var d *net.DNSError
	if errors.As(err, &d) {
		return fmt.Errorf("look up name: %s", d.Err)
	}
	return err
}

// fetch gets an image, redirects followed.
func (f *Fetcher) fetch(ctx context.Context, u *url.URL) (mail.Image, error) {
	r := (&http.Request{Method: http.MethodGet, URL: u, Host: u.Host, Header: http.Header{
		"User-Agent": {userAgent}, "Accept": {accepted}, "Accept-Encoding": {"identity"},
	}}).WithContext(ctx)
	resp, err := f.client.Do(r)
	if err != nil {
		return mail.Image{}, failed(u, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return mail.Image{}, mail.Wrap(mail.NotFound, fmt.Errorf("status %d", resp.StatusCode), "")
	}
	if enc := resp.Header.Get("Content-Encoding"); enc != "" && !strings.EqualFold(enc, "identity") {
		return mail.Image{}, mail.Wrap(mail.NotFound, errors.New("packed in a way not asked for"), "")
	}
	if resp.ContentLength > int64(f.opt.MaxBytes) {
		return mail.Image{}, mail.Errorf(mail.TooLarge, "The image is too large.")
	}
	body, err := f.read(resp.Body)
	if err != nil {
		return mail.Image{}, err
	}
	kind, w, h, err := inspect(body)
	if err != nil {
		return mail.Image{}, mail.Wrap(mail.NotFound, err, "")
	}
	if uint64(w)*uint64(h) > uint64(f.opt.MaxPixels) {
		return mail.Image{}, mail.Errorf(mail.TooLarge, "The image has too many pixels.")
	}
	return mail.Image{Type: kind, Body: body}, nil
}

// failed gives a failure of the client its kind.
func failed(u *url.URL, err error) error {
	switch {
	case errors.Is(err, errAddress), errors.Is(err, errPort), errors.Is(err, errNetwork):
		return mail.Wrap(mail.Invalid, plain(err), "")
	case errors.Is(err, errRedirects):
		return mail.Wrap(mail.NotFound, errRedirects, "")
	}
	cause := plain(err)
	var op *net.OpError
	if errors.Is(err, context.DeadlineExceeded) || errors.As(err, &op) && op.Op == "dial" {
		// The address in the error is the last one asked, after redirects.
		var ue *url.Error
		if errors.As(err, &ue) {
			if last, err := url.Parse(ue.URL); err == nil && last.Host == u.Host {
				cause = &downError{cause}
			}
		}
	}
	return mail.Wrap(mail.Unavailable, cause, "")
}

// read reads a body that must be an image of at most MaxBytes. It stops at the
// first bytes of anything else, and takes memory only as bytes arrive.
func (f *Fetcher) read(r io.Reader) ([]byte, error) {
	var held int
	defer func() { f.reading.Add(int64(-held)) }()
	grow := func(b []byte, size int) ([]byte, error) {
		held += size
		if f.reading.Add(int64(size)) > int64(f.opt.MaxReading) {
			return nil, mail.Wrap(mail.Limited, errors.New("too much is being read"), "")
		}
		return append(make([]byte, 0, size), b...), nil
	}
	b, err := grow(nil, min(firstRead, f.opt.MaxBytes+1))
	if err != nil {
		return nil, err
	}
	known := false
	for end := false; !end; {
		if len(b) == cap(b) {
			if b, err = grow(b, min(2*cap(b), f.opt.MaxBytes+1)); err != nil {
				return nil, err
			}
		}
		n, err := r.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		end = errors.Is(err, io.EOF)
		if err != nil && !end {
			return nil, mail.Wrap(mail.Unavailable, plain(err), "")
		}
		if len(b) > f.opt.MaxBytes {
			return nil, mail.Errorf(mail.TooLarge, "The image is too large.")
		}
		if !known && (end || len(b) >= headSize) {
			if kindOf(b) == "" {
				return nil, mail.Wrap(mail.NotFound, errNoImage, "")
			}
			known = true
		}
	}
	return append(make([]byte, 0, len(b)), b...), nil
}
