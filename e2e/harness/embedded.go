package harness

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"postern/mailproxy/demoserver"
)

// Embedded is the program beside a mail server in the test's own process, which
// the test can fill, break and look into.
type Embedded struct {
	*Process
	Mail *demoserver.Server
}

// Serve starts a mail server of opts and the program on it, with more flags.
func Serve(tb testing.TB, opts demoserver.Options, flags ...string) *Embedded {
	tb.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	srv, err := demoserver.Start(ctx, opts)
	if err != nil {
		cancel()
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		_ = srv.Close()
		cancel()
	})
	ca := filepath.Join(tb.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, srv.CertPEM(), 0o600); err != nil {
		tb.Fatal(err)
	}
	args := append([]string{"serve", "--imap", "imaps://" + srv.IMAPSAddr(), "--smtp", "smtps://" + srv.SMTPSAddr(),
		"--ca-file", ca, "--mail-domains", "postern.test", "--data", tb.TempDir()}, flags...)
	return &Embedded{Process: Start(tb, args...), Mail: srv}
}

// Browser is a new browser without scripts in front of the program.
func (p *Process) Browser(tb testing.TB) *Browser { return NewBrowser(tb, p.URL, nil) }

// SignIn is a new browser in which somebody is signed in, at the inbox.
func (p *Process) SignIn(tb testing.TB, address, password string) (*Browser, *Page) {
	tb.Helper()
	b := p.Browser(tb)
	return b, b.SignIn(tb, address, password)
}
