package handlers

import (
	"context"
	"strconv"

	"postern/mailproxy"
	"postern/mailproxy/mail"
	"postern/templates"
	"postern/templates/text"
	"postern/templates/ui"
)

// composerView is the composer's view and the mailbox it belongs to.
type composerView struct {
	templates.ComposeView
	boxName string
}

// composeTitles are what a composer is called before it has a subject.
var composeTitles = map[mail.ComposeKind]string{
	mail.ComposeReply: "Reply", mail.ComposeReplyAll: "Reply to all", mail.ComposeForward: "Forward",
	mail.ComposeForwardAttach: "Forward as attachment", mail.ComposeContinue: "Draft",
}

func (h *Handlers) composeView(ctx context.Context, v *visit, d mail.Draft, boxes []mail.Mailbox, said composeSaid) (composerView, error) {
	ids, err := v.acct.Identities(ctx)
	if err != nil {
		return composerView{}, err
	}
	problem := map[string]string{}
	for _, p := range said.problems {
		if problem[p.Field] != "" {
			problem[p.Field] += " "
		}
		problem[p.Field] += p.Msg
	}
	c := templates.ComposeView{
		Action: h.site.Compose("", ""), Upload: h.site.Upload(), Back: h.composeBack(d),
		Changed: said.changed, Note: said.note,
		To:      templates.ComposeField{Value: d.To, Error: problem["to"], Focus: d.To == "" || problem["to"] != ""},
		Cc:      templates.ComposeField{Value: d.Cc, Error: problem["cc"]},
		Bcc:     templates.ComposeField{Value: d.Bcc, Error: problem["bcc"]},
		Subject: templates.ComposeField{Value: d.Subject, Error: problem["subject"]},
		Text:    d.Text, TextError: joinWords(problem["body"], problem["text"], problem["from"]),
		HTML: mailproxy.EditableHTML(d.HTML, h.park(d)), Rich: d.Rich,
		FilesError: joinWords(said.files, problem["files"]),
		MaxBytes:   strconv.FormatInt(h.opt.MaxMessage*3/4, 10),
		MaxText:    text.T(ctx, "Too large: a message takes at most %s of files.", text.Size(ctx, h.opt.MaxMessage*3/4)),
	}
	c.Title = d.Subject
	if c.Title == "" {
		c.Title = text.T(ctx, "New message")
		if t, ok := composeTitles[d.Kind]; ok {
			c.Title = text.T(ctx, t)
		}
	}
	box := "INBOX"
	if !d.Parent.IsZero() {
		box = d.Parent.Mailbox
	}
	c.BackName = text.T(ctx, "Back to %s", box)
	if b, ok := mail.ByName(boxes, box); ok {
		c.BackName = text.T(ctx, "Back to %s", mailboxTitle(ctx, b))
	}
	for _, id := range ids {
		c.From.Options = append(c.From.Options, ui.Option{Value: id.ID, Label: id.Address().String()})
		if id.ID == d.From || c.FromText == "" {
			c.From.Value, c.FromText = id.ID, id.Address().String()
		}
	}
	hidden := func(id, name, value string) {
		c.Hidden = append(c.Hidden, templates.ComposeHidden{ID: id, Name: name, Value: value})
	}
	hidden("", "key", d.Key) // first: files that follow belong to it
	hidden("", "kind", string(d.Kind))
	if !d.Parent.IsZero() {
		hidden("", "parent", d.Parent.String())
	}
	if !d.Saved.IsZero() {
		hidden("saved", "saved", d.Saved.String())
	}
	if len(ids) == 1 {
		hidden("", "from", ids[0].ID)
	}
	if d.InReplyTo != "" {
		hidden("", "in-reply-to", d.InReplyTo)
	}
	if len(d.References) > 0 {
		refs := ""
		for _, r := range d.References {
			refs += r + " "
		}
		hidden("", "references", refs)
	}
	for _, f := range d.Files {
		c.Files = append(c.Files, templates.ComposeFile{ID: f.ID, Name: f.Name, Size: text.Size(ctx, f.Size)})
	}
	return composerView{c, box}, nil
}

func joinWords(parts ...string) string {
	out := ""
	for _, p := range parts {
		if p == "" {
			continue
		}
		if out != "" {
			out += " "
		}
		out += p
	}
	return out
}
