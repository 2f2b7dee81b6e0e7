package mailproxy

import (
	"context"
	"crypto/rand"

	"postern/mailproxy/compose"
	"postern/mailproxy/mail"
	"postern/mailproxy/parse"
	"postern/mailproxy/sanitize"
)

// Compose starts a draft: empty, as an answer to or a forward of parent with
// quoting, headers and identity set, or going on with a draft in Drafts. It
// costs the flights of opening parent.
func (a *Account) Compose(ctx context.Context, kind mail.ComposeKind, parent mail.MessageRef, rich bool) (mail.Draft, error) {
	me, err := a.Identities(ctx)
	if err != nil {
		return mail.Draft{}, err
	}
	key := newKey()
	switch kind {
	case mail.ComposeNew, "":
		d := mail.Draft{Key: key, Kind: mail.ComposeNew, From: compose.Default(me).ID, Rich: rich}
		d.Text, d.HTML = compose.Begin(compose.Default(me), "", "", kind, rich)
		return d, nil
	case mail.ComposeReply, mail.ComposeReplyAll, mail.ComposeForward, mail.ComposeForwardAttach, mail.ComposeContinue:
	default:
		return mail.Draft{}, mail.Errorf(mail.Invalid, "There is no such way of writing.")
	}
	if parent.IsZero() {
		return mail.Draft{}, mail.Errorf(mail.NotFound, "The message to answer is not named.")
	}
	x, err := a.openParts(ctx, parent, OpenOptions{})
	if err != nil {
		return mail.Draft{}, err
	}
	if kind == mail.ComposeContinue {
		return a.resume(ctx, x, me, key)
	}
	if z := a.zone(ctx); z != nil && !x.m.Date.IsZero() {
		x.m.Date = x.m.Date.In(z) // as the person saw it
	}
	q := compose.Question{Kind: kind, Parent: x.m, Rich: rich, Me: me, Key: key, Words: a.proxy.o.Words}
	if kind != mail.ComposeForwardAttach {
		src, err := a.htmlOf(ctx, x, rich)
		if err != nil {
			return mail.Draft{}, err
		}
		q.Text = x.text(src)
		if kind != mail.ComposeForward {
			q.Text = compose.WithoutSignature(q.Text)
		}
		if rich && src != "" {
			// Pictures from elsewhere would tell the first sender of everybody
			// who reads the answer; what is passed on is passed on whole.
			q.HTML = sanitize.Fragment(src, sanitize.FragmentOptions{Remote: kind == mail.ComposeForward})
		}
	}
	return compose.Answer(q), nil
}

// resume goes on with a message as a draft. One that is not in Drafts is written
// anew and stays where it is.
func (a *Account) resume(ctx context.Context, x opening, me []mail.Identity, key string) (mail.Draft, error) {
	src, err := a.htmlOf(ctx, x, len(x.plan.HTML) > 0)
	if err != nil {
		return mail.Draft{}, err
	}
	fragment := ""
	if src != "" {
		fragment = sanitize.Fragment(src, sanitize.FragmentOptions{Remote: true})
	}
	d := compose.Continue(x.m, x.text(src), fragment, me, key)
	box, ok, err := a.byRole(ctx, mail.RoleDrafts)
	if err != nil {
		return mail.Draft{}, err
	}
	if !ok || mail.CanonicalName(x.m.Ref.Mailbox) != box.Name || x.m.Path != "" {
		d.Key, d.Saved = key, mail.MessageRef{}
		d.Kind, d.Parent = mail.ComposeNew, mail.MessageRef{}
	}
	return d, nil
}

// text is the plain form of an opened message. src is its HTML, used when it has
// no plain form.
func (x opening) text(src string) string {
	if len(x.plan.Text) == 1 && !x.plan.Text[0].IsHTML() {
		// The very text rather than what was made of it for showing.
		p := x.plan.Text[0]
		if raw, ok := x.body.whole[p.Path]; ok {
			s, _ := parse.ToUTF8(parse.DecodeBytes(raw, p.Encoding), p.Charset, false)
			if p.Flowed {
				s = compose.Unflow(s, p.DelSp)
			}
			return s
		}
	}
	if x.m.Text != nil {
		return compose.PlainText(x.m.Text)
	}
	return parse.TextFromHTML(src)
}

// htmlOf is the HTML form of an opened message, hostile as it came, "" when there
// is none. It is fetched when it was too large to come with the page, and needed:
// because it is wanted, or because there is no text.
func (a *Account) htmlOf(ctx context.Context, x opening, wanted bool) (string, error) {
	if len(x.plan.HTML) == 0 || !wanted && x.m.Text != nil {
		return "", nil
	}
	if src, _ := x.plan.HTMLSource(x.body.whole); src != "" {
		return src, nil
	}
	r := &reader{a: a, ref: x.m.Ref}
	body, err := r.html(ctx, x.in, x.plan)
	if err != nil {
		return "", err
	}
	src, _ := x.plan.HTMLSource(body)
	return src, nil
}

// newKey names a draft; nobody can guess it.
func newKey() string { return rand.Text() }
