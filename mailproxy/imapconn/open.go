package imapconn

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"

	"postern/mailproxy/mail"
)

// Open opens a connection and signs in. It costs one flight each for TCP, TLS,
// the greeting and signing in, and at most two more for what the server does not
// say by itself.
//
// Errors: SignedOut (wrong password), Unavailable (no answer), Insecure (the
// certificate, or no encryption), Refused (signing in is not allowed), Limited
// (too many connections, mailbox in use), Invalid (credentials that cannot be
// sent). No error holds the login, the password or what the server said of them.
func Open(ctx context.Context, c Config, creds mail.Credentials) (*Conn, error) {
	if err := check(creds); err != nil {
		return nil, err
	}
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.timeout())
		defer cancel()
	}
	o := &opener{c: c, creds: creds}
	for _, step := range []func(context.Context) error{o.connect, o.greet, o.offer, o.signIn, o.settle} {
		if err := step(ctx); err != nil {
			o.close()
			if ctx.Err() != nil {
				return nil, mail.Wrap(mail.Unavailable, errors.Join(ctx.Err(), err), "The mail server did not answer in time.")
			}
			return nil, err
		}
	}
	return o.finish(), nil
}

// opener is a connection on its way to a Conn.
type opener struct {
	c     Config
	creds mail.Credentials

	tcp  *tcpConn
	tls  *tls.Conn // nil when not private
	conn net.Conn  // tcp or tls
	d    *dialogue
	stop func() bool // ends ctx's hold on the connection

	before    imap.CapSet // capabilities before sign-in
	after     imap.CapSet
	mechanism string
	utf8      bool
	deflate   bool

	sawCertificate func(tls.ConnectionState) // told of the server's certificate, accepted or not; may be nil
}

func (o *opener) close() {
	if o.stop != nil {
		o.stop()
	}
	if o.tcp != nil {
		_ = o.tcp.Close()
	}
}

// connect opens the network connection.
func (o *opener) connect(ctx context.Context) error {
	if o.c.Security == None && !o.c.AllowPlaintext {
		return mail.Errorf(mail.Insecure, "The connection to the mail server is not encrypted, and that is not allowed here.")
	}
	conn, err := o.c.dial(ctx)
	if err != nil {
		return unreachable(err)
	}
	o.tcp = newTCPConn(conn)
	o.conn = o.tcp
	o.stop = context.AfterFunc(ctx, func() { _ = conn.Close() })
	return nil
}

// greet makes the connection private and reads the greeting.
func (o *opener) greet(ctx context.Context) error {
	if o.c.Security == TLS {
		if err := o.secure(ctx); err != nil {
			return err
		}
	}
	o.d = newDialogue(o.conn)
	hello, err := o.d.greeting()
	if err != nil {
		return err
	}
	switch hello.status {
	case "OK":
	case "PREAUTH":
		// The server has signed someone in without asking who it is, or somebody
		// on the way keeps us from STARTTLS (RFC 9051 section 11.1).
		return mail.Errorf(mail.Insecure, "The mail server signs everyone in without asking for a password.")
	default:
		return refused(hello)
	}
	if o.c.Security == StartTLS {
		return o.startTLS(ctx)
	}
	return nil
}

func (o *opener) secure(ctx context.Context) error {
	t, err := o.c.private(ctx, o.tcp, o.sawCertificate)
	if err != nil {
		return err
	}
	o.tls, o.conn = t, t
	return nil
}

func (o *opener) startTLS(ctx context.Context) error {
	if o.c.AllowPlaintext {
		caps, err := o.d.capabilities()
		if err != nil {
			return err
		}
		if !caps.Has(imap.CapStartTLS) {
			return nil
		}
	}
	a, err := o.d.do("STARTTLS")
	if err != nil {
		return err
	}
	if a.status != "OK" {
		return mail.Wrap(mail.Insecure, errors.New("STARTTLS was answered with "+a.status), "The mail server does not offer an encrypted connection on this port.")
	}
	if o.d.br.Buffered() > 0 {
		return mail.Wrap(mail.Insecure, errors.New("plaintext after the answer to STARTTLS"), "Something on the way to the mail server has tampered with the connection.")
	}
	if err := o.secure(ctx); err != nil {
		return err
	}
	o.d.over(o.conn)
	return nil
}

// offer learns what the server offers before sign-in.
func (o *opener) offer(context.Context) (err error) {
	o.before, err = o.d.capabilities()
	return err
}

