package handlers

import (
	"net/http"

	"github.com/a-h/templ"

	"postern/mailproxy/mail"
	"postern/templates"
	"postern/templates/text"
	"postern/templates/ui"
	"postern/web"
)

// errorPage draws an error that has the page to itself, in the shell when
// somebody is signed in. It asks the mail server nothing.
func (h *Handlers) errorPage(w http.ResponseWriter, r *http.Request, e web.ErrorInfo) {
	ctx := r.Context()
	v := templates.ErrorView{Ref: e.Ref, When: text.FullDate(ctx, e.When, e.When), Scene: ui.SceneBarred, Home: h.site.Home(), HomeName: text.T(ctx, "Go to the Inbox")}
	v.Title, v.Text = errorWords(r, e)
	if e.Kind == mail.NotFound || e.Kind == mail.Stale {
		v.Scene = ui.SceneSearch
	}
	if r.Method == http.MethodGet && (e.Kind == mail.Unavailable || e.Kind == mail.Limited || e.Kind == mail.Internal || e.Kind == mail.Insecure) {
		v.Retry = r.URL.RequestURI()
	}
	var page templ.Component
	if s := web.Current(r); s != nil {
		page = templates.ErrorPage(h.bareShell(r, s, v.Title), v)
	} else {
		v.HomeName = text.T(ctx, "Go to sign-in")
		page = templates.BareErrorPage(v)
	}
	if err := h.web.Render(w, r, e.Status, page); err != nil {
		h.web.LogError(r, e.Status, err)
		http.Error(w, v.Title+" ("+v.Ref+")", e.Status)
	}
}

// errorWords says what happened and what is safe.
func errorWords(r *http.Request, e web.ErrorInfo) (title, help string) {
	ctx := r.Context()
	switch e.Kind {
	case mail.NotFound:
		title, help = text.T(ctx, "There is nothing here"), text.T(ctx, "The address may be old, or what was here was moved or deleted.")
	case mail.Stale:
		title, help = text.T(ctx, "This is no longer here"), text.T(ctx, "It was moved or deleted, here or in another program. The list shows where things stand now.")
	case mail.Invalid:
		title, help = text.T(ctx, "This could not be done"), text.T(ctx, "Go back and try again. Nothing was changed.")
	case mail.SignedOut:
		title, help = text.T(ctx, "You are signed out"), text.T(ctx, "Sign in to go on.")
	case mail.Refused:
		title, help = text.T(ctx, "The mail server refused this"), text.T(ctx, "Nothing was changed.")
	case mail.OverQuota:
		title, help = text.T(ctx, "The mailbox is full"), text.T(ctx, "The server stores nothing more until you delete something, from Trash too.")
	case mail.TooLarge:
		title, help = text.T(ctx, "This is too large"), text.T(ctx, "Nothing was changed.")
	case mail.Unavailable:
		title, help = text.T(ctx, "The mail server did not answer"), text.T(ctx, "Your mail is safe on the server. This page could not be built because the server did not answer in time.")
	case mail.Insecure:
		title, help = text.T(ctx, "The mail server cannot be trusted"), text.T(ctx, "Its certificate is not valid, so nothing was sent to it. The administrator has to look at this.")
	case mail.Limited:
		title, help = text.T(ctx, "The mail server asks us to wait"), text.T(ctx, "Too many connections are open at the moment. Your mail is safe on the server.")
	default:
		title, help = text.T(ctx, "Something failed here"), text.T(ctx, "The fault is ours and has been noted. Your mail is safe on the server.")
	}
	if e.Status == http.StatusForbidden {
		title = text.T(ctx, "This was not carried out")
	}
	if e.Msg != "" {
		help = e.Msg
		if e.Kind == mail.Unavailable || e.Kind == mail.Limited {
			help += " " + text.T(ctx, "Your mail is safe on the server.")
		}
	}
	return title, help
}
