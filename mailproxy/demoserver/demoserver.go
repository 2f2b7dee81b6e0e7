// Package demoserver is a mail server in this process: IMAP, SMTP submission
// and POP3 on loopback ports, with all mail in memory. It serves the demo,
// development and tests.
//
// It behaves like a small real server: special-use mailboxes, COPYUID, LIST
// with STATUS, connections that see each other's changes, mail written by one
// account arriving at the other. For tests it counts round trips, adds
// latency, falls silent or dead on demand and answers SMTP from a script.
//
// What it does not have, because go-imap's imapserver has no place for it:
// SORT, THREAD, CONDSTORE, QRESYNC, ID, QUOTA and COMPRESS.
package demoserver

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-smtp"
)

const (
	maxMessageSize = 50 << 20 // bytes, for SMTP SIZE and IMAP APPENDLIMIT
	maxRecipients  = 100      // of one submission
	maxMailboxes   = 1000     // of one account
	closeTimeout   = 2 * time.Second
)

// Account is one mailbox owner. Address and Password sign in, by the whole
// address or by the part before the "@", in any letter case.
type Account struct {
	Address  string // "mira@postern.test"
	Name     string // "Mira Lindqvist"
	Password string
}

// DemoAccounts returns the two people of the demo, who can write to each other.
func DemoAccounts() []Account {
	return []Account{
		{Address: "mira@postern.test", Name: "Mira Lindqvist", Password: "demo"},
		{Address: "jonas@postern.test", Name: "Jonas Öztürk", Password: "demo"},
	}
}

// Options describe a server. The zero value is a server with the two demo
// accounts and empty standard mailboxes.
type Options struct {
	Accounts []Account // default: DemoAccounts

	// Seed fills the mailboxes with believable mail, the same for the same Now:
	// about 2,000 messages for the first account and 300 for every other.
	Seed bool
	// Messages overrides the size of the first account's seeded mailbox.
	// Without Seed it is the number of plain messages in every INBOX, made when
	// they are read, so that 100,000 cost little.
	Messages int

	Latency      time.Duration    // of the network: each IMAP flight is answered this much later
	NewMailEvery time.Duration    // a new message for the first account; 0 means never
	BounceAfter  time.Duration    // until mail to bounce@… comes back; default 2 s
	Now          func() time.Time // default time.Now
	TLS          *tls.Config      // default: a fresh certificate of a fresh authority, see CertPEM
	Log          *slog.Logger     // default: no log

	RequireTLS          bool     // no password over the plain ports before STARTTLS
	RequireSender       bool     // MAIL FROM must be the account's own address (553 5.7.1)
	SCRAM               bool     // also offer SCRAM-SHA-256 over IMAP
	Without             []string // IMAP capabilities not to have: "MOVE", "UIDPLUS", "SPECIAL-USE", …
	Quota               int64    // bytes an account may store, then APPEND says OVERQUOTA; 0 means no limit
	MaxIMAPConnections  int      // of one account, then sign-in says LIMIT; 0 means no limit
	DeliverToJunkDomain string   // mail from this domain is filed in Junk

	// CommandLog receives every IMAP command as it arrives, without its tag,
	// literals quoted in place and passwords left out. It is called by the
	// connection's goroutine. Commands after STARTTLS are not seen.
	CommandLog func(account, line string)
}

// Server is a running mail server. Its methods are safe for concurrent use.
type Server struct {
	opts     Options
	log      *slog.Logger
	certPEM  []byte
	accounts []*account
	domains  map[string]bool

	imapLn, imapsLn, smtpLn, smtpsLn, popLn, popsLn net.Listener

	imap, imaps *imapserver.Server
	smtp        *smtp.Server

	flights  atomic.Int64
	commands atomic.Int64
	latency  atomic.Int64
	down     atomic.Bool

	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	work   sync.WaitGroup // listeners, timers and IMAP sessions

	mu       sync.Mutex
	closed   bool
	quiet    chan struct{} // non-nil while silent; closed when speaking again
	conns    map[net.Conn]bool
	failures []Failure
	received []Submission

	imapFailures []IMAPFailure
}

