package handlers

import "net/http"

func (h *Handlers) settingsPage(w http.ResponseWriter, r *http.Request, v *visit) error {
	return errNotBuilt
}
func (h *Handlers) settingsSave(w http.ResponseWriter, r *http.Request, v *visit) error {
	return errNotBuilt
}
