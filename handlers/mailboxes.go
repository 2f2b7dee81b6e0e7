package handlers

import (
	"context"
	"net/http"
	"strings"

	"postern/mailproxy/mail"
	"postern/store"
	"postern/templates"
	"postern/templates/text"
	"postern/templates/ui"
)

// mailboxes is the management of mailboxes. ?rename, ?delete and ?empty name one
// that something is about to be done with.
func (h *Handlers) mailboxes(w http.ResponseWriter, r *http.Request, v *visit) error {
	return h.drawMailboxes(w, r, v, http.StatusOK, nil)
}

func (h *Handlers) drawMailboxes(w http.ResponseWriter, r *http.Request, v *visit, status int, again *templates.FolderForm) error {
	ctx, q := r.Context(), r.URL.Query()
	boxes, err := v.acct.Mailboxes(ctx)
	if err != nil {
		return err
	}
	view, _ := h.settingsFrame(ctx, "folders")
	view.Action = h.site.Mailboxes()
	f := &templates.FoldersView{Create: h.folderForm(ctx, boxes, "create", mail.Mailbox{})}
	view.Folders = f
	if again != nil && again.Do == "create" {
		f.Create = *again
	} else if again != nil {
		f.Edit = again
	}
	if name := q.Get("rename"); name != "" && again == nil {
		b, ok := mail.ByName(boxes, name)
		if !ok {
			return mail.Errorf(mail.NotFound, "There is no such folder.")
		}
		e := h.folderForm(ctx, boxes, "rename", b)
		f.Edit = &e
	}
	for _, do := range []string{"delete", "empty"} {
		if name := q.Get(do); name != "" {
			b, ok := mail.ByName(boxes, name)
			if !ok {
				return mail.Errorf(mail.NotFound, "There is no such folder.")
			}
			if f.Confirm, err = h.folderConfirm(ctx, v, do, b); err != nil {
				return err
			}
		}
	}
	for _, b := range boxes {
		f.Rows = append(f.Rows, h.folderRow(ctx, b))
	}
	s := h.shell(w, r, v, boxes, place{title: view.Title})
	return h.web.Render(w, r, status, templates.SettingsPage(s, view))
}

func (h *Handlers) folderRow(ctx context.Context, b mail.Mailbox) templates.FolderRow {
	page := h.site.Mailboxes()
	row := templates.FolderRow{Name: b.Name, Title: mailboxTitle(ctx, b), Depth: b.Depth, Subscribed: b.Subscribed, Step: !b.Selectable,
		Fixed: b.Role == mail.RoleInbox, URL: h.site.Mailbox(b.Name)}
	if b.Counted {
		row.Count = plainNumber(ctx, int(b.Messages))
	}
	if b.Role == mail.RoleInbox {
		row.Role = text.T(ctx, "Inbox")
	}
	if b.Role == mail.RoleNone {
		row.Rename, row.Delete = with(page, "rename", b.Name), with(page, "delete", b.Name)
	}
	if b.Role == mail.RoleTrash || b.Role == mail.RoleJunk {
		row.Empty = with(page, "empty", b.Name)
	}
	row.Roles = ui.SelectProps{Value: string(b.Role), Options: []ui.Option{{Value: "", Label: text.T(ctx, "Nothing special")}}}
	for _, n := range navRoles {
		if n.role != mail.RoleInbox && n.role != mail.RoleStarred && n.role != mail.RoleAll || n.role == b.Role {
			row.Roles.Options = append(row.Roles.Options, ui.Option{Value: string(n.role), Label: text.T(ctx, n.name)})
		}
	}
	return row
}

func (h *Handlers) folderForm(ctx context.Context, boxes []mail.Mailbox, do string, b mail.Mailbox) templates.FolderForm {
	f := templates.FolderForm{
		Do: do, Title: text.T(ctx, "Create a folder"), Submit: text.T(ctx, "Create folder"),
		Leaf:   ui.FieldProps{ID: do + "-leaf", Name: "leaf", Label: text.T(ctx, "Name"), Value: b.Leaf, Required: true},
		Parent: ui.SelectProps{ID: do + "-parent", Name: "parent", Label: text.T(ctx, "Inside"), Value: b.Parent, Options: []ui.Option{{Value: "", Label: text.T(ctx, "No other folder")}}},
	}
	if do == "rename" {
		f.Name, f.Cancel = b.Name, h.site.Mailboxes()
		f.Title, f.Submit = text.T(ctx, "Rename %s", b.Leaf), text.T(ctx, "Rename folder")
	}
	for _, p := range boxes {
		if p.NoInferiors || p.Delim == "" || do == "rename" && (p.Name == b.Name || strings.HasPrefix(p.Name, b.Name+b.Delim)) {
			continue
		}
		f.Parent.Options = append(f.Parent.Options, ui.Option{Value: p.Name, Label: strings.Repeat("\u2003", p.Depth) + mailboxTitle(ctx, p)})
	}
	return f
}

