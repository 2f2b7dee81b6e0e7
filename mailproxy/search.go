package mailproxy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"postern/mailproxy/imappool"
	"postern/mailproxy/index"
	"postern/mailproxy/mail"
	"postern/mailproxy/parse"
)

const (
	maxHits       = 1000             // kept per mailbox when several are searched, the newest
	maxHitsOne    = 20_000           // kept when one mailbox is searched
	maxNarrow     = 1000             // body structures looked at per search
	maxFilesScan  = 20_000           // newest messages looked through for attachments
	searchTimeout = 25 * time.Second // for all mailboxes together when ctx has no deadline
	textTimeout   = 12 * time.Second // after this, texts are left out of a search
)

// searchPage answers a page of a search, or of the mailbox's messages with attachments.
func (a *Account) searchPage(ctx context.Context, q mail.ListQuery) (mail.Page, error) {
	query, err := mail.ParseQuery(q.Search)
	if err != nil {
		return mail.Page{}, err
	}
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, searchTimeout)
		defer cancel()
	}
	res, fresh, ok := a.results.get(q)
	if !ok || !fresh {
		found, err := a.search(ctx, q, query)
		if err != nil {
			return mail.Page{}, a.vanished(ctx, q.Mailbox, err)
		}
		res = *found
		a.results.put(found)
	}
	total := len(res.refs)
	if last := max(1, (total+q.PerPage-1)/q.PerPage); q.Page > last {
		q.Page = last
	}
	p := mail.Page{Query: q, Terms: query.Words(), Problems: slices.Clone(res.problems), Skipped: res.skipped}
	first := (q.Page - 1) * q.PerPage
	refs := res.refs[min(first, total):min(first+q.PerPage, total)]
	gone, err := a.fetchRefs(ctx, refs)
	if err != nil {
		return mail.Page{}, err
	}
	a.results.without(gone)
	for _, ref := range refs {
		if row, ok := a.row(ref); ok && !slices.Contains(gone, ref) {
			p.Rows = append(p.Rows, row)
		}
	}
	p.Total = total - len(gone)
	if len(p.Rows) > 0 {
		p.First = first + 1
	}
	if !a.boxes.fresh(time.Now()) {
		if _, err := a.askMailboxes(ctx); err != nil && a.boxes.known() == nil {
			return mail.Page{}, err
		}
	}
	a.fillSidebar(&p)
	return p, nil
}

// scope are the mailboxes that a query looks into.
func (a *Account) scope(ctx context.Context, q mail.ListQuery, query mail.Query) ([]mail.Mailbox, error) {
	list, err := a.mailboxes(ctx)
	if err != nil {
		return nil, err
	}
	if !query.Has(mail.FieldIn) && q.Mailbox != "" {
		m, ok := mail.ByName(list, q.Mailbox)
		if !ok {
			m = mail.Mailbox{Name: q.Mailbox, Selectable: true}
		}
		return []mail.Mailbox{m}, nil
	}
	asked := map[mail.Role]bool{}
	var terms func(n mail.QueryNode, negated bool)
	terms = func(n mail.QueryNode, negated bool) {
		if n.Op == mail.QueryTerm && n.Field == mail.FieldIn && !negated {
			for _, m := range list {
				if isIn(m, n.Text) && !strings.EqualFold(n.Text, "anywhere") {
					asked[m.Role] = true
				}
			}
			asked[mail.RoleNone] = asked[mail.RoleNone] || strings.EqualFold(n.Text, "anywhere")
		}
		for _, k := range n.Kids {
			terms(k, negated != (n.Op == mail.QueryNot))
		}
	}
	terms(query.Root, false)
	anywhere := hasAnywhere(query.Root)
	var out []mail.Mailbox
	for _, m := range list {
		if !m.Selectable || m.Counted && m.Messages == 0 {
			continue
		}
		if (m.Role == mail.RoleJunk || m.Role == mail.RoleTrash) && !anywhere && !asked[m.Role] {
			continue
		}
		if m.Role == mail.RoleAll || m.Role == mail.RoleStarred {
			// Copies of what other mailboxes hold (Gmail); asked by name only.
			if !asked[m.Role] {
				continue
			}
		}
		out = append(out, m)
	}
	return out, nil
}

