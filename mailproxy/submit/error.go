package submit

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/emersion/go-smtp"

	"postern/mailproxy/mail"
)

// Class says what may be done about a message that was not accepted.
type Class int

const (
	Temporary Class = iota // nothing was accepted: try again later
	Permanent              // nothing was accepted and nothing will be: give the message back
	Ambiguous              // the connection was lost after the last line had left: it may have been accepted
)

func (c Class) String() string {
	return [...]string{"temporary", "permanent", "ambiguous"}[c]
}

// Error is why a message was not accepted. Its chain holds a mail.Error with the
// kind and a sentence for the person.
type Error struct {
	Class Class
	Stage string // "connect", "TLS", "greeting", "sign-in", "sender", "recipients", "message"
	Reply string // the server's own words with the code, one line; "" when it said nothing
	Kind  mail.Kind
	Msg   string // one plain sentence
	Err   error  // cause, for the log; holds no address and no password
}

func (e *Error) Error() string {
	s := "submission " + e.Class.String() + " at " + e.Stage
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap gives the mail.Error.
func (e *Error) Unwrap() error { return &mail.Error{Kind: e.Kind, Msg: e.Msg, Err: e.Err} }

// ClassOf is the class of an error of Send; one that is not an *Error came
// before anything was sent and is Temporary.
func ClassOf(err error) Class {
	var e *Error
	if errors.As(err, &e) {
		return e.Class
	}
	return Temporary
}

// replyText is a reply in one line: "550 5.1.1 No such user".
func replyText(e *smtp.SMTPError) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d ", e.Code)
	if e.EnhancedCode[0] > 0 {
		fmt.Fprintf(&b, "%d.%d.%d ", e.EnhancedCode[0], e.EnhancedCode[1], e.EnhancedCode[2])
	}
	b.WriteString(e.Message)
	return oneLine(b.String())
}

const maxReplyText = 500 // characters of a reply that are kept

// oneLine makes words of a server fit to show: one line, no control characters.
func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r == '\u2028' || r == '\u2029' || r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > maxReplyText {
		s = string(r[:maxReplyText-1]) + "…"
	}
	return s
}

// fromReply makes an Error of what the server answered, or of a connection that
// broke at that stage.
func fromReply(stage string, err error) *Error {
	var own *Error
	if errors.As(err, &own) {
		return own
	}
	var se *smtp.SMTPError
	if !errors.As(err, &se) {
		return broken(stage, err)
	}
	e := &Error{Stage: stage, Reply: replyText(se), Err: fmt.Errorf("reply %d", se.Code)}
	switch {
	case se.Code >= 400 && se.Code < 500:
		e.Class, e.Kind = Temporary, mail.Unavailable
		if se.Code == 421 {
			e.Kind = mail.Limited
		}
		e.Msg = "The mail server asks to try again later: " + e.Reply
	case se.Code == 552 || se.EnhancedCode == smtp.EnhancedCode{5, 3, 4}:
		e.Class, e.Kind = Permanent, mail.TooLarge
		e.Msg = "The mail server finds the message too large: " + e.Reply
	case se.Code >= 500 && se.Code < 600:
		e.Class, e.Kind = Permanent, mail.Refused
		e.Msg = "The mail server refused the message: " + e.Reply
	default:
		e.Class, e.Kind = Temporary, mail.Unavailable
		e.Msg = "The mail server gave an answer that makes no sense: " + e.Reply
	}
	if stage == "greeting" || stage == "TLS" {
		// The server turns everybody away; it has not looked at the message.
		e.Class, e.Kind = Temporary, mail.Unavailable
		e.Msg = "The mail server takes no mail at the moment: " + e.Reply
	}
	return e
}

// broken is a connection that could not be made or was lost.
func broken(stage string, err error) *Error {
	e := &Error{Class: Temporary, Stage: stage, Kind: mail.Unavailable, Err: err}
	var (
		certErr  *tls.CertificateVerificationError
		unknown  x509.UnknownAuthorityError
		hostname x509.HostnameError
		invalid  x509.CertificateInvalidError
		record   tls.RecordHeaderError
		dns      *net.DNSError
	)
	switch {
	case errors.As(err, &hostname):
		e.Kind, e.Msg = mail.Insecure, "The submission server's certificate is for another name."
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		e.Kind, e.Msg = mail.Insecure, "The submission server's certificate has expired or is not valid yet."
	case errors.As(err, &unknown):
		e.Kind, e.Msg = mail.Insecure, "The submission server's certificate is signed by an authority that is not known here."
	case errors.As(err, &certErr), errors.As(err, &invalid):
		e.Kind, e.Msg = mail.Insecure, "The submission server's certificate is not valid."
	case errors.As(err, &record):
		e.Kind, e.Msg = mail.Insecure, "The submission server does not speak TLS on this port."
	case errors.As(err, &dns):
		e.Msg = "The submission server's name cannot be resolved."
	case errors.Is(err, errTooMuch):
		e.Msg = "The submission server's answer is too long."
	case errors.Is(err, context.DeadlineExceeded), isTimeout(err):
		e.Msg = "The submission server did not answer in time."
	default:
		e.Msg = "The submission server cannot be reached or closed the connection."
	}
	return e
}

func isTimeout(err error) bool {
	var n net.Error
	return errors.As(err, &n) && n.Timeout()
}

// megabytes writes a size for a sentence: "31.2 MB".
func megabytes(n int64) string {
	if n < 1_000_000 {
		return fmt.Sprintf("%d KB", (n+999)/1000)
	}
	return strings.Replace(fmt.Sprintf("%.1f MB", float64(n)/1e6), ".0 MB", " MB", 1)
}
