package handlers

import (
	"net/http"
	"strings"

	"github.com/go-chi/chi/v5"

	"postern/mailproxy"
	"postern/mailproxy/mail"
	"postern/store"
	"postern/templates/link"
)

const maxImageSenders = 1000 // senders whose images are always shown

// showImages shows a message's remote images, once or always from its sender.
func (h *Handlers) showImages(w http.ResponseWriter, r *http.Request, v *visit) error {
	if err := h.web.ParseForm(w, r); err != nil {
		return err
	}
	ref, err := mail.ParseRef(chi.URLParam(r, "ref"))
	if err != nil {
		return err
	}
	if r.PostForm.Get("show") == "always" {
		m, err := v.acct.Open(r.Context(), ref, mailproxy.OpenOptions{})
		if err != nil {
			return err
		}
		if len(m.From) == 1 {
			addr := strings.ToLower(m.From[0].Addr)
			err = h.store.SaveSettings(r.Context(), v.acct.ID(), func(s *store.Settings) {
				if !allowed(s.ImagesFrom, addr) && len(s.ImagesFrom) < maxImageSenders {
					s.ImagesFrom = append(s.ImagesFrom, addr)
				}
			})
			if err != nil {
				return err
			}
		}
	}
	return h.web.SeeOther(w, r, with(h.site.Message(ref.String(), link.ParseList(r.URL.Query())), "images", "1"))
}

func (h *Handlers) remoteImage(w http.ResponseWriter, r *http.Request, v *visit) error {
	return errNotBuilt
}

func (h *Handlers) remoteURL(v *visit, u string) string { return "" }
