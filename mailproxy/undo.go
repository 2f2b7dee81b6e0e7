package mailproxy

import (
	"context"
	"slices"

	"github.com/emersion/go-imap/v2"

	"postern/mailproxy/imappool"
	"postern/mailproxy/mail"
)

const maxUndoIDs = 200 // messages that are looked for by Message-ID when a move is undone

// Undo applies the inverse of a change. Flags first, since their messages are
// named where they are now. Messages that are gone meanwhile are left out; Stale
// when nothing could be undone.
func (a *Account) Undo(ctx context.Context, u mail.Undo) error {
	done, missed := 0, 0
	for _, f := range u.Flags {
		_, err := a.SetFlag(ctx, f.Messages, f.Flag, f.Set)
		switch mail.KindOf(err) {
		case mail.Internal, mail.Unavailable, mail.SignedOut, mail.Limited:
			if err != nil {
				return err
			}
			done++
		default:
			missed++ // a mark that cannot be restored does not keep the messages from going back
		}
	}
	for _, m := range u.Moves {
		refs := m.Messages
		if len(refs) == 0 && len(m.IDs) > 0 {
			var err error
			if refs, err = a.findIDs(ctx, m.From, m.IDs); err != nil {
				return err
			}
		}
		if len(refs) == 0 {
			missed++
			continue
		}
		n, err := a.moveBack(ctx, refs, m.To)
		if err != nil {
			return err
		}
		if done += n; n == 0 {
			missed++
		}
	}
	if !u.Draft.IsZero() {
		drafts, err := a.ensureRole(ctx, mail.RoleDrafts)
		if err != nil {
			return err
		}
		n, err := a.moveBack(ctx, []mail.MessageRef{u.Draft}, drafts)
		if err != nil {
			return err
		}
		if done += n; n == 0 {
			missed++
		}
	}
	if done == 0 && missed > 0 {
		return mail.Errorf(mail.Stale, "This could not be undone: the messages are no longer where they were put.")
	}
	return nil
}

// moveBack moves messages to a mailbox, which is made again when it is gone.
func (a *Account) moveBack(ctx context.Context, refs []mail.MessageRef, to string) (int, error) {
	n := 0
	for _, g := range groupRefs(refs) {
		one, err := a.move(ctx, g, to, nil, nil)
		if err != nil {
			return n, err
		}
		n += one.moved
	}
	return n, nil
}

// findIDs finds messages of a mailbox by their Message-IDs, the newest copy of each.
func (a *Account) findIDs(ctx context.Context, name string, ids []string) ([]mail.MessageRef, error) {
	var out []mail.MessageRef
	err := a.pool.Read(ctx, name, func(s *imappool.Session) error {
		out = nil
		if err := s.Noop().Wait(); err != nil { // what was just moved there is news to this connection
			return err
		}
		for _, id := range ids[:min(len(ids), maxUndoIDs)] {
			data, err := s.UIDSearch(&imap.SearchCriteria{
				Header:  []imap.SearchCriteriaHeaderField{{Key: "Message-Id", Value: id}},
				NotFlag: []imap.Flag{imap.FlagDeleted},
			}, returnAll(s.Caps().Has(imap.CapESearch))).Wait()
			if err != nil {
				return err
			}
			uids, err := newestUIDs(foundUIDs(data), 1)
			if err != nil {
				return err
			}
			sel, err := s.WaitSelected()
			if err != nil {
				return err
			}
			for _, u := range uids {
				out = append(out, mail.MessageRef{Mailbox: mail.CanonicalName(name), UIDValidity: sel.UIDValidity, UID: u})
			}
		}
		return nil
	})
	slices.SortFunc(out, func(x, y mail.MessageRef) int { return int(int64(x.UID) - int64(y.UID)) })
	return out, err
}
