package demoserver

import (
	"crypto/tls"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	wireBuffer   = 32 << 10         // bytes held back before they are sent anyway
	writeTimeout = 30 * time.Second // for a client that does not read
)

// listener turns accepted connections away while the server is down and wraps
// the others.
type listener struct {
	net.Listener
	s    *Server
	wrap func(net.Conn) net.Conn
}

func (l *listener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if l.s.down.Load() {
			c.Close()
			continue
		}
		return l.wrap(c), nil
	}
}

// track remembers a connection for Drop, SetDown and Close.
func (s *Server) track(c net.Conn) net.Conn {
	s.mu.Lock()
	s.conns[c] = true
	gone := s.closed
	s.mu.Unlock()
	if gone || s.down.Load() {
		c.Close()
	}
	return c
}

func (s *Server) untrack(c net.Conn) {
	s.mu.Lock()
	delete(s.conns, c)
	s.mu.Unlock()
}

// waitLoud returns when the server is not silent, or when closed ends.
func (s *Server) waitLoud(closed <-chan struct{}) {
	s.mu.Lock()
	quiet := s.quiet
	s.mu.Unlock()
	if quiet == nil {
		return
	}
	select {
	case <-quiet:
	case <-closed:
	}
}

// wire is the server's end of an IMAP connection. It holds answers back until
// the server wants to read and nothing more is there to read, then sends them
// together. So a client that pipelines gets one flight for one flight, a list
// of 2,000 messages costs a few system calls and not 2,000, and flights can be
// counted and delayed.
type wire struct {
	net.Conn
	s      *Server
	raw    syscall.RawConn // nil where the system cannot look ahead
	live   atomic.Bool     // false until flights count
	closed chan struct{}
	once   sync.Once

	mu      sync.Mutex
	out     []byte
	reading bool // the server waits for bytes: what is written now goes out at once
	spoke   bool // something was sent since bytes were last received
}

func newWire(s *Server, c net.Conn) *wire {
	w := &wire{Conn: c, s: s, closed: make(chan struct{})}
	if sc, ok := c.(syscall.Conn); ok {
		w.raw, _ = sc.SyscallConn()
	}
	s.track(w)
	return w
}

func (w *wire) Read(p []byte) (int, error) {
	w.mu.Lock()
	if !w.ahead() {
		if d := time.Duration(w.s.latency.Load()); d > 0 && len(w.out) > 0 {
			w.mu.Unlock()
			t := time.NewTimer(d)
			select {
			case <-t.C:
			case <-w.closed:
				t.Stop()
			}
			w.mu.Lock()
		}
		if !w.ahead() {
			if err := w.flush(); err != nil {
				w.mu.Unlock()
				return 0, err
			}
			w.reading = true
		}
	}
	w.mu.Unlock()

	n, err := w.Conn.Read(p)

	w.mu.Lock()
	w.reading = false
	if n > 0 && w.spoke {
		w.spoke = false
		if w.live.Load() {
			w.s.flights.Add(1)
		}
	}
	w.mu.Unlock()
	return n, err
}

// ahead reports whether the client has sent more without waiting for answers.
func (w *wire) ahead() bool {
	return len(w.out) > 0 && w.raw != nil && bytesWaiting(w.raw)
}

func (w *wire) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.out = append(w.out, p...)
	if w.reading || len(w.out) >= wireBuffer {
		if err := w.flush(); err != nil {
			return 0, err
		}
	}
	return len(p), nil
}

// flush sends what was held back. w.mu is held.
func (w *wire) flush() error {
	if len(w.out) == 0 {
		return nil
	}
	w.s.waitLoud(w.closed)
	w.Conn.SetWriteDeadline(time.Now().Add(writeTimeout))
	_, err := w.Conn.Write(w.out)
	w.spoke = true
	if cap(w.out) > 4*wireBuffer {
		w.out = nil
	}
	w.out = w.out[:0]
	return err
}

// SetWriteDeadline does nothing: flush sets the deadline that counts.
func (w *wire) SetWriteDeadline(time.Time) error { return nil }

// SetDeadline sets the deadline for reading only.
func (w *wire) SetDeadline(t time.Time) error { return w.Conn.SetReadDeadline(t) }

// Close sends what was held back, unless another goroutine is just writing.
func (w *wire) Close() error {
	w.once.Do(func() {
		close(w.closed)
		w.s.untrack(w)
		if w.mu.TryLock() {
			if len(w.out) > 0 && !w.s.down.Load() {
				w.Conn.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
				w.Conn.Write(w.out)
				w.out = nil
			}
			w.mu.Unlock()
		}
	})
	return w.Conn.Close()
}

// abort closes the connection and forgets what was held back.
func (w *wire) abort() {
	w.mu.Lock()
	w.out = nil
	w.mu.Unlock()
	w.Close()
}

// tap is what imapserver sees of a connection: it reads along for
// Options.CommandLog and knows the wire below.
type tap struct {
	net.Conn
	wire  *wire
	lines commandReader
}

// newTap serves w, over TLS when cfg is not nil.
func newTap(s *Server, w *wire, cfg *tls.Config) *tap {
	t := &tap{Conn: w, wire: w}
	if cfg != nil {
		t.Conn = tls.Server(w, cfg)
	}
	t.lines.emit = func(line string, counts bool) {
		if counts {
			s.commands.Add(1)
		}
		if s.opts.CommandLog != nil {
			account, _ := t.lines.account.Load().(string)
			s.opts.CommandLog(account, line)
		}
	}
	return t
}

func (t *tap) Read(p []byte) (int, error) {
	n, err := t.Conn.Read(p)
	t.lines.feed(p[:n])
	return n, err
}

// quietConn is an SMTP or POP3 connection, which SetSilent and SetDown reach.
type quietConn struct {
	net.Conn
	s      *Server
	once   sync.Once
	closed chan struct{}
}

func newQuiet(s *Server, c net.Conn) net.Conn {
	return s.track(&quietConn{Conn: c, s: s, closed: make(chan struct{})})
}

func (c *quietConn) Write(p []byte) (int, error) {
	c.s.waitLoud(c.closed)
	c.Conn.SetWriteDeadline(time.Now().Add(writeTimeout))
	return c.Conn.Write(p)
}

func (c *quietConn) Close() error {
	c.once.Do(func() {
		close(c.closed)
		c.s.untrack(c)
	})
	return c.Conn.Close()
}
