package imapconn

import (
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"postern/mailproxy/mail"
)

// GuardOptions says what a Guard does beside bounding.
type GuardOptions struct {
	Limits Limits

	// Raw leaves every response as it is, for a reader that knows what to skip.
	// Without it responses that go-imap cannot take are left out and mailbox
	// names that it cannot take are replaced, in both directions.
	Raw bool

	// Names remembers replaced mailbox names; connections of one account share it. nil means its own.
	Names *Names

	// LiteralPlus says that the server takes literals without being asked (RFC 7888).
	LiteralPlus bool

	// First is handed to the reader before anything that the server sends.
	First []byte
}

// Guard is a net.Conn between an IMAP client and a server. It fails the
// connection when a response goes over its limits, sets a deadline for every
// read within a response and for every write, keeps writes back so that several
// commands leave as one, and counts.
//
// The deadlines of the client are not heeded: SetDeadline and its relatives do
// nothing. To end a wait, close the Guard. One goroutine may read while others write.
type Guard struct {
	conn net.Conn
	o    GuardOptions

	in    []byte // received; in[r:w] is not looked at yet
	r, w  int
	out   []byte // to be handed on before in
	held  []byte // a response kept until it is whole
	scan  scanner
	mode  verdict
	begun bool // within a response

	wmu     sync.Mutex
	holding int
	kept    []byte
	sending sender

	budget   atomic.Int64
	received atomic.Int64
	sent     atomic.Int64
	flights  atomic.Int64
	pending  atomic.Int64
	answered atomic.Bool // something was received since the last flight began
	readOnly atomic.Bool

	closing sync.Once
	mu      sync.Mutex
	err     error
}

const (
	guardBuffer = 8 << 10  // octets
	maxHeld     = 64 << 10 // octets of a LIST or STATUS response
	maxKept     = 64 << 10 // octets of commands kept back
	writeChunk  = 64 << 10 // octets that share one write deadline
)

// NewGuard puts a Guard before conn.
func NewGuard(conn net.Conn, o GuardOptions) *Guard {
	o.Limits = o.Limits.withDefaults()
	if o.Names == nil {
		o.Names = new(Names)
	}
	g := &Guard{conn: conn, o: o, out: o.First, in: make([]byte, guardBuffer)}
	g.scan.lim = o.Limits
	g.sending = sender{names: o.Names, literalPlus: o.LiteralPlus}
	g.budget.Store(o.Limits.Budget)
	g.answered.Store(true)
	return g
}

// Read implements net.Conn.
func (g *Guard) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for {
		if len(g.out) > 0 {
			n := copy(p, g.out)
			if g.out = g.out[n:]; len(g.out) == 0 {
				g.out = nil
			}
			return n, nil
		}
		if g.begun && g.mode == pass && g.scan.state == inLiteral && g.r == g.w && len(p) >= len(g.in) {
			return g.readLiteral(p)
		}
		n, more, err := g.advance(p)
		if err != nil {
			return 0, g.refuse(err)
		}
		if n > 0 {
			return n, nil
		}
		if more {
			if err := g.fill(); err != nil {
				return 0, err
			}
		}
	}
}

// advance looks at what was received and puts what the client may have into p.
// more says that nothing can be done before more is received.
func (g *Guard) advance(p []byte) (n int, more bool, err error) {
	if !g.begun {
		if g.r == g.w {
			return 0, true, nil
		}
		h, ok := classify(g.in[g.r:g.w])
		if !ok {
			return 0, true, nil
		}
		if g.o.Raw {
			h.verdict = pass
		}
		g.begin(h)
	}
	if g.r == g.w {
		return 0, true, nil
	}
	b := g.in[g.r:g.w]
	if g.mode == pass && len(b) > len(p) {
		b = b[:len(p)]
	}
	k, end, err := g.scan.scan(b)
	if err != nil {
		return 0, false, err
	}
	switch g.mode {
	case pass:
		n = copy(p, b[:k])
	case hold:
		if len(g.held)+k > maxHeld {
			return 0, false, fmt.Errorf("a mailbox listed with over %d octets", maxHeld)
		}
		g.held = append(g.held, b[:k]...)
		if end {
			g.out = g.o.Names.fix(g.held)
			g.held = nil
		}
	}
	g.r += k
	if end {
		g.begun = false
	}
	return n, false, nil
}

func (g *Guard) begin(h head) {
	g.begun, g.mode = true, h.verdict
	state := inData
	if h.text {
		state = inText
	}
	g.scan.begin(state, h.verdict == leave)
	if h.tagged {
		g.pending.Add(-1)
		if h.access != 0 {
			g.readOnly.Store(h.access == 'o')
		}
	}
}

// fill receives once.
func (g *Guard) fill() error {
	if g.r == g.w {
		g.r, g.w = 0, 0
	} else if g.w == len(g.in) {
		g.w = copy(g.in, g.in[g.r:g.w])
		g.r = 0
	}
	n, err := g.receive(g.in[g.w:])
	g.w += n
	if n > 0 {
		return nil
	}
	return err
}

// readLiteral hands the inside of a literal on without a copy.
func (g *Guard) readLiteral(p []byte) (int, error) {
	n, err := g.receive(p[:min(int64(len(p)), g.scan.lit)])
	if n > 0 {
		_, _, _ = g.scan.scan(p[:n]) // within a literal nothing can be wrong
		return n, nil
	}
	return 0, err
}

