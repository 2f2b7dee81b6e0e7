package handlers

import (
	"context"
	"net/http"
	"strings"

	"postern/mailproxy/mail"
	"postern/store"
	"postern/templates"
	"postern/templates/link"
	"postern/templates/text"
	"postern/templates/ui"
	"postern/web"
)

// place is where in the site a page stands, for the sidebar and the search box.
type place struct {
	title   string
	mailbox string // whole name of the current mailbox, "" for none
	starred bool   // the list of starred mail
	query   string // text in the search box
	reading bool
}

// shell is what stands around a page: sidebar, search box, toast and notices.
func (h *Handlers) shell(w http.ResponseWriter, r *http.Request, v *visit, boxes []mail.Mailbox, at place) templates.ShellView {
	ctx := r.Context()
	s := templates.ShellView{
		Title: at.title, Theme: v.settings.Theme, Density: v.settings.Density, Reading: at.reading,
		Address: v.acct.Address(), Name: v.acct.Address(), Query: at.query, QueryIn: at.mailbox,
	}
	if ids, err := v.acct.Identities(ctx); err != nil {
		h.web.LogError(r, http.StatusOK, err)
	} else if len(ids) > 0 && ids[0].Name != "" {
		s.Name = ids[0].Name
	}
	s.Nav, s.Folders = navigation(ctx, h.site, boxes, at)
	if in, ok := mail.ByRole(boxes, mail.RoleInbox); ok {
		s.Unread = in.Unseen > 0
	}
	if t, ok := h.web.TakeToast(w, r); ok {
		s.Toast = h.toast(ctx, t, here(h.site, r))
	}
	s.Notices = h.outboxNotices(r, v)
	return s
}

// bareShell is the shell of a page that asks the mail server nothing: errors.
func (h *Handlers) bareShell(r *http.Request, s *web.Session, title string) templates.ShellView {
	ctx := r.Context()
	settings, err := h.store.Settings(ctx, s.AccountID)
	if err != nil {
		settings = store.Settings{} // the page is an error page already
	}
	v := templates.ShellView{Title: title, Theme: settings.Theme, Density: settings.Density, Address: s.Credentials.Address, Name: s.Credentials.Address}
	boxes := []mail.Mailbox{{Name: "INBOX", Leaf: "INBOX", Role: mail.RoleInbox, Selectable: true}}
	if acct, err := h.proxy.Account(ctx, s.Credentials.Mail()); err == nil {
		if known := acct.KnownMailboxes(); len(known) > 0 {
			boxes = known
		}
	}
	v.Nav, v.Folders = navigation(ctx, h.site, boxes, place{})
	return v
}

// navRole is how a role stands in the sidebar, in this order.
var navRoles = []struct {
	role mail.Role
	name string
	icon string
	key  string
	all  bool // counts every message, not the unread
}{
	{mail.RoleInbox, "Inbox", "inbox", "g i", false},
	{mail.RoleStarred, "Starred", "star", "g s", false},
	{mail.RoleDrafts, "Drafts", "file-pen-line", "g d", true},
	{mail.RoleSent, "Sent", "send", "g t", false},
	{mail.RoleArchive, "Archive", "archive", "g a", false},
	{mail.RoleAll, "All mail", "mail", "", false},
	{mail.RoleJunk, "Spam", "octagon-alert", "", true},
	{mail.RoleTrash, "Trash", "trash-2", "", false},
}

// MailboxTitle is what a mailbox is called in the page: roles have our own names.
func mailboxTitle(ctx context.Context, b mail.Mailbox) string {
	for _, n := range navRoles {
		if n.role == b.Role && b.Role != mail.RoleNone {
			return text.T(ctx, n.name)
		}
	}
	return b.Leaf
}

