package imapconn

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"

	"postern/mailproxy/mail"
)

var errPin = errors.New("certificate is not the pinned one")

// tlsConfig is the client side of TLS for c.
func (c Config) tlsConfig(saw func(tls.ConnectionState)) *tls.Config {
	t := &tls.Config{ServerName: c.serverName(), RootCAs: c.RootCAs, MinVersion: tls.VersionTLS12}
	if c.Security == TLS {
		t.NextProtos = []string{"imap"} // keeps a server of another protocol from answering (RFC 7301)
	}
	if len(c.PinSHA256) > 0 {
		t.InsecureSkipVerify = true // VerifyConnection is stricter: this one certificate and no other
		t.VerifyConnection = func(s tls.ConnectionState) error {
			saw(s)
			if len(s.PeerCertificates) == 0 {
				return errPin
			}
			if sum := sha256.Sum256(s.PeerCertificates[0].Raw); !bytes.Equal(sum[:], c.PinSHA256) {
				return errPin
			}
			return nil
		}
	}
	return t
}

// private makes conn private. saw is told of the server's certificate, accepted
// or not; it may be nil.
func (c Config) private(ctx context.Context, conn net.Conn, saw func(tls.ConnectionState)) (*tls.Conn, error) {
	if saw == nil {
		saw = func(tls.ConnectionState) {}
	}
	t := tls.Client(conn, c.tlsConfig(saw))
	if err := t.HandshakeContext(ctx); err != nil {
		if ctx.Err() != nil {
			return nil, unreachable(err)
		}
		var verify *tls.CertificateVerificationError
		if errors.As(err, &verify) {
			saw(tls.ConnectionState{PeerCertificates: verify.UnverifiedCertificates})
		}
		return nil, c.insecure(err)
	}
	saw(t.ConnectionState())
	return t, nil
}

// insecure says in a sentence why the handshake failed.
func (c Config) insecure(err error) error {
	var (
		invalid   x509.CertificateInvalidError
		authority x509.UnknownAuthorityError
		name      x509.HostnameError
		roots     x509.SystemRootsError
		verify    *tls.CertificateVerificationError
		record    tls.RecordHeaderError
		alert     tls.AlertError
		network   net.Error
	)
	msg := ""
	switch {
	case errors.Is(err, errPin):
		msg = "The mail server's certificate is not the one that was agreed on."
	case errors.As(err, &invalid):
		msg = "The mail server's certificate is not valid."
		if invalid.Reason == x509.Expired && invalid.Cert != nil {
			msg = fmt.Sprintf("The mail server's certificate is not valid today; it is valid from %s to %s.",
				invalid.Cert.NotBefore.UTC().Format("2 January 2006"), invalid.Cert.NotAfter.UTC().Format("2 January 2006"))
		}
	case errors.As(err, &authority):
		msg = "The mail server's certificate is signed by an authority that is not trusted here."
	case errors.As(err, &name):
		msg = fmt.Sprintf("The mail server's certificate is for another name than %q.", c.serverName())
	case errors.As(err, &roots):
		msg = "This machine has no list of trusted authorities to check the mail server's certificate with."
	case errors.As(err, &verify):
		msg = "The mail server's certificate is not valid."
	case errors.As(err, &record):
		msg = "The mail server does not speak TLS on this port."
	case errors.As(err, &alert):
		msg = "The mail server and Postern found no common form of encryption."
	case errors.As(err, &network):
		return unreachable(err)
	default:
		if c.lost(err) {
			return unreachable(err)
		}
		msg = "The connection to the mail server could not be encrypted."
	}
	return mail.Wrap(mail.Insecure, err, msg)
}
