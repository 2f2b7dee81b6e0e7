package imapconn

import (
	"crypto/tls"

	"github.com/emersion/go-imap/v2"
)

// Conn is a connection that is signed in. A client that reads from it gets a
// PREAUTH greeting with the capabilities first.
type Conn struct {
	*Guard

	caps, before imap.CapSet
	mechanism    string
	tls          *tls.Conn
	tcp          *tcpConn
}

// Caps are the capabilities after sign-in; not to be changed. IMAP4rev2 is left
// out where IMAP4rev1 is offered too, for it is not enabled.
func (c *Conn) Caps() imap.CapSet { return c.caps }

// Mechanism is the SASL mechanism that was used, or "LOGIN command".
func (c *Conn) Mechanism() string { return c.mechanism }

// TLS is the state of TLS; ok is false on a plaintext connection.
func (c *Conn) TLS() (state tls.ConnectionState, ok bool) {
	if c.tls == nil {
		return tls.ConnectionState{}, false
	}
	return c.tls.ConnectionState(), true
}

// Wire counts octets on the network, sign-in, TLS and compression included.
func (c *Conn) Wire() (received, sent int64) { return c.tcp.in.Load(), c.tcp.out.Load() }
