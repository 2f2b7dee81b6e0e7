package mailproxy

import (
	"context"
	"errors"
	"slices"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"postern/mailproxy/imappool"
	"postern/mailproxy/index"
	"postern/mailproxy/mail"
)

// Moved says what became of messages that were asked to move.
type Moved struct {
	Count   int       // how many moved or were deleted
	To      string    // the mailbox they are in now, "" when deleted for good
	Gone    int       // were no longer there
	Forever bool      // deleted for good: there is no undo
	Undo    mail.Undo // empty when Forever
}

// Move moves messages to a mailbox.
func (a *Account) Move(ctx context.Context, refs []mail.MessageRef, to string) (Moved, error) {
	to = mail.CanonicalName(to)
	m, err := a.mailbox(ctx, to)
	if err != nil {
		return Moved{}, err
	}
	if !m.Selectable {
		return Moved{}, mail.Errorf(mail.Refused, "“%s” cannot hold messages.", m.Leaf)
	}
	return a.moveAll(ctx, refs, to, nil, nil)
}

// Archive moves messages to the archive, made when there is none.
func (a *Account) Archive(ctx context.Context, refs []mail.MessageRef) (Moved, error) {
	to, ok, err := a.byRole(ctx, mail.RoleArchive)
	if err == nil && !ok {
		to, ok, err = a.byRole(ctx, mail.RoleAll) // Gmail: all mail less the inbox is its archive
	}
	if err != nil {
		return Moved{}, err
	}
	if ok {
		return a.moveAll(ctx, refs, to.Name, nil, nil)
	}
	name, err := a.ensureRole(ctx, mail.RoleArchive)
	if err != nil {
		return Moved{}, err
	}
	return a.moveAll(ctx, refs, name, nil, nil)
}

// Delete moves messages to Trash (made when there is none); those in Trash or
// Junk already are deleted for good.
func (a *Account) Delete(ctx context.Context, refs []mail.MessageRef) (Moved, error) {
	if len(refs) > maxRefs {
		return Moved{}, errTooMany
	}
	list := a.boxes.known()
	if list == nil {
		var err error
		if list, err = a.askMailboxes(ctx); err != nil {
			return Moved{}, err
		}
	}
	var move, forever []mail.MessageRef
	for _, r := range refs {
		if m, _ := mail.ByName(list, r.Mailbox); m.Role == mail.RoleTrash || m.Role == mail.RoleJunk {
			forever = append(forever, r)
		} else {
			move = append(move, r)
		}
	}
	var out Moved
	if len(move) > 0 {
		trash, err := a.ensureRole(ctx, mail.RoleTrash)
		if err != nil {
			return Moved{}, err
		}
		if out, err = a.moveAll(ctx, move, trash, nil, nil); err != nil {
			return out, err
		}
	}
	for _, g := range groupRefs(forever) {
		n, err := a.expunge(ctx, g)
		out.Count += n
		out.Gone += len(g.uids) - n
		if err != nil {
			return out, err
		}
	}
	out.Forever = len(move) == 0 && len(forever) > 0
	return out, nil
}

// Spam moves messages to Junk, or out of it to the inbox, with $Junk and
// $NotJunk (registered IMAP keywords) set for the server's filter.
func (a *Account) Spam(ctx context.Context, refs []mail.MessageRef, spam bool) (Moved, error) {
	if !spam {
		return a.moveAll(ctx, refs, "INBOX", []imap.Flag{imap.FlagNotJunk}, []imap.Flag{imap.FlagJunk})
	}
	junk, err := a.ensureRole(ctx, mail.RoleJunk)
	if err != nil {
		return Moved{}, err
	}
	return a.moveAll(ctx, refs, junk, []imap.Flag{imap.FlagJunk}, []imap.Flag{imap.FlagNotJunk})
}

// ensureRole is the name of the mailbox with a role, which is made when there is none.
func (a *Account) ensureRole(ctx context.Context, r mail.Role) (string, error) {
	m, ok, err := a.byRole(ctx, r)
	if err != nil {
		return "", err
	}
	if ok {
		return m.Name, nil
	}
	a.boxes.mu.Lock()
	name := a.boxes.ns.prefix() + newRoleName(r)
	a.boxes.mu.Unlock()
	if err := a.createFor(ctx, name, r); err != nil {
		return "", err
	}
	list, err := a.askMailboxes(ctx)
	if err != nil {
		return "", err
	}
	if m, ok := mail.ByRole(list, r); ok {
		return m.Name, nil
	}
	return name, nil
}

