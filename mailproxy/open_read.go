package mailproxy

import (
	"context"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"postern/mailproxy/imappool"
	"postern/mailproxy/mail"
	"postern/mailproxy/parse"
)

const (
	maxWhole   = 25 << 20 // octets of a message that we split ourselves
	maxCount   = 1 << 20  // octets of an HTML body fetched with its page
	maxFetched = 8 << 20  // octets of text fetched for one page; further parts are left out
)

// reader reads one message: from what is kept where it can, from the server
// where it must.
type reader struct {
	a   *Account
	ref mail.MessageRef
}

var errGone = mail.Errorf(mail.Stale, "This message is no longer there. It was deleted or moved.")
var errMadeAnew = mail.Errorf(mail.Stale, "This mailbox was made anew on the server. Go back to the list.")

// section is one part of a message to fetch.
type section struct {
	name string // "HEADER", "1.2", "2.HEADER"
	item *imap.FetchItemBodySection
}

// sectionOf names the section of a part path; limit bounds it when the server
// says that the part is larger.
func sectionOf(path string, size, limit int64) section {
	it := &imap.FetchItemBodySection{Part: partNumbers(path), Peek: true}
	if size > limit {
		it.Partial = &imap.SectionPartial{Size: limit}
	}
	return section{path, it}
}

// headerOf is the section of the header of the message, or of the one enclosed at path.
func headerOf(path string) section {
	name := "HEADER"
	if path != "" {
		name = path + ".HEADER"
	}
	return section{name, &imap.FetchItemBodySection{Part: partNumbers(path), Specifier: imap.PartSpecifierHeader, Peek: true}}
}

func partNumbers(path string) []int {
	if path == "" {
		return nil
	}
	var nums []int
	for s := range strings.SplitSeq(path, ".") {
		n, err := strconv.Atoi(s)
		if err != nil {
			return nil
		}
		nums = append(nums, n)
	}
	return nums
}

// got is the answer to one exchange.
type got struct {
	flags    mail.Flags
	sections map[string][]byte
}

// exchange asks for sections, and the structure with it, in one flight, and sets
// \Seen in the same one. Sections that are kept are not asked for again, the
// flags always are: a message that is gone is Stale.
func (r *reader) exchange(ctx context.Context, structure bool, want []section, seen bool) (got, error) {
	g := got{sections: map[string][]byte{}}
	o := &imap.FetchOptions{UID: true, Flags: true}
	r.a.opened.read(r.ref, func(k *kept) {
		for _, w := range want {
			if b, ok := k.sections[w.name]; ok {
				g.sections[w.name] = b
			} else if !slices.ContainsFunc(o.BodySection, func(it *imap.FetchItemBodySection) bool { return it == w.item }) {
				o.BodySection = append(o.BodySection, w.item)
			}
		}
		if k.size == 0 {
			o.InternalDate, o.RFC822Size = true, true
		}
	})
	if structure {
		o.BodyStructure = &imap.FetchItemBodyStructure{Extended: true}
	}
	mb := r.a.index.Known(r.ref.Mailbox)
	if mb != nil && mb.State().UIDValidity != r.ref.UIDValidity {
		mb = nil
	}
	if seen && mb != nil {
		if f, ok := mb.Flags(r.ref.UID); ok && f.Seen {
			seen = false
		}
	}
	var set imap.UIDSet
	set.AddNum(imap.UID(r.ref.UID))
	var msg *imapclient.FetchMessageBuffer
	marked := false
	run := func(s *imappool.Session) error {
		msg, marked = nil, false
		if seen {
			_, sel := s.Selected()
			if sel.UIDValidity != r.ref.UIDValidity {
				return errMadeAnew
			}
			marked = sel.CanKeep(imap.FlagSeen)
		}
		for try := 0; ; try++ {
			var fetch, store *imapclient.FetchCommand
			s.Batch(func() {
				fetch = s.Fetch(set, o)
				if marked {
					store = s.Store(set, &imap.StoreFlags{Op: imap.StoreFlagsAdd, Silent: true, Flags: []imap.Flag{imap.FlagSeen}}, nil)
				}
			})
			msgs, err := fetch.Collect()
			if store != nil {
				if storeErr := store.Close(); storeErr != nil {
					marked = false // read-only after all; the message can be read
				}
			}
			sel, selErr := s.WaitSelected()
			switch {
			case selErr != nil:
				return noSuchMailbox(selErr)
			case sel.UIDValidity != r.ref.UIDValidity:
				return errMadeAnew
			case err != nil:
				return err
			}
			for _, m := range msgs {
				if m.UID == imap.UID(r.ref.UID) && (len(o.BodySection) == 0 || len(m.BodySection) > 0) { // else it is an unasked-for FETCH
					msg = m
					return nil
				}
			}
			if try > 0 {
				return errGone
			}
			// It may have come after this connection last looked. NOOP makes it
			// look, but Dovecot puts that off when another command follows.
			if err := s.Noop().Wait(); err != nil {
				return err
			}
		}
	}
	var err error
	if seen {
		err = noSuchMailbox(r.a.pool.Write(ctx, r.ref.Mailbox, run))
	} else {
		err = r.a.pool.Read(ctx, r.ref.Mailbox, run)
	}
	if err != nil {
		if mail.KindOf(err) == mail.Stale {
			r.a.opened.forget(r.ref)
		}
		return g, err
	}
	g.flags = parse.Flags(msg.Flags)
	if marked {
		g.flags.Seen = true
		if mb != nil && len(mb.SetFlag([]uint32{r.ref.UID}, mail.FlagSeen, true)) > 0 {
			r.a.boxes.adjust(mail.CanonicalName(r.ref.Mailbox), 0, -1)
		}
	}
	n := 0
	for _, w := range want {
		if _, ok := g.sections[w.name]; ok {
			continue
		}
		if b := msg.FindBodySection(w.item); b != nil {
			g.sections[w.name] = b
			n += len(b)
		}
	}
	r.a.opened.add(r.ref, 0, func(k *kept) {
		if !msg.InternalDate.IsZero() {
			k.arrived = msg.InternalDate
		}
		if msg.RFC822Size > 0 {
			k.size = msg.RFC822Size
		}
		if msg.BodyStructure != nil {
			k.structure = msg.BodyStructure
		}
	})
	r.a.opened.add(r.ref, n, func(k *kept) {
		if k.sections == nil {
			k.sections = map[string][]byte{}
		}
		for _, w := range want {
			if b, ok := g.sections[w.name]; ok && !strings.HasPrefix(w.name, "?") {
				k.sections[w.name] = b
			}
		}
	})
	return g, nil
}

