package mailproxy

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"postern/mailproxy/imappool"
	"postern/mailproxy/index"
	"postern/mailproxy/mail"
)

const (
	windowLen = 60      // newest messages that are fetched whole when a mailbox is first opened
	scanNow   = 5000    // a mailbox of no more messages is scanned while the person waits
	scanChunk = 5000    // messages scanned at a time behind the first page
	maxUIDs   = 2 << 20 // messages of a mailbox that are indexed; of more, the newest
)

// wanted is the part of a mailbox that a list shows.
type wanted struct {
	show   mail.Show
	offset int
	n      int
	all    bool // every message must be known, not only the newest
}

func (w wanted) first() bool { return w.offset == 0 && w.show == mail.ShowAll && !w.all }

// look brings the index of a mailbox up to date and makes sure that the rows
// wanted are in the cache, as far as the server gives them. It returns their
// UIDs and how many the list has. The exchange of the mailbox is held.
//
// One flight: SELECT, or NOOP so that the server looks for news; flags changed since the recorded mod-sequence
// (RFC 7162 section 3.1.4.1), or those of the page without CONDSTORE; what is
// new; the rows that are expected and not cached; the sidebar. A second when the
// message count shows that something was expunged, another for rows that were
// not expected, and on servers that answer first and look for news afterwards
// (Dovecot, for commands that come together) one more when there was some.
func (a *Account) look(ctx context.Context, s *imappool.Session, box *index.Mailbox, name string, w wanted) (uids []uint32, total int, err error) {
	for try := 0; try < 3 && (try == 0 || s.Dirty()); try++ {
		s.Clean()
		if err := a.lookChanges(ctx, s, box, name, w, try == 0 && !a.boxes.fresh(time.Now())); err != nil {
			return nil, 0, err
		}
	}
	for round := 0; ; round++ {
		name, sel := s.Selected()
		st := box.State()
		switch {
		case st.UIDValidity == 0:
			if err := a.lookAfresh(s, box, name, w); err != nil {
				return nil, 0, err
			}
		case !st.Complete && (w.all || !w.first()):
			if err := a.lookOlder(s, box, st); err != nil {
				return nil, 0, err
			}
		case st.Complete && int(sel.NumMessages) != st.Len && round < 3:
			if err := a.lookGone(s, box, st); err != nil {
				return nil, 0, err
			}
		default:
			uids, total = box.Page(w.show, w.offset, w.n)
			if !st.Complete {
				total = max(total, int(sel.NumMessages))
			}
			missing := a.uncached(name, st.UIDValidity, uids)
			if len(missing) == 0 || round >= 5 {
				return uids, total, nil
			}
			if err := a.lookRows(s, box, name, st.UIDValidity, missing); err != nil {
				return nil, 0, err
			}
		}
	}
}

