package handlers

import (
	"net/http"
	"time"

	"postern/mailproxy/mail"
	"postern/templates"
	"postern/templates/text"
	"postern/templates/ui"
)

// sendWindow is how long a sent message waits for Undo.
const sendWindow = 10 * time.Second

// outbox lists what is on its way and what came back.
func (h *Handlers) outbox(w http.ResponseWriter, r *http.Request, v *visit) error {
	ctx := r.Context()
	items, err := v.acct.Outbox(ctx)
	if err != nil {
		return err
	}
	boxes, err := v.boxes(ctx)
	if err != nil {
		h.web.LogError(r, http.StatusOK, err) // the outbox needs no mail server
	}
	view := templates.OutboxView{Title: text.T(ctx, "Outbox"), Action: h.site.Outbox()}
	for _, o := range items {
		view.Items = append(view.Items, h.outboxRow(r, o, v.now))
	}
	if len(items) == 0 {
		view.Empty = &templates.EmptyView{Scene: ui.SceneOpen, Title: text.T(ctx, "Nothing is waiting to be sent"),
			Text: text.T(ctx, "What you send waits here for a moment, or until the mail server takes it."), Link: text.T(ctx, "Go to the Inbox"), Icon: "inbox", URL: h.site.Mailbox("INBOX")}
	}
	return h.web.Render(w, r, http.StatusOK, templates.OutboxPage(h.shell(w, r, v, boxes, place{title: view.Title}), view))
}

func (h *Handlers) outboxRow(r *http.Request, o mail.OutboxItem, now time.Time) templates.OutboxRow {
	ctx := r.Context()
	row := templates.OutboxRow{ID: o.ID, Subject: o.Subject, To: o.To, Detail: o.LastError}
	if row.Subject == "" {
		row.Subject = text.T(ctx, "(no subject)")
	}
	if !o.Draft.IsZero() {
		row.Edit = h.site.Compose(string(mail.ComposeContinue), o.Draft.String())
	}
	switch o.State {
	case mail.OutboxWaiting:
		row.Cancel, row.Now = true, true
		row.Edit = ""
		row.State = text.T(ctx, "Is about to be sent")
		if o.Attempts > 0 {
			row.State = text.T(ctx, "Could not be sent yet; tried again at %s", text.HeadDate(ctx, o.Due, now))
			row.Bad = true
		}
	case mail.OutboxSending:
		row.State, row.Edit = text.T(ctx, "Is being sent"), ""
	case mail.OutboxSubmitted:
		row.State, row.Edit = text.T(ctx, "Sent; the copy in Sent is still to be stored"), ""
	case mail.OutboxReturned:
		row.State, row.Bad, row.Dismiss = text.T(ctx, "Was not sent. The draft is in Drafts."), true, true
		for _, f := range o.Refused {
			row.Detail = joinWords(row.Detail, f.Addr+": "+f.Reply)
		}
	}
	return row
}

// outboxAct takes a message back, sends it now, or forgets that it came back.
func (h *Handlers) outboxAct(w http.ResponseWriter, r *http.Request, v *visit) error {
	if err := h.web.ParseForm(w, r); err != nil {
		return err
	}
	ctx, f := r.Context(), r.PostForm
	id, back := f.Get("id"), h.back(r)
	if f.Get("back") == "" {
		back = h.site.Outbox()
	}
	if f.Get("dismiss") != "" { // the toast's own button: the message leaves in its time
		return h.web.SeeOther(w, r, back)
	}
	switch f.Get("do") {
	case "cancel":
		draft, err := v.acct.CancelSend(ctx, id)
		if mail.KindOf(err) == mail.Stale && err != nil {
			h.say(w, r, text.T(ctx, "It was too late: the message has been sent."), true)
			return h.web.SeeOther(w, r, back)
		}
		if err != nil {
			return err
		}
		h.say(w, r, text.T(ctx, "Not sent. Here is your message."), false)
		return h.web.SeeOther(w, r, h.site.Compose(string(mail.ComposeContinue), draft.String()))
	case "now":
		if err := v.acct.SendNow(ctx, id); err != nil && mail.KindOf(err) != mail.Stale {
			return err
		}
		h.say(w, r, text.T(ctx, "Message sent"), false)
	case "dismiss":
		if err := v.acct.DismissReturned(ctx, id); err != nil {
			return err
		}
	}
	return h.web.SeeOther(w, r, back)
}

// outboxNotices are banners about messages that were not sent.
func (h *Handlers) outboxNotices(r *http.Request, v *visit) []templates.Notice {
	ctx := r.Context()
	items, err := v.acct.Outbox(ctx)
	if err != nil {
		h.web.LogError(r, http.StatusOK, err)
		return nil
	}
	var out []templates.Notice
	waiting := 0
	for _, o := range items {
		row := h.outboxRow(r, o, v.now)
		switch {
		case o.State == mail.OutboxReturned && len(out) < 3:
			n := templates.Notice{Kind: ui.NoteBad, Icon: "mail-x", Title: text.T(ctx, "“%s” was not sent.", clip(row.Subject, 80)), Text: clip(row.Detail, 500),
				Dismiss: &ui.ButtonProps{Label: text.T(ctx, "Dismiss"), FormAction: h.site.Outbox(), Name: "do", Value: "dismiss"}, ID: o.ID}
			if row.Edit != "" {
				n.Links = []templates.NoticeLink{{Label: text.T(ctx, "Open the draft"), URL: row.Edit}}
			}
			out = append(out, n)
		case o.State == mail.OutboxWaiting && o.Attempts > 0:
			waiting++
		}
	}
	if waiting > 0 {
		out = append(out, templates.Notice{Kind: ui.NoteWarn, Icon: "clock", Title: text.T(ctx, "%d messages wait for the mail server.", waiting),
			Text: text.T(ctx, "They are sent as soon as it takes them."), Links: []templates.NoticeLink{{Label: text.T(ctx, "Outbox"), URL: h.site.Outbox()}}})
	}
	return out
}