// Start listens on loopback ports chosen by the system and serves until ctx
// ends or Close is called.
func Start(ctx context.Context, opts Options) (*Server, error) {
	if len(opts.Accounts) == 0 {
		opts.Accounts = DemoAccounts()
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	opts.BounceAfter = cmp.Or(opts.BounceAfter, 2*time.Second)
	s := &Server{
		opts:    opts,
		log:     opts.Log,
		domains: make(map[string]bool),
		conns:   make(map[net.Conn]bool),
	}
	s.latency.Store(int64(opts.Latency))
	if s.opts.TLS == nil {
		cfg, ca, err := selfSigned(opts.Now())
		if err != nil {
			return nil, fmt.Errorf("make a certificate: %w", err)
		}
		s.opts.TLS, s.certPEM = cfg, ca
	}
	for _, a := range opts.Accounts {
		_, domain, ok := strings.Cut(a.Address, "@")
		if !ok || domain == "" {
			return nil, fmt.Errorf("account %q is not an address", a.Address)
		}
		if s.lookup(a.Address) != nil {
			return nil, fmt.Errorf("account %q is given twice", a.Address)
		}
		s.domains[strings.ToLower(domain)] = true
		s.accounts = append(s.accounts, newAccount(s, a))
	}
	s.fill()
	s.ctx, s.cancel = context.WithCancel(ctx)
	if err := s.listen(); err != nil {
		s.Close()
		return nil, err
	}
	if opts.NewMailEvery > 0 {
		s.work.Go(func() { s.arrive(opts.NewMailEvery) })
	}
	context.AfterFunc(s.ctx, func() { s.Close() })
	return s, nil
}

// listen opens all ports and starts to serve them.
func (s *Server) listen() error {
	for _, ln := range []*net.Listener{&s.imapLn, &s.imapsLn, &s.smtpLn, &s.smtpsLn, &s.popLn, &s.popsLn} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return fmt.Errorf("listen: %w", err)
		}
		*ln = l
	}
	logger := logAdapter{s.log}
	s.imap = imapserver.New(&imapserver.Options{
		NewSession: s.newSession, Caps: s.caps(), Logger: logger,
		TLSConfig: s.opts.TLS, InsecureAuth: !s.opts.RequireTLS,
	})
	s.imaps = imapserver.New(&imapserver.Options{
		NewSession: s.newSession, Caps: s.caps(), Logger: logger, InsecureAuth: true,
	})
	s.smtp = s.newSMTP(logger)
	serve := func(f func(net.Listener) error, ln net.Listener) {
		s.work.Go(func() {
			if err := f(ln); err != nil && !errors.Is(err, net.ErrClosed) {
				s.log.Debug("listener ended", "error", err)
			}
		})
	}
	plain := func(c net.Conn) net.Conn { return newTap(s, newWire(s, c), nil) }
	secure := func(c net.Conn) net.Conn { return newTap(s, newWire(s, c), s.opts.TLS) }
	quiet := func(c net.Conn) net.Conn { return newQuiet(s, c) }
	serve(s.imap.Serve, &listener{s.imapLn, s, plain})
	serve(s.imaps.Serve, &listener{s.imapsLn, s, secure})
	serve(s.smtp.Serve, &listener{s.smtpLn, s, quiet})
	serve(s.smtp.Serve, tls.NewListener(&listener{s.smtpsLn, s, quiet}, s.opts.TLS))
	serve(s.servePOP3, &listener{s.popLn, s, quiet})
	serve(s.servePOP3, tls.NewListener(&listener{s.popsLn, s, quiet}, s.opts.TLS))
	return nil
}

// IMAPAddr is host:port of IMAP without TLS; STARTTLS is offered.
func (s *Server) IMAPAddr() string { return s.imapLn.Addr().String() }

// IMAPSAddr is host:port of IMAP over TLS.
func (s *Server) IMAPSAddr() string { return s.imapsLn.Addr().String() }

// SMTPAddr is host:port of submission without TLS; STARTTLS is offered.
func (s *Server) SMTPAddr() string { return s.smtpLn.Addr().String() }

// SMTPSAddr is host:port of submission over TLS.
func (s *Server) SMTPSAddr() string { return s.smtpsLn.Addr().String() }

// POP3Addr is host:port of POP3 without TLS; STLS is not offered.
func (s *Server) POP3Addr() string { return s.popLn.Addr().String() }

// POP3SAddr is host:port of POP3 over TLS.
func (s *Server) POP3SAddr() string { return s.popsLn.Addr().String() }

// CertPEM is the certificate authority that signed the server's certificate
// for localhost and 127.0.0.1. It is nil when Options.TLS was given.
func (s *Server) CertPEM() []byte { return slices.Clone(s.certPEM) }