// lookChanges is the first flight.
func (a *Account) lookChanges(ctx context.Context, s *imappool.Session, box *index.Mailbox, name string, w wanted, boxes bool) error {
	before, _ := s.Selected()
	again := before == name // was selected already: HIGHESTMODSEQ and the like are of then
	st := box.State()
	known := st.UIDValidity != 0 && st.Len > 0
	condstore := st.ModSeq > 0
	searchAll := s.Caps().Has(imap.CapESearch)

	var expected, missing []uint32
	var changed, fresh, flags, cached *imapclient.FetchCommand
	var present, exact *imapclient.SearchCommand
	var sidebar *asking
	var news *imapclient.Command
	s.Batch(func() {
		if again {
			news = s.Noop()
		}
		if known {
			from := imap.UID(1)
			if !st.Complete {
				from = imap.UID(st.MinUID) // older messages come with the scan
			}
			expected, _ = box.Page(w.show, w.offset, w.n)
			if condstore {
				changed = s.Fetch(imap.UIDSet{{Start: from}}, columns(st.ModSeq))
			} else {
				fresh = s.Fetch(imap.UIDSet{{Start: imap.UID(st.MaxUID)}}, columns(0))
				if len(expected) > 0 {
					flags = s.Fetch(uidSet(expected), flagsOnly)
				}
				if st.Complete {
					switch w.show {
					case mail.ShowUnread:
						exact = s.UIDSearch(&imap.SearchCriteria{NotFlag: []imap.Flag{imap.FlagSeen}}, returnAll(searchAll))
					case mail.ShowStarred:
						exact = s.UIDSearch(&imap.SearchCriteria{Flag: []imap.Flag{imap.FlagFlagged}}, returnAll(searchAll))
					}
				}
			}
			if !st.Complete {
				present = s.UIDSearch(&imap.SearchCriteria{UID: []imap.UIDSet{{{Start: from}}}}, returnAll(searchAll))
			}
			if missing = a.uncached(name, st.UIDValidity, expected); len(missing) > 0 && !a.isPoor(name) {
				cached = s.Fetch(uidSet(missing), summaryItems)
			}
		}
		if boxes {
			sidebar = a.ask(s)
		}
	})

	sel, err := s.WaitSelected()
	d := index.Delta{UIDValidity: sel.UIDValidity}
	var got []message
	errs := together(func(m *message) {
		if r, ok := m.row(); ok {
			d.Rows = append(d.Rows, r)
		}
		if m.header != nil {
			got = append(got, *m)
		}
		d.ModSeq = max(d.ModSeq, m.modSeq)
	}, cached, changed, fresh, flags)
	errs = errs[1:] // rows that did not come are no failure of the page: they are asked for again
	for _, cmd := range []*imapclient.SearchCommand{exact, present} {
		if cmd == nil {
			continue
		}
		data, err := cmd.Wait()
		errs = append(errs, err)
		set := index.Set{Known: err == nil, UIDs: foundUIDs(data)}
		switch {
		case cmd == present:
			d.Present = withRows(set, d.Rows)
		case w.show == mail.ShowUnread:
			d.Unseen = set
		default:
			d.Flagged = set
		}
	}
	if news != nil {
		// QUIRK: Dovecot may answer a NOOP behind the commands that follow it, so
		// what they sent must have been read before.
		errs = append(errs, news.Wait())
	}
	if sidebar != nil {
		if err := sidebar.finish(ctx, s); err != nil && err != errAskAgain {
			errs = append(errs, err)
		}
	}
	if err != nil {
		return err // SELECT failed, and everything else with it
	}
	if err := errors.Join(errs...); err != nil {
		return imappool.Kind(err)
	}
	if sel.UIDValidity == 0 {
		// A mailbox without lasting UIDs (RFC 3501 section 2.3.1.1 allows it): nothing can be kept.
		return mail.Errorf(mail.Refused, "The mail server gives the messages of this mailbox no lasting numbers.")
	}
	restored := condstore && !again && sel.HighestModSeq < st.ModSeq
	if sel.UIDValidity != st.UIDValidity || restored {
		box.Reset()
		if st.UIDValidity != 0 {
			a.results.changed()
		}
		return nil
	}
	if s.Dirty() {
		// News that nobody asked for may have raised the mod-sequence and been
		// missed: what changed since the recorded one is asked for again.
		d.ModSeq = 0
	}
	box.Apply(d)
	for i := range got {
		a.keep(box, mail.MessageRef{Mailbox: name, UIDValidity: st.UIDValidity, UID: uint32(got[i].uid)}, &got[i])
	}
	return nil
}

