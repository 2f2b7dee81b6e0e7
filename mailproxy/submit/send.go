package submit

import (
	"context"
	"errors"
	"io"
	"strings"

	"github.com/emersion/go-smtp"

	"postern/mailproxy/mail"
)

// Result is what became of a message.
type Result struct {
	Accepted int                     // recipients, all of them or none
	Reply    string                  // the server's words when it took the message, often with its queue id
	Refused  []mail.RefusedRecipient // recipients it would not take
}

// Send hands a message in. body is the message with any line ends; they go out
// as CRLF. commit, when not nil, is called when all of it but the last line has
// been sent: up to there the server cannot have taken the message, afterwards it
// may have. If commit fails the connection is dropped and nothing is accepted.
//
// All recipients or none: when the server refuses one for good (5yz) the message
// is not sent, so that it goes to everybody once after the address was mended,
// and Result names each refused recipient with the server's reply. When it
// refuses one for the time being (4yz) the error is Temporary.
//
// The error is an *Error. ctx ends the exchange at any point.
func Send(ctx context.Context, c Config, creds mail.Credentials, s mail.Submission, body io.Reader, commit func() error) (Result, error) {
	c = c.withDefaults()
	if err := check(c, s); err != nil {
		return Result{}, err
	}
	cl, e := connect(ctx, c, func(string) {})
	if e != nil {
		return Result{}, e
	}
	defer cl.Close()
	stop := context.AfterFunc(ctx, func() { cl.conn.Conn.Close() })
	defer stop()
	fail := func(stage string, err error) error {
		e := fromReply(stage, err)
		if e.Reply == "" && ctx.Err() != nil {
			e.Err = errors.Join(ctx.Err(), e.Err)
		}
		return e
	}
	if !c.NoAuth {
		if _, e := signIn(cl.Client, creds); e != nil {
			return Result{}, e
		}
	}
	if err := fits(cl.Client, s); err != nil {
		cl.quit()
		return Result{}, err
	}
	if err := cl.Mail(s.From, &smtp.MailOptions{Size: s.Size, UTF8: s.UTF8}); err != nil {
		return Result{}, fail("sender", err)
	}
	refused, last, err := recipients(cl, s.Recipients)
	if err != nil {
		return Result{}, fail("recipients", err)
	}
	if last != nil {
		if cl.Reset() == nil {
			cl.quit()
		}
		return Result{Refused: refused}, last
	}

	w, err := cl.Data()
	if err != nil {
		return Result{}, fail("message", err)
	}
	cl.dataPhase(c.DataTimeout)
	lost := func(err error) error {
		if early := cl.conn.earlyReply(); early != nil {
			err = early
		}
		return fail("message", err)
	}
	var readErr error
	lw := &lineWriter{w: w}
	if _, err := io.CopyBuffer(lw, noteReader{body, &readErr}, make([]byte, 32<<10)); err != nil {
		cl.Close() // the message has no end: the server drops it
		if readErr != nil {
			return Result{}, &Error{Class: Temporary, Stage: "message", Kind: mail.Internal, Err: readErr}
		}
		return Result{}, lost(err)
	}
	if err := lw.finish(); err != nil {
		return Result{}, lost(err)
	}
	if commit != nil {
		if err := commit(); err != nil {
			return Result{}, &Error{Class: Temporary, Stage: "message", Kind: mail.KindOf(err), Msg: mail.MsgOf(err), Err: err}
		}
	}
	cl.conn.op.Store(int64(c.FinalTimeout))
	r, err := w.CloseWithResponse()
	if err != nil {
		var se *smtp.SMTPError
		if early := cl.conn.earlyReply(); early != nil {
			err = early
		}
		if !errors.As(err, &se) {
			e := broken("message", err)
			e.Class, e.Msg = Ambiguous, "The connection was lost after the message had been handed over; it may have been sent."
			return Result{}, e
		}
		return Result{}, fail("message", err)
	}
	cl.quit()
	return Result{Accepted: len(s.Recipients), Reply: oneLine(r.StatusText)}, nil
}

