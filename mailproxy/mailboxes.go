package mailproxy

import (
	"context"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"postern/mailproxy/imappool"
	"postern/mailproxy/index"
	"postern/mailproxy/mail"
)

const (
	maxLeafLen   = 200             // characters of a name's last level that a person may type
	emptyTimeout = 2 * time.Minute // for expunging a whole mailbox
)

// Mailboxes lists all mailboxes with roles and counts, roles first, then by name.
func (a *Account) Mailboxes(ctx context.Context) ([]mail.Mailbox, error) {
	list, err := a.mailboxes(ctx)
	return slices.Clone(list), err
}

func badName(format string, args ...any) error {
	e := mail.Errorf(mail.Invalid, format, args...)
	e.Field = "name"
	return e
}

// newName checks a typed last level and puts it below parent, "" for the top.
func (a *Account) newName(ctx context.Context, parent, leaf string) (string, error) {
	leaf = strings.TrimSpace(leaf)
	switch {
	case leaf == "":
		return "", badName("Enter a name.")
	case utf8.RuneCountInString(leaf) > maxLeafLen:
		return "", badName("The name is longer than %d characters.", maxLeafLen)
	case !utf8.ValidString(leaf) || strings.ContainsFunc(leaf, func(r rune) bool { return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' }):
		return "", badName("The name holds characters that a mailbox name cannot have.")
	}
	list, err := a.mailboxes(ctx)
	if err != nil {
		return "", err
	}
	var prefix, delim string
	if parent == "" {
		a.boxes.mu.Lock()
		prefix, delim = a.boxes.ns.prefix(), a.boxes.ns.delim()
		a.boxes.mu.Unlock()
		if in, ok := mail.ByName(list, "INBOX"); ok && delim == "" {
			delim = in.Delim
		}
	} else {
		p, ok := mail.ByName(list, parent)
		switch {
		case !ok:
			return "", noMailbox()
		case p.NoInferiors || p.Delim == "":
			return "", badName("There can be no mailbox below “%s”.", p.Leaf)
		}
		prefix, delim = p.Name+p.Delim, p.Delim
	}
	if delim != "" && strings.Contains(leaf, delim) {
		return "", badName("The name cannot hold “%s”: the mail server uses it between levels.", delim)
	}
	name := mail.CanonicalName(prefix + leaf)
	switch {
	case name == "INBOX":
		return "", badName("There is an inbox already.")
	case !mail.ValidMailboxName(name):
		return "", badName("The name is too long for the mail server.")
	}
	if b, ok := mail.ByName(list, name); ok && (b.Selectable || b.RoleBy != mail.RoleByServer) {
		return "", badName("There is a mailbox of that name already.")
	}
	return name, nil
}

// CreateMailbox makes a mailbox below parent ("" for the top) and subscribes to
// it. leaf is as typed: any delimiter in it is refused by name. It returns the whole name.
func (a *Account) CreateMailbox(ctx context.Context, parent, leaf string) (string, error) {
	name, err := a.newName(ctx, parent, leaf)
	if err != nil {
		return "", err
	}
	return name, a.create(ctx, name, nil)
}

func (a *Account) create(ctx context.Context, name string, o *imap.CreateOptions) error {
	err := a.pool.Write(ctx, "", func(s *imappool.Session) error {
		var create, subscribe *imapclient.Command
		s.Batch(func() {
			create = s.Create(name, o)
			subscribe = s.Subscribe(name)
		})
		err := create.Wait()
		_ = subscribe.Wait() // a mailbox without subscription is a mailbox all the same
		return err
	})
	a.boxes.stale()
	if mail.KindOf(err) == mail.Invalid {
		return badName("There is a mailbox of that name already.")
	}
	return err
}

// RenameMailbox gives a mailbox a new last level and, if parent differs, a new
// place; the mailboxes below it move along. It returns the new whole name.
func (a *Account) RenameMailbox(ctx context.Context, name, parent, leaf string) (string, error) {
	b, err := a.mailbox(ctx, name)
	if err != nil {
		return "", err
	}
	if b.Name == "INBOX" {
		return "", badName("The inbox cannot be renamed.")
	}
	if leaf = strings.TrimSpace(leaf); leaf == b.Leaf && parent == b.Parent {
		return b.Name, nil
	}
	if b.Delim != "" && (parent == b.Name || strings.HasPrefix(parent, b.Name+b.Delim)) {
		return "", badName("A mailbox cannot be moved into itself.")
	}
	to, err := a.newName(ctx, parent, leaf)
	if err != nil {
		return "", err
	}
	below := a.below(b)
	// With the inbox selected the mailbox is not, which some servers want.
	err = a.pool.Write(ctx, "INBOX", func(s *imappool.Session) error {
		var cmds []*imapclient.Command
		s.Batch(func() {
			cmds = append(cmds, s.Rename(b.Name, to, nil))
			// Subscriptions stay with the name (RFC 9051 section 6.3.7): carry them over.
			for _, m := range append(below, b) {
				if m.Subscribed && len(cmds) < 200 {
					cmds = append(cmds, s.Subscribe(to+m.Name[len(b.Name):]), s.Unsubscribe(m.Name))
				}
			}
		})
		err := cmds[0].Wait()
		for _, c := range cmds[1:] {
			_ = c.Wait()
		}
		return err
	})
	a.boxes.stale()
	if err != nil {
		if mail.KindOf(err) == mail.Invalid {
			return "", badName("There is a mailbox of that name already.")
		}
		return "", err
	}
	a.index.Forget(b.Name, b.Delim)
	a.results.changed()
	return to, nil
}

// below are the mailboxes below b as far as known, the deepest first.
func (a *Account) below(b mail.Mailbox) []mail.Mailbox {
	var out []mail.Mailbox
	for _, m := range a.boxes.known() {
		if b.Delim != "" && strings.HasPrefix(m.Name, b.Name+b.Delim) {
			out = append(out, m)
		}
	}
	slices.SortStableFunc(out, func(x, y mail.Mailbox) int { return y.Depth - x.Depth })
	return out
}

// MailboxContents says what DeleteMailbox would delete.
func (a *Account) MailboxContents(ctx context.Context, name string) (mail.Contents, error) {
	if _, err := a.askMailboxes(ctx); err != nil {
		return mail.Contents{}, err
	}
	b, ok := mail.ByName(a.boxes.known(), name)
	if !ok {
		return mail.Contents{}, noMailbox()
	}
	c := mail.Contents{Messages: b.Messages}
	for _, m := range a.below(b) {
		c.Messages += m.Messages
		c.Children = append(c.Children, m.Name)
	}
	slices.Sort(c.Children)
	return c, nil
}

// DeleteMailbox deletes a mailbox, its messages and the mailboxes below it, for good.
func (a *Account) DeleteMailbox(ctx context.Context, name string) error {
	if _, err := a.askMailboxes(ctx); err != nil {
		return err
	}
	b, ok := mail.ByName(a.boxes.known(), name)
	if !ok {
		return noMailbox()
	}
	all := append(a.below(b), b)
	for _, m := range all {
		if m.Role != mail.RoleNone && m.Role != mail.RoleStarred {
			return mail.Errorf(mail.Refused, "“%s” is in use as %s, so it cannot be deleted.", m.Leaf, m.Role)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, emptyTimeout)
	defer cancel()
	err := a.pool.Write(ctx, "INBOX", func(s *imappool.Session) error {
		var deletes, rest []*imapclient.Command
		s.Batch(func() {
			for _, m := range all {
				if m.Selectable || m.Name == b.Name {
					deletes = append(deletes, s.Delete(m.Name))
				}
				if m.Subscribed {
					rest = append(rest, s.Unsubscribe(m.Name))
				}
			}
		})
		var failed error
		for _, c := range deletes {
			if err := c.Wait(); err != nil && failed == nil {
				failed = err
			}
		}
		for _, c := range rest {
			_ = c.Wait()
		}
		return failed
	})
	if !b.Selectable && mail.KindOf(err) == mail.NotFound {
		err = nil // a step in the hierarchy is gone with what was below it
	}
	a.boxes.stale()
	a.index.Forget(b.Name, b.Delim)
	a.results.changed()
	return err
}

// Subscribe sets or clears the subscription.
func (a *Account) Subscribe(ctx context.Context, name string, on bool) error {
	if !mail.ValidMailboxName(name) {
		return noMailbox()
	}
	if on {
		if _, err := a.mailbox(ctx, name); err != nil {
			return err
		}
	}
	err := a.pool.Write(ctx, "", func(s *imappool.Session) error {
		if on {
			return s.Subscribe(name).Wait()
		}
		return s.Unsubscribe(name).Wait()
	})
	a.boxes.stale()
	return err
}

// EmptyMailbox deletes for good every message of the mailbox with the role Trash
// or Junk and returns how many there were.
func (a *Account) EmptyMailbox(ctx context.Context, name string) (int, error) {
	b, err := a.mailbox(ctx, name)
	if err != nil {
		return 0, err
	}
	if b.Role != mail.RoleTrash && b.Role != mail.RoleJunk {
		return 0, mail.Errorf(mail.Refused, "Only the trash and the spam mailbox can be emptied.")
	}
	ctx, cancel := context.WithTimeout(ctx, emptyTimeout)
	defer cancel()
	m := a.index.Mailbox(b.Name)
	if !m.Lock(ctx.Done()) {
		return 0, imappool.Kind(ctx.Err())
	}
	defer m.Unlock()
	n := 0
	err = a.pool.Write(ctx, b.Name, func(s *imappool.Session) error {
		_, sel := s.Selected()
		if n = int(sel.NumMessages); n == 0 {
			return nil
		}
		if sel.ReadOnly {
			return errReadOnly
		}
		everything := imap.UIDSet{{Start: 1}} // 1:*
		var store *imapclient.FetchCommand
		var expunge *imapclient.ExpungeCommand
		// What arrives between the two is not marked, so it stays.
		s.Batch(func() {
			store = s.Store(everything, &imap.StoreFlags{Op: imap.StoreFlagsAdd, Silent: true, Flags: []imap.Flag{imap.FlagDeleted}}, nil)
			expunge = s.Expunge()
		})
		err := store.Close()
		if xerr := expunge.Close(); err == nil {
			err = xerr
		}
		return err
	})
	if err != nil {
		a.boxes.stale()
		return 0, err
	}
	if st := m.State(); st.UIDValidity != 0 {
		m.Apply(index.Delta{UIDValidity: st.UIDValidity, Gone: m.UIDs()})
	}
	a.boxes.adjust(b.Name, -n, -n)
	a.results.changed()
	return n, nil
}

var errReadOnly = mail.Errorf(mail.Refused, "This mailbox can only be read.")
