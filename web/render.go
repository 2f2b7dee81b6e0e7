package web

import (
	"bytes"
	"fmt"
	"net/http"
	"sync"

	"github.com/a-h/templ"

	"postern/mailproxy/mail"
	"postern/templates/ui"
)

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// Render draws a whole page and sends it. An error means that nothing was written.
func (w *Web) Render(rw http.ResponseWriter, r *http.Request, status int, c templ.Component) error {
	b := buffers.Get().(*bytes.Buffer)
	b.Reset()
	defer buffers.Put(b)
	if err := c.Render(ui.WithBase(r.Context(), w.opt.Site.Base), b); err != nil {
		return mail.Wrap(mail.Internal, fmt.Errorf("render page: %w", err), "")
	}
	h := rw.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Add("Vary", "HX-Request")
	rw.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = rw.Write(b.Bytes()) // a browser that went away is no failure of ours
	}
	return nil
}

// SeeOther answers a change: go and look at to (RFC 9110 section 15.4.4). A path
// that is not ours becomes the start page.
func (w *Web) SeeOther(rw http.ResponseWriter, r *http.Request, to string) error {
	if !w.opt.Site.Local(to) {
		to = w.opt.Site.Home()
	}
	http.Redirect(rw, r, to, http.StatusSeeOther)
	return nil
}
