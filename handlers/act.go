package handlers

import (
	"errors"
	"net/http"
)

var errNotBuilt = errors.New("not built")

func (h *Handlers) act(w http.ResponseWriter, r *http.Request, v *visit) error  { return errNotBuilt }
func (h *Handlers) undo(w http.ResponseWriter, r *http.Request, v *visit) error { return errNotBuilt }