// noteReader tells errors of the reader from those of the writer.
type noteReader struct {
	io.Reader
	err *error
}

func (n noteReader) Read(p []byte) (int, error) {
	k, err := n.Reader.Read(p)
	if err != nil && err != io.EOF {
		*n.err = err
	}
	return k, err
}

// recipients asks for each recipient and keeps each refusal. The first error is
// one of the connection; the second the refusal of the message as a whole.
func recipients(cl *session, list []string) (refused []mail.RefusedRecipient, whole *Error, err error) {
	var temporary []mail.RefusedRecipient
	var tempErr, permErr *Error
	for _, r := range list {
		err := cl.Rcpt(r, nil)
		if err == nil {
			continue
		}
		var se *smtp.SMTPError
		if !errors.As(err, &se) || se.Code == 421 {
			return nil, nil, err
		}
		e := fromReply("recipients", err)
		rr := mail.RefusedRecipient{Addr: r, Reply: e.Reply}
		if e.Class == Permanent {
			permErr = e
			refused = append(refused, rr)
			continue
		}
		tempErr = e
		temporary = append(temporary, rr)
	}
	switch {
	case permErr != nil:
		permErr.Kind = mail.Refused
		permErr.Msg = "The mail server would not take one recipient: " + permErr.Reply
		if n := len(refused); n > 1 {
			permErr.Msg = "The mail server would not take " + itoa(n) + " recipients."
		}
		return refused, permErr, nil
	case tempErr != nil:
		return temporary, tempErr, nil
	}
	return nil, nil, nil
}

// fits checks the message against what the server offers.
func fits(c *smtp.Client, s mail.Submission) error {
	perm := func(kind mail.Kind, msg string) error {
		return &Error{Class: Permanent, Stage: "sender", Kind: kind, Msg: msg, Err: errors.New("not offered")}
	}
	if n, ok := c.MaxMessageSize(); ok && n > 0 && s.Size > int64(n) {
		return perm(mail.TooLarge, "The message has "+megabytes(s.Size)+"; the mail server takes at most "+megabytes(int64(n))+".")
	}
	if ok, _ := c.Extension("SMTPUTF8"); s.UTF8 && !ok {
		return perm(mail.Refused, "An address has letters before the @ that this mail server cannot send to (it lacks SMTPUTF8).")
	}
	if ok, _ := c.Extension("8BITMIME"); s.EightBit && !ok {
		return perm(mail.Refused, "A message sent along has 8-bit text, which this mail server cannot pass on (it lacks 8BITMIME). Send it as a file in an archive.")
	}
	return nil
}

// check refuses an envelope that could say more to the server than one MAIL and
// one RCPT for each address.
func check(c Config, s mail.Submission) error {
	bad := func(what string) error {
		return &Error{Class: Permanent, Stage: "sender", Kind: mail.Invalid, Msg: what, Err: errors.New("refused before sending")}
	}
	if badHello(c.Hello) != nil {
		return &Error{Class: Temporary, Stage: "greeting", Kind: mail.Internal, Msg: "The name Postern calls itself by is not a host name.", Err: errors.New("bad name for EHLO")}
	}
	if !validPath(s.From) {
		return bad("The sender's address cannot be sent.")
	}
	if len(s.Recipients) == 0 {
		return bad("There is no recipient.")
	}
	for _, r := range s.Recipients {
		if !validPath(r) {
			return bad("The address of one recipient cannot be sent.")
		}
		if !s.UTF8 && !isASCII(r) {
			return bad("The address of one recipient needs SMTPUTF8.")
		}
	}
	if !s.UTF8 && !isASCII(s.From) {
		return bad("The sender's address needs SMTPUTF8.")
	}
	return nil
}

// validPath is an address without anything that ends a path or a line. A space
// is only allowed in a quoted local part.
func validPath(a string) bool {
	if mail.CheckAddr(a) != "" {
		return false
	}
	return !strings.ContainsFunc(a, func(r rune) bool {
		return r < ' ' || r == 0x7f || r == '<' || r == '>' || r >= 0x80 && r < 0xa0 || r == '\u2028' || r == '\u2029'
	})
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
