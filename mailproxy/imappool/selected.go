package imappool

import (
	"github.com/emersion/go-imap/v2"

	"postern/mailproxy/mail"
)

// has reports whether mailbox is selected and nothing else is on its way.
func (s *Session) has(mailbox string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pending == nil && s.name == mail.CanonicalName(mailbox)
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
		_ = s.settle() // its own caller has asked or does not care
	case selected == name:
		return func() error { return nil }
	}
	if !mail.ValidMailboxName(name) {
		err := mail.Errorf(mail.NotFound, "There is no such mailbox.")
		return func() error { return err }
	}
	s.conn.Hold(1)
	p = &selecting{name: name}
	p.cmd = s.Select(name, &imap.SelectOptions{CondStore: s.Caps().Has(imap.CapCondStore)})
	s.mu.Lock()
	s.pending, s.name, s.sel, s.dirty = p, "", Selected{}, false
	s.mu.Unlock()
	return s.settle
}

// settle waits for a SELECT under way and records its outcome.
func (s *Session) settle() error {
	s.mu.Lock()
	p := s.pending
	s.mu.Unlock()
	if p == nil {
		return nil
	}
	_ = s.conn.Flush()
	data, err := p.cmd.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pending != p {
		return err
	}
	s.pending = nil
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
	if m := s.Mailbox(); m != nil && name != "" {
		sel.NumMessages = m.NumMessages
		if len(m.PermanentFlags) > 0 {
			sel.PermanentFlags = m.PermanentFlags
		}
	}
	return name, sel
}