// createFor makes a mailbox for a role, saying which to servers that keep it. One
// that is there already will do.
func (a *Account) createFor(ctx context.Context, name string, r mail.Role) error {
	use := false
	_ = a.pool.Read(ctx, "", func(s *imappool.Session) error {
		use = s.Caps().Has(imap.CapCreateSpecialUse)
		return nil
	})
	var err error
	if use && attrOfRole(r) != "" {
		if err = a.create(ctx, name, &imap.CreateOptions{SpecialUse: []imap.MailboxAttr{attrOfRole(r)}}); err == nil {
			return nil
		}
	}
	if err = a.create(ctx, name, nil); mail.KindOf(err) == mail.Invalid {
		return nil // ALREADYEXISTS
	}
	return err
}

// moveAll moves messages of any mailboxes to one, with flags set and cleared on
// them before.
func (a *Account) moveAll(ctx context.Context, refs []mail.MessageRef, to string, set, clear []imap.Flag) (Moved, error) {
	if len(refs) > maxRefs {
		return Moved{}, errTooMany
	}
	out := Moved{To: to}
	for _, g := range groupRefs(refs) {
		if g.mailbox == to {
			continue
		}
		one, err := a.move(ctx, g, to, set, clear)
		out.Count += one.moved
		out.Gone += one.gone
		if one.moved > 0 {
			out.Undo.Moves = append(out.Undo.Moves, one.undo)
			out.Undo.Flags = append(out.Undo.Flags, one.flags...)
		}
		if err != nil {
			return out, err
		}
	}
	if out.Count == 0 && out.Gone > 0 && len(refs) == 1 {
		return out, errGone
	}
	return out, nil
}

// moving is what came of moving a group.
type moving struct {
	moved, gone int
	undo        mail.UndoMove
	flags       []mail.UndoFlag
}

// move moves a group: one flight with MOVE (RFC 6851) when its mailbox is
// selected; else COPY, and only when that succeeded \Deleted and EXPUNGE.
func (a *Account) move(ctx context.Context, g refGroup, to string, set, clear []imap.Flag) (moving, error) {
	box, unlock, err := a.exchange(ctx, g)
	if err != nil {
		return moving{}, err
	}
	defer unlock()
	var res copied
	var ids []string
	for try := 0; ; try++ {
		atomic := false
		err = a.pool.Write(ctx, g.mailbox, func(s *imappool.Session) error {
			atomic = s.Caps().Has(imap.CapMove)
			_, sel := s.Selected()
			if err := checkSelected(sel, g.validity); err != nil {
				return err
			}
			if !s.Caps().Has(imap.CapUIDPlus) {
				ids = a.messageIDs(s, g)
			}
			var err error
			s.Clean()
			res, err = moveIn(s, sel, g.uids, to, set, clear)
			if left := without(g.uids, res.from); err == nil && len(left) > 0 && s.Dirty() {
				// They came since the server's last look, as after an undo.
				var rest copied
				rest, err = moveIn(s, sel, left, to, set, clear)
				res.join(rest)
			}
			return err
		})
		if atomic && try == 0 && len(res.from) == 0 && lost(ctx, err) {
			continue // what has moved cannot move again
		}
		var no *imap.Error
		if err == nil || try > 0 || !errors.As(err, &no) || no.Code != imap.ResponseCodeTryCreate {
			break
		}
		// The target vanished since it was listed.
		if cerr := a.create(ctx, to, nil); cerr != nil {
			break
		}
	}
	if len(res.from) == 0 && err != nil {
		return moving{}, a.vanished(ctx, g.mailbox, err)
	}
	return a.moved(box, g, to, res, ids, set, clear), err
}

// copied says what moved and where it is now.
type copied struct {
	from     []uint32
	validity uint32   // of the target; 0 when the server did not say
	to       []uint32 // UIDs in the target, in no particular order
}

// add notes an answer with COPYUID (RFC 4315).
func (c *copied) add(validity uint32, src, dst imap.NumSet) {
	from, err1 := imappool.UIDs(src, maxRefs)
	to, err2 := imappool.UIDs(dst, maxRefs)
	if validity == 0 || err1 != nil || err2 != nil || len(from) != len(to) {
		return
	}
	c.validity = validity
	for i := range from {
		c.from = append(c.from, uint32(from[i]))
		c.to = append(c.to, uint32(to[i]))
	}
}

func (c *copied) join(more copied) {
	if c.validity == 0 || len(more.from) > 0 {
		c.validity = more.validity
	}
	c.from, c.to = append(c.from, more.from...), append(c.to, more.to...)
}

// without are the UIDs of all that are not in some.
func without(all, some []uint32) []uint32 {
	have := make(map[uint32]bool, len(some))
	for _, u := range some {
		have[u] = true
	}
	return slices.DeleteFunc(slices.Clone(all), func(u uint32) bool { return have[u] })
}

