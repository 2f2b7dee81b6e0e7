package mailproxy

import (
	"context"

	"postern/mailproxy/mail"
	"postern/mailproxy/parse"
	"postern/mailproxy/sanitize"
)

// FrameOptions says how an HTML body is prepared for its frame.
type FrameOptions struct {
	Path      string                   // part path of the HTML part, Message.HTMLPath for the body
	PartURL   func(path string) string // address of an inline part, for cid: images
	Remote    bool                     // keep remote resources
	RemoteURL func(u string) string    // address that fetches a remote image for the reader; nil blocks all
	StyleURL  string                   // our own style sheet for the frame
}

// Frame is the sanitised document of an HTML body: with the path of its first
// part the whole of it, with that of another HTML part that one alone. Right after Open it costs no
// flight unless the body is larger than 1 MiB.
func (a *Account) Frame(ctx context.Context, ref mail.MessageRef, o FrameOptions) (mail.SafeHTML, error) {
	r := &reader{a: a, ref: ref}
	p, err := r.learn(ctx)
	if err != nil {
		return mail.SafeHTML{}, err
	}
	if o.Path == "" {
		return mail.SafeHTML{}, errNoPart
	}
	p, rest, err := r.descend(ctx, p, o.Path, false)
	if err != nil {
		return mail.SafeHTML{}, err
	}
	plan, err := bodyPlan(p, rest, o.Path)
	if err != nil {
		return mail.SafeHTML{}, err
	}
	body, err := r.html(ctx, p, plan)
	if err != nil {
		return mail.SafeHTML{}, err
	}
	src, _ := plan.HTMLSource(body)
	so := sanitize.Options{StyleURL: o.StyleURL}
	if o.PartURL != nil {
		so.CID = func(id string) string {
			if f, ok := plan.CID(id); ok {
				return o.PartURL(f.Path)
			}
			return ""
		}
	}
	if o.Remote {
		so.Remote = o.RemoteURL
	}
	doc, _ := sanitize.HTML(src, so)
	return doc, nil
}

// bodyPlan finds the message whose HTML body begins at path; rest is that path
// within p. An HTML part that begins no body is taken alone.
func bodyPlan(p scope, rest, path string) (parse.Plan, error) {
	last := parse.Plan{}
	// from the outermost message inwards
	for i := 0; i <= len(rest); i++ {
		if i > 0 && (i == len(rest) || rest[i] != '.') {
			continue
		}
		plan, err := planAt(p, rest[:i])
		if err != nil {
			continue
		}
		if plan.HTMLPath() == path {
			return plan, nil
		}
		last = plan
	}
	f := parse.Find(p.bs, rest)
	if f.Part == nil || f.Part.MediaType() != "text/html" {
		return parse.Plan{}, errNoPart
	}
	last.HTML = []parse.Part{parse.PartOf(f.Part, path)}
	return last, nil
}

// html gets the parts of an HTML body.
func (r *reader) html(ctx context.Context, p scope, plan parse.Plan) (map[string][]byte, error) {
	body := map[string][]byte{}
	if p.entity != nil {
		for _, x := range plan.HTML {
			_, raw := p.entity.Section(p.rel(x.Path))
			body[x.Path] = raw[:min(len(raw), parse.MaxText)]
		}
		return body, nil
	}
	var want []section
	left := int64(maxFetched)
	r.a.opened.read(r.ref, func(k *kept) {
		for _, x := range plan.HTML {
			if b, ok := k.sections[x.Path]; ok {
				body[x.Path] = b
			} else if left > 0 {
				want = append(want, sectionOf(x.Path, x.Size, parse.MaxText))
				left -= min(x.Size, parse.MaxText)
			}
		}
	})
	if len(want) == 0 {
		return body, nil
	}
	g, err := r.exchange(ctx, false, want, false)
	if err != nil {
		return nil, err
	}
	for name, b := range g.sections {
		body[name] = b
	}
	return body, nil
}