func navigation(ctx context.Context, site link.Site, boxes []mail.Mailbox, at place) (nav, folders []templates.NavItem) {
	shown := map[string]bool{}
	for _, n := range navRoles {
		if n.role == mail.RoleStarred {
			nav = append(nav, templates.NavItem{Name: text.T(ctx, n.name), Icon: n.icon, Key: n.key, Current: at.starred,
				URL: site.List(link.List{Search: "is:starred"})})
			continue
		}
		b, ok := mail.ByRole(boxes, n.role)
		if !ok || !b.Selectable {
			continue
		}
		shown[b.Name] = true
		item := templates.NavItem{Name: text.T(ctx, n.name), Icon: n.icon, Key: n.key, URL: site.Mailbox(b.Name), Current: b.Name == at.mailbox && !at.starred}
		countNav(ctx, &item, b, n.all)
		nav = append(nav, item)
	}
	wanted := subscribed(boxes)
	for _, b := range boxes {
		if shown[b.Name] || !wanted[b.Name] && b.Name != at.mailbox {
			continue
		}
		item := templates.NavItem{Name: b.Leaf, URL: site.Mailbox(b.Name), Current: b.Name == at.mailbox, Depth: b.Depth, Step: !b.Selectable}
		if b.Depth == 0 {
			item.Icon = "folder"
		}
		countNav(ctx, &item, b, false)
		folders = append(folders, item)
	}
	return nav, folders
}

// subscribed names the mailboxes that belong in the sidebar: those subscribed to
// and the steps above them. Where nothing is subscribed to, all do.
func subscribed(boxes []mail.Mailbox) map[string]bool {
	parent, any := map[string]string{}, false
	for _, b := range boxes {
		parent[b.Name] = b.Parent
		any = any || b.Subscribed && b.Role == mail.RoleNone
	}
	out := map[string]bool{}
	for _, b := range boxes {
		if !b.Subscribed && any {
			continue
		}
		for n := b.Name; n != "" && !out[n]; n = parent[n] {
			out[n] = true
		}
	}
	return out
}

func countNav(ctx context.Context, item *templates.NavItem, b mail.Mailbox, all bool) {
	n, words := b.Unseen, text.T(ctx, "unread")
	if all {
		n, words = b.Messages, text.T(ctx, "conversations")
		if b.Role == mail.RoleDrafts {
			words = text.T(ctx, "drafts")
		}
	}
	if n > 0 && b.Counted {
		item.Count, item.CountText = text.T(ctx, "%d", n), words
	}
	item.New = !all && b.Unseen > 0
}

// toast turns what a change left into a toast with its Undo.
func (h *Handlers) toast(ctx context.Context, t web.Toast, back string) *ui.ToastProps {
	p := &ui.ToastProps{Text: t.Text, Bad: t.Bad, Action: h.site.Undo(), Dismiss: text.T(ctx, "Dismiss"), Fields: []ui.HiddenField{{Name: "back", Value: back}}}
	switch {
	case t.Outbox != "":
		p.Action = h.site.Outbox()
		p.Fields = append(p.Fields, ui.HiddenField{Name: "id", Value: t.Outbox})
		p.Millis = int(sendWindow.Milliseconds())
		p.Buttons = []ui.ToastButton{
			{Label: text.T(ctx, "Undo"), Name: "do", Value: "cancel", Key: "z"},
			{Label: text.T(ctx, "Send now"), Name: "do", Value: "now"},
		}
	case t.Undo != "":
		p.Fields = append(p.Fields, ui.HiddenField{Name: "token", Value: t.Undo})
		p.Buttons = []ui.ToastButton{{Label: text.T(ctx, "Undo"), Key: "z"}}
	}
	return p
}

// keepUndo stores the inverse of a change and has the next page say what was done.
func (h *Handlers) keepUndo(w http.ResponseWriter, r *http.Request, v *visit, what string, u mail.Undo) {
	t := web.Toast{Text: what}
	if !u.Empty() {
		token, err := h.store.UndoPut(r.Context(), v.session.ID(), v.acct.ID(), u, what)
		if err != nil { // the change stands; only taking it back is lost, so say so
			h.web.LogError(r, http.StatusInternalServerError, err)
			t.Text = strings.TrimSpace(what + " " + text.T(r.Context(), "It cannot be undone."))
		}
		t.Undo = token
	}
	h.web.SetToast(w, r, t)
}

// here is the address of the page being shown, to come back to.
func here(site link.Site, r *http.Request) string {
	if r.Method == http.MethodGet && site.Local(r.URL.RequestURI()) {
		return r.URL.RequestURI()
	}
	return site.Mailbox("INBOX")
}
