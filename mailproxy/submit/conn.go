package submit

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/textproto"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/emersion/go-smtp"
)

const maxReply = 64 << 10 // octets the server may send for one command

var errTooMuch = errors.New("the server sent too much")

// guarded bounds what a server can do to us: each Read and Write has a deadline
// of its own, which go-smtp's client does not set while a message is on its way,
// and what is read between two writes has a budget.
type guarded struct {
	net.Conn
	op       atomic.Int64 // nanoseconds for one Read or Write
	deadline atomic.Int64 // set by the client, Unix nanoseconds, 0 for none
	left     int          // octets that may still be read before the next write
	first    []byte       // read before anything else: the greeting that was read already
	early    []byte       // what the server had said when a write failed
}

func guard(c net.Conn, op time.Duration) *guarded {
	g := &guarded{Conn: c, left: maxReply}
	g.op.Store(int64(op))
	return g
}

func (g *guarded) limit() time.Time {
	t := time.Now().Add(time.Duration(g.op.Load()))
	if d := g.deadline.Load(); d != 0 {
		if u := time.Unix(0, d); u.Before(t) {
			return u
		}
	}
	return t
}

func (g *guarded) Read(p []byte) (int, error) {
	if len(g.first) > 0 {
		n := copy(p, g.first)
		g.first = g.first[n:]
		return n, nil
	}
	if g.left <= 0 {
		return 0, errTooMuch
	}
	if len(p) > g.left {
		p = p[:g.left]
	}
	g.Conn.SetReadDeadline(g.limit())
	n, err := g.Conn.Read(p)
	g.left -= n
	return n, err
}

func (g *guarded) Write(p []byte) (int, error) {
	g.left = maxReply
	g.Conn.SetWriteDeadline(g.limit())
	n, err := g.Conn.Write(p)
	if err != nil && g.early == nil {
		// A server that has had enough says why and closes.
		g.Conn.SetReadDeadline(time.Now().Add(time.Second))
		buf := make([]byte, 2048)
		k, _ := g.Conn.Read(buf)
		g.early = buf[:max(k, 0)]
	}
	return n, err
}

func (g *guarded) SetDeadline(t time.Time) error {
	var d int64
	if !t.IsZero() {
		d = t.UnixNano()
	}
	g.deadline.Store(d)
	return nil
}

func (g *guarded) SetReadDeadline(t time.Time) error  { return g.SetDeadline(t) }
func (g *guarded) SetWriteDeadline(t time.Time) error { return g.SetDeadline(t) }

// earlyReply is the reply the server sent before it stopped reading, nil when
// there was none.
func (g *guarded) earlyReply() error {
	line, _, ok := bytes.Cut(g.early, []byte("\r\n"))
	if !ok || len(line) < 4 {
		return nil
	}
	code, err := strconv.Atoi(string(line[:3]))
	if err != nil || code < 400 || code > 599 {
		return nil
	}
	e := &smtp.SMTPError{Code: code, Message: string(line[4:])}
	if class, rest, ok := strings.Cut(e.Message, " "); ok {
		var c smtp.EnhancedCode
		if n, _ := fmt.Sscanf(class, "%d.%d.%d", &c[0], &c[1], &c[2]); n == 3 {
			e.EnhancedCode, e.Message = c, rest
		}
	}
	return e
}

// greeting reads the server's first reply, one line or several.
func greeting(tp *textproto.Conn) error {
	_, _, err := tp.ReadResponse(220)
	return smtpError(err)
}

func smtpError(err error) error {
	var te *textproto.Error
	if errors.As(err, &te) {
		return &smtp.SMTPError{Code: te.Code, Message: te.Msg}
	}
	return err
}

// textConn reads lines from c. Lines have no limit there but c's budget.
func textConn(c net.Conn) *textproto.Conn { return textproto.NewConn(c) }
