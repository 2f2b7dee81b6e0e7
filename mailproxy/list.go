package mailproxy

import (
	"context"
	"time"

	"postern/mailproxy/imappool"
	"postern/mailproxy/mail"
)

const (
	defaultPerPage = 50
	maxPerPage     = 200
	maxPage        = 1 << 20
)

// List answers one page of a mailbox or of a search, newest first, with the
// sidebar of the same moment. Warm it costs at most one flight. The mailbox that
// vanished is NotFound.
func (a *Account) List(ctx context.Context, q mail.ListQuery) (mail.Page, error) {
	q.Page = min(max(q.Page, 1), maxPage)
	if q.PerPage <= 0 {
		q.PerPage = defaultPerPage
	}
	q.PerPage = min(q.PerPage, maxPerPage)
	q.Mailbox = mail.CanonicalName(q.Mailbox)
	switch q.Show {
	case mail.ShowAll, mail.ShowUnread, mail.ShowStarred, mail.ShowAttachments:
	default:
		q.Show = mail.ShowAll
	}
	if q.Mailbox != "" && !mail.ValidMailboxName(q.Mailbox) || q.Mailbox == "" && q.Search == "" {
		return mail.Page{}, noMailbox()
	}
	if q.Search != "" || q.Show == mail.ShowAttachments {
		return a.searchPage(ctx, q)
	}
	return a.listMailbox(ctx, q)
}

func (a *Account) listMailbox(ctx context.Context, q mail.ListQuery) (mail.Page, error) {
	box := a.index.Mailbox(q.Mailbox)
	w := wanted{show: q.Show, offset: (q.Page - 1) * q.PerPage, n: q.PerPage}
	if !w.first() {
		a.scanned(ctx, q.Mailbox)
	}
	if !box.Lock(ctx.Done()) {
		return mail.Page{}, imappool.Kind(ctx.Err())
	}
	defer box.Unlock()

	var uids []uint32
	var total int
	began := time.Now()
	err := a.readRows(ctx, q.Mailbox, func(s *imappool.Session) (err error) {
		w.offset = (q.Page - 1) * q.PerPage
		uids, total, err = a.look(ctx, s, box, q.Mailbox, w)
		if err == nil && len(uids) == 0 && total > 0 && q.Page > 1 {
			// Past the end: the last page there is.
			w.offset = (total - 1) / q.PerPage * q.PerPage
			uids, total, err = a.look(ctx, s, box, q.Mailbox, w)
		}
		return err
	})
	if err != nil {
		return mail.Page{}, a.vanished(ctx, q.Mailbox, err)
	}
	st := box.State()
	if !st.Complete {
		a.scan(box, q.Mailbox)
	}
	q.Page = w.offset/q.PerPage + 1
	if len(uids) == 0 {
		q.Page = 1
	}
	p := mail.Page{Query: q, Total: total}
	for _, u := range uids {
		if row, ok := a.row(mail.MessageRef{Mailbox: q.Mailbox, UIDValidity: st.UIDValidity, UID: u}); ok {
			p.Rows = append(p.Rows, row)
		}
	}
	if len(p.Rows) > 0 {
		p.First = w.offset + 1
	}
	a.fillSidebar(&p)
	if st.Complete && (st.ModSeq > 0 || q.Show == mail.ShowUnread || a.boxes.askedAt().Before(began)) {
		// The index knows better than a STATUS of earlier. Without CONDSTORE, flags
		// outside the page may be old, and a STATUS of now is better.
		p.Unread = st.Unseen
		p.Mailbox.Unseen = uint32(st.Unseen)
	}
	return p, nil
}

// readRows is pool.Read for what fetches list rows. When the connection breaks
// over them it tries once more without body structures.
func (a *Account) readRows(ctx context.Context, name string, fn func(*imappool.Session) error) error {
	err := a.pool.Read(ctx, name, fn)
	if err == nil || ctx.Err() != nil || a.isPoor(name) {
		return err
	}
	switch mail.KindOf(err) {
	case mail.Internal, mail.Unavailable:
	default:
		return err
	}
	a.setPoor(name)
	if again := a.pool.Read(ctx, name, fn); again == nil {
		return nil
	}
	a.notPoor(name) // it was not that
	return err
}

// row is the list row of a message with its flags as now known; false when it is
// not in the cache.
func (a *Account) row(ref mail.MessageRef) (mail.Summary, bool) {
	c, ok := a.index.Cache.Get(ref)
	if !ok {
		return mail.Summary{}, false
	}
	s := c.Summary
	if box := a.index.Known(ref.Mailbox); box != nil && box.State().UIDValidity == ref.UIDValidity {
		if f, ok := box.Flags(ref.UID); ok {
			s.Flags = f
		}
		if date, size, ok := box.Arrival(ref.UID); ok {
			if s.Arrived.IsZero() && date != 0 {
				s.Arrived = time.Unix(date, 0)
			}
			if s.Size == 0 {
				s.Size = size
			}
		}
	}
	return s, true
}

// fillSidebar adds the mailboxes to a page.
func (a *Account) fillSidebar(p *mail.Page) {
	p.Mailboxes = a.boxes.known()
	if m, ok := mail.ByName(p.Mailboxes, p.Query.Mailbox); ok && p.Query.Mailbox != "" {
		p.Mailbox = m
		p.Unread = int(m.Unseen)
	} else if p.Query.Mailbox != "" {
		p.Mailbox = mail.Mailbox{Name: p.Query.Mailbox, Leaf: p.Query.Mailbox, Selectable: true}
	}
}

// vanished drops what is known of a mailbox that the server no longer has.
func (a *Account) vanished(ctx context.Context, name string, err error) error {
	if mail.KindOf(err) == mail.Refused {
		// QUIRK: Dovecot and others say NO to SELECT without a response code; when
		// LIST does not have the mailbox either, it is gone.
		if list, lerr := a.askMailboxes(ctx); lerr == nil {
			if m, ok := mail.ByName(list, name); !ok || !m.Selectable {
				err = mail.Wrap(mail.NotFound, err, "There is no such mailbox.")
			}
		}
	}
	if mail.KindOf(err) == mail.NotFound && name != "INBOX" {
		a.index.Forget(name, "")
		a.boxes.stale()
	}
	return err
}

// Neighbours returns the messages before and after ref in the list it was opened
// from, and its place in it (1 is the newest), without asking the server. Zero
// values when the list is not known any more.
func (a *Account) Neighbours(q mail.ListQuery, ref mail.MessageRef) (newer, older mail.MessageRef, place, total int) {
	q.Mailbox = mail.CanonicalName(q.Mailbox)
	if q.Search != "" || q.Show == mail.ShowAttachments {
		return a.neighboursFound(q, ref)
	}
	box := a.index.Known(q.Mailbox)
	if box == nil || q.Mailbox != ref.Mailbox || box.State().UIDValidity != ref.UIDValidity {
		return
	}
	n, o, place, total := box.Around(ref.UID, q.Show)
	if place == 0 {
		return
	}
	at := func(uid uint32) mail.MessageRef {
		if uid == 0 {
			return mail.MessageRef{}
		}
		return mail.MessageRef{Mailbox: ref.Mailbox, UIDValidity: ref.UIDValidity, UID: uid}
	}
	return at(n), at(o), place, total
}