// lookAfresh fills the index of a mailbox of which nothing is known: the newest
// rows whole and, unless the mailbox is large, the columns of all messages.
func (a *Account) lookAfresh(s *imappool.Session, box *index.Mailbox, name string, w wanted) error {
	_, sel := s.Selected()
	d := index.Delta{UIDValidity: sel.UIDValidity, ModSeq: sel.HighestModSeq}
	n := sel.NumMessages
	if n == 0 {
		d.Complete = true
		box.Apply(d)
		return nil
	}
	whole := n <= scanNow || !w.first()
	var newest, all *imapclient.FetchCommand
	s.Batch(func() {
		if w.first() && !a.isPoor(name) {
			from := uint32(1)
			if n > windowLen {
				from = n - windowLen + 1
			}
			newest = s.Fetch(imap.SeqSet{{Start: from, Stop: n}}, summaryItems)
		}
		if whole {
			all = s.Fetch(imap.UIDSet{{Start: 1}}, columns(0))
		} else if newest == nil {
			newest = s.Fetch(imap.SeqSet{{Start: n - windowLen + 1, Stop: n}}, columns(0))
		}
	})
	var got []message
	errs := together(func(m *message) {
		if r, ok := m.row(); ok {
			d.Rows = append(d.Rows, r)
		}
		if m.header != nil {
			got = append(got, *m)
		}
	}, newest, all)
	if errs[1] != nil || all == nil && errs[0] != nil {
		return errors.Join(errs...)
	}
	d.Complete = all != nil
	if len(d.Rows) == 0 && !d.Complete {
		return mail.Errorf(mail.Unavailable, "The mail server did not list the messages.")
	}
	box.Apply(d)
	for i := range got {
		a.keep(box, mail.MessageRef{Mailbox: name, UIDValidity: sel.UIDValidity, UID: uint32(got[i].uid)}, &got[i])
	}
	return nil
}

// lookOlder adds the columns of the messages older than those known.
func (a *Account) lookOlder(s *imappool.Session, box *index.Mailbox, st index.State) error {
	d := index.Delta{UIDValidity: st.UIDValidity, Complete: true}
	if st.MinUID > 1 {
		var err error
		if d.Rows, err = rows(s.Fetch(imap.UIDSet{{Start: 1, Stop: imap.UID(st.MinUID - 1)}}, columns(0))); err != nil {
			return err
		}
	}
	box.Apply(d)
	return nil
}

// lookGone finds out which messages are no longer there, and which came without
// being noticed.
func (a *Account) lookGone(s *imappool.Session, box *index.Mailbox, st index.State) error {
	var present *imapclient.SearchCommand
	var fresh *imapclient.FetchCommand
	s.Batch(func() {
		present = s.UIDSearch(&imap.SearchCriteria{}, returnAll(s.Caps().Has(imap.CapESearch)))
		fresh = s.Fetch(imap.UIDSet{{Start: imap.UID(max(st.MaxUID, 1))}}, columns(0))
	})
	list, ferr := rows(fresh)
	data, err := present.Wait()
	if err = errors.Join(err, ferr); err != nil {
		return err
	}
	found := foundUIDs(data)
	box.Apply(index.Delta{UIDValidity: st.UIDValidity, Rows: list, Present: withRows(index.Set{Known: true, UIDs: found}, list)})
	_, sel := s.Selected()
	if st := box.State(); st.Len < int(sel.NumMessages) {
		unknown := missingFrom(found, box.UIDs())
		if len(unknown) > 0 {
			return a.lookUIDs(s, box, st.UIDValidity, unknown)
		}
	}
	return nil
}

// withRows adds messages that came after a search to what it found.
func withRows(set index.Set, rows []index.Row) index.Set {
	set.UIDs = slices.Clone(set.UIDs)
	for _, r := range rows {
		set.UIDs = append(set.UIDs, imap.UIDRange{Start: imap.UID(r.UID), Stop: imap.UID(r.UID)})
	}
	return set
}

// lookUIDs adds the columns of messages of any age.
func (a *Account) lookUIDs(s *imappool.Session, box *index.Mailbox, validity uint32, set imap.UIDSet) error {
	parts := imappool.Split(set)
	cmds := make([]*imapclient.FetchCommand, len(parts))
	s.Batch(func() {
		for i, p := range parts {
			cmds[i] = s.Fetch(p, columns(0))
		}
	})
	list, err := rows(cmds...)
	if err != nil {
		return err
	}
	box.Apply(index.Delta{UIDValidity: validity, Rows: list})
	return nil
}

