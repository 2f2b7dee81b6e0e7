package imapconn

import (
	"context"
	"crypto/x509"
	"net"
	"strconv"
	"time"
)

// Security is how a connection is made private.
type Security int

const (
	TLS      Security = iota // TLS from the first octet (RFC 8314 section 3.2), port 993
	StartTLS                 // STARTTLS (RFC 9051 section 6.2.1), port 143
	None                     // no TLS at all, port 143; needs AllowPlaintext
)

// Config is how to reach one IMAP server.
type Config struct {
	Host     string // name or address; also what the certificate must be for
	Port     int    // 0 means the default port of Security
	Security Security

	// AllowPlaintext lets passwords travel unencrypted: with StartTLS when the
	// server does not offer it, with None always.
	AllowPlaintext bool

	ServerName string         // what the certificate must be for when it is not Host
	RootCAs    *x509.CertPool // nil means those of the system
	PinSHA256  []byte         // SHA-256 of the server's certificate (DER): it alone is accepted, whatever its name or dates

	// Dial opens the network connection; nil means an ordinary dialer with keep-alive.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)

	Timeout  time.Duration // for opening and signing in altogether when ctx has no deadline; 0 means 30 s
	Compress bool          // use COMPRESS=DEFLATE (RFC 4978) where offered, never on loopback
	Raw      bool          // hand over a connection for a reader of our own: see GuardOptions.Raw

	Version  string // of this program, for ID (RFC 2971)
	ClientIP string // address of the person's browser, told to the server in ID; "" to tell nothing

	Names  *Names // shared by the connections of one account; nil means none is shared
	Limits Limits
}

func (c Config) addr() string {
	port := c.Port
	if port == 0 {
		port = 143
		if c.Security == TLS {
			port = 993
		}
	}
	return net.JoinHostPort(c.Host, strconv.Itoa(port))
}

func (c Config) serverName() string {
	if c.ServerName != "" {
		return c.ServerName
	}
	return c.Host
}

func (c Config) timeout() time.Duration {
	if c.Timeout > 0 {
		return c.Timeout
	}
	return 30 * time.Second
}

func (c Config) dial(ctx context.Context) (net.Conn, error) {
	if c.Dial != nil {
		return c.Dial(ctx, "tcp", c.addr())
	}
	// A peer that vanished is noticed within 30 s, so an idle connection that
	// is open can be trusted.
	d := net.Dialer{KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 15 * time.Second, Interval: 5 * time.Second, Count: 3}}
	return d.DialContext(ctx, "tcp", c.addr())
}