func (g *Guard) receive(p []byte) (int, error) {
	var limit time.Time // none between responses: the caller's context ends the wait
	if g.begun || g.w > g.r {
		limit = time.Now().Add(g.o.Limits.Read)
	}
	_ = g.conn.SetReadDeadline(limit) // an error comes back from Read
	n, err := g.conn.Read(p)
	if n > 0 {
		g.received.Add(int64(n))
		g.answered.Store(true)
		if g.budget.Add(-int64(n)) < 0 {
			return 0, g.refuse(fmt.Errorf("over %d octets for one command", g.o.Limits.Budget))
		}
		return n, nil
	}
	if err == nil {
		return 0, g.fail(io.ErrNoProgress)
	}
	return 0, g.fail(err)
}

// Write implements net.Conn.
func (g *Guard) Write(p []byte) (int, error) {
	g.wmu.Lock()
	defer g.wmu.Unlock()
	if err := g.Err(); err != nil {
		return 0, err
	}
	within := g.sending.within() && len(g.kept) == 0 // p goes on with a command whose beginning was sent
	out, commands, waits := g.sending.take(p)
	g.pending.Add(int64(commands))
	if g.holding > 0 {
		g.holding--
		g.kept = append(g.kept, out...)
		if !waits && len(g.kept) <= maxKept {
			return len(p), nil
		}
		g.holding = 0
		out, g.kept = g.kept, nil
	} else if len(g.kept) > 0 {
		out = append(g.kept, out...)
		g.kept = nil
	}
	if err := g.send(out, within); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Hold keeps the next n writes back and sends them with the one after them, or
// when Flush is called. A write whose answer the client needs before it can go
// on, and more than 64 KiB, leave at once.
func (g *Guard) Hold(n int) {
	g.wmu.Lock()
	g.holding = max(g.holding, n)
	g.wmu.Unlock()
}

// Flush sends what was kept back and ends Hold.
func (g *Guard) Flush() error {
	g.wmu.Lock()
	defer g.wmu.Unlock()
	g.holding = 0
	if len(g.kept) == 0 {
		return nil
	}
	out := g.kept
	g.kept = nil
	return g.send(out, false)
}

func (g *Guard) send(b []byte, within bool) error {
	if len(b) == 0 {
		return nil
	}
	if !within && g.answered.Swap(false) {
		g.flights.Add(1)
	}
	g.budget.Store(g.o.Limits.Budget)
	for len(b) > 0 {
		chunk := b[:min(len(b), writeChunk)]
		_ = g.conn.SetWriteDeadline(time.Now().Add(g.o.Limits.Write)) // an error comes back from Write
		n, err := g.conn.Write(chunk)
		g.sent.Add(int64(n))
		if err != nil {
			return g.fail(err)
		}
		b = b[len(chunk):]
	}
	return nil
}

// Close closes the connection. It never blocks on the server.
func (g *Guard) Close() error {
	g.fail(net.ErrClosed)
	return nil
}

// fail records why the connection ended and closes it. The first reason stays.
func (g *Guard) fail(err error) error {
	g.mu.Lock()
	if g.err == nil {
		g.err = err
	}
	err = g.err
	g.mu.Unlock()
	g.closing.Do(func() { _ = abort(g.conn) })
	return err
}

var errUnreadable = errors.New("the server's answer goes over a limit")

// refuse ends the connection because of what the server sent.
func (g *Guard) refuse(err error) error {
	return g.fail(mail.Wrap(mail.Unavailable, fmt.Errorf("%w: %w", errUnreadable, err), "The mail server sent an answer that cannot be read."))
}

// Err is why the connection ended: net.ErrClosed when it was closed on this
// side, a mail.Error when the server went over a limit, else what the network
// said. It is nil while the connection is open.
func (g *Guard) Err() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.err
}

// Pending is how many commands were sent and not answered yet.
func (g *Guard) Pending() int { return int(g.pending.Load()) }

// Sent and Received count octets, those kept back left out.
func (g *Guard) Sent() int64     { return g.sent.Load() }
func (g *Guard) Received() int64 { return g.received.Load() }

// Flights is how often a command was sent after something had been received.
func (g *Guard) Flights() int64 { return g.flights.Load() }

// ReadOnly reports whether the last SELECT or EXAMINE was answered with READ-ONLY.
func (g *Guard) ReadOnly() bool { return g.readOnly.Load() }

// LocalAddr implements net.Conn.
func (g *Guard) LocalAddr() net.Addr { return g.conn.LocalAddr() }

// RemoteAddr implements net.Conn.
func (g *Guard) RemoteAddr() net.Addr { return g.conn.RemoteAddr() }

// SetDeadline does nothing: see Guard.
func (g *Guard) SetDeadline(time.Time) error { return nil }

// SetReadDeadline does nothing: see Guard.
func (g *Guard) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline does nothing: see Guard.
func (g *Guard) SetWriteDeadline(time.Time) error { return nil }

// abort closes a connection without waiting for a peer that does not read.
func abort(conn net.Conn) error {
	if t, ok := conn.(interface{ abort() error }); ok {
		return t.abort()
	}
	return conn.Close()
}
