package handlers

import (
	"context"
	"net/http"
	"net/url"

	"postern/mailproxy"
	"postern/mailproxy/mail"
	"postern/templates/text"
)

const maxSelected = 500 // messages in one action

// actions are what a list and a message page can do. A row's own buttons are named
// after the action and carry the message; the bar's are named "do".
var actions = []string{"archive", "delete", "spam", "not-spam", "read", "unread", "star", "unstar"}

// selection is what the form of a list or a message asks for.
type selection struct {
	do   string
	to   string // mailbox to move to
	refs []mail.MessageRef
}

func readSelection(f url.Values) (selection, error) {
	s := selection{do: f.Get("do"), to: f.Get("to")}
	ids := f["id"]
	for _, a := range actions {
		if id := f.Get(a); id != "" { // a row's own button acts on its row alone
			s.do, s.to, ids = a, "", []string{id}
			break
		}
	}
	if s.to != "" {
		s.do = "move"
		if !mail.ValidMailboxName(s.to) {
			return s, mail.Errorf(mail.Invalid, "There is no mailbox of this name.")
		}
	}
	if len(ids) > maxSelected {
		return s, mail.Errorf(mail.TooLarge, "At most %d conversations can be changed at once.", maxSelected)
	}
	for _, id := range ids {
		ref, err := mail.ParseRef(id)
		if err != nil {
			return s, err
		}
		s.refs = append(s.refs, ref)
	}
	return s, nil
}

// act changes the ticked conversations and returns to the list, which offers to
// undo it.
func (h *Handlers) act(w http.ResponseWriter, r *http.Request, v *visit) error {
	if err := h.web.ParseForm(w, r); err != nil {
		return err
	}
	s, err := readSelection(r.PostForm)
	if err != nil {
		return err
	}
	if len(s.refs) == 0 {
		h.say(w, r, text.T(r.Context(), "Tick one or more conversations first."), true)
		return h.web.SeeOther(w, r, h.back(r))
	}
	what, undo, err := h.carryOut(r.Context(), v, s)
	switch mail.KindOf(err) {
	case mail.Internal:
		if err != nil {
			return err
		}
		h.keepUndo(w, r, v, what, undo)
	case mail.SignedOut:
		return err
	default: // the list is shown with what went wrong: the person is where they were
		h.web.LogError(r, http.StatusSeeOther, err)
		h.say(w, r, text.T(r.Context(), "Nothing was changed.")+" "+failureWords(r.Context(), err), true)
	}
	return h.web.SeeOther(w, r, h.back(r))
}

// carryOut does what was asked for and words it.
func (h *Handlers) carryOut(ctx context.Context, v *visit, s selection) (what string, u mail.Undo, err error) {
	moved := func(m mailproxy.Moved, err error, words string, args ...any) (string, mail.Undo, error) {
		if m.Forever {
			words, args = "%d conversations deleted for good", nil
		}
		t := text.T(ctx, words, append([]any{m.Count}, args...)...)
		if m.Gone > 0 {
			t += ". " + text.T(ctx, "%d were no longer there.", m.Gone)
		}
		return t, m.Undo, err
	}
	flagged := func(f mail.Flag, on bool, words string) (string, mail.Undo, error) {
		u, err := v.acct.SetFlag(ctx, s.refs, f, on)
		return text.T(ctx, words, len(s.refs)), u, err
	}
	switch s.do {
	case "archive":
		m, err := v.acct.Archive(ctx, s.refs)
		return moved(m, err, "%d conversations archived")
	case "delete":
		m, err := v.acct.Delete(ctx, s.refs)
		return moved(m, err, "%d conversations deleted")
	case "spam":
		m, err := v.acct.Spam(ctx, s.refs, true)
		return moved(m, err, "%d conversations reported as spam")
	case "not-spam":
		m, err := v.acct.Spam(ctx, s.refs, false)
		return moved(m, err, "%d conversations moved to Inbox")
	case "move":
		m, err := v.acct.Move(ctx, s.refs, s.to)
		return moved(m, err, "%d conversations moved to %s", s.to)
	case "read":
		return flagged(mail.FlagSeen, true, "%d conversations marked as read")
	case "unread":
		return flagged(mail.FlagSeen, false, "%d conversations marked as unread")
	case "star":
		return flagged(mail.FlagStarred, true, "%d conversations starred")
	case "unstar":
		return flagged(mail.FlagStarred, false, "%d stars removed")
	}
	return "", mail.Undo{}, mail.Errorf(mail.Invalid, "This page asked for something that is not known here.")
}

// failureWords is the sentence for a failure that does not have a page to itself.
func failureWords(ctx context.Context, err error) string {
	if m := mail.MsgOf(err); m != "" {
		return m
	}
	switch mail.KindOf(err) {
	case mail.Unavailable, mail.Limited:
		return text.T(ctx, "The mail server did not answer.")
	case mail.Stale, mail.NotFound:
		return text.T(ctx, "The conversation is no longer there.")
	case mail.OverQuota:
		return text.T(ctx, "The mailbox is full.")
	}
	return text.T(ctx, "The mail server refused.")
}

// undo takes back the last change.
func (h *Handlers) undo(w http.ResponseWriter, r *http.Request, v *visit) error {
	if err := h.web.ParseForm(w, r); err != nil {
		return err
	}
	back := h.back(r)
	if r.PostForm.Get("dismiss") != "" {
		return h.web.SeeOther(w, r, back)
	}
	u, err := h.store.UndoTake(r.Context(), v.session.ID(), v.acct.ID(), r.PostForm.Get("token"))
	if err == nil {
		err = v.acct.Undo(r.Context(), u)
	}
	switch {
	case err == nil:
		h.say(w, r, text.T(r.Context(), "Undone"), false)
	case mail.KindOf(err) == mail.SignedOut:
		return err
	case mail.KindOf(err) == mail.NotFound:
		h.say(w, r, text.T(r.Context(), "This can no longer be undone."), true)
	default:
		h.web.LogError(r, http.StatusSeeOther, err)
		h.say(w, r, text.T(r.Context(), "It could not be undone.")+" "+failureWords(r.Context(), err), true)
	}
	return h.web.SeeOther(w, r, back)
}