// Accounts returns the accounts the server was started with.
func (s *Server) Accounts() []Account { return slices.Clone(s.opts.Accounts) }

// RoundTrips counts IMAP flights: how often the server, having said everything
// it had to say, received new bytes. Commands sent together count once, a
// literal waiting for "+" counts once more, a TLS handshake on the IMAPS port
// not at all. Where a client pipelines in separate writes and is slower to
// write than the server to answer, they count apart, unless Latency holds the
// answers back: with a Latency of a millisecond or two the count is exact.
func (s *Server) RoundTrips() int64 { return s.flights.Load() }

// Commands counts IMAP commands, those after STARTTLS excepted.
func (s *Server) Commands() int64 { return s.commands.Load() }

// SetLatency changes Options.Latency.
func (s *Server) SetLatency(d time.Duration) { s.latency.Store(int64(d)) }

// SetDown makes a dead server: all connections are dropped and new ones closed
// at once. SetDown(false) revives it with its mail as it was.
func (s *Server) SetDown(down bool) {
	s.down.Store(down)
	if down {
		s.dropAll(func(net.Conn) bool { return true })
	}
}

// SetSilent makes a hung server: connections are accepted and kept but get no
// answer until SetSilent(false).
func (s *Server) SetSilent(silent bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case silent && s.quiet == nil:
		s.quiet = make(chan struct{})
	case !silent && s.quiet != nil:
		close(s.quiet)
		s.quiet = nil
	}
}

// Drop closes all IMAP connections without a word, as a network does.
func (s *Server) Drop() {
	s.dropAll(func(c net.Conn) bool { _, ok := c.(*wire); return ok })
}

// Connections returns how many IMAP connections are open.
func (s *Server) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for c := range s.conns {
		if _, ok := c.(*wire); ok {
			n++
		}
	}
	return n
}

func (s *Server) dropAll(which func(net.Conn) bool) {
	s.mu.Lock()
	var drop []net.Conn
	for c := range s.conns {
		if which(c) {
			drop = append(drop, c)
		}
	}
	s.mu.Unlock()
	for _, c := range drop {
		c.Close()
	}
}

// Close stops the server and drops all connections. It returns once the
// sessions have ended, or after two seconds.
func (s *Server) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	s.mu.Unlock()
	s.SetSilent(false)
	s.cancel()
	var err error
	for _, ln := range []net.Listener{s.imapLn, s.imapsLn, s.smtpLn, s.smtpsLn, s.popLn, s.popsLn} {
		if ln != nil {
			err = errors.Join(err, ln.Close())
		}
	}
	s.dropAll(func(net.Conn) bool { return true })
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	if s.smtp != nil {
		s.smtp.Shutdown(ctx)
	}
	done := make(chan struct{})
	go func() {
		s.work.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done():
	}
	return err
}

// caps returns what the server offers, less Options.Without.
func (s *Server) caps() imap.CapSet {
	caps := imap.CapSet{imap.CapIMAP4rev1: {}}
	for _, c := range []imap.Cap{
		imap.CapNamespace, imap.CapUIDPlus, imap.CapESearch, imap.CapListExtended,
		imap.CapListStatus, imap.CapMove, imap.CapStatusSize, imap.CapBinary,
		imap.CapChildren, imap.CapSpecialUse, imap.CapCreateSpecialUse, imap.CapLiteralPlus,
	} {
		if s.has(string(c)) {
			caps[c] = struct{}{}
		}
	}
	return caps
}

// has reports whether a capability was not switched off.
func (s *Server) has(cap string) bool {
	return !slices.ContainsFunc(s.opts.Without, func(w string) bool { return strings.EqualFold(w, cap) })
}

// lookup finds the account of a user name or address, nil if there is none.
func (s *Server) lookup(user string) *account {
	user = strings.ToLower(user)
	for _, a := range s.accounts {
		address := strings.ToLower(a.Address)
		if local, _, _ := strings.Cut(address, "@"); user == address || user == local {
			return a
		}
	}
	return nil
}

// logAdapter lets the protocol libraries log through slog.
type logAdapter struct{ log *slog.Logger }

func (l logAdapter) Printf(format string, v ...any) { l.log.Debug(fmt.Sprintf(format, v...)) }
func (l logAdapter) Println(v ...any)               { l.log.Debug(fmt.Sprint(v...)) }