func hasAnywhere(n mail.QueryNode) bool {
	if n.Op == mail.QueryTerm {
		return n.Field == mail.FieldIn && strings.EqualFold(n.Text, "anywhere")
	}
	return slices.ContainsFunc(n.Kids, hasAnywhere)
}

var roleWords = map[string]mail.Role{
	"inbox": mail.RoleInbox, "sent": mail.RoleSent, "drafts": mail.RoleDrafts, "draft": mail.RoleDrafts, "archive": mail.RoleArchive,
	"spam": mail.RoleJunk, "junk": mail.RoleJunk, "trash": mail.RoleTrash, "bin": mail.RoleTrash, "all": mail.RoleAll,
}

// isIn reports whether a mailbox is meant by in:word: a role, the whole name, or
// its last level.
func isIn(m mail.Mailbox, word string) bool {
	w := strings.ToLower(strings.TrimSpace(word))
	if w == "anywhere" {
		return true
	}
	if r, ok := roleWords[w]; ok && m.Role == r {
		return true
	}
	return strings.ToLower(m.Name) == w || strings.ToLower(m.Leaf) == w
}

// hit is a message that was found.
type hit struct {
	ref mail.MessageRef
	at  index.Arrived
}

// search runs a query and merges what the mailboxes found, newest first.
func (a *Account) search(ctx context.Context, q mail.ListQuery, query mail.Query) (*result, error) {
	res := &result{key: resultKey(q), problems: slices.Clone(query.Problems), at: time.Now()}
	boxes, err := a.scope(ctx, q, query)
	if err != nil {
		return nil, err
	}
	root := query.Root
	switch q.Show {
	case mail.ShowUnread:
		root = both(root, mail.QueryNode{Op: mail.QueryTerm, Field: mail.FieldIs, Text: "unread"})
	case mail.ShowStarred:
		root = both(root, mail.QueryNode{Op: mail.QueryTerm, Field: mail.FieldIs, Text: "starred"})
	case mail.ShowAttachments:
		root = both(root, mail.QueryNode{Op: mail.QueryTerm, Field: mail.FieldHas, Text: "attachment"})
	}
	s := searching{now: a.proxy.o.Now()}
	if q.Zone != nil {
		s.now = s.now.In(q.Zone)
	}
	limit := maxHits
	if len(boxes) == 1 {
		limit = maxHitsOne
	}
	var hits []hit
	for _, m := range boxes {
		s.in = func(word string) bool { return isIn(m, word) }
		if s.compile(root, false).none {
			continue
		}
		found, err := a.searchMailbox(ctx, m.Name, root, &s, limit)
		if err != nil {
			if len(boxes) == 1 {
				return nil, err
			}
			if mail.KindOf(err) == mail.SignedOut {
				return nil, err
			}
			res.skipped = append(res.skipped, m.Name)
			continue
		}
		if found.cut {
			res.problems = append(res.problems, fmt.Sprintf("Only the newest %d messages of “%s” were looked through for attachments.", maxFilesScan, m.Leaf))
		}
		hits = append(hits, found.hits...)
	}
	if len(boxes) > 1 && len(res.skipped) == len(boxes) {
		return nil, mail.Errorf(mail.Unavailable, "The mail server did not answer the search in time.")
	}
	if s.brief {
		res.problems = append(res.problems, "The mail server took too long to look into the texts, so only subjects, senders and recipients were searched.")
	}
	for w := range s.lost {
		res.problems = append(res.problems, fmt.Sprintf("The mail server cannot search for “%s” exactly.", w))
	}
	slices.SortFunc(hits, func(x, y hit) int {
		return cmp.Or(x.at.Compare(y.at), cmp.Compare(x.ref.Mailbox, y.ref.Mailbox))
	})
	res.refs = make([]mail.MessageRef, len(hits))
	for i := range hits {
		res.refs[i] = hits[i].ref
	}
	return res, nil
}

func both(a, b mail.QueryNode) mail.QueryNode {
	return mail.QueryNode{Op: mail.QueryAnd, Kids: []mail.QueryNode{a, b}}
}

type found struct {
	hits []hit
	cut  bool // the mailbox was too large to look through whole
}

