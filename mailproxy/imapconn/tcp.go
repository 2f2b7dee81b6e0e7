package imapconn

import (
	"net"
	"sync/atomic"
	"syscall"
)

// tcpConn counts octets on the wire and asks the kernel to acknowledge at once:
// a server that leaves Nagle's algorithm on loses 40 ms an answer to delayed
// acknowledgements otherwise.
type tcpConn struct {
	net.Conn
	raw     syscall.RawConn // nil when it is not TCP
	in, out atomic.Int64
}

func newTCPConn(conn net.Conn) *tcpConn {
	t := &tcpConn{Conn: conn}
	if c, ok := conn.(*net.TCPConn); ok {
		if raw, err := c.SyscallConn(); err == nil {
			_ = raw.Control(tune)
			t.raw = raw
		}
	}
	return t
}

func (t *tcpConn) Read(p []byte) (int, error) {
	if t.raw != nil {
		_ = t.raw.Control(quickAck) // the kernel forgets it, so before each read
	}
	n, err := t.Conn.Read(p)
	t.in.Add(int64(n))
	return n, err
}

func (t *tcpConn) Write(p []byte) (int, error) {
	n, err := t.Conn.Write(p)
	t.out.Add(int64(n))
	return n, err
}
