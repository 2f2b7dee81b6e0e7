package handlers

import (
	"net/http"
	"net/url"

	"postern/mailproxy"
)

const maxUpload = 64 << 20

func (h *Handlers) compose(w http.ResponseWriter, r *http.Request, v *visit) error {
	return errNotBuilt
}
func (h *Handlers) composeAct(w http.ResponseWriter, r *http.Request, v *visit) error {
	return errNotBuilt
}
func (h *Handlers) upload(w http.ResponseWriter, r *http.Request, v *visit) error { return errNotBuilt }

// resumeCompose draws the composer again after a sign-in, with the words of the
// form that was sent without a session.
func (h *Handlers) resumeCompose(w http.ResponseWriter, r *http.Request, acct *mailproxy.Account, f url.Values) error {
	return errNotBuilt
}

// parseCompose reads the composer's form.
func parseCompose(r *http.Request) error { return r.ParseMultipartForm(1 << 20) }
