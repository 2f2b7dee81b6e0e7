package mailproxy

import (
	"context"
	"errors"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"postern/mailproxy/imappool"
	"postern/mailproxy/index"
	"postern/mailproxy/mail"
)

const maxRefs = 20_000 // messages of one change

var errTooMany = mail.Errorf(mail.TooLarge, "At most %d messages can be changed at once.", maxRefs)

// SetFlag sets or clears a flag on messages of any mailboxes and returns the
// inverse, which touches only those on which it changed.
func (a *Account) SetFlag(ctx context.Context, refs []mail.MessageRef, f mail.Flag, on bool) (mail.Undo, error) {
	switch f {
	case mail.FlagSeen, mail.FlagStarred, mail.FlagAnswered, mail.FlagForwarded:
	default:
		if !mail.ValidKeyword(string(f)) {
			return mail.Undo{}, mail.Errorf(mail.Invalid, "This mark cannot be set.")
		}
	}
	if len(refs) > maxRefs {
		return mail.Undo{}, errTooMany
	}
	var undo mail.Undo
	for _, g := range groupRefs(refs) {
		changed, err := a.setFlag(ctx, g, f, on)
		if len(changed) > 0 {
			undo.Flags = append(undo.Flags, mail.UndoFlag{Messages: changed, Flag: f, Set: !on})
		}
		if err != nil {
			return undo, err
		}
	}
	return undo, nil
}

// setFlag is one flight when the mailbox is selected and the messages are known.
func (a *Account) setFlag(ctx context.Context, g refGroup, f mail.Flag, on bool) ([]mail.MessageRef, error) {
	box, unlock, err := a.exchange(ctx, g)
	if err != nil {
		return nil, err
	}
	defer unlock()
	var changed []uint32
	run := func(s *imappool.Session) error {
		_, sel := s.Selected()
		if err := checkSelected(sel, g.validity); err != nil {
			return err
		}
		if !sel.CanKeep(imap.Flag(f)) {
			return mail.Errorf(mail.Refused, "The mail server cannot keep this mark in this mailbox.")
		}
		var unknown []uint32
		changed, unknown = box.WithFlag(g.uids, f, !on)
		if box.State().UIDValidity != g.validity {
			changed, unknown = nil, g.uids
		}
		if len(unknown) > 0 {
			// Found by a search, perhaps: ask what they have, so that the undo is right.
			for _, set := range imappool.Split(uidSet(unknown)) {
				err := each(s.Fetch(set, flagsOnly), func(m *message) {
					if m.hasFlags && index.NewFlagRow(m.uid, m.flags).Has(f) != on {
						changed = append(changed, uint32(m.uid))
					}
				})
				if err != nil {
					return err
				}
			}
		}
		return store(s, g.uids, imap.Flag(f), on)
	}
	err = a.pool.Write(ctx, g.mailbox, run)
	if lost(ctx, err) {
		err = a.pool.Write(ctx, g.mailbox, run) // done twice is as good as done once
	}
	if err != nil {
		return nil, a.vanished(ctx, g.mailbox, err)
	}
	a.flagged(g.mailbox, g.validity, g.uids, f, on, changed)
	a.results.changed()
	return refGroup{g.mailbox, g.validity, changed}.refs(), nil
}

// lost reports whether a change may be tried again because its connection was
// lost, which tells nothing about the change.
func lost(ctx context.Context, err error) bool {
	return err != nil && ctx.Err() == nil && mail.KindOf(err) == mail.Unavailable
}

// flagged brings index, cache and sidebar up to date after a flag was changed on
// the server. changed are those on which it was not so before.
func (a *Account) flagged(name string, validity uint32, uids []uint32, f mail.Flag, on bool, changed []uint32) {
	if box := a.index.Known(name); box != nil && box.State().UIDValidity == validity {
		box.SetFlag(uids, f, on)
	}
	for _, u := range uids {
		ref := mail.MessageRef{Mailbox: name, UIDValidity: validity, UID: u}
		if c, ok := a.index.Cache.Get(ref); ok {
			setFlag(&c.Summary.Flags, f, on)
			a.index.Cache.Put(ref, c)
		}
	}
	if f == mail.FlagSeen {
		n := len(changed)
		if on {
			n = -n
		}
		a.boxes.adjust(name, 0, n)
	}
}

func setFlag(fl *mail.Flags, f mail.Flag, on bool) {
	switch f {
	case mail.FlagSeen:
		fl.Seen = on
	case mail.FlagStarred:
		fl.Flagged = on
	case mail.FlagAnswered:
		fl.Answered = on
	case mail.FlagForwarded:
		fl.Forwarded = on
	}
}

// exchange takes the right to exchange with the server about a group's mailbox.
func (a *Account) exchange(ctx context.Context, g refGroup) (*index.Mailbox, func(), error) {
	box := a.index.Mailbox(g.mailbox)
	if !box.Lock(ctx.Done()) {
		return nil, nil, imappool.Kind(ctx.Err())
	}
	return box, box.Unlock, nil
}

func checkSelected(sel imappool.Selected, validity uint32) error {
	switch {
	case sel.UIDValidity != validity:
		return errMadeAnew
	case sel.ReadOnly:
		return errReadOnly
	}
	return nil
}

// store sets or clears a flag on messages, in as many commands as it takes, all
// in one flight. When the server only then told of messages that came since its
// last look, it is done once more: they may be among these.
func store(s *imappool.Session, uids []uint32, f imap.Flag, on bool) error {
	for try := 0; ; try++ {
		s.Clean()
		var cmds []*imapclient.FetchCommand
		var news *imapclient.Command
		s.Batch(func() {
			news = s.Noop()
			cmds = sendStore(s, uids, []imap.Flag{f}, on)
		})
		// QUIRK: Dovecot answers a NOOP behind the commands that come with it, so
		// their answers must have been read before it is waited for.
		if err := errors.Join(closeAll(cmds), news.Wait()); err != nil || !s.Dirty() || try > 0 {
			return err
		}
	}
}

func sendStore(s *imappool.Session, uids []uint32, flags []imap.Flag, on bool) []*imapclient.FetchCommand {
	op := imap.StoreFlagsAdd
	if !on {
		op = imap.StoreFlagsDel
	}
	var cmds []*imapclient.FetchCommand
	for _, set := range imappool.Split(uidSet(uids)) {
		cmds = append(cmds, s.Store(set, &imap.StoreFlags{Op: op, Silent: true, Flags: flags}, nil))
	}
	return cmds
}

func closeAll(cmds []*imapclient.FetchCommand) error {
	return errors.Join(together(func(*message) {}, cmds...)...)
}