// searchMailbox searches one mailbox: one flight for SELECT and SEARCH, a second
// for the arrival of what the index does not know, and more for body structures
// when attachments are asked for. It takes less where the server can do less,
// and notes that in s for the mailboxes after it.
func (a *Account) searchMailbox(ctx context.Context, name string, root mail.QueryNode, s *searching, limit int) (out found, err error) {
	for {
		tctx, cancel := ctx, context.CancelFunc(func() {})
		if !s.brief && looksIntoText(root) {
			tctx, cancel = context.WithTimeout(ctx, textTimeout)
		}
		err = a.pool.Read(tctx, name, func(c *imappool.Session) error {
			var err error
			out, err = a.searchIn(c, name, root, s, limit)
			return err
		})
		slow := tctx.Err() != nil && ctx.Err() == nil
		cancel()
		var no *imap.Error
		switch {
		case err == nil:
			return out, nil
		case slow:
			s.brief = true
		case errors.As(err, &no) && !s.ascii && !asciiOnly(root) && (no.Code == imap.ResponseCodeBadCharset || no.Type == imap.StatusResponseTypeBad || no.Code == ""):
			// BADCHARSET, or a server that knows no CHARSET at all.
			s.ascii = true
		default:
			return out, err
		}
	}
}

func looksIntoText(n mail.QueryNode) bool {
	if n.Op == mail.QueryTerm {
		return n.Field == mail.FieldAny
	}
	return slices.ContainsFunc(n.Kids, looksIntoText)
}

func asciiOnly(n mail.QueryNode) bool {
	return isASCII(n.Text) && !slices.ContainsFunc(n.Kids, func(k mail.QueryNode) bool { return !asciiOnly(k) })
}

func (a *Account) searchIn(c *imappool.Session, name string, root mail.QueryNode, s *searching, limit int) (found, error) {
	var out found
	box := a.index.Mailbox(name)
	want := s.compile(root, false)
	check := narrow(root)
	if check.needed() {
		if st := box.State(); st.Complete && st.Len > maxFilesScan {
			out.cut = true
			want = want.and(crit(imap.SearchCriteria{UID: []imap.UIDSet{{{Start: imap.UID(box.Newest(maxFilesScan))}}}}))
		}
	}
	// A message marked \Deleted is as good as gone.
	want = want.and(crit(imap.SearchCriteria{NotFlag: []imap.Flag{imap.FlagDeleted}}))
	var data *imap.SearchData
	for try := 0; try == 0 || try < 2 && c.Dirty(); try++ {
		c.Clean()
		var news *imapclient.Command
		var search *imapclient.SearchCommand
		c.Batch(func() {
			news = c.Noop() // a search sees only what the connection has been told of
			search = c.UIDSearch(&want.c, returnAll(c.Caps().Has(imap.CapESearch)))
		})
		var err error
		data, err = search.Wait()
		if err = errors.Join(err, news.Wait()); err != nil {
			return out, err
		}
	}
	sel, err := c.WaitSelected()
	if err != nil {
		return out, err
	}
	uids, err := newestUIDs(foundUIDs(data), limit)
	if err != nil {
		return out, err
	}
	at := make(map[uint32]index.Arrived, len(uids))
	var unknown []uint32
	same := box.State().UIDValidity == sel.UIDValidity
	for _, u := range uids {
		if date, _, ok := box.Arrival(u); ok && same {
			at[u] = index.Arrived{Date: date, UID: u}
		} else {
			unknown = append(unknown, u)
		}
	}
	for _, set := range imappool.Split(uidSet(unknown)) {
		err := each(c.Fetch(set, &imap.FetchOptions{UID: true, InternalDate: true}), func(m *message) {
			at[uint32(m.uid)] = index.Arrived{Date: m.date.Unix(), UID: uint32(m.uid)}
		})
		if err != nil {
			return out, err
		}
	}
	if check.needed() {
		if uids, err = a.narrowed(c, box, name, sel.UIDValidity, uids, check); err != nil {
			return out, err
		}
	}
	for _, u := range uids {
		if when, ok := at[u]; ok {
			out.hits = append(out.hits, hit{mail.MessageRef{Mailbox: name, UIDValidity: sel.UIDValidity, UID: u}, when})
		}
	}
	return out, nil
}