// missingFrom is what a server says is there less what is known, at most
// maxUIDs of them.
func missingFrom(there imap.UIDSet, known []uint32) imap.UIDSet {
	uids, err := imappool.UIDs(there, maxUIDs)
	if err != nil {
		return nil
	}
	slices.Sort(uids)
	var out imap.UIDSet
	for _, u := range uids {
		for len(known) > 0 && known[0] < uint32(u) {
			known = known[1:]
		}
		if len(known) == 0 || known[0] != uint32(u) {
			out.AddNum(u)
		}
	}
	return out
}

func returnAll(esearch bool) *imap.SearchOptions {
	if esearch {
		return &imap.SearchOptions{ReturnAll: true}
	}
	return nil
}

// foundUIDs is what a UID SEARCH found, as ranges; never walked without limit.
func foundUIDs(data *imap.SearchData) imap.UIDSet {
	if data == nil {
		return nil
	}
	set, _ := data.All.(imap.UIDSet)
	return set
}

// uncached are those of uids whose list row is not in the cache.
func (a *Account) uncached(name string, validity uint32, uids []uint32) []uint32 {
	var out []uint32
	for _, u := range uids {
		if _, ok := a.index.Cache.Get(mail.MessageRef{Mailbox: name, UIDValidity: validity, UID: u}); !ok {
			out = append(out, u)
		}
	}
	return out
}

// lookRows fetches list rows into the cache. A message that the server has and
// does not give up, as Exchange and Yahoo do for single messages for ever, gets
// a row that says so; one that is gone leaves the index.
func (a *Account) lookRows(s *imappool.Session, box *index.Mailbox, name string, validity uint32, uids []uint32) error {
	got := map[uint32]bool{}
	take := func(m *message) {
		ref := mail.MessageRef{Mailbox: name, UIDValidity: validity, UID: uint32(m.uid)}
		if a.keep(box, ref, m) {
			got[ref.UID] = true
		}
	}
	items := summaryItems
	if a.isPoor(name) {
		items = plainItems
	}
	err := each(s.Fetch(uidSet(uids), items), take)
	left := slices.DeleteFunc(slices.Clone(uids), func(u uint32) bool { return got[u] })
	if len(left) == 0 {
		return nil
	}
	var no *imap.Error
	if err != nil && !errors.As(err, &no) {
		return err // the connection was lost
	}

	// One by one, so that each failure is that of one message, and in the same
	// flight whether they are there at all.
	cmds := make([]*imapclient.FetchCommand, len(left))
	var there *imapclient.SearchCommand
	s.Batch(func() {
		for i, u := range left {
			cmds[i] = s.Fetch(uidSet([]uint32{u}), plainItems)
		}
		there = s.UIDSearch(&imap.SearchCriteria{UID: []imap.UIDSet{uidSet(left)}}, returnAll(s.Caps().Has(imap.CapESearch)))
	})
	_ = together(take, cmds...) // a lost connection shows in the search
	data, err := there.Wait()
	if err != nil {
		return err
	}
	have := foundUIDs(data)
	var gone []uint32
	for _, u := range left {
		switch {
		case got[u]:
		case !have.Contains(imap.UID(u)):
			gone = append(gone, u)
		default:
			ref := mail.MessageRef{Mailbox: name, UIDValidity: validity, UID: u}
			a.index.Cache.Put(ref, index.Cached{Summary: unreadable(ref)})
		}
	}
	if len(gone) > 0 {
		box.Apply(index.Delta{UIDValidity: validity, Gone: gone})
	}
	return nil
}

