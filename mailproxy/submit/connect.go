package submit

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/emersion/go-smtp"

	"postern/mailproxy/mail"
)

// session is an open connection that has said EHLO.
type session struct {
	*smtp.Client
	conn  *guarded
	state *tls.ConnectionState // nil without TLS
	step  func(name string)    // told when a step has been taken, for Probe
}

// connect opens the connection, has TLS where the mode wants it and says EHLO.
// STARTTLS is done here rather than by go-smtp, so that our own name is said,
// nothing sent before TLS is believed, and deadlines hold on both sides of it.
func connect(ctx context.Context, c Config, step func(string)) (*session, *Error) {
	if _, _, err := net.SplitHostPort(c.Address); err != nil {
		return nil, &Error{Class: Temporary, Stage: "connect", Kind: mail.Internal, Msg: "The submission server's address is not set up rightly.", Err: err}
	}
	ctx, cancel := context.WithTimeout(ctx, c.ConnectTimeout)
	defer cancel()
	raw, err := c.Dial(ctx, "tcp", c.Address)
	if err != nil {
		return nil, broken("connect", err)
	}
	step("connect")
	if c.Wrap != nil {
		raw = c.Wrap(raw)
	}
	ok := false
	defer func() {
		if !ok {
			raw.Close()
		}
	}()
	stop := context.AfterFunc(ctx, func() { raw.Close() })
	defer stop()
	fail := func(stage string, err error) (*session, *Error) {
		if ctx.Err() != nil {
			err = errors.Join(ctx.Err(), err)
		}
		return nil, fromReply(stage, err)
	}

	tlsConfig := c.TLS.Clone()
	if tlsConfig == nil {
		tlsConfig = &tls.Config{}
	}
	if tlsConfig.ServerName == "" {
		tlsConfig.ServerName = c.host()
	}
	tlsConfig.MinVersion = max(tlsConfig.MinVersion, tls.VersionTLS12)

	s := &session{step: step}
	conn := raw
	secure := func() error {
		tc := tls.Client(raw, tlsConfig)
		if err := tc.HandshakeContext(ctx); err != nil {
			return err
		}
		st := tc.ConnectionState()
		s.state, conn = &st, tc
		step("TLS")
		return nil
	}
	if c.Mode == TLS {
		if err := secure(); err != nil {
			return fail("TLS", err)
		}
	}
	if c.Mode == StartTLS {
		tp := textConn(guard(raw, c.CommandTimeout))
		if err := greeting(tp); err != nil {
			return fail("greeting", err)
		}
		step("greeting")
		if err := ask(tp, 250, "EHLO %s", c.Hello); err != nil {
			return fail("greeting", err)
		}
		if err := ask(tp, 220, "STARTTLS"); err != nil {
			e := fromReply("TLS", err)
			if e.Reply != "" && c.TLSOptional {
				stop()
				raw.Close()
				c.Mode = Plain
				return connect(ctx, c, step)
			}
			if e.Reply != "" {
				e.Kind, e.Msg = mail.Insecure, "The submission server does not offer STARTTLS."
			}
			return nil, e
		}
		if tp.R.Buffered() > 0 {
			return nil, &Error{Class: Temporary, Stage: "TLS", Kind: mail.Insecure, Msg: "Somebody put words into the submission server's mouth before encryption began.", Err: errors.New("data behind the reply to STARTTLS")}
		}
		if err := secure(); err != nil {
			return fail("TLS", err)
		}
	}
	g := guard(conn, c.CommandTimeout)
	if c.Mode == StartTLS {
		g.first = []byte("220 ready\r\n") // the greeting was read before TLS; go-smtp wants one
	}
	s.conn = g
	s.Client = smtp.NewClient(g)
	s.CommandTimeout, s.SubmissionTimeout = c.CommandTimeout, c.FinalTimeout
	if err := s.Hello(c.Hello); err != nil {
		return fail("greeting", err)
	}
	if c.Mode != StartTLS {
		step("greeting")
	}
	if !stop() {
		return fail("greeting", ctx.Err())
	}
	ok = true
	return s, nil
}

// ask sends a command and wants one code back.
func ask(tp interface {
	Cmd(string, ...any) (uint, error)
	ReadResponse(int) (int, string, error)
}, code int, format string, args ...any) error {
	if _, err := tp.Cmd(format, args...); err != nil {
		return err
	}
	_, _, err := tp.ReadResponse(code)
	return smtpError(err)
}

// dataPhase gives writes the time a message may take rather than a command.
func (s *session) dataPhase(d time.Duration) { s.conn.op.Store(int64(d)) }

// quit says goodbye without waiting long for the answer.
func (s *session) quit() {
	s.conn.op.Store(int64(2 * time.Second))
	if s.Quit() != nil {
		s.Close()
	}
}

// badHello reports whether a name cannot be said in EHLO.
func badHello(s string) error {
	for _, r := range s {
		if r <= ' ' || r >= 0x7f || r == '<' || r == '>' {
			return fmt.Errorf("not a host name")
		}
	}
	return nil
}
