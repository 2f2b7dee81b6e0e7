package imappool

import (
	"context"
	"net"
	"sync"
	"time"

	"github.com/emersion/go-imap/v2"

	"postern/mailproxy/mail"
)

// Conn is a signed-in connection as imapconn.Open returns it: the first bytes
// read from it are a PREAUTH greeting with the capabilities.
type Conn interface {
	net.Conn

	// Caps are the capabilities as of sign-in; not to be changed.
	Caps() imap.CapSet

	// Hold keeps the next n writes back and sends them together with the one
	// after them, or when Flush is called, whichever comes first. A write that
	// the server has to answer before the next one is never kept back.
	Hold(n int)
	Flush() error

	// Pending is how many commands were sent and not answered yet.
	Pending() int

	// Sent is how many octets were written so far, those kept back left out.
	Sent() int64

	// Flights is how often something was sent after something was received:
	// the number of round trips this connection has cost.
	Flights() int64

	// ReadOnly reports whether the last SELECT was answered with READ-ONLY.
	ReadOnly() bool

	// Err is why the connection ended: net.ErrClosed when it was closed on this
	// side, an error of package mail when the server went over a limit, else
	// what the network said. It is nil while the connection is open, and set
	// before any command fails for it.
	Err() error
}

// Options says how a Pool works. Only Open is needed.
type Options struct {
	// Open opens a signed-in connection. Its errors carry a kind of package mail.
	Open func(ctx context.Context) (Conn, error)

	Max     int           // working connections at most; 0 means 2
	Streams int           // connections for streaming at most; 0 means 1
	Timeout time.Duration // deadline of a call whose context has none; 0 means 30 s
	Idle    time.Duration // an unused connection is logged out after this; 0 means 3 min
	Check   time.Duration // before a change, a connection unused for longer is tried with NOOP; 0 means 60 s
}

func (o Options) withDefaults() Options {
	if o.Max <= 0 {
		o.Max = 2
	}
	if o.Streams <= 0 {
		o.Streams = 1
	}
	if o.Timeout <= 0 {
		o.Timeout = 30 * time.Second
	}
	if o.Idle <= 0 {
		o.Idle = 3 * time.Minute
	}
	if o.Check <= 0 {
		o.Check = time.Minute
	}
	return o
}

// Pool holds the connections of one account. Safe for concurrent use.
type Pool struct {
	o Options

	mu      sync.Mutex
	closed  bool
	working slots
	streams slots
	all     map[*Session]struct{} // every open session, lent out or not
	empty   chan struct{}         // closed when all is empty after Close; nil before
	flights int64                 // of sessions that ended
	backoff backoff
	reaper  *time.Timer
}

// New makes a pool. It opens no connection.
func New(o Options) *Pool {
	o = o.withDefaults()
	return &Pool{
		o:       o,
		working: slots{max: o.Max},
		streams: slots{max: o.Streams},
		all:     make(map[*Session]struct{}),
	}
}

var errClosed = mail.Errorf(mail.Unavailable, "This account was signed out.")

// Read lends a connection to fn for commands that change nothing. With a
// mailbox its SELECT is on the way when fn begins, unless it is selected
// already; fn may send its commands at once and need not wait for it
// (Session.WaitSelected tells what was selected). With mailbox "" any
// connection will do.
//
// When a connection that was used before turns out to have dropped, fn is run
// once more on a new one, so fn must be able to run twice. Without a deadline in
// ctx Options.Timeout applies, the wait for a connection included. When the
// deadline passes the connection is closed, which ends fn's commands, and
// replaced later. When ctx is cancelled fn has 3 s to end by itself, so that a
// person who clicks on does not cost a connection each time.
func (p *Pool) Read(ctx context.Context, mailbox string, fn func(*Session) error) error {
	return p.use(ctx, &p.working, mailbox, false, fn)
}

// Write lends a connection to fn for commands that change something. The
// mailbox is selected and its state known (Session.Selected) before fn begins,
// so that nothing leaves before the UIDVALIDITY was compared; that costs a
// flight only when another mailbox was selected. With mailbox "" nothing is selected.
//
// fn runs once, and a second time only when the connection had dropped before
// anything of the first run was sent. A connection that was unused for a while
// is tried first. Deadlines are as with Read.
func (p *Pool) Write(ctx context.Context, mailbox string, fn func(*Session) error) error {
	return p.use(ctx, &p.working, mailbox, true, fn)
}

func (p *Pool) use(ctx context.Context, sl *slots, mailbox string, settle bool, fn func(*Session) error) error {
	ctx, cancel := p.deadline(ctx)
	defer cancel()
	err, again := p.once(ctx, sl, mailbox, settle, fn)
	if again {
		err, _ = p.once(ctx, sl, mailbox, settle, fn)
	}
	return Kind(err)
}

// once runs fn on one connection. again says that the connection had dropped
// and that fn may be run on another.
func (p *Pool) once(ctx context.Context, sl *slots, mailbox string, settle bool, fn func(*Session) error) (err error, again bool) {
	s, err := p.acquire(ctx, sl, mailbox)
	if err != nil {
		return err, false
	}
	unbind := s.bind(ctx)
	clean := false
	defer func() {
		unbind()
		if !clean || s.conn.Pending() > 0 { // fn panicked, or left commands behind
			s.kill()
		}
		p.release(sl, s)
	}()

	sent := int64(-1) // octets sent before fn began; -1 while it has not
	err = func() error {
		if settle && !s.fresh && time.Since(s.used) > p.o.Check {
			if err := s.check(); err != nil {
				return err
			}
		}
		if mailbox != "" {
			if wait := s.Ensure(mailbox); settle {
				if err := wait(); err != nil {
					return err
				}
			}
		}
		sent = s.conn.Sent()
		err := fn(s)
		if selErr, unseen := s.unseen(); unseen && selErr != nil {
			return selErr // what fn got is only its consequence
		}
		return err
	}()
	clean = true
	safe := !settle || sent < 0 || s.conn.Sent() == sent
	again = err != nil && safe && !s.fresh && s.dropped() && ctx.Err() == nil
	return s.explain(ctx, err), again
}

func (p *Pool) deadline(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, p.o.Timeout)
}

// Flights is how many round trips the pool's connections have cost since they
// were signed in.
func (p *Pool) Flights() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := p.flights
	for s := range p.all {
		n += s.conn.Flights()
	}
	return n
}

// Open is how many connections are open, those for streaming included.
func (p *Pool) Open() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for s := range p.all {
		if s.alive() {
			n++
		}
	}
	return n
}

// Close logs out every connection that is idle, gives those in use until ctx
// ends, and then closes them. Calls after it fail with Unavailable.
func (p *Pool) Close(ctx context.Context) error {
	p.mu.Lock()
	p.closed = true
	if p.reaper != nil {
		p.reaper.Stop()
	}
	if p.empty == nil {
		p.empty = make(chan struct{})
		if len(p.all) == 0 {
			close(p.empty)
		}
	}
	empty := p.empty
	for _, sl := range []*slots{&p.working, &p.streams} {
		for _, s := range sl.idle {
			go p.logout(s)
		}
		sl.open -= len(sl.idle)
		sl.idle = nil
		sl.wakeAll()
	}
	p.mu.Unlock()

	select {
	case <-empty:
		return nil
	case <-ctx.Done():
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for s := range p.all {
		s.kill()
	}
	return ctx.Err()
}
