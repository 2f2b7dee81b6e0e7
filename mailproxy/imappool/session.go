package imappool

import (
	"context"
	"errors"
	"math"
	"mime"
	"net"
	"slices"
	"sync"
	"sync/atomic"
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
	used  time.Time // when it was given back last; Pool.mu guards it

	killed atomic.Bool // closed by this package
	silent atomic.Bool // closed because NOOP was not answered

	mu      sync.Mutex
	sel     Selected
	name    string // of the selected mailbox, "" when none is
	dirty   bool
	pending *selecting
	selErr  error // of the last SELECT, until the next
}

// renew prepares a session that was used before for the next caller.
func (s *Session) renew() {
	s.fresh = false
	s.mu.Lock()
	s.selErr = nil
	s.mu.Unlock()
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
	cmd  *imapclient.SelectCommand // nil for a name that cannot be sent
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
	defer s.bind(ctx)()
	if err := s.WaitGreeting(); err != nil {
		s.kill()
		return nil, s.explain(ctx, err)
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
// flight. fn must not wait for any of them. Their answers are best waited for in
// the order of the commands: the client's reader stops when a FETCH of more than
// 128 messages or a LIST of more than 64 mailboxes has nobody to read it.
func (s *Session) Batch(fn func()) {
	s.conn.Hold(math.MaxInt)
	defer func() { _ = s.conn.Flush() }() // a failed write ends the connection; the commands report it
	fn()
}

// alive reports whether the connection is open as far as is known. The client's
// reader is always reading, so a peer that closed is noticed at once.
func (s *Session) alive() bool { return s.conn.Err() == nil }

// dropped reports whether the connection was lost by the network's doing or the
// server's hanging up, not by ours and not by an answer that cannot be read.
func (s *Session) dropped() bool {
	if s.silent.Load() {
		return true
	}
	err := s.conn.Err()
	var known *mail.Error
	return err != nil && !errors.Is(err, net.ErrClosed) && !errors.As(err, &known)
}

// kill closes the connection; every command under way fails. It never blocks:
// Client.Close would wait for the reader, which may wait for fn.
func (s *Session) kill() {
	s.killed.Store(true)
	_ = s.conn.Close()
}

// grace is how long commands may go on after their context was cancelled.
const grace = 3 * time.Second

// bind ends the connection when ctx does: at once when its deadline passes,
// after grace when it is cancelled. unbind must be called when ctx no longer matters.
func (s *Session) bind(ctx context.Context) (unbind func()) {
	var mu sync.Mutex
	var timer *time.Timer
	done := false
	stop := context.AfterFunc(ctx, func() {
		mu.Lock()
		defer mu.Unlock()
		switch {
		case done:
		case errors.Is(ctx.Err(), context.Canceled):
			timer = time.AfterFunc(grace, s.kill)
		default:
			s.kill()
		}
	})
	return func() {
		stop()
		mu.Lock()
		defer mu.Unlock()
		done = true
		if timer != nil {
			timer.Stop()
		}
	}
}

const checkWait = 5 * time.Second // for the answer to NOOP of a connection that was long unused

// check tries a connection that was long unused.
func (s *Session) check() error {
	t := time.AfterFunc(checkWait, func() {
		s.silent.Store(true)
		s.kill()
	})
	err := s.Noop().Wait()
	if !t.Stop() && err == nil {
		err = net.ErrClosed // the answer came with the kill
	}
	return err
}

// explain adds to an error that only says that the connection ended why it did.
func (s *Session) explain(ctx context.Context, err error) error {
	var known *mail.Error
	var no *imap.Error
	if err == nil || errors.As(err, &known) || errors.As(err, &no) {
		return err
	}
	if ctxErr := ctx.Err(); ctxErr != nil {
		return errors.Join(ctxErr, err)
	}
	why := s.conn.Err()
	switch {
	case why == nil:
		return err
	case errors.Is(why, net.ErrClosed) && !s.killed.Load():
		// The client closed it by itself: it could not read the answer.
		return mail.Wrap(mail.Unavailable, errors.Join(ErrMalformed, err), "The mail server sent an answer that cannot be read.")
	}
	return errors.Join(why, err)
}

// ErrMalformed is in the chain of an error caused by an answer that the client
// cannot read. Asking for the same again gives the same; asking for less, for
// instance without body structures or for one message at a time, may not.
var ErrMalformed = errors.New("malformed answer")
