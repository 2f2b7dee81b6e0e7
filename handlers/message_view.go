package handlers

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"postern/mailproxy/mail"
	"postern/templates"
	"postern/templates/link"
	"postern/templates/text"
	"postern/templates/ui"
)

const (
	maxFacts      = 50  // addresses of one field in the details
	maxFilesShown = 100 // attachments drawn
	maxSubject    = 1000
	maxHeaderRows = 1000
)

// messageView turns an opened message into what is printed.
func (h *Handlers) messageView(r *http.Request, v *visit, m mail.Message, boxes []mail.Mailbox, at link.List) templates.MessageView {
	ctx, q := r.Context(), r.URL.Query()
	id, me := m.Ref.String(), v.acct.Address()
	view := templates.MessageView{
		ID: id, Back: h.site.List(at), Action: h.site.Act(), Enclosed: m.Path != "",
		Subject: clip(m.Subject, maxSubject), NoSubject: m.Subject == "", Starred: m.Flags.Flagged,
		Owner: text.T(ctx, "Mailbox of %s", me),
		When:  text.HeadDate(ctx, m.Date, v.now), WhenISO: m.Date.Format(time.RFC3339), WhenFull: text.FullDate(ctx, m.Date, v.now),
		To: toLine(ctx, m, me), Facts: facts(ctx, m), Blocks: blocks(m.Text),
		Targets: moveTargets(ctx, boxes, m.Ref.Mailbox), Bulk: bulk(ctx, mail.RoleNone),
	}
	view.After = view.Back
	box, ok := mail.ByName(boxes, m.Ref.Mailbox)
	if ok {
		view.Bulk, view.Place = bulk(ctx, box.Role), mailboxTitle(ctx, box)
	}
	view.BackName = text.T(ctx, "Back to %s", backName(ctx, boxes, at))
	if m.Path != "" {
		view.Back, view.BackName = h.site.Message(id, at), text.T(ctx, "Back to the message around it")
	}
	from := m.From
	if len(from) == 0 {
		from = m.Sender
	}
	view.Name, view.Initials, view.Hue = text.T(ctx, "(unknown sender)"), "?", -1
	if len(from) > 0 {
		view.Name, view.Addr = from[0].Display(), from[0].Addr
		view.Initials, view.Hue = ui.Initials(view.Name), ui.Hue(view.Addr)
	}
	row := templates.RowView{}
	rowChips(ctx, &row, m.Flags.Keywords)
	view.Chips = row.Chips
	h.messageLinks(&view, m, at)
	if h.imagesAsked(v, m.Ref, q) {
		view.Links.Print = with(view.Links.Print, "images", h.imageWord(v, m.Ref))
	}
	h.messageForms(ctx, &view, m, v, at, q)
	h.messageNotes(ctx, &view, m, v, q)
	h.messageFiles(ctx, &view, m, at, v.now)
	view.Report = reportFacts(ctx, m.Report)
	if q.Get("view") == "headers" {
		for i, f := range m.Header {
			if i == maxHeaderRows {
				break
			}
			view.Header = append(view.Header, templates.Fact{Name: f.Name, Value: f.Value})
		}
	}
	if m.Path == "" {
		view.Pager = h.neighbours(ctx, v, m.Ref, at)
	}
	return view
}

func backName(ctx context.Context, boxes []mail.Mailbox, at link.List) string {
	if at.Search == "is:starred" {
		return text.T(ctx, "Starred")
	}
	if at.Search != "" {
		return text.T(ctx, "the search")
	}
	if b, ok := mail.ByName(boxes, at.Mailbox); ok {
		return mailboxTitle(ctx, b)
	}
	return at.Mailbox
}

func (h *Handlers) neighbours(ctx context.Context, v *visit, ref mail.MessageRef, at link.List) ui.PagerProps {
	p := ui.PagerProps{NewerName: text.T(ctx, "Newer"), OlderName: text.T(ctx, "Older"), NewerKey: "k", OlderKey: "j"}
	newer, older, place, total := v.acct.Neighbours(listQuery(at, v), ref)
	if total == 0 {
		return p
	}
	p.Range = text.T(ctx, "%d of %d", place, total)
	if !newer.IsZero() {
		p.Newer = h.site.Message(newer.String(), at)
	}
	if !older.IsZero() {
		p.Older = h.site.Message(older.String(), at)
	}
	return p
}

func (h *Handlers) messageLinks(view *templates.MessageView, m mail.Message, at link.List) {
	q := url.Values{}
	page := h.site.Message(view.ID, at)
	if m.Path != "" {
		q.Set("part", m.Path)
		page = h.site.Nested(view.ID, m.Path, at)
	}
	view.Links = templates.MessageLinks{
		Reply: h.site.Compose(string(mail.ComposeReply), view.ID), ReplyAll: h.site.Compose(string(mail.ComposeReplyAll), view.ID),
		Forward: h.site.Compose(string(mail.ComposeForward), view.ID), ForwardAttached: h.site.Compose(string(mail.ComposeForwardAttach), view.ID),
		Print: h.site.MessageView(view.ID, "print", q), Source: h.site.MessageView(view.ID, "source", q),
		Download: h.site.MessageView(view.ID, "raw", q), Headers: with(page, "view", "headers"),
	}
}

