package handlers

import (
	"net/http"
	"time"

	"postern/templates"
)

// sendWindow is how long a sent message waits for Undo.
const sendWindow = 10 * time.Second

func (h *Handlers) outbox(w http.ResponseWriter, r *http.Request, v *visit) error { return errNotBuilt }
func (h *Handlers) outboxAct(w http.ResponseWriter, r *http.Request, v *visit) error {
	return errNotBuilt
}

// outboxNotices are banners about messages that were not sent.
func (h *Handlers) outboxNotices(r *http.Request, v *visit) []templates.Notice { return nil }