// noSuchMailbox reads a plain NO to SELECT as what it nearly always is.
func noSuchMailbox(err error) error {
	var no *imap.Error
	if mail.KindOf(err) == mail.Refused || errors.As(err, &no) && no.Code == "" && no.Type == imap.StatusResponseTypeNo {
		return mail.Wrap(mail.NotFound, err, "There is no such mailbox.")
	}
	return err
}

// scope is a message whose structure is known: the one opened, or one enclosed
// in it that only we can look into.
type scope struct {
	bs     imap.BodyStructure
	entity *parse.Entity // nil: the server gives the parts
	base   string        // path of the message, "" for the one opened
}

func joinPath(base, rest string) string {
	if base == "" || rest == "" {
		return base + rest
	}
	return base + "." + rest
}

// rel is a whole part path as it is within the scope.
func (p scope) rel(path string) string {
	return strings.TrimPrefix(strings.TrimPrefix(path, p.base), ".")
}

// top is the message itself if its structure is known.
func (r *reader) top() (p scope, ok bool) {
	r.a.opened.read(r.ref, func(k *kept) {
		switch {
		case k.whole != nil:
			p = scope{bs: k.whole.Structure(), entity: k.whole}
		case k.structure != nil:
			p = scope{bs: k.structure}
		}
	})
	if p.bs == nil {
		if c, found := r.a.index.Cache.Get(r.ref); found {
			p.bs = c.Structure
		}
	}
	return p, p.bs != nil
}

// learn makes the structure known, with a flight of its own when it is not yet.
func (r *reader) learn(ctx context.Context) (scope, error) {
	if p, ok := r.top(); ok {
		return p, nil
	}
	_, err := r.exchange(ctx, true, nil, false)
	if err == nil {
		if p, ok := r.top(); ok {
			return p, nil
		}
	}
	return r.splitWhole(ctx, err)
}

// splitWhole fetches the whole message and splits it, for servers that cannot
// describe it. why is what the server's own way ended with.
func (r *reader) splitWhole(ctx context.Context, why error) (scope, error) {
	if why != nil {
		switch mail.KindOf(why) {
		case mail.Internal, mail.Refused, mail.Unavailable:
		default:
			return scope{}, why
		}
		if ctx.Err() != nil {
			return scope{}, why
		}
	}
	raw, err := r.body(ctx, imap.FetchItemBodySection{Peek: true})
	if err != nil {
		if why != nil && mail.KindOf(err) != mail.Stale && mail.KindOf(err) != mail.TooLarge {
			err = why
		}
		return scope{}, err
	}
	e := parse.Parse(raw)
	r.a.opened.add(r.ref, len(raw), func(k *kept) { k.whole, k.size = e, int64(len(raw)) })
	return scope{bs: e.Structure(), entity: e}, nil
}