// newestUIDs walks a set that a server sent and keeps the highest n, rising.
func newestUIDs(set imap.UIDSet, n int) ([]uint32, error) {
	set = slices.Clone(set)
	slices.SortFunc(set, func(a, b imap.UIDRange) int { return cmp.Compare(b.Start, a.Start) })
	var out []uint32
	for _, r := range set {
		if r.Start == 0 || r.Stop < r.Start {
			return nil, mail.Errorf(mail.Unavailable, "The mail server sent an answer that makes no sense.")
		}
		for u := r.Stop; u >= r.Start && len(out) < n; u-- {
			out = append(out, uint32(u))
		}
	}
	slices.Reverse(out)
	return out, nil
}

// narrowed keeps the messages whose attachments match, looking at the body
// structures of the newest maxNarrow that are not known.
func (a *Account) narrowed(c *imappool.Session, box *index.Mailbox, name string, validity uint32, uids []uint32, check narrowing) ([]uint32, error) {
	files := map[uint32][]mail.FileName{}
	var ask []uint32
	byName := len(check.names)+len(check.notNames) > 0
	same := box.State().UIDValidity == validity
	for _, u := range slices.Backward(uids) {
		if cached, ok := a.index.Cache.Get(mail.MessageRef{Mailbox: name, UIDValidity: validity, UID: u}); ok && cached.Structure != nil {
			files[u] = cached.Summary.Files
			continue
		}
		if has, known := box.Files(u); known && same && (!has || !byName) {
			files[u] = nil
			if has {
				files[u] = []mail.FileName{{}}
			}
			continue
		}
		if len(ask) < maxNarrow {
			ask = append(ask, u)
		}
	}
	for _, set := range imappool.Split(uidSet(ask)) {
		err := each(c.Fetch(set, structureItems), func(m *message) {
			if m.structure == nil {
				return
			}
			s := parse.Summarize(parse.Fetched{Structure: m.structure})
			files[uint32(m.uid)] = s.Files
			if same {
				box.SetFiles(uint32(m.uid), len(s.Files) > 0)
			}
		})
		if err != nil {
			return nil, err
		}
	}
	out := uids[:0:0]
	for _, u := range uids {
		if f, known := files[u]; !known || check.match(f) {
			out = append(out, u)
		}
	}
	return out, nil
}

// fetchRefs makes sure that the rows of found messages are in the cache and
// their flags are those of now, one flight per mailbox. It returns those that
// are no longer there.
func (a *Account) fetchRefs(ctx context.Context, refs []mail.MessageRef) (gone []mail.MessageRef, err error) {
	for _, g := range groupRefs(refs) {
		box := a.index.Mailbox(g.mailbox)
		if !box.Lock(ctx.Done()) {
			return nil, imappool.Kind(ctx.Err())
		}
		err := a.readRows(ctx, g.mailbox, func(s *imappool.Session) error {
			s.Clean()
			lost, err := a.refetch(s, box, g)
			if err == nil && s.Dirty() {
				lost, err = a.refetch(s, box, g)
			}
			if err == nil {
				gone = append(gone, lost...)
			}
			return err
		})
		box.Unlock()
		if err != nil && mail.KindOf(err) == mail.NotFound {
			gone, err = append(gone, g.refs()...), nil
		}
		if err != nil {
			return nil, err
		}
	}
	return gone, nil
}

