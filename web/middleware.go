package web

import (
	"context"
	"fmt"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	"github.com/klauspost/compress/gzhttp"
	"github.com/klauspost/compress/gzip"

	"postern/mailproxy/mail"
	"postern/templates/link"
)

// Middleware is the chain every page passes, outermost first.
func (w *Web) Middleware() chi.Middlewares {
	return chi.Middlewares{w.withRef, w.withClient, w.logged, w.recovered, w.headers, w.compressed, w.sameOrigin, w.withSession}
}

func (w *Web) withRef(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		ctx := context.WithValue(r.Context(), refKey{}, newRef())
		next.ServeHTTP(rw, r.WithContext(link.With(ctx, w.opt.Site)))
	})
}

// logged writes one line a request: never a query, an address or a subject.
func (w *Web) logged(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		start := time.Now()
		ww := middleware.NewWrapResponseWriter(rw, r.ProtoMajor)
		defer func() {
			route := chi.RouteContext(r.Context()).RoutePattern()
			if route == "/healthz" || route == "/readyz" || strings.HasPrefix(route, "/static/") {
				return
			}
			w.Log(r.Context()).Info("request",
				"method", r.Method, "route", route, "status", ww.Status(), "bytes", ww.BytesWritten(),
				"ms", float64(time.Since(start).Microseconds())/1000, "client", ClientAddr(r.Context()).String())
		}()
		next.ServeHTTP(ww, r)
	})
}

func (w *Web) recovered(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		defer func() {
			p := recover()
			if p == nil {
				return
			}
			if p == http.ErrAbortHandler {
				panic(p)
			}
			w.Log(r.Context()).Error("panic", "value", fmt.Sprint(p), "stack", string(debug.Stack()))
			w.Fail(rw, r, mail.Wrap(mail.Internal, fmt.Errorf("panic: %v", p), ""))
		}()
		next.ServeHTTP(rw, r)
	})
}

// PagePolicy is the Content-Security-Policy of our own pages (W3C CSP 3). Mail
// is served under a stricter one of its own.
const PagePolicy = "default-src 'self'; img-src 'self' data: blob:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types postern"

func (w *Web) headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		h := rw.Header()
		h.Set("Content-Security-Policy", PagePolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Frame-Options", "DENY")
		h.Set("X-DNS-Prefetch-Control", "off")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=(), payment=(), usb=(), browsing-topics=()")
		h.Set("Cache-Control", "no-store")
		if HTTPS(r.Context()) {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		next.ServeHTTP(rw, r)
	})
}

// compressed packs pages. Random padding keeps the length of a page that holds
// both secrets and reflected input from telling about them (BREACH).
func (w *Web) compressed(next http.Handler) http.Handler {
	wrap, err := gzhttp.NewWrapper(gzhttp.MinSize(1024), gzhttp.CompressionLevel(gzip.BestSpeed), gzhttp.RandomJitter(32, 0, false),
		gzhttp.ContentTypes([]string{"text/html", "text/plain", "application/json"}))
	if err != nil {
		panic(err) // the options are constants
	}
	return wrap(next)
}

// sameOrigin refuses changes that another site asks the browser to make.
func (w *Web) sameOrigin(next http.Handler) http.Handler {
	p := http.NewCrossOriginProtection()
	p.SetDenyHandler(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.fail(rw, r, http.StatusForbidden, mail.Errorf(mail.Invalid, "This request came from another site and was not carried out."))
	}))
	return p.Handler(next)
}
