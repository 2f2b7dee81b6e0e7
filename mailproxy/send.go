package mailproxy

import (
	"context"
	"crypto/rand"
	"strings"
	"unicode"
	"unicode/utf8"

	"postern/mailproxy/compose"
	"postern/mailproxy/mail"
	"postern/mailproxy/parse"
)

// FieldProblem is a problem beside a form field.
type FieldProblem struct{ Field, Msg string }

const (
	maxSendTo  = 500  // recipients of one message
	maxSubject = 1000 // characters
)

// CheckDraft says what keeps a draft from being sent, field by field ("to",
// "cc", "bcc", "from", "subject", "files", "body"); nil when nothing does. It
// asks no server.
func (a *Account) CheckDraft(ctx context.Context, d mail.Draft) []FieldProblem {
	var out []FieldProblem
	add := func(field, msg string) { out = append(out, FieldProblem{field, msg}) }
	n := 0
	typed := false
	for _, f := range []struct{ name, list string }{{"to", d.To}, {"cc", d.Cc}, {"bcc", d.Bcc}} {
		ok, bad := mail.ParseAddresses(f.list, compose.MaxRecipients)
		n += len(ok)
		typed = typed || strings.TrimSpace(f.list) != ""
		for i, b := range bad {
			if i == 5 {
				add(f.name, "There are more addresses that cannot be used.")
				break
			}
			add(f.name, "“"+b.Entry+"”: "+b.Msg)
		}
	}
	switch {
	case n == 0 && !typed:
		add("to", "Add at least one recipient.")
	case n > maxSendTo:
		add("to", "A message can go to at most 500 recipients at once.")
	}
	me, err := a.Identities(ctx)
	if err != nil {
		add("from", sentence(err))
	} else if _, ok := identity(me, d.From); !ok {
		add("from", "This sender is no longer among your addresses. Choose another.")
	}
	if strings.ContainsFunc(d.Subject, func(r rune) bool {
		return unicode.IsControl(r) && r != '\t' || r == '\u2028' || r == '\u2029' || r == unicode.ReplacementChar
	}) {
		add("subject", "The subject holds line breaks or characters that cannot be sent.")
	}
	if utf8.RuneCountInString(d.Subject) > maxSubject {
		add("subject", "The subject is longer than 1,000 characters.")
	}
	if len(d.Text) > maxDraftBody || d.Rich && len(d.HTML) > maxDraftBody {
		add("body", errLongBody.Msg)
	}
	if len(d.Files) > maxDraftFiles {
		add("files", "A message can have at most 100 attachments.")
	}
	if total, limit := compose.EncodedSize(d.Files)+int64(len(d.Text)+len(d.HTML)), a.proxy.o.MaxMessageSize; total > limit {
		add("files", "The message would have "+megabytes(total)+" as sent; the most is "+megabytes(limit)+". Attachments grow by a third on the way.")
	}
	return out
}

// Send builds the message and puts it in the outbox, due after the undo window.
// The draft's copy in Drafts stays until the message is submitted. Invalid names
// the field that CheckDraft would; Stale says that this draft is on its way
// already. It costs no flight unless attachments are parts of other messages.
func (a *Account) Send(ctx context.Context, d mail.Draft) (mail.OutboxItem, error) {
	fail := func(err error) (mail.OutboxItem, error) { return mail.OutboxItem{}, err }
	o, err := a.outbox()
	if err != nil {
		return fail(err)
	}
	if a.server.Submit.Address == "" {
		return fail(errNoOutbox)
	}
	if !compose.ValidKey(d.Key) {
		return fail(errBadDraft)
	}
	if p := a.CheckDraft(ctx, d); len(p) > 0 {
		return fail(&mail.Error{Kind: mail.Invalid, Field: p[0].Field, Msg: p[0].Msg})
	}
	me, err := a.Identities(ctx)
	if err != nil {
		return fail(err)
	}
	from, _ := identity(me, d.From)
	m, err := a.build(ctx, compose.Input{Draft: d, From: from, Date: a.now(ctx), Files: a.attachments(ctx, d), Sanitise: toSend, PlainText: parse.TextFromHTML}, true)
	if err != nil {
		return fail(err)
	}
	row := mail.OutboxRow{
		ID: rand.Text(), AccountID: a.id, State: mail.OutboxWaiting, Due: a.proxy.o.Now().Add(a.proxy.o.UndoWindow),
		Subject: d.Subject, To: shownTo(d), Submission: m.sub, BlobID: m.blob, Kind: d.Kind, Parent: d.Parent, Draft: d.Saved,
		Written: d, Credentials: a.creds,
	}
	if !a.server.KeepsSent {
		if box, ok := mail.ByRole(a.boxes.known(), mail.RoleSent); ok {
			row.SentMailbox = box.Name // else it is found or made when it is needed
		}
	}
	if err := o.OutboxAdd(ctx, row); err != nil {
		m.drop()
		return fail(err)
	}
	return row.Item(), nil
}

const maxShownTo = 500 // characters of the recipients shown in the outbox

func shownTo(d mail.Draft) string {
	var names []string
	for _, l := range []string{d.To, d.Cc, d.Bcc} {
		list, _ := mail.ParseAddresses(l, compose.MaxRecipients)
		for _, a := range list {
			names = append(names, a.Display())
		}
	}
	s := []rune(strings.Join(names, ", "))
	if len(s) > maxShownTo {
		s = append(s[:maxShownTo-1], '…')
	}
	return string(s)
}