// unreadable is the row of a message that the server would not give.
func unreadable(ref mail.MessageRef) mail.Summary {
	return mail.Summary{Ref: ref, Subject: "This message could not be read"}
}

// A poor mailbox holds a message whose body structure breaks the connection.
// For a while its rows are made without structures.
const poorFor = 10 * time.Minute

func (a *Account) isPoor(name string) bool {
	a.poorMu.Lock()
	defer a.poorMu.Unlock()
	until, ok := a.poor[name]
	if ok && time.Now().After(until) {
		delete(a.poor, name)
		return false
	}
	return ok
}

func (a *Account) setPoor(name string) {
	a.poorMu.Lock()
	defer a.poorMu.Unlock()
	if a.poor == nil {
		a.poor = map[string]time.Time{}
	}
	a.poor[name] = time.Now().Add(poorFor)
}

func (a *Account) notPoor(name string) {
	a.poorMu.Lock()
	defer a.poorMu.Unlock()
	delete(a.poor, name)
}

// scan fills the index of a large mailbox behind its first page, newest first,
// a piece at a time so that the person's own commands come in between.
func (a *Account) scan(box *index.Mailbox, name string) {
	a.scanMu.Lock()
	defer a.scanMu.Unlock()
	if a.scans[name] != nil || a.ctx.Err() != nil {
		return
	}
	done := make(chan struct{})
	if a.scans == nil {
		a.scans = map[string]chan struct{}{}
	}
	a.scans[name] = done
	a.busy.Add(1)
	a.work.Go(func() {
		defer func() {
			a.scanMu.Lock()
			delete(a.scans, name)
			a.scanMu.Unlock()
			close(done)
			a.busy.Add(-1)
		}()
		var left []imap.UID
		for first := true; first || len(left) > 0; first = false {
			var err error
			if left, err = a.scanPiece(box, name, left, first); err != nil {
				a.proxy.o.Log.Debug("scan stopped", "account", a.id, "error", err)
				return
			}
		}
	})
}

// scanPiece adds the next messages to the index. left are the UIDs still to come,
// rising; at first they are asked for.
func (a *Account) scanPiece(box *index.Mailbox, name string, left []imap.UID, first bool) ([]imap.UID, error) {
	if !box.Lock(a.ctx.Done()) {
		return nil, a.ctx.Err()
	}
	defer box.Unlock()
	st := box.State()
	if st.Complete || st.UIDValidity == 0 || st.MinUID <= 1 {
		return nil, nil
	}
	err := a.pool.Read(a.ctx, name, func(s *imappool.Session) error {
		if first {
			data, err := s.UIDSearch(&imap.SearchCriteria{UID: []imap.UIDSet{{{Start: 1, Stop: imap.UID(st.MinUID - 1)}}}}, returnAll(s.Caps().Has(imap.CapESearch))).Wait()
			if err != nil {
				return err
			}
			if left, err = imappool.UIDs(foundUIDs(data), maxUIDs); err != nil {
				return err
			}
			slices.Sort(left)
		}
		d := index.Delta{UIDValidity: st.UIDValidity}
		cut := max(0, len(left)-scanChunk)
		if len(left) > 0 {
			var err error
			if d.Rows, err = rows(s.Fetch(imap.UIDSet{{Start: left[cut], Stop: left[len(left)-1]}}, columns(0))); err != nil {
				return err
			}
		}
		sel, err := s.WaitSelected()
		if err != nil {
			return err
		}
		if sel.UIDValidity != st.UIDValidity {
			left = nil
			return nil // the next page notices
		}
		d.Complete = cut == 0
		box.Apply(d)
		left = left[:cut]
		return nil
	})
	return left, err
}

// scanned waits for a scan under way, if there is one.
func (a *Account) scanned(ctx context.Context, name string) {
	a.scanMu.Lock()
	done := a.scans[name]
	a.scanMu.Unlock()
	if done == nil {
		return
	}
	select {
	case <-done:
	case <-ctx.Done():
	}
}
