package web

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"strings"
)

type clientKey struct{}

type client struct {
	addr  netip.Addr
	https bool
}

// ClientAddr is the address of the person's own machine: the right-most address
// of X-Forwarded-For that is not a trusted proxy, when the peer is one; the
// peer otherwise. Invalid when it cannot be told.
func ClientAddr(ctx context.Context) netip.Addr {
	c, _ := ctx.Value(clientKey{}).(client)
	return c.addr
}

// HTTPS reports whether the person's browser speaks https, to us or to a trusted proxy.
func HTTPS(ctx context.Context) bool {
	c, _ := ctx.Value(clientKey{}).(client)
	return c.https
}

func (w *Web) trusted(a netip.Addr) bool {
	a = a.Unmap()
	for _, p := range w.opt.TrustedProxies {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

const maxForwarded = 32 // hops read from X-Forwarded-For

func (w *Web) clientOf(r *http.Request) client {
	c := client{https: r.TLS != nil || w.opt.Secure}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	peer, err := netip.ParseAddr(host)
	if err != nil {
		return c // a Unix socket has no address
	}
	c.addr = peer.Unmap()
	if !w.trusted(c.addr) {
		return c
	}
	if strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https") {
		c.https = true
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0 && len(hops)-i <= maxForwarded; i-- {
		a, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		c.addr = a.Unmap()
		if !w.trusted(c.addr) {
			break
		}
	}
	return c
}

func (w *Web) withClient(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(rw, r.WithContext(context.WithValue(r.Context(), clientKey{}, w.clientOf(r))))
	})
}
