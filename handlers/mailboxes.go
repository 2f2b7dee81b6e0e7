package handlers

import "net/http"

func (h *Handlers) mailboxes(w http.ResponseWriter, r *http.Request, v *visit) error {
	return errNotBuilt
}
func (h *Handlers) mailboxesAct(w http.ResponseWriter, r *http.Request, v *visit) error {
	return errNotBuilt
}