// with adds a parameter to an address of ours.
func with(u, name, value string) string {
	sep := "?"
	if strings.Contains(u, "?") {
		sep = "&"
	}
	return u + sep + name + "=" + url.QueryEscape(value)
}

// messageForms chooses between the HTML body and the plain text beside it.
func (h *Handlers) messageForms(ctx context.Context, view *templates.MessageView, m mail.Message, v *visit, at link.List, q url.Values) {
	page := h.site.Message(view.ID, at)
	if m.Path != "" {
		page = h.site.Nested(view.ID, m.Path, at)
	}
	switch {
	case m.HTMLPath == "":
	case q.Get("view") == "text" && len(m.Text) > 0:
		view.OtherForm, view.OtherName = page, text.T(ctx, "Show as the sender designed it")
	default:
		fq := url.Values{"part": {m.HTMLPath}}
		if h.imagesAsked(v, m.Ref, q) {
			fq.Set("images", h.imageWord(v, m.Ref))
		}
		view.Frame, view.FrameTitle = h.site.MessageView(view.ID, "frame", fq), text.T(ctx, "Text of the message")
		if len(m.Text) > 0 {
			view.OtherForm, view.OtherName = with(page, "view", "text"), text.T(ctx, "Show as plain text")
		}
	}
	if view.Frame == "" && len(m.Text) == 0 && m.Report == nil {
		view.Nothing = text.T(ctx, "This message has no text.")
	}
}

func (h *Handlers) messageNotes(ctx context.Context, view *templates.MessageView, m mail.Message, v *visit, q url.Values) {
	if view.Frame != "" && m.Remote > 0 && (!h.imagesAsked(v, m.Ref, q) || h.opt.Images == nil) {
		note := templates.MessageNote{Icon: "image-off", Title: text.T(ctx, "Images are blocked")}
		switch {
		case h.opt.Images == nil:
			note.Text = text.T(ctx, "for everybody, by those who run this mail service.")
			view.Notes = append(view.Notes, note)
		case m.Path == "" && allowed(v.settings.ImagesFrom, view.Addr): // an enclosed message may name anybody
			view.Frame = with(view.Frame, "images", h.imageWord(v, m.Ref))
		default:
			note.Text, note.Form = text.T(ctx, "so that the sender cannot see you reading."), h.site.MessageView(view.ID, "images", q)
			note.Buttons = []ui.ButtonProps{{Label: text.T(ctx, "Show once"), Size: ui.Small, Name: "show", Value: "once"}}
			if view.Addr != "" && len(m.From) == 1 && m.Path == "" {
				note.Buttons = append(note.Buttons, ui.ButtonProps{Label: text.T(ctx, "Always from %s", clip(shortName(view.Name), 30)), Size: ui.Small, Name: "show", Value: "always"})
			}
			view.Notes = append(view.Notes, note)
		}
	}
	if len(m.Problems) > 0 {
		view.Notes = append(view.Notes, templates.MessageNote{Kind: ui.NoteWarn, Icon: "triangle-alert",
			Title: text.T(ctx, "Not everything in this message could be understood."), Text: strings.Join(m.Problems[:min(len(m.Problems), 5)], " ")})
	}
}

// shortName is the first name of a person; names of more words are of somebody or
// something that has none.
func shortName(name string) string {
	if len(strings.Fields(name)) == 2 {
		return firstName(name)
	}
	return name
}

func allowed(senders []string, addr string) bool {
	for _, s := range senders {
		if addr != "" && mail.SameAddr(s, addr) {
			return true
		}
	}
	return false
}

func (h *Handlers) messageFiles(ctx context.Context, view *templates.MessageView, m mail.Message, at link.List, now time.Time) {
	var total int64
	for i, f := range m.Files {
		total += f.Size
		if i >= maxFilesShown {
			continue
		}
		file := templates.FileView{Name: f.Name, Size: text.Size(ctx, f.Size), Download: h.site.Part(view.ID, f.Path, f.Name, true)}
		file.URL = file.Download
		if f.Preview != mail.PreviewNone {
			file.URL, file.Opens = h.site.Part(view.ID, f.Path, f.Name, false), true
		}
		if f.Preview == mail.PreviewImage && f.Size < 5<<20 {
			file.Picture = file.URL
		}
		if f.Risky {
			file.Risky = text.T(ctx, "Can run a program when opened")
		}
		view.Files = append(view.Files, file)
	}
	if n := len(m.Files); n > 0 {
		view.FilesHead, view.FilesSize = text.T(ctx, "%d attachments", n), text.Size(ctx, total)
		if n > maxFilesShown {
			view.FilesHead += ", " + text.T(ctx, "the first %d are shown", maxFilesShown)
		}
	}
	for i, n := range m.Nested {
		if i >= maxFilesShown {
			break
		}
		s := n.Subject
		if s == "" {
			s = text.T(ctx, "(no subject)")
		}
		from := ""
		if len(n.From) > 0 {
			from = n.From[0].Display()
		}
		when := ""
		if !n.Date.IsZero() {
			when = text.ListDate(ctx, n.Date, now)
		}
		view.Nested = append(view.Nested, templates.NestedView{Subject: s, From: from, When: when, URL: h.site.Nested(view.ID, n.Path, at)})
	}
}

