package demoserver

import (
	"cmp"
	"slices"
	"strings"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
)

// IMAPFailure is one scripted answer of the IMAP server.
type IMAPFailure struct {
	// Command is LOGIN (AUTHENTICATE too; only a right password gets there),
	// SELECT, LIST, STATUS, APPEND, FETCH, STORE, SEARCH, COPY, MOVE, EXPUNGE,
	// CREATE, RENAME or DELETE.
	Command string
	Mailbox string // where the command names one: only this; "" means any
	Done    bool   // the command is carried out all the same
	Drop    bool   // close the connection and say nothing
	Times   int    // how often; 0 means once, below 0 until ClearFailures

	Code imap.ResponseCode // such as OVERQUOTA; may be empty
	Text string
}

// FailIMAPNext queues failures; each is used by the first command it fits.
func (s *Server) FailIMAPNext(f ...IMAPFailure) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.imapFailures = append(s.imapFailures, f...)
}

// ClearFailures forgets all scripted failures of IMAP and SMTP.
func (s *Server) ClearFailures() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.imapFailures, s.failures = nil, nil
}

func (s *Server) imapFailure(command, mailbox string) (IMAPFailure, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.imapFailures {
		f := &s.imapFailures[i]
		if !strings.EqualFold(f.Command, command) || f.Mailbox != "" && f.Mailbox != canonicalName(mailbox) {
			continue
		}
		found := *f
		if found.Times > 1 {
			f.Times--
		} else if found.Times >= 0 {
			s.imapFailures = slices.Delete(s.imapFailures, i, i+1)
		}
		return found, true
	}
	return IMAPFailure{}, false
}

// scripted plays the next failure of a command, or does it.
func (s *session) scripted(command, mailbox string, do func() error) error {
	f, ok := s.s.imapFailure(command, mailbox)
	if !ok {
		return do()
	}
	if f.Done {
		if err := do(); err != nil {
			return err
		}
	}
	if f.Drop {
		s.tap.wire.abort()
	}
	return no(f.Code, "%s", cmp.Or(f.Text, "Refused"))
}

// scriptedSession is a session whose commands may fail by script.
type scriptedSession struct{ *session }

var _ imapserver.SessionIMAP4rev2 = scriptedSession{}

func (s scriptedSession) Select(name string, o *imap.SelectOptions) (data *imap.SelectData, err error) {
	err = s.scripted("SELECT", name, func() error { data, err = s.session.Select(name, o); return err })
	return data, err
}

func (s scriptedSession) List(w *imapserver.ListWriter, ref string, patterns []string, o *imap.ListOptions) error {
	return s.scripted("LIST", "", func() error { return s.session.List(w, ref, patterns, o) })
}

func (s scriptedSession) Status(name string, o *imap.StatusOptions) (data *imap.StatusData, err error) {
	err = s.scripted("STATUS", name, func() error { data, err = s.session.Status(name, o); return err })
	return data, err
}

func (s scriptedSession) Append(name string, r imap.LiteralReader, o *imap.AppendOptions) (data *imap.AppendData, err error) {
	err = s.scripted("APPEND", name, func() error { data, err = s.session.Append(name, r, o); return err })
	return data, err
}

func (s scriptedSession) Fetch(w *imapserver.FetchWriter, set imap.NumSet, o *imap.FetchOptions) error {
	return s.scripted("FETCH", "", func() error { return s.session.Fetch(w, set, o) })
}

func (s scriptedSession) Store(w *imapserver.FetchWriter, set imap.NumSet, f *imap.StoreFlags, o *imap.StoreOptions) error {
	return s.scripted("STORE", "", func() error { return s.session.Store(w, set, f, o) })
}

func (s scriptedSession) Search(kind imapserver.NumKind, c *imap.SearchCriteria, o *imap.SearchOptions) (data *imap.SearchData, err error) {
	err = s.scripted("SEARCH", "", func() error { data, err = s.session.Search(kind, c, o); return err })
	return data, err
}

func (s scriptedSession) Copy(set imap.NumSet, dest string) (data *imap.CopyData, err error) {
	err = s.scripted("COPY", dest, func() error { data, err = s.session.Copy(set, dest); return err })
	return data, err
}

func (s scriptedSession) Move(w *imapserver.MoveWriter, set imap.NumSet, dest string) error {
	return s.scripted("MOVE", dest, func() error { return s.session.Move(w, set, dest) })
}

func (s scriptedSession) Expunge(w *imapserver.ExpungeWriter, uids *imap.UIDSet) error {
	return s.scripted("EXPUNGE", "", func() error { return s.session.Expunge(w, uids) })
}

func (s scriptedSession) Create(name string, o *imap.CreateOptions) error {
	return s.scripted("CREATE", name, func() error { return s.session.Create(name, o) })
}

func (s scriptedSession) Rename(from, to string, o *imap.RenameOptions) error {
	return s.scripted("RENAME", from, func() error { return s.session.Rename(from, to, o) })
}

func (s scriptedSession) Delete(name string) error {
	return s.scripted("DELETE", name, func() error { return s.session.Delete(name) })
}
