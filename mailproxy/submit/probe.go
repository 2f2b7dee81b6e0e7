package submit

import (
	"context"
	"crypto/x509"
	"errors"
	"slices"
	"strings"
	"time"

	"postern/mailproxy/mail"
)

// Report is what Probe found out.
type Report struct {
	Steps       []Step
	TLSVersion  uint16            // 0 without TLS
	Certificate *x509.Certificate // of the server, nil without TLS
	Size        int64             // largest message the server says it takes, 0 when it does not say
	Extensions  []string          // as offered after TLS, sorted
	Mechanisms  []string          // as offered, in the server's order
	Mechanism   string            // used to sign in
}

// Step is one step on the way to a session that could send.
type Step struct {
	Name   string // "connect", "TLS", "greeting", "sign-in"
	Took   time.Duration
	Detail string
	Err    error // an *Error, nil when it went well
}

// OK reports whether a message could be handed in.
func (r Report) OK() bool {
	for _, s := range r.Steps {
		if s.Err != nil {
			return false
		}
	}
	return len(r.Steps) > 0
}

// known are extensions that matter to Postern, asked for by name since go-smtp
// does not list them.
var known = []string{"8BITMIME", "AUTH", "BINARYMIME", "CHUNKING", "DELIVERBY", "DSN", "ENHANCEDSTATUSCODES", "FUTURERELEASE", "LIMITS", "MT-PRIORITY", "PIPELINING", "REQUIRETLS", "SIZE", "SMTPUTF8"}

// Probe connects and signs in, sends nothing, and says how far it came. Empty
// credentials skip the sign-in.
func Probe(ctx context.Context, c Config, creds mail.Credentials) Report {
	c = c.withDefaults()
	var r Report
	last := time.Now()
	add := func(name, detail string, err error) {
		r.Steps = append(r.Steps, Step{Name: name, Took: time.Since(last), Detail: detail, Err: err})
		last = time.Now()
	}
	if badHello(c.Hello) != nil {
		add("greeting", "", &Error{Class: Temporary, Stage: "greeting", Kind: mail.Internal, Msg: "The name Postern calls itself by is not a host name.", Err: errors.New("bad name for EHLO")})
		return r
	}
	cl, e := connect(ctx, c, func(name string) { add(name, "", nil) })
	if e != nil {
		add(e.Stage, e.Reply, e)
		return r
	}
	defer cl.Close()
	stop := context.AfterFunc(ctx, func() { cl.conn.Conn.Close() })
	defer stop()
	if st := cl.state; st != nil {
		r.TLSVersion = st.Version
		if len(st.PeerCertificates) > 0 {
			r.Certificate = st.PeerCertificates[0]
		}
	}
	for _, name := range known {
		if ok, param := cl.Extension(name); ok {
			r.Extensions = append(r.Extensions, name)
			if name == "AUTH" {
				r.Mechanisms = strings.Fields(oneLine(param))
			}
		}
	}
	slices.Sort(r.Extensions)
	if n, ok := cl.MaxMessageSize(); ok {
		r.Size = int64(n)
	}
	if !c.NoAuth && creds.Login != "" {
		m, e := signIn(cl.Client, creds)
		r.Mechanism = m
		if e != nil {
			add("sign-in", e.Reply, e)
			return r
		}
		add("sign-in", m, nil)
	}
	cl.quit()
	return r
}
