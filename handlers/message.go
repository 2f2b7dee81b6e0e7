package handlers

import "net/http"

func (h *Handlers) message(w http.ResponseWriter, r *http.Request, v *visit) error {
	return errNotBuilt
}
func (h *Handlers) frame(w http.ResponseWriter, r *http.Request, v *visit) error  { return errNotBuilt }
func (h *Handlers) raw(w http.ResponseWriter, r *http.Request, v *visit) error    { return errNotBuilt }
func (h *Handlers) source(w http.ResponseWriter, r *http.Request, v *visit) error { return errNotBuilt }
func (h *Handlers) printPage(w http.ResponseWriter, r *http.Request, v *visit) error {
	return errNotBuilt
}
func (h *Handlers) part(w http.ResponseWriter, r *http.Request, v *visit) error { return errNotBuilt }
func (h *Handlers) showImages(w http.ResponseWriter, r *http.Request, v *visit) error {
	return errNotBuilt
}
func (h *Handlers) remoteImage(w http.ResponseWriter, r *http.Request, v *visit) error {
	return errNotBuilt
}
