package imappool

import (
	"github.com/emersion/go-imap/v2"

	"postern/mailproxy/mail"
)

// has reports whether mailbox is selected and nothing else is on its way.
func (s *Session) has(mailbox string) bool {
	name := mail.CanonicalName(mailbox)
	s.mu.Lock()
	ours := s.pending == nil && s.name == name
	s.mu.Unlock()
	return ours && s.holds(name)
}

// holds reports whether the client thinks so too: a caller may have sent UNSELECT
// or CLOSE, and the server may have closed the mailbox.
func (s *Session) holds(name string) bool {
	m := s.Mailbox()
	return m != nil && m.Name == name
}

// Ensure makes mailbox the selected one. When it is not, SELECT (with CONDSTORE
// where offered) is queued and leaves together with the next command; the
// caller need not wait for it before sending commands that change nothing. wait
// returns the outcome, and may be called any number of times or never.
func (s *Session) Ensure(mailbox string) (wait func() error) {
	name := mail.CanonicalName(mailbox)
	s.mu.Lock()
	p := s.pending
	selected := s.name
	s.mu.Unlock()
	switch {
	case p != nil && p.name == name:
		return s.settle
	case p != nil:
		_ = s.settle() // whoever asked for it has not waited, so does not care
	case selected == name && s.holds(name):
		return func() error { return nil }
	}
	p = &selecting{name: name}
	if mail.ValidMailboxName(name) {
		s.conn.Hold(1)
		p.cmd = s.Select(name, &imap.SelectOptions{CondStore: s.Caps().Has(imap.CapCondStore)})
	}
	s.mu.Lock()
	s.pending, s.name, s.sel, s.dirty, s.selErr = p, "", Selected{}, false, nil
	s.mu.Unlock()
	return s.settle
}

// unseen settles a SELECT that the caller has not waited for.
func (s *Session) unseen() (err error, unseen bool) {
	s.mu.Lock()
	unseen = s.pending != nil
	s.mu.Unlock()
	if unseen {
		err = s.settle()
	}
	return err, unseen
}

// settle waits for a SELECT under way, records its outcome and returns it.
func (s *Session) settle() error {
	s.mu.Lock()
	p, err := s.pending, s.selErr
	s.mu.Unlock()
	if p == nil {
		return err
	}
	var data *imap.SelectData
	if p.cmd == nil {
		err = mail.Errorf(mail.NotFound, "There is no such mailbox.")
	} else {
		_ = s.conn.Flush() // when it fails the connection has ended, and the command with it
		data, err = p.cmd.Wait()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pending, s.selErr = nil, err
	if err != nil {
		return err
	}
	s.name = p.name
	s.sel = Selected{
		UIDValidity:    data.UIDValidity,
		UIDNext:        data.UIDNext,
		NumMessages:    data.NumMessages,
		HighestModSeq:  data.HighestModSeq,
		Flags:          data.Flags,
		PermanentFlags: data.PermanentFlags,
		ReadOnly:       s.conn.ReadOnly(),
	}
	if s.sel.PermanentFlags == nil { // not sent: all can be changed (RFC 9051 section 7.1)
		s.sel.PermanentFlags = data.Flags
	}
	return nil
}

// WaitSelected waits for the mailbox that Read or Ensure asked for and returns
// its state. It costs nothing when it is known.
func (s *Session) WaitSelected() (Selected, error) {
	if err := s.settle(); err != nil {
		return Selected{}, err
	}
	_, sel := s.Selected()
	return sel, nil
}

// Selected is the selected mailbox and its state, "" when none is.
func (s *Session) Selected() (name string, sel Selected) {
	s.mu.Lock()
	name, sel = s.name, s.sel
	s.mu.Unlock()
	// The library answers a SELECT a moment before it notes the mailbox: until
	// then Mailbox is the one before.
	if m := s.Mailbox(); m != nil && name != "" && m.Name == name {
		sel.NumMessages = m.NumMessages
		if len(m.PermanentFlags) > 0 {
			sel.PermanentFlags = m.PermanentFlags
		}
	}
	return name, sel
}
