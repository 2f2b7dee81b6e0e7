package submit

import (
	"context"
	"crypto/tls"
	"net"
	"time"
)

// Mode is how the connection is protected.
type Mode int

const (
	TLS      Mode = iota // TLS from the first octet (RFC 8314 section 3.3)
	StartTLS             // STARTTLS, without which nothing is sent
	Plain                // no TLS at all: for loopback, by the operator's word
)

func (m Mode) String() string {
	switch m {
	case TLS:
		return "TLS"
	case StartTLS:
		return "STARTTLS"
	}
	return "no TLS"
}

// Config says how to reach a submission server. Only Address is needed.
type Config struct {
	Address string      // host:port
	Mode    Mode        //
	TLS     *tls.Config // nil means the system's authorities; ServerName is set from Address when empty
	Hello   string      // our name in EHLO; "" means "localhost"
	// TLSOptional, with StartTLS, goes on without TLS when the server does not offer
	// it: by the operator's word, on a network that is trusted.
	TLSOptional bool
	NoAuth      bool // the server knows us by address: do not sign in

	ConnectTimeout time.Duration // until the greeting; 0 means 30 s
	CommandTimeout time.Duration // for each reply; 0 means 1 min
	DataTimeout    time.Duration // for each write of the message; 0 means 2 min
	FinalTimeout   time.Duration // for the reply to the whole message; 0 means 5 min

	// Dial opens the connection; nil means a net.Dialer.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Wrap is put around the network connection, below TLS, e.g. to count
	// octets. It is not needed for safety. May be nil.
	Wrap func(net.Conn) net.Conn
}

func (c Config) withDefaults() Config {
	def := func(d *time.Duration, v time.Duration) {
		if *d <= 0 {
			*d = v
		}
	}
	def(&c.ConnectTimeout, 30*time.Second)
	def(&c.CommandTimeout, time.Minute)
	def(&c.DataTimeout, 2*time.Minute)
	def(&c.FinalTimeout, 5*time.Minute)
	if c.Hello == "" {
		c.Hello = "localhost"
	}
	if c.Dial == nil {
		c.Dial = (&net.Dialer{Timeout: c.ConnectTimeout, KeepAlive: 30 * time.Second}).DialContext
	}
	return c
}

func (c Config) host() string {
	if h, _, err := net.SplitHostPort(c.Address); err == nil {
		return h
	}
	return c.Address
}
