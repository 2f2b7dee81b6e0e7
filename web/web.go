// Package web holds what is true of any request: the server, its middleware,
// sessions, rendering, errors, forms, toasts. It knows no page of its own but
// the error page.
package web

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"github.com/gorilla/securecookie"

	"postern/store"
	"postern/templates/link"
)

// Options configures Web. Store and Key are required.
type Options struct {
	Site           link.Site
	Secure         bool           // the public address is https, whatever the proxy says
	TrustedProxies []netip.Prefix // peers whose X-Forwarded-For and -Proto are believed
	Store          *store.Store
	Key            [32]byte // signs cookies; the operator's key
	Log            *slog.Logger
	Now            func() time.Time
	Sessions       Lifetimes
	MaxForm        int64 // octets of an ordinary form, 0 means 1 MiB
}

// Lifetimes bounds sessions. A zero field takes the default in brackets.
type Lifetimes struct {
	Idle, Absolute         time.Duration // without "stay signed in" [2 h, 24 h]
	StayIdle, StayAbsolute time.Duration // with it [30 days, 180 days]
}

// Web is the ground the handlers stand on. Safe for concurrent use.
type Web struct {
	opt       Options
	codecs    []securecookie.Codec
	sessions  *sessionStore
	errorPage func(http.ResponseWriter, *http.Request, ErrorInfo)
}

// New makes a Web of opt.
func New(opt Options) *Web {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	if opt.MaxForm == 0 {
		opt.MaxForm = 1 << 20
	}
	def := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	def(&opt.Sessions.Idle, 2*time.Hour)
	def(&opt.Sessions.Absolute, 24*time.Hour)
	def(&opt.Sessions.StayIdle, 30*24*time.Hour)
	def(&opt.Sessions.StayAbsolute, 180*24*time.Hour)
	w := &Web{opt: opt}
	w.codecs = newCodecs(opt.Key)
	w.sessions = &sessionStore{w}
	return w
}

// Site is where the site is served.
func (w *Web) Site() link.Site { return w.opt.Site }

// Now is the clock.
func (w *Web) Now() time.Time { return w.opt.Now() }

// Log is the logger, with the request's reference when ctx belongs to one.
func (w *Web) Log(ctx context.Context) *slog.Logger {
	if ref := Ref(ctx); ref != "" {
		return w.opt.Log.With("ref", ref)
	}
	return w.opt.Log
}
