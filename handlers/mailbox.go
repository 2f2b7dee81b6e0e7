package handlers

import "net/http"

func (h *Handlers) home(w http.ResponseWriter, r *http.Request, v *visit) error {
	return h.web.SeeOther(w, r, h.site.Mailbox("INBOX"))
}
func (h *Handlers) mailbox(w http.ResponseWriter, r *http.Request, v *visit) error {
	return errNotBuilt
}
func (h *Handlers) search(w http.ResponseWriter, r *http.Request, v *visit) error { return errNotBuilt }
