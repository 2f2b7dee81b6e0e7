package imappool

import (
	"context"
	"errors"
	"math"
	"mime"
	"slices"
	"sync"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/emersion/go-message/charset"

	"postern/mailproxy/mail"
)

// Session is a connection lent to one caller. It is valid until the function it
// was lent to returns.
type Session struct {
	*imapclient.Client

	conn  Conn
	fresh bool      // just opened: a failure is no reason to try again
	used  time.Time // when it was given back last

	mu      sync.Mutex
	sel     Selected
	name    string // of the selected mailbox, "" when none is
	dirty   bool
	pending *selecting
}

// Selected is the state of the selected mailbox.
type Selected struct {
	UIDValidity    uint32
	UIDNext        imap.UID // as of SELECT
	NumMessages    uint32   // kept up with EXISTS and EXPUNGE
	HighestModSeq  uint64   // as of SELECT, 0 without CONDSTORE
	Flags          []imap.Flag
	PermanentFlags []imap.Flag // those that can be changed; with \* new keywords too
	ReadOnly       bool
}

// CanKeep reports whether flag can be set in the mailbox and stays set.
func (d Selected) CanKeep(flag imap.Flag) bool {
	return !d.ReadOnly && (slices.Contains(d.PermanentFlags, flag) ||
		flag != "" && flag[0] != '\\' && slices.Contains(d.PermanentFlags, imap.FlagWildcard))
}

// selecting is a SELECT that was sent and not waited for yet.
type selecting struct {
	name string
	cmd  *imapclient.SelectCommand
}

func newSession(ctx context.Context, conn Conn) (*Session, error) {
	s := &Session{conn: conn, fresh: true, used: time.Now()}
	s.Client = imapclient.New(conn, &imapclient.Options{
		WordDecoder: &mime.WordDecoder{CharsetReader: charset.Reader},
		UnilateralDataHandler: &imapclient.UnilateralDataHandler{
			Expunge: func(uint32) { s.touch() },
			Mailbox: func(*imapclient.UnilateralDataMailbox) { s.touch() },
			Fetch: func(m *imapclient.FetchMessageData) {
				for m.Next() != nil { // each is drained by the next call
				}
				s.touch()
			},
		},
	})
	stop := context.AfterFunc(ctx, s.kill)
	defer stop()
	if err := s.WaitGreeting(); err != nil {
		s.kill()
		return nil, s.explain(err)
	}
	return s, nil
}

func (s *Session) touch() {
	s.mu.Lock()
	s.dirty = true
	s.mu.Unlock()
}

// Caps are the capabilities the server offers after sign-in. It never asks the
// server. The set must not be changed.
func (s *Session) Caps() imap.CapSet { return s.conn.Caps() }

// Dirty reports whether the server has said since SELECT, or since Clean, that
// the selected mailbox changed: new messages, messages gone, flags. What
// exactly changed has to be asked for.
func (s *Session) Dirty() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dirty
}

// Clean clears Dirty; to be called before asking what changed.
func (s *Session) Clean() {
	s.mu.Lock()
	s.dirty = false
	s.mu.Unlock()
}

// Batch sends all commands that fn issues together, so that they cost one
// flight. fn must not wait for any of them.
func (s *Session) Batch(fn func()) {
	s.conn.Hold(math.MaxInt)
	defer func() { _ = s.conn.Flush() }() // a failed write ends the connection; the commands report it
	fn()
}

// alive reports whether the connection is open as far as is known. The client's
// reader is always reading, so a peer that closed is noticed at once.
func (s *Session) alive() bool {
	select {
	case <-s.Closed():
		return false
	default:
		return s.conn.Err() == nil
	}
}

// dropped reports whether the connection was lost by no doing of ours or of a
// malformed answer.
func (s *Session) dropped() bool {
	err := s.conn.Err()
	return err != nil && mail.KindOf(err) == mail.Unavailable
}

// kill closes the connection; every command under way fails. It never blocks:
// Client.Close would wait for the reader, which may wait for fn.
func (s *Session) kill() { _ = s.conn.Close() }

// explain adds the reason the connection ended for to an error that only says
// that it did.
func (s *Session) explain(err error) error {
	var no *imap.Error
	if err == nil || errors.As(err, &no) {
		return err
	}
	if why := s.conn.Err(); why != nil {
		return errors.Join(why, err)
	}
	return err
}