// stream reads a section in windows. A message that came after the streaming
// connection last looked is found on a second try.
func (r *reader) stream(ctx context.Context, sec imap.FetchItemBodySection) (io.ReadCloser, error) {
	sec.Peek = true
	rc, err := r.a.pool.Body(ctx, r.ref, sec)
	if k := mail.KindOf(err); err != nil && (k == mail.Stale || k == mail.Internal) { // gone, new, or no such mailbox
		if _, gone := r.exchange(ctx, false, nil, false); gone != nil {
			return nil, gone
		}
		look, lookErr := r.a.pool.Stream(ctx, r.ref.Mailbox, func(s *imappool.Session) (io.ReadCloser, error) {
			return io.NopCloser(strings.NewReader("")), s.Noop().Wait()
		})
		if lookErr != nil {
			return nil, noSuchMailbox(lookErr)
		}
		_ = look.Close()
		rc, err = r.a.pool.Body(ctx, r.ref, sec)
	}
	if err != nil {
		return nil, noSuchMailbox(err)
	}
	return rc, nil
}

// body reads a section whole, up to maxWhole.
func (r *reader) body(ctx context.Context, sec imap.FetchItemBodySection) ([]byte, error) {
	rc, err := r.stream(ctx, sec)
	if err != nil {
		return nil, err
	}
	defer rc.Close()
	b, err := io.ReadAll(io.LimitReader(rc, maxWhole+1))
	if err != nil {
		return nil, err
	}
	if len(b) > maxWhole {
		return nil, mail.Errorf(mail.TooLarge, "This message is larger than %d MB and can only be downloaded.", maxWhole>>20)
	}
	return b, nil
}

// descend follows a part path from p through enclosed messages that only we can
// look into. It returns the scope that holds the part and the rest of the path
// there. With enter a path that ends at such a message leads into it, rest "".
func (r *reader) descend(ctx context.Context, p scope, path string, enter bool) (scope, string, error) {
	rest := path
	for range parse.MaxDepth {
		if rest == "" {
			return p, "", nil
		}
		f := parse.Find(p.bs, rest)
		if f.Part == nil {
			break
		}
		if !f.Opaque || f.Rest == "" && !enter {
			return p, rest, nil
		}
		whole := joinPath(p.base, f.Path)
		var e *parse.Entity
		r.a.opened.read(r.ref, func(k *kept) { e = k.inside[whole] })
		if e == nil {
			var raw []byte
			if p.entity != nil {
				_, raw = p.entity.Section(f.Path)
			} else {
				var err error
				if raw, err = r.body(ctx, *sectionOf(f.Path, 0, 0).item); err != nil {
					return scope{}, "", err
				}
			}
			raw = parse.DecodeBytes(raw, f.Part.Encoding)
			e = parse.Parse(raw)
			r.a.opened.add(r.ref, len(raw), func(k *kept) {
				if k.inside == nil {
					k.inside = map[string]*parse.Entity{}
				}
				k.inside[whole] = e
			})
		}
		p, rest = scope{bs: e.Structure(), entity: e, base: whole}, f.Rest
	}
	return scope{}, "", errNoPart
}

var errNoPart = mail.Errorf(mail.NotFound, "This message has no such part.")

// planAt chooses the parts of the message at rest within p.
func planAt(p scope, rest string) (parse.Plan, error) {
	if rest == "" {
		plan := parse.ChooseAt(p.bs, p.base)
		if p.entity != nil {
			plan.Problems = append(plan.Problems, p.entity.Problems()...)
		}
		return plan, nil
	}
	f := parse.Find(p.bs, rest)
	if f.Part == nil || f.Rest != "" || f.Part.MessageRFC822 == nil || f.Part.MessageRFC822.BodyStructure == nil {
		return parse.Plan{}, errNoPart
	}
	return parse.ChooseAt(f.Part.MessageRFC822.BodyStructure, joinPath(p.base, rest)), nil
}

// arrival is what is kept of when the message came and how large it is.
func (r *reader) arrival() (t time.Time, size int64) {
	r.a.opened.read(r.ref, func(k *kept) { t, size = k.arrived, k.size })
	return t, size
}
