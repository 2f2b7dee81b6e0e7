package handlers

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/go-chi/chi/v5"

	"postern/mailproxy/mail"
	"postern/templates"
	"postern/templates/link"
	"postern/web"
)

func (h *Handlers) home(w http.ResponseWriter, r *http.Request, v *visit) error {
	return h.web.SeeOther(w, r, h.site.Mailbox("INBOX"))
}

// mailbox is one page of a mailbox.
func (h *Handlers) mailbox(w http.ResponseWriter, r *http.Request, v *visit) error {
	raw := chi.URLParam(r, "*")
	if r.URL.RawPath != "" { // chi routes by RawPath when there is one
		p, err := url.PathUnescape(raw)
		if err != nil {
			return mail.Errorf(mail.NotFound, "There is no mailbox at this address.")
		}
		raw = p
	}
	name, ok := link.MailboxName(strings.TrimSuffix(raw, "/"))
	if !ok || !mail.ValidMailboxName(name) {
		return mail.Errorf(mail.NotFound, "There is no mailbox at this address.")
	}
	at := link.ParseList(r.URL.Query())
	at.Mailbox, at.Search = mail.CanonicalName(name), ""
	return h.list(w, r, v, at)
}

// search answers the search box, or offers the search by fields when it is empty.
func (h *Handlers) search(w http.ResponseWriter, r *http.Request, v *visit) error {
	at := link.ParseList(r.URL.Query())
	at.Search, at.Show = strings.TrimSpace(fieldsToQuery(at.Search, r.URL.Query())), ""
	if at.Search == "" {
		boxes, err := v.acct.Mailboxes(r.Context())
		if err != nil {
			return err
		}
		view := searchFormView(r.Context(), h.site, boxes, at)
		s := h.shell(w, r, v, boxes, place{title: view.Title, mailbox: at.Mailbox})
		return h.web.Render(w, r, http.StatusOK, templates.ListPage(s, view))
	}
	if r.URL.Query().Has("words") || r.URL.Query().Has("from") { // the form by fields leads to the address of its query
		return h.web.SeeOther(w, r, h.site.List(at))
	}
	return h.list(w, r, v, at)
}

func (h *Handlers) list(w http.ResponseWriter, r *http.Request, v *visit, at link.List) error {
	p, err := v.acct.List(r.Context(), listQuery(at, v))
	if err != nil {
		return err
	}
	at.Page = p.Query.Page
	view := listView(r.Context(), h.site, p, at, v.acct.Address(), v.now)
	title := view.Title
	if at.Search == "" && p.Unread > 0 {
		title = view.Title + " (" + plainNumber(r.Context(), p.Unread) + ")"
	}
	s := h.shell(w, r, v, p.Mailboxes, place{title: title, mailbox: at.Mailbox, query: at.Search, starred: at.Search == "is:starred"})
	return h.web.Render(w, r, http.StatusOK, templates.ListPage(s, view))
}

// listQuery is a place in the site as the mail engine is asked for it.
func listQuery(at link.List, v *visit) mail.ListQuery {
	q := mail.ListQuery{Mailbox: at.Mailbox, Search: at.Search, Page: max(at.Page, 1), PerPage: v.settings.PageSize, Zone: v.now.Location()}
	switch s := mail.Show(at.Show); s {
	case mail.ShowUnread, mail.ShowStarred, mail.ShowAttachments:
		q.Show = s
	}
	return q
}

// back is where a form asks to return to: a page of ours or the inbox.
func (h *Handlers) back(r *http.Request) string {
	if b := r.PostForm.Get("back"); h.site.Local(b) {
		return b
	}
	return h.site.Mailbox("INBOX")
}

// say has the next page show a sentence that needs no undo.
func (h *Handlers) say(w http.ResponseWriter, r *http.Request, what string, bad bool) {
	h.web.SetToast(w, r, web.Toast{Text: what, Bad: bad})
}
