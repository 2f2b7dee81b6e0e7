package main

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
)

var errPin = errors.New("the server's certificate is not the pinned one")

// pinnedTLS verifies a server against roots, or against one pinned certificate
// alone, whatever its name or dates.
func pinnedTLS(host string, roots *x509.CertPool, pin []byte) *tls.Config {
	c := &tls.Config{ServerName: host, RootCAs: roots, MinVersion: tls.VersionTLS12}
	if pin == nil {
		return c
	}
	c.InsecureSkipVerify = true // replaced by VerifyConnection, which runs on every handshake
	c.VerifyConnection = func(s tls.ConnectionState) error {
		if len(s.PeerCertificates) == 0 {
			return errPin
		}
		sum := sha256.Sum256(s.PeerCertificates[0].Raw)
		if !bytes.Equal(sum[:], pin) {
			return errPin
		}
		return nil
	}
	return c
}
