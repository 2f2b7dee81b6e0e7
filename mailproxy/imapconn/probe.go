package imapconn

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"

	"postern/mailproxy/mail"
)

// Report is what Probe found, step by step.
type Report struct {
	Steps       []Step
	Certificate *Certificate // nil when none was shown
	TLSVersion  string       // "TLS 1.3", "" on a plaintext connection
	Offered     []string     // sign-in mechanisms, the first is tried first; LOGIN the command as "LOGIN command"
	Mechanism   string       // the one that worked
	Before      []string     // capabilities before sign-in, sorted
	After       []string     // capabilities after sign-in, sorted
}

// Step is one thing that was tried.
type Step struct {
	Name   string // resolve, connect, greet, capabilities, sign in, settle
	Detail string // what was found, for people
	Err    error  // carries a kind and a sentence of package mail
	Took   time.Duration
}

// Certificate is the server's certificate, accepted or not.
type Certificate struct {
	Subject, Issuer string
	Names           []string // the DNS names and addresses it is for
	From, Until     time.Time
	SHA256          string // of the certificate (DER), in hexadecimal, as a pin is written
}

// Err is the first failure, nil when every step went well.
func (r Report) Err() error {
	for _, s := range r.Steps {
		if s.Err != nil {
			return s.Err
		}
	}
	return nil
}

// Probe opens a connection like Open, signs in and out, and tells what it met
// on the way. It stops at the first step that fails. Without credentials it
// stops before signing in.
func Probe(ctx context.Context, c Config, creds mail.Credentials) Report {
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.timeout())
		defer cancel()
	}
	var r Report
	o := &opener{c: c, creds: creds}
	defer o.close()
	o.sawCertificate = func(s tls.ConnectionState) { r.saw(s) }

	steps := []struct {
		name string
		do   func(context.Context) error
		tell func() string
	}{
		{"resolve", nil, nil},
		{"connect", o.connect, func() string { return o.conn.RemoteAddr().String() }},
		{"greet", o.greet, func() string { return r.TLSVersion }},
		{"capabilities", o.offer, func() string {
			r.Before = sorted(o.before)
			r.Offered = signer{caps: o.before}.mechanisms()
			return strings.Join(r.Offered, ", ")
		}},
		{"sign in", o.signIn, func() string { r.Mechanism = o.mechanism; return o.mechanism }},
		{"settle", o.settle, func() string { r.After = sorted(o.after); return fmt.Sprintf("%d capabilities", len(r.After)) }},
	}
	for _, s := range steps {
		if s.name == "sign in" {
			if creds.Login == "" && creds.Password == "" {
				break
			}
			if err := check(creds); err != nil {
				r.Steps = append(r.Steps, Step{Name: s.name, Err: err})
				break
			}
		}
		if s.name == "resolve" {
			if step, ok := resolve(ctx, c); ok {
				r.Steps = append(r.Steps, step)
				if step.Err != nil {
					return r
				}
			}
			continue
		}
		start := time.Now()
		err := s.do(ctx)
		step := Step{Name: s.name, Took: time.Since(start)}
		if err != nil {
			if ctx.Err() != nil {
				err = mail.Wrap(mail.Unavailable, errors.Join(ctx.Err(), err), "The mail server did not answer in time.")
			}
			step.Err = err
			r.Steps = append(r.Steps, step)
			break
		}
		step.Detail = s.tell()
		r.Steps = append(r.Steps, step)
	}
	if o.d != nil && r.Err() == nil {
		_, _ = io.WriteString(o.conn, "P0 LOGOUT\r\n") // a farewell: nobody waits for the answer
	}
	return r
}

// resolve looks the name up; ok is false when there is nothing to look up.
func resolve(ctx context.Context, c Config) (s Step, ok bool) {
	if c.Dial != nil || net.ParseIP(c.Host) != nil {
		return Step{}, false
	}
	start := time.Now()
	addrs, err := net.DefaultResolver.LookupHost(ctx, c.Host)
	s = Step{Name: "resolve", Took: time.Since(start), Detail: strings.Join(addrs, ", ")}
	if err != nil {
		s.Err = mail.Wrap(mail.Unavailable, err, fmt.Sprintf("The name %q cannot be resolved.", c.Host))
	}
	return s, true
}

func (r *Report) saw(s tls.ConnectionState) {
	if s.Version != 0 {
		r.TLSVersion = tls.VersionName(s.Version)
	}
	if len(s.PeerCertificates) == 0 {
		return
	}
	c := s.PeerCertificates[0]
	sum := sha256.Sum256(c.Raw)
	r.Certificate = &Certificate{
		Subject: c.Subject.String(), Issuer: c.Issuer.String(), Names: slices.Clone(c.DNSNames),
		From: c.NotBefore, Until: c.NotAfter, SHA256: hex.EncodeToString(sum[:]),
	}
	for _, ip := range c.IPAddresses {
		r.Certificate.Names = append(r.Certificate.Names, ip.String())
	}
}

func sorted(caps imap.CapSet) []string {
	names := make([]string, 0, len(caps))
	for c := range caps {
		names = append(names, string(c))
	}
	slices.Sort(names)
	return names
}