func (a *Account) refetch(s *imappool.Session, box *index.Mailbox, g refGroup) ([]mail.MessageRef, error) {
	missing := a.uncached(g.mailbox, g.validity, g.uids)
	items := summaryItems
	if a.isPoor(g.mailbox) {
		items = plainItems
	}
	var known []uint32
	for _, u := range g.uids {
		if !slices.Contains(missing, u) {
			known = append(known, u)
		}
	}
	there := map[uint32]bool{}
	d := index.Delta{UIDValidity: g.validity}
	var got []message
	var whole, flags *imapclient.FetchCommand
	var news *imapclient.Command
	s.Batch(func() {
		news = s.Noop()
		if len(missing) > 0 {
			whole = s.Fetch(uidSet(missing), items)
		}
		if len(known) > 0 {
			flags = s.Fetch(uidSet(known), flagsOnly)
		}
	})
	fetchErr := errors.Join(together(func(m *message) {
		if m.header != nil {
			got = append(got, *m)
		} else {
			there[uint32(m.uid)] = true
		}
		if r, ok := m.row(); ok {
			d.Rows = append(d.Rows, r)
			a.reflag(mail.MessageRef{Mailbox: g.mailbox, UIDValidity: g.validity, UID: r.UID}, m.flags)
		}
	}, whole, flags)...)
	// QUIRK: Dovecot answers a NOOP behind the commands that follow it, so their
	// answers must have been read before it is waited for.
	fetchErr = errors.Join(fetchErr, news.Wait())
	sel, err := s.WaitSelected()
	if err != nil {
		return nil, err
	}
	if sel.UIDValidity != g.validity {
		return g.refs(), nil
	}
	var no *imap.Error
	if fetchErr != nil && !errors.As(fetchErr, &no) {
		return nil, fetchErr
	}
	if box.State().UIDValidity == g.validity {
		box.Apply(d)
	}
	for i := range got {
		if a.keep(box, mail.MessageRef{Mailbox: g.mailbox, UIDValidity: g.validity, UID: uint32(got[i].uid)}, &got[i]) {
			there[uint32(got[i].uid)] = true
		}
	}
	var left []uint32
	for _, u := range missing {
		if !there[u] {
			left = append(left, u)
		}
	}
	if len(left) > 0 {
		if err := a.lookRows(s, box, g.mailbox, g.validity, left); err != nil {
			return nil, err
		}
		for _, u := range left {
			if _, ok := a.index.Cache.Get(mail.MessageRef{Mailbox: g.mailbox, UIDValidity: g.validity, UID: u}); ok {
				there[u] = true
			}
		}
	}
	var gone []mail.MessageRef
	for _, u := range g.uids {
		if !there[u] {
			gone = append(gone, mail.MessageRef{Mailbox: g.mailbox, UIDValidity: g.validity, UID: u})
		}
	}
	return gone, nil
}

// reflag renews the flags of a cached row, for mailboxes without an index.
func (a *Account) reflag(ref mail.MessageRef, flags []imap.Flag) {
	if c, ok := a.index.Cache.Get(ref); ok {
		c.Summary.Flags = parse.Flags(flags)
		a.index.Cache.Put(ref, c)
	}
}

// neighboursFound is Neighbours for a search.
func (a *Account) neighboursFound(q mail.ListQuery, ref mail.MessageRef) (newer, older mail.MessageRef, place, total int) {
	res, _, ok := a.results.get(q)
	if !ok {
		return
	}
	i := slices.Index(res.refs, ref)
	if i < 0 {
		return
	}
	if i > 0 {
		newer = res.refs[i-1]
	}
	if i+1 < len(res.refs) {
		older = res.refs[i+1]
	}
	return newer, older, i + 1, len(res.refs)
}

// refGroup are messages of one mailbox.
type refGroup struct {
	mailbox  string
	validity uint32
	uids     []uint32
}

func (g refGroup) refs() []mail.MessageRef {
	out := make([]mail.MessageRef, len(g.uids))
	for i, u := range g.uids {
		out[i] = mail.MessageRef{Mailbox: g.mailbox, UIDValidity: g.validity, UID: u}
	}
	return out
}

// groupRefs sorts messages by mailbox and UIDVALIDITY, duplicates left out.
func groupRefs(refs []mail.MessageRef) []refGroup {
	var out []refGroup
	at := map[mail.MessageRef]int{} // by ref without UID
	seen := map[mail.MessageRef]bool{}
	for _, r := range refs {
		r.Mailbox = mail.CanonicalName(r.Mailbox)
		if r.UID == 0 || seen[r] || !mail.ValidMailboxName(r.Mailbox) {
			continue
		}
		seen[r] = true
		key := mail.MessageRef{Mailbox: r.Mailbox, UIDValidity: r.UIDValidity}
		i, ok := at[key]
		if !ok {
			i = len(out)
			at[key] = i
			out = append(out, refGroup{mailbox: r.Mailbox, validity: r.UIDValidity})
		}
		out[i].uids = append(out[i].uids, r.UID)
	}
	return out
}
