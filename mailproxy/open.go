package mailproxy

import (
	"context"

	"postern/mailproxy/mail"
	"postern/mailproxy/parse"
	"postern/mailproxy/sanitize"
)

// OpenOptions says how a message is opened.
type OpenOptions struct {
	Path     string // part path of an enclosed message to open instead, "" for the message itself
	MarkSeen bool   // set \Seen in the same flight
}

// Open reads one message: its body structure, header and text parts only. It
// costs one flight when a list has shown the message, and a second one when its
// structure is not known yet. A message that was expunged, and one of a mailbox
// that was made anew, is Stale; an unknown mailbox is NotFound.
func (a *Account) Open(ctx context.Context, ref mail.MessageRef, o OpenOptions) (mail.Message, error) {
	x, err := a.openParts(ctx, ref, o)
	return x.m, err
}

// opening is an opened message with what it was made from.
type opening struct {
	m    mail.Message
	in   scope
	plan parse.Plan
	body bodies
}

func (a *Account) openParts(ctx context.Context, ref mail.MessageRef, o OpenOptions) (opening, error) {
	r := &reader{a: a, ref: ref}
	p, ok := r.top()
	var flags mail.Flags
	if !ok {
		g, err := r.exchange(ctx, true, []section{headerOf("")}, o.MarkSeen)
		if err == nil {
			flags = g.flags
			o.MarkSeen = false
			p, ok = r.top()
		}
		if !ok {
			if p, err = r.splitWhole(ctx, err); err != nil {
				return opening{}, err
			}
		}
	}
	p, rest, err := r.descend(ctx, p, o.Path, true)
	if err != nil {
		return opening{}, err
	}
	plan, err := planAt(p, rest)
	if err != nil {
		return opening{}, err
	}
	header, body, g, err := r.parts(ctx, p, rest, plan, o.MarkSeen)
	if err != nil {
		return opening{}, err
	}
	if g != nil {
		flags = g.flags
	}
	m := plan.Message(header, body.whole)
	m.Ref, m.Path, m.Flags = ref, o.Path, flags
	m.Arrived, m.Size = r.arrival()
	src, _ := plan.HTMLSource(body.whole)
	if src == "" {
		src, _ = plan.HTMLSource(body.begun)
	}
	if src != "" {
		m.Remote, _ = sanitize.CountRemote(src)
	}
	return opening{m, p, plan, body}, nil
}

// bodies are fetched parts by path.
type bodies struct {
	whole map[string][]byte // as far as they are shown
	begun map[string][]byte // HTML too large to be fetched with the page: its beginning
}

// parts gets the header and the parts that a plan needs for the page. g is nil
// when the server was not asked.
func (r *reader) parts(ctx context.Context, p scope, rest string, plan parse.Plan, seen bool) (header []byte, b bodies, g *got, err error) {
	b = bodies{whole: map[string][]byte{}, begun: map[string][]byte{}}
	if p.entity != nil {
		for _, list := range [][]parse.Part{plan.Text, plan.HTML, {plan.Report}} {
			for _, x := range list {
				if x.Path != "" {
					_, raw := p.entity.Section(p.rel(x.Path))
					b.whole[x.Path] = raw[:min(len(raw), parse.MaxText)]
				}
			}
		}
		x, err := r.exchange(ctx, false, nil, seen) // it must still be there
		return p.entity.HeaderOf(rest), b, &x, err
	}
	head := headerOf(joinPath(p.base, rest))
	want := []section{head}
	asked := map[string]bool{}
	left := int64(maxFetched)
	add := func(x parse.Part, limit int64) {
		if x.Path == "" || asked[x.Path] || left <= 0 {
			return
		}
		asked[x.Path] = true
		want = append(want, sectionOf(x.Path, x.Size, limit))
		left -= min(x.Size, limit)
	}
	for _, x := range plan.Text {
		if !x.IsHTML() || x.Size <= maxCount {
			add(x, parse.MaxText)
		}
	}
	add(plan.Report, parse.MaxHeader)
	var size int64
	for _, x := range plan.HTML {
		size += x.Size
	}
	if size <= maxCount {
		for _, x := range plan.HTML {
			add(x, parse.MaxText)
		}
	} else if x := plan.HTML[0]; !asked[x.Path] {
		s := sectionOf(x.Path, x.Size, maxCount)
		s.name = "?" + x.Path // not to be kept under the name of the whole
		want = append(want, s)
	}
	x, err := r.exchange(ctx, false, want, seen)
	if err != nil {
		return nil, b, nil, err
	}
	for name, raw := range x.sections {
		switch {
		case name == head.name:
			header = raw
		case name[0] == '?':
			b.begun[name[1:]] = raw
		default:
			b.whole[name] = raw
		}
	}
	return header, b, &x, nil
}