// presence asks which of some messages are there; it belongs into a batch, before
// what is done to them.
func presence(s *imappool.Session, uids []uint32) *imapclient.SearchCommand {
	set := uidSet(uids)
	if len(imappool.Split(set)) > 1 { // too long for one command: ask for the whole range
		set = imap.UIDSet{{Start: set[0].Start, Stop: set[len(set)-1].Stop}}
	}
	return s.UIDSearch(&imap.SearchCriteria{UID: []imap.UIDSet{set}}, returnAll(s.Caps().Has(imap.CapESearch)))
}

// present reads the answer to presence.
func present(cmd *imapclient.SearchCommand, uids []uint32) ([]uint32, error) {
	data, err := cmd.Wait()
	if err != nil {
		return nil, err
	}
	have := foundUIDs(data)
	var out []uint32
	for _, u := range uids {
		if have.Contains(imap.UID(u)) {
			out = append(out, u)
		}
	}
	return out, nil
}

func moveIn(s *imappool.Session, sel imappool.Selected, uids []uint32, to string, set, clear []imap.Flag) (copied, error) {
	keep := func(list []imap.Flag) []imap.Flag {
		return slices.DeleteFunc(slices.Clone(list), func(f imap.Flag) bool { return !sel.CanKeep(f) })
	}
	set, clear = keep(set), keep(clear)
	atomic, says := s.Caps().Has(imap.CapMove), s.Caps().Has(imap.CapUIDPlus)
	parts := imappool.Split(uidSet(uids))
	moves := make([]*imapclient.MoveCommand, len(parts))
	copies := make([]*imapclient.CopyCommand, len(parts))
	var news *imapclient.Command // lets the server see messages that came since its last look
	var marks []*imapclient.FetchCommand
	var before *imapclient.SearchCommand
	s.Batch(func() {
		news = s.Noop()
		if !says {
			before = presence(s, uids)
		}
		if len(set) > 0 {
			marks = append(marks, sendStore(s, uids, set, true)...)
		}
		if len(clear) > 0 {
			marks = append(marks, sendStore(s, uids, clear, false)...)
		}
		for i, p := range parts {
			if atomic {
				moves[i] = s.Move(p, to)
			} else {
				copies[i] = s.Copy(p, to)
			}
		}
	})
	var res copied
	var there []uint32
	var errs []error
	if before != nil {
		var err error
		there, err = present(before, uids)
		errs = append(errs, err)
	}
	_ = closeAll(marks) // a filter's hint that could not be set is no reason not to move
	errs = append(errs, news.Wait())
	for i, part := range parts {
		var validity uint32
		var src, dst imap.NumSet
		var err error
		if atomic {
			var d *imapclient.MoveData
			if d, err = moves[i].Wait(); err == nil {
				validity, src, dst = d.UIDValidity, d.SourceUIDs, d.DestUIDs
			}
		} else {
			var d *imap.CopyData
			if d, err = copies[i].Wait(); err == nil {
				validity, src, dst = d.UIDValidity, d.SourceUIDs, d.DestUIDs
			}
		}
		switch {
		case err != nil:
			errs = append(errs, err)
		case says:
			res.add(validity, src, dst) // without COPYUID nothing moved: they were gone
		default:
			for _, u := range there {
				if part.Contains(imap.UID(u)) {
					res.from = append(res.from, u)
				}
			}
		}
	}
	if !atomic && len(res.from) > 0 {
		errs = append(errs, expungeIn(s, res.from)) // only what was copied for certain goes
	}
	return res, errors.Join(errs...)
}

// expungeThere deletes exactly these messages for good and returns those that
// were there.
func expungeThere(s *imappool.Session, uids []uint32) ([]uint32, error) {
	var news *imapclient.Command
	var before *imapclient.SearchCommand
	var done func() error
	s.Batch(func() {
		news = s.Noop()
		before = presence(s, uids)
		done = sendExpunge(s, uids)
	})
	there, err := present(before, uids)
	err = errors.Join(err, done())
	return there, errors.Join(err, news.Wait())
}

// expungeIn deletes exactly these messages for good.
func expungeIn(s *imappool.Session, uids []uint32) error {
	var done func() error
	s.Batch(func() { done = sendExpunge(s, uids) })
	return done()
}