// toLine is "to me, Jonas, +4".
func toLine(ctx context.Context, m mail.Message, me string) string {
	all := append(append([]mail.Address{}, m.To...), m.Cc...)
	if len(all) == 0 {
		all = m.Bcc
	}
	if len(all) == 0 {
		return text.T(ctx, "to nobody named")
	}
	var names []string
	for i, a := range all {
		if i == maxRowNames {
			names = append(names, text.T(ctx, "+%d", len(all)-maxRowNames))
			break
		}
		if mail.SameAddr(a.Addr, me) {
			names = append(names, text.T(ctx, "me"))
		} else {
			names = append(names, a.Display())
		}
	}
	return text.T(ctx, "to %s", strings.Join(names, ", "))
}

// facts are the details of a message's head.
func facts(ctx context.Context, m mail.Message) []templates.Fact {
	var out []templates.Fact
	people := func(name string, list []mail.Address) {
		if len(list) == 0 {
			return
		}
		more := ""
		if len(list) > maxFacts {
			more = text.T(ctx, ", +%d", len(list)-maxFacts)
			list = list[:maxFacts]
		}
		out = append(out, templates.Fact{Name: text.T(ctx, name), Value: mail.JoinAddresses(list) + more})
	}
	people("From", m.From)
	people("Sender", m.Sender)
	people("Reply to", m.ReplyTo)
	people("To", m.To)
	people("Cc", m.Cc)
	people("Bcc", m.Bcc)
	when := text.T(ctx, "not readable: %s", clip(m.DateRaw, 100))
	if !m.Date.IsZero() {
		when = m.Date.Format("Monday, 2 January 2006, 15:04 ") + "(" + zoneWords(m.Date) + ")"
	} else if m.DateRaw == "" {
		when = text.T(ctx, "none")
	}
	out = append(out, templates.Fact{Name: text.T(ctx, "Date"), Value: when})
	if !m.Arrived.IsZero() {
		out = append(out, templates.Fact{Name: text.T(ctx, "Arrived"), Value: m.Arrived.Format("2006-01-02 15:04:05 -0700")})
	}
	out = append(out, templates.Fact{Name: text.T(ctx, "Size"), Value: text.Size(ctx, m.Size)})
	if m.ListID != "" {
		out = append(out, templates.Fact{Name: text.T(ctx, "Mailing list"), Value: m.ListID})
	}
	return out
}

// zoneWords is a date's own zone: UTC+2, UTC−3:30.
func zoneWords(t time.Time) string {
	_, s := t.Zone()
	if s == 0 {
		return "UTC"
	}
	sign := "+"
	if s < 0 {
		sign, s = "−", -s
	}
	if m := s / 60 % 60; m != 0 {
		return fmt.Sprintf("UTC%s%d:%02d", sign, s/3600, m)
	}
	return fmt.Sprintf("UTC%s%d", sign, s/3600)
}

// reportWords are what a report says in words.
var reportWords = map[string]string{
	"failed": "could not be delivered", "delayed": "is delayed; the server goes on trying", "delivered": "was delivered",
	"relayed": "was passed on to a server that sends no reports", "expanded": "was passed on to a list",
	"displayed": "was shown to the recipient", "deleted": "was deleted without being read", "dispatched": "was passed on", "processed": "was processed",
}

func reportFacts(ctx context.Context, rep *mail.Report) []templates.Fact {
	if rep == nil {
		return nil
	}
	var out []templates.Fact
	for i, p := range rep.Recipients {
		if i == maxFacts {
			break
		}
		what := text.T(ctx, "Your message %s", text.T(ctx, reportWords[strings.ToLower(p.Action)]))
		if _, ok := reportWords[strings.ToLower(p.Action)]; !ok {
			what = p.Action
		}
		if p.Status != "" {
			what += " (" + p.Status + ")"
		}
		out = append(out, templates.Fact{Name: p.Address, Value: what})
		if p.Diagnostic != "" {
			out = append(out, templates.Fact{Name: text.T(ctx, "The server said"), Value: p.Diagnostic})
		}
	}
	if rep.Reporter != "" {
		out = append(out, templates.Fact{Name: text.T(ctx, "Reported by"), Value: rep.Reporter})
	}
	return out
}

// blocks are a text's blocks as templates draw them.
func blocks(in []mail.TextBlock) []templates.Block {
	out := make([]templates.Block, len(in))
	for i, b := range in {
		t := templates.Block{Depth: b.Depth, Signature: b.Signature, Fixed: b.Fixed, Lines: make([][]templates.Span, len(b.Lines))}
		for j, l := range b.Lines {
			spans := make([]templates.Span, len(l))
			for k, s := range l {
				spans[k] = templates.Span{Text: s.Text, URL: s.URL, Diff: s.Diff}
			}
			t.Lines[j] = spans
		}
		out[i] = t
	}
	return out
}
