package imapconn

import (
	"fmt"
	"net"
	"sync"
	"time"

	"postern/mailproxy/mail"
)

// ReplyLimits bound a server whose protocol is lines of command and reply, such
// as SMTP. A zero field means its default.
type ReplyLimits struct {
	Budget int64         // octets received from one write to the next; 1 MiB
	Read   time.Duration // longest wait for octets; 5 min, the longest of RFC 5321 section 4.5.3.2 but one
	Write  time.Duration // longest wait for the server to take 64 KiB; 1 min
}

// LimitReplies wraps a connection so that every Read and Write has a deadline,
// whether its user sets one or not (the earlier one counts), and an endless
// reply ends it. A client that never sets a deadline for writing, as go-smtp
// while it sends DATA, cannot hang. Wrap before TLS or after, as it suits.
//
// Packages that may not import this one take a func(net.Conn) net.Conn.
func LimitReplies(conn net.Conn, l ReplyLimits) net.Conn {
	if l.Budget <= 0 {
		l.Budget = 1 << 20
	}
	if l.Read <= 0 {
		l.Read = 5 * time.Minute
	}
	if l.Write <= 0 {
		l.Write = time.Minute
	}
	return &replyConn{Conn: conn, l: l, left: l.Budget}
}

type replyConn struct {
	net.Conn
	l ReplyLimits

	mu          sync.Mutex
	left        int64     // octets the server may send before the next write
	read, write time.Time // deadlines set by the user
}

func (c *replyConn) Read(p []byte) (int, error) {
	c.mu.Lock()
	limit := earlier(c.read, time.Now().Add(c.l.Read))
	c.mu.Unlock()
	if err := c.Conn.SetReadDeadline(limit); err != nil {
		return 0, err
	}
	n, err := c.Conn.Read(p)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.left -= int64(n); c.left < 0 {
		_ = c.Conn.Close() // the reason matters more
		return 0, mail.Wrap(mail.Unavailable, fmt.Errorf("a reply over %d octets", c.l.Budget), "The server sent an answer that cannot be read.")
	}
	return n, err
}

func (c *replyConn) Write(p []byte) (n int, err error) {
	c.mu.Lock()
	c.left = c.l.Budget
	c.mu.Unlock()
	for {
		c.mu.Lock()
		limit := earlier(c.write, time.Now().Add(c.l.Write))
		c.mu.Unlock()
		if err := c.Conn.SetWriteDeadline(limit); err != nil {
			return n, err
		}
		k, err := c.Conn.Write(p[n:min(len(p), n+writeChunk)])
		n += k
		if err != nil || n >= len(p) {
			return n, err
		}
	}
}

// SetDeadline implements net.Conn.
func (c *replyConn) SetDeadline(t time.Time) error {
	c.mu.Lock()
	c.read, c.write = t, t
	c.mu.Unlock()
	return c.Conn.SetDeadline(t)
}

// SetReadDeadline implements net.Conn.
func (c *replyConn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	c.read = t
	c.mu.Unlock()
	return c.Conn.SetReadDeadline(t)
}

// SetWriteDeadline implements net.Conn.
func (c *replyConn) SetWriteDeadline(t time.Time) error {
	c.mu.Lock()
	c.write = t
	c.mu.Unlock()
	return c.Conn.SetWriteDeadline(t)
}

// earlier is the earlier of two deadlines; the zero time is none.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}
