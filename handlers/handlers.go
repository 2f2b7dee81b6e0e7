// Package handlers is the site: routes.go is its map, then one file a page with
// its view builder beside it (mailbox.go, mailbox_view.go). A handler asks the
// account once, gets one plain value, turns it into one view model and draws it.
package handlers

import (
	"context"
	"net/http"
	"time"

	"postern/mailproxy"
	"postern/mailproxy/mail"
	"postern/store"
	"postern/templates/link"
	"postern/web"
)

// Options configures the pages.
type Options struct {
	Web   *web.Web
	Proxy *mailproxy.Proxy
	Store *store.Store
	// Host is what people sign in to, shown over the sign-in form.
	Host string
	// Foot is a line under the sign-in form: who makes accounts, say.
	Foot string
	// Demo lists the demo's accounts on the sign-in page.
	Demo []string
	// MaxMessage is the largest message in octets, encoded; 0 means 50 MiB.
	MaxMessage int64
	// Images fetches the remote images of mails; nil means that the operator
	// forbids them.
	Images ImageFetcher
	// ImageKey signs the addresses of remote images, the same in every copy.
	ImageKey []byte
	// Ready reports whether new requests can be served.
	Ready func() error
}

// Handlers answers every page. Safe for concurrent use.
type Handlers struct {
	opt   Options
	web   *web.Web
	proxy *mailproxy.Proxy
	store *store.Store
	site  link.Site
}

// New makes the pages of opt.
func New(opt Options) *Handlers {
	if opt.MaxMessage == 0 {
		opt.MaxMessage = 50 << 20
	}
	h := &Handlers{opt: opt, web: opt.Web, proxy: opt.Proxy, store: opt.Store, site: opt.Web.Site()}
	opt.Web.SetErrorPage(h.errorPage)
	return h
}

// visit is one request of a signed-in person.
type visit struct {
	acct     *mailproxy.Account
	session  *web.Session
	settings store.Settings
	now      time.Time // in the person's time zone
}

// A pageFunc answers a signed-in person. It writes one whole response, or
// returns an error having written nothing.
type pageFunc func(w http.ResponseWriter, r *http.Request, v *visit) error

// page runs f for a signed-in person. Nobody signed in, or a mail server that no
// longer takes the password, leads to the sign-in page with every word kept.
func (h *Handlers) page(f pageFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v, err := h.visit(r)
		if err == nil && v == nil {
			h.signInFirst(w, r, "")
			return
		}
		if err == nil {
			err = f(w, r, v)
		}
		switch {
		case err == nil:
		case mail.KindOf(err) == mail.SignedOut:
			h.web.LogError(r, http.StatusUnauthorized, err)
			if err := h.web.SignOut(w, r); err != nil {
				h.web.LogError(r, http.StatusInternalServerError, err)
			}
			h.signInFirst(w, r, mail.MsgOf(err))
		default:
			h.web.Fail(w, r, err)
		}
	}
}

// boxes is the sidebar of a page that is not a list: as of the last answer, our own
// changes counted, so that the page costs no question of its own.
func (v *visit) boxes(ctx context.Context) ([]mail.Mailbox, error) {
	if known := v.acct.KnownMailboxes(); len(known) > 0 {
		return known, nil
	}
	return v.acct.Mailboxes(ctx)
}

// visit finds the person of a request; nil when nobody is signed in.
func (h *Handlers) visit(r *http.Request) (*visit, error) {
	s := web.Current(r)
	if s == nil {
		return nil, nil
	}
	acct, err := h.proxy.Account(r.Context(), s.Credentials.Mail())
	if err != nil {
		return nil, err
	}
	settings, err := h.store.Settings(r.Context(), acct.ID())
	if err != nil {
		return nil, err
	}
	if z := clientZone(r); z != "" && z != settings.BrowserZone { // what is sent carries the person's zone
		settings.BrowserZone = z
		if err := h.store.SaveSettings(r.Context(), acct.ID(), func(s *store.Settings) { s.BrowserZone = z }); err != nil {
			h.web.LogError(r, http.StatusOK, err)
		}
	}
	return &visit{acct: acct, session: s, settings: settings, now: h.web.Now().In(zone(settings.TimeZone, settings.BrowserZone, s.Zone))}, nil
}

// zone is the first of names that is a time zone; UTC when none is.
func zone(names ...string) *time.Location {
	for _, n := range names {
		if n == "" || n == "Local" {
			continue
		}
		if l, err := time.LoadLocation(n); err == nil {
			return l
		}
	}
	return time.UTC
}
