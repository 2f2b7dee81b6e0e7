package handlers

import (
	"encoding/base64"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/go-chi/chi/v5"

	"postern/mailproxy/mail"
)

// Pictures in the composer are parked: an address of ours stands for theirs while
// a message is being written, so that the browser loads nothing from elsewhere and
// the message goes out with the address it had. An inline picture whose part is
// known is shown, for all others stands a drawing.

const maxParked = 4096 // characters of an address

// park gives the address of ours for a picture in the draft.
func (h *Handlers) park(d mail.Draft) func(string) string {
	parts := map[string]url.Values{}
	for _, f := range d.Files {
		if f.ContentID != "" && !f.Ref.IsZero() && f.Path != "" {
			parts["cid:"+url.PathEscape(f.ContentID)] = url.Values{"ref": {f.Ref.String()}, "part": {f.Path}}
		}
	}
	return func(address string) string {
		if len(address) > maxParked {
			return ""
		}
		return h.site.Path("/compose/picture/"+base64.RawURLEncoding.EncodeToString([]byte(address)), parts[address])
	}
}

var parkedSource = regexp.MustCompile(`/compose/picture/([A-Za-z0-9_-]+)(\?[^\s"'<>)]*)?`)

// unpark gives pictures their own addresses back. What comes out is as hostile as
// what went in: it is sanitised when the message is built.
func (h *Handlers) unpark(src string) string {
	if !strings.Contains(src, "/compose/picture/") {
		return src
	}
	base := h.site.Base
	var b strings.Builder
	for {
		at := parkedSource.FindStringSubmatchIndex(src)
		if at == nil {
			break
		}
		start := at[0]
		// The browser may have written the whole address of the site before the path.
		before := strings.TrimSuffix(src[:start], base)
		if i := strings.LastIndexAny(before, `"'( `); i >= 0 && strings.HasPrefix(before[i+1:], "http") {
			before = before[:i+1]
		}
		b.WriteString(before)
		if address, err := base64.RawURLEncoding.DecodeString(src[at[2]:at[3]]); err == nil {
			b.WriteString(html.EscapeString(string(address)))
		}
		src = src[at[1]:]
	}
	b.WriteString(src)
	return b.String()
}

// placeholder is drawn where a picture will be for those who read the message.
const placeholder = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" width="48" height="48" fill="none" stroke="#828d8b" stroke-width="1.5"><rect x="3" y="3" width="18" height="18" rx="2"/><circle cx="9" cy="9" r="2"/><path d="m21 15-3.1-3.1a2 2 0 0 0-2.8 0L6 21"/></svg>`

// parked shows a picture of the draft: its part, or a drawing in its place.
func (h *Handlers) parked(w http.ResponseWriter, r *http.Request, v *visit) error {
	q := r.URL.Query()
	if ref, err := mail.ParseRef(q.Get("ref")); err == nil {
		if part, err := partPath(q.Get("part"), false); err == nil {
			return h.web.SeeOther(w, r, h.site.Part(ref.String(), part, "", false))
		}
	}
	if len(chi.URLParam(r, "address")) > 2*maxParked {
		return mail.Errorf(mail.NotFound, "There is no such picture.")
	}
	hd := w.Header()
	hd.Set("Content-Type", "image/svg+xml")
	hd.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	hd.Set("Cache-Control", "private, max-age=86400")
	_, _ = w.Write([]byte(placeholder)) // a browser that went away is no failure of ours
	return nil
}