// folderConfirm says what deleting or emptying would do.
func (h *Handlers) folderConfirm(ctx context.Context, v *visit, do string, b mail.Mailbox) (*templates.FolderConfirm, error) {
	c := &templates.FolderConfirm{Do: do, Name: b.Name, Cancel: h.site.Mailboxes()}
	in, err := v.acct.MailboxContents(ctx, b.Name)
	if err != nil {
		return nil, err
	}
	count := text.T(ctx, "%d messages", int(in.Messages))
	if do == "empty" {
		c.Title, c.Text = text.T(ctx, "Empty %s?", mailboxTitle(ctx, b)), text.T(ctx, "It holds %s. They are deleted for good.", count)
		c.Submit, c.Cancel = text.T(ctx, "Empty %s", mailboxTitle(ctx, b)), h.site.Mailbox(b.Name)
		return c, nil
	}
	c.Title, c.Submit = text.T(ctx, "Delete the folder %s?", b.Leaf), text.T(ctx, "Delete folder")
	c.Text = text.T(ctx, "It holds %s. They are deleted for good.", count)
	if n := len(in.Children); n > 0 {
		c.Text = text.T(ctx, "It holds %s, and there are %s. All of it is deleted for good.", count, text.T(ctx, "%d mailboxes below it", n))
	}
	return c, nil
}

// mailboxesAct creates, renames, deletes, empties, subscribes.
func (h *Handlers) mailboxesAct(w http.ResponseWriter, r *http.Request, v *visit) error {
	if err := h.web.ParseForm(w, r); err != nil {
		return err
	}
	ctx, f := r.Context(), r.PostForm
	name, leaf, parent := f.Get("name"), f.Get("leaf"), f.Get("parent")
	back := h.site.Mailboxes()
	said := ""
	var err error
	switch do := f.Get("do"); do {
	case "create":
		if _, err = v.acct.CreateMailbox(ctx, parent, leaf); err == nil {
			said = text.T(ctx, "Folder created: %s", leaf)
		}
	case "rename":
		if _, err = v.acct.RenameMailbox(ctx, name, parent, leaf); err == nil {
			said = text.T(ctx, "Folder renamed: %s", leaf)
		}
	case "delete", "empty":
		if f.Get("sure") != "1" {
			return h.web.SeeOther(w, r, with(back, do, name))
		}
		if do == "delete" {
			if err = v.acct.DeleteMailbox(ctx, name); err == nil {
				said = text.T(ctx, "Folder deleted")
			}
			break
		}
		var n int
		if n, err = v.acct.EmptyMailbox(ctx, name); err == nil {
			said, back = text.T(ctx, "%d conversations deleted for good", n), h.site.Mailbox(name)
		}
	case "subscribe", "unsubscribe":
		if err = v.acct.Subscribe(ctx, name, do == "subscribe"); err == nil {
			said = text.T(ctx, "Settings saved")
		}
	case "role":
		if err = h.chooseRole(ctx, v, name, mail.Role(f.Get("role"))); err == nil {
			said = text.T(ctx, "Settings saved")
		}
	default:
		return mail.Errorf(mail.Invalid, "This page asked for something that is not known here.")
	}
	if err == nil {
		h.say(w, r, said, false)
		return h.web.SeeOther(w, r, back)
	}
	switch mail.KindOf(err) {
	case mail.SignedOut, mail.Internal, mail.Unavailable, mail.NotFound, mail.Stale:
		return err
	}
	return h.mailboxRefused(w, r, v, err)
}

// mailboxRefused draws the form again with what is wrong and what was typed.
func (h *Handlers) mailboxRefused(w http.ResponseWriter, r *http.Request, v *visit, err error) error {
	ctx, f := r.Context(), r.PostForm
	do := f.Get("do")
	if do != "create" && do != "rename" {
		return err
	}
	h.web.LogError(r, http.StatusUnprocessableEntity, err)
	boxes, berr := v.acct.Mailboxes(ctx)
	if berr != nil {
		return berr
	}
	b, _ := mail.ByName(boxes, f.Get("name"))
	form := h.folderForm(ctx, boxes, do, b)
	form.Leaf.Value, form.Parent.Value = f.Get("leaf"), f.Get("parent")
	form.Leaf.Error = failureWords(ctx, err)
	return h.drawMailboxes(w, r, v, http.StatusUnprocessableEntity, &form)
}

// chooseRole keeps what a mailbox is used for; another one that had the role by
// the person's choice loses it.
func (h *Handlers) chooseRole(ctx context.Context, v *visit, name string, role mail.Role) error {
	boxes, err := v.acct.Mailboxes(ctx)
	if err != nil {
		return err
	}
	b, ok := mail.ByName(boxes, name)
	if !ok || b.Role == mail.RoleInbox {
		return mail.Errorf(mail.NotFound, "There is no such folder.")
	}
	switch role {
	case mail.RoleNone, mail.RoleDrafts, mail.RoleSent, mail.RoleArchive, mail.RoleJunk, mail.RoleTrash, mail.RoleAll:
	default:
		return mail.Errorf(mail.Invalid, "A folder cannot be used for that.")
	}
	err = h.store.SaveSettings(ctx, v.acct.ID(), func(s *store.Settings) {
		if s.Roles == nil {
			s.Roles = map[string]mail.Role{}
		}
		for n, have := range s.Roles {
			if have == role && role != mail.RoleNone {
				delete(s.Roles, n)
			}
		}
		s.Roles[b.Name] = role
	})
	if err != nil {
		return err
	}
	v.acct.ForgetMailboxes()
	return nil
}