// signIn proves who we are.
func (o *opener) signIn(context.Context) (err error) {
	if o.tls == nil && !o.c.AllowPlaintext {
		return mail.Errorf(mail.Insecure, "The connection to the mail server is not encrypted, and that is not allowed here.")
	}
	s := signer{d: o.d, caps: o.before, creds: o.creds, proven: o.c.Names.mechanism()}
	if len(s.mechanisms()) == 0 && len(o.before.AuthMechanisms()) == 0 {
		return mail.Errorf(mail.Refused, "The mail server does not allow signing in over this connection.")
	}
	if o.mechanism, err = s.signIn(); err == nil {
		o.c.Names.proved(o.mechanism)
	}
	return err
}

// settle tells the server who we are and learns what it offers now.
func (o *opener) settle(context.Context) error {
	known := o.d.caps
	if known == nil {
		known = o.before
	}
	var commands []string
	if o.d.caps == nil {
		commands = append(commands, "CAPABILITY")
	}
	if known.Has(imap.CapID) {
		commands = append(commands, "ID "+o.c.id())
	}
	if known.Has(imap.CapUTF8Only) && !o.c.Raw {
		commands = append(commands, "ENABLE UTF8=ACCEPT")
		o.utf8 = true
	}
	if len(commands) > 0 {
		answers, err := o.d.all(commands)
		if err != nil {
			return err
		}
		if o.utf8 && answers[len(answers)-1].status != "OK" {
			return refused(answers[len(answers)-1])
		}
	}
	o.after = o.d.caps
	if o.after == nil {
		return garbled("no capabilities after sign-in")
	}
	if o.c.Compress && o.after.Has("COMPRESS=DEFLATE") && !loopback(o.conn.RemoteAddr()) {
		a, err := o.d.do("COMPRESS DEFLATE")
		if err != nil {
			return err
		}
		o.deflate = a.status == "OK"
	}
	return nil
}

// id is the argument of ID (RFC 2971): 30 pairs at most, values without CR and LF.
func (c Config) id() string {
	pairs := []string{"name", "Postern"}
	if c.Version != "" && quotable(c.Version) {
		pairs = append(pairs, "version", c.Version)
	}
	if ip, err := netip.ParseAddr(c.ClientIP); err == nil {
		pairs = append(pairs, "x-originating-ip", ip.WithZone("").String())
	}
	q := make([]string, len(pairs))
	for i, p := range pairs {
		q[i] = string(quote(p))
	}
	return "(" + strings.Join(q, " ") + ")"
}

func loopback(a net.Addr) bool {
	t, ok := a.(*net.TCPAddr)
	return ok && t.IP.IsLoopback()
}

// finish hands the connection over.
func (o *opener) finish() *Conn {
	o.stop()
	_ = o.conn.SetDeadline(time.Time{})
	caps := o.after.Copy()
	if !o.c.Raw && caps.Has(imap.CapIMAP4rev1) {
		// go-imap writes UTF-8 into quoted strings as soon as IMAP4rev2 is
		// offered, but it holds only once enabled (RFC 9051 appendix E).
		delete(caps, imap.CapIMAP4rev2)
	}
	return &Conn{
		Guard: NewGuard(o.stack(), GuardOptions{
			Limits:      o.c.Limits,
			Raw:         o.c.Raw,
			Names:       o.c.Names,
			LiteralPlus: caps.Has(imap.CapLiteralPlus),
			First:       preauth(caps, o.utf8),
		}),
		caps:      caps,
		before:    o.before,
		mechanism: o.mechanism,
		tls:       o.tls,
		tcp:       o.tcp,
	}
}

// stack is what the guard reads from: what the dialogue has left unread, the
// private connection, decompressed.
func (o *opener) stack() net.Conn {
	s := &stack{Conn: o.conn, raw: o.tcp, br: o.d.br}
	if o.deflate {
		return newDeflateConn(s)
	}
	return s
}

// preauth is the greeting that a client reads first.
func preauth(caps imap.CapSet, utf8 bool) []byte {
	line := "* PREAUTH [CAPABILITY " + strings.Join(sorted(caps), " ") + "] ready\r\n"
	if utf8 {
		line += "* ENABLED UTF8=ACCEPT\r\n"
	}
	return []byte(line)
}

// stack reads what is left in a buffer before the connection, and closes the
// network connection without asking TLS, which might wait for the peer.
type stack struct {
	net.Conn
	raw net.Conn
	br  *bufio.Reader
}

func (s *stack) Read(p []byte) (int, error) {
	if s.br != nil {
		if s.br.Buffered() > 0 {
			return s.br.Read(p)
		}
		s.br = nil
	}
	return s.Conn.Read(p)
}

func (s *stack) abort() error { return s.raw.Close() }
