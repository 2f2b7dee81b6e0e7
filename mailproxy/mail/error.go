package mail

import (
	"context"
	"errors"
	"fmt"
	"net"
)

// Kind says whose fault a failure is and what the person can do about it.
type Kind int

const (
	Internal    Kind = iota // our fault: apologise, log everything
	Invalid                 // the request makes no sense; Msg names the field
	NotFound                // no such mailbox, message or part
	Stale                   // UIDVALIDITY changed or the message was expunged: reload
	SignedOut               // the mail server refused the stored credentials
	Refused                 // the mail server said no for good; Msg holds its own words
	OverQuota               // the server refuses to store more (RFC 9051 section 7.1)
	TooLarge                // what was sent is over a limit; Msg names the limit
	Unavailable             // the server did not answer in time: try again
	Insecure                // the server's certificate or TLS is not acceptable
	Limited                 // too many connections or tries: wait (RFC 5530 LIMIT, INUSE)
)

var kindNames = [...]string{"internal", "invalid", "not found", "stale", "signed out", "refused", "over quota", "too large", "unavailable", "insecure", "limited"}

func (k Kind) String() string {
	if k < 0 || int(k) >= len(kindNames) {
		return fmt.Sprintf("kind(%d)", int(k))
	}
	return kindNames[k]
}

// Error is an error whose Msg may be shown to the person.
type Error struct {
	Kind  Kind
	Msg   string // one plain sentence; empty means Kind's default
	Field string // the form field concerned, if any
	Err   error  // cause, for the log only; may be nil
}

func (e *Error) Error() string {
	switch {
	case e.Msg != "" && e.Err != nil:
		return e.Kind.String() + ": " + e.Msg + ": " + e.Err.Error()
	case e.Err != nil:
		return e.Kind.String() + ": " + e.Err.Error()
	case e.Msg != "":
		return e.Kind.String() + ": " + e.Msg
	}
	return e.Kind.String()
}

func (e *Error) Unwrap() error { return e.Err }

// Errorf makes an Error of one kind with a message for the person and no cause.
func Errorf(k Kind, format string, args ...any) *Error {
	return &Error{Kind: k, Msg: fmt.Sprintf(format, args...)}
}

// Wrap gives err a kind and, when msg is not empty, a sentence for the person.
// A nil err stays nil.
func Wrap(k Kind, err error, msg string) error {
	if err == nil {
		return nil
	}
	return &Error{Kind: k, Msg: msg, Err: err}
}

// KindOf is the kind of the outermost Error in err's chain. Deadlines, closed
// connections and other network failures without a kind are Unavailable;
// everything else is Internal.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	var n net.Error
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) || errors.Is(err, net.ErrClosed) || errors.As(err, &n) {
		return Unavailable
	}
	return Internal
}

// MsgOf is the sentence for the person in err's chain, or "".
func MsgOf(err error) string {
	var e *Error
	for errors.As(err, &e) {
		if e.Msg != "" {
			return e.Msg
		}
		err = e.Err
	}
	return ""
}
