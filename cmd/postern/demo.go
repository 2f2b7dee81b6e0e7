package main

import (
	"context"
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"strconv"
	"time"

	"postern/mailproxy"
	"postern/mailproxy/demoserver"
	"postern/mailproxy/imapconn"
	"postern/mailproxy/mail"
	"postern/mailproxy/submit"
	"postern/store"
)

type demoCmd struct{}

const newMailPause = 70 * time.Second

// Run serves the webmail on a mail server in this process.
func (demoCmd) Run(ctx context.Context, c *Config) (err error) {
	srv, err := demoserver.Start(ctx, demoserver.Options{Seed: true, NewMailEvery: newMailPause, Log: c.logger(os.Stderr).With("part", "demo mail")})
	if err != nil {
		return fmt.Errorf("start the demo's mail server: %w", err)
	}
	defer srv.Close()
	if c.Data == "" {
		dir, err := os.MkdirTemp("", "postern-demo-")
		if err != nil {
			return settingError("data", "", "no folder could be made for the demo; name one")
		}
		defer os.RemoveAll(dir)
		c.Data = dir
	}
	server, err := demoMailServer(srv)
	if err != nil {
		return err
	}
	if c.SignInHost == "" {
		c.SignInHost = "The demo"
	}
	d := &demo{}
	for _, a := range srv.Accounts() {
		d.says = append(d.says, a.Address+", password "+a.Password)
		d.people = append(d.people, a)
	}
	return serve(ctx, c, []mailServer{server}, d)
}

// demo is what serve needs to know of the demo's people.
type demo struct {
	says   []string // for the sign-in page
	people []demoserver.Account
}

// introduce gives each of the demo's people an identity with a name, once.
func (d *demo) introduce(ctx context.Context, p *mailproxy.Proxy, st *store.Store) error {
	for _, a := range d.people {
		c, err := p.Resolve(a.Address, a.Password)
		if err != nil {
			return err
		}
		acct, err := p.Account(ctx, c)
		if err != nil {
			return err
		}
		have, err := st.Identities(ctx, acct.ID())
		if err != nil || len(have) > 0 {
			return err
		}
		if _, err := st.SaveIdentity(ctx, acct.ID(), mail.Identity{Name: a.Name, Addr: a.Address, Default: true}); err != nil {
			return err
		}
	}
	return nil
}

// demoMailServer is how the demo's own mail server is reached: over TLS, by the
// certificate it made for itself.
func demoMailServer(srv *demoserver.Server) (mailServer, error) {
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(srv.CertPEM()) {
		return mailServer{}, fmt.Errorf("the demo's mail server has no certificate")
	}
	host, port, err := net.SplitHostPort(srv.IMAPSAddr())
	if err != nil {
		return mailServer{}, err
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		return mailServer{}, err
	}
	return mailServer{
		name: "demo", domains: []string{"postern.test"},
		imap: imapconn.Config{Host: host, Port: n, Security: imapconn.TLS, RootCAs: roots, Version: version()},
		smtp: submit.Config{Address: srv.SMTPSAddr(), Mode: submit.TLS, TLS: pinnedTLS(host, roots, nil), Hello: "localhost"},
	}, nil
}