// sendExpunge marks messages \Deleted and expunges them; it belongs into a batch,
// and what it returns waits for the end. A server that cannot say which to
// expunge (no UIDPLUS) expunges everything marked; when there is more than ours,
// ours stay marked, which hides them.
func sendExpunge(s *imappool.Session, uids []uint32) (done func() error) {
	deleted := []imap.Flag{imap.FlagDeleted}
	stores := sendStore(s, uids, deleted, true)
	if s.Caps().Has(imap.CapUIDPlus) {
		var expunges []*imapclient.ExpungeCommand
		for _, set := range imappool.Split(uidSet(uids)) {
			expunges = append(expunges, s.UIDExpunge(set))
		}
		return func() error {
			errs := []error{closeAll(stores)}
			for _, c := range expunges {
				errs = append(errs, c.Close())
			}
			return errors.Join(errs...)
		}
	}
	return func() error {
		if err := closeAll(stores); err != nil {
			return err
		}
		data, err := s.UIDSearch(&imap.SearchCriteria{Flag: deleted}, returnAll(s.Caps().Has(imap.CapESearch))).Wait()
		if err != nil {
			return err
		}
		marked, err := imappool.UIDs(foundUIDs(data), len(uids))
		if err != nil {
			return nil // more than ours are marked
		}
		ours := uidSet(uids)
		for _, u := range marked {
			if !ours.Contains(u) {
				return nil
			}
		}
		return s.Expunge().Close()
	}
}

// moved brings index, cache, sidebar and searches up to date and makes the inverse.
func (a *Account) moved(box *index.Mailbox, g refGroup, to string, res copied, ids []string, set, clear []imap.Flag) moving {
	count, unseen := len(res.from), unseenOf(box, g.validity, res.from)
	out := moving{moved: count, gone: len(g.uids) - count, undo: mail.UndoMove{From: to, To: g.mailbox, IDs: ids}}
	if res.validity != 0 {
		out.undo.Messages = refGroup{to, res.validity, res.to}.refs()
		out.undo.IDs = nil
		for _, f := range set {
			out.flags = append(out.flags, mail.UndoFlag{Messages: out.undo.Messages, Flag: mail.Flag(f), Set: false})
		}
		for _, f := range clear {
			// Whether it was set is not known; a filter reads its absence as "no opinion".
			_ = f
		}
	}
	if box.State().UIDValidity == g.validity {
		box.Apply(index.Delta{UIDValidity: g.validity, Gone: g.uids})
	}
	gone := g.refs()
	for _, ref := range gone {
		a.index.Cache.Forget(ref)
	}
	a.results.without(gone)
	a.boxes.adjust(g.mailbox, -count, -unseen)
	a.boxes.adjust(to, count, unseen)
	return out
}

// unseenOf counts the unread among uids, as far as the index knows.
func unseenOf(box *index.Mailbox, validity uint32, uids []uint32) int {
	n := 0
	if box.State().UIDValidity == validity {
		for _, u := range uids {
			if f, ok := box.Flags(u); ok && !f.Seen {
				n++
			}
		}
	}
	return n
}

// messageIDs are the Message-IDs of a group, to find it again after moving on a
// server that does not say where it went.
func (a *Account) messageIDs(s *imappool.Session, g refGroup) []string {
	var ids []string
	for i, u := range g.uids {
		if i >= maxUndoIDs {
			break
		}
		ref := mail.MessageRef{Mailbox: g.mailbox, UIDValidity: g.validity, UID: u}
		c, ok := a.index.Cache.Get(ref)
		if !ok {
			// Rows of the page are cached, so this is rare.
			_ = each(s.Fetch(uidSet([]uint32{u}), plainItems), func(m *message) { a.keep(a.index.Mailbox(g.mailbox), ref, m) })
			c, ok = a.index.Cache.Get(ref)
		}
		if ok && c.Summary.MessageID != "" {
			ids = append(ids, c.Summary.MessageID)
		}
	}
	return ids
}

// expunge deletes a group for good and returns how many messages that were.
func (a *Account) expunge(ctx context.Context, g refGroup) (int, error) {
	box, unlock, err := a.exchange(ctx, g)
	if err != nil {
		return 0, err
	}
	defer unlock()
	var gone []uint32
	err = a.pool.Write(ctx, g.mailbox, func(s *imappool.Session) error {
		_, sel := s.Selected()
		if err := checkSelected(sel, g.validity); err != nil {
			return err
		}
		var err error
		gone, err = expungeThere(s, g.uids)
		return err
	})
	if err != nil {
		a.boxes.stale()
		return 0, a.vanished(ctx, g.mailbox, err)
	}
	n, unseen := len(gone), unseenOf(box, g.validity, gone)
	if box.State().UIDValidity == g.validity {
		box.Apply(index.Delta{UIDValidity: g.validity, Gone: g.uids})
	}
	for _, ref := range g.refs() {
		a.index.Cache.Forget(ref)
	}
	a.results.without(g.refs())
	a.boxes.adjust(g.mailbox, -n, -unseen)
	return n, nil
}
