package web

import (
	"context"
	"errors"
	"net/http"
	"time"

	"postern/mailproxy/mail"
)

// ErrorInfo is what an error page shows.
type ErrorInfo struct {
	Status int
	Kind   mail.Kind
	Msg    string // one plain sentence for the person, may be empty
	Ref    string
	When   time.Time
}

var statusOf = map[mail.Kind]int{
	mail.Internal:    http.StatusInternalServerError,
	mail.Invalid:     http.StatusUnprocessableEntity,
	mail.NotFound:    http.StatusNotFound,
	mail.Stale:       http.StatusGone,
	mail.SignedOut:   http.StatusUnauthorized,
	mail.Refused:     http.StatusConflict,
	mail.OverQuota:   http.StatusInsufficientStorage,
	mail.TooLarge:    http.StatusRequestEntityTooLarge,
	mail.Unavailable: http.StatusServiceUnavailable,
	mail.Insecure:    http.StatusBadGateway,
	mail.Limited:     http.StatusTooManyRequests,
}

// Status is the HTTP status of a kind of failure.
func Status(k mail.Kind) int { return statusOf[k] }

// Fail answers with the page for err and writes the one log line that its
// reference finds. Nothing of err but a mail.Error's Msg reaches the browser.
func (w *Web) Fail(rw http.ResponseWriter, r *http.Request, err error) {
	w.fail(rw, r, statusOf[mail.KindOf(err)], err)
}

func (w *Web) fail(rw http.ResponseWriter, r *http.Request, status int, err error) {
	w.LogError(r, status, err)
	if gone(r, err) {
		return // nobody is there to be told
	}
	if status == http.StatusServiceUnavailable || status == http.StatusTooManyRequests {
		rw.Header().Set("Retry-After", "30")
	}
	info := ErrorInfo{Status: status, Kind: mail.KindOf(err), Msg: mail.MsgOf(err), Ref: Ref(r.Context()), When: w.Now()}
	if w.errorPage == nil {
		http.Error(rw, info.Msg+" "+info.Ref, status)
		return
	}
	w.errorPage(rw, r, info)
}

// SetErrorPage says who draws the error page. Call it before serving.
func (w *Web) SetErrorPage(f func(http.ResponseWriter, *http.Request, ErrorInfo)) { w.errorPage = f }

// gone reports whether err is only that the browser left: a second click, a
// closed tab.
func gone(r *http.Request, err error) bool {
	return errors.Is(r.Context().Err(), context.Canceled) && errors.Is(err, context.Canceled)
}

// LogError writes the log line of a failure that the page shows in a way of its own.
func (w *Web) LogError(r *http.Request, status int, err error) {
	log := w.Log(r.Context())
	if gone(r, err) {
		log.Debug("browser left", "err", mail.Loggable(err))
		return
	}
	args := []any{"status", status, "kind", mail.KindOf(err).String(), "err", mail.Loggable(err)}
	if s := Current(r); s != nil {
		args = append(args, "account", s.AccountID)
	}
	if status >= 500 {
		log.Error("failed", args...)
		return
	}
	log.Warn("refused", args...)
}
