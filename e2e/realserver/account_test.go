package realserver

import (
	"testing"

	"github.com/emersion/go-imap/v2/imapclient"

	"postern/e2e/accounttest"
	"postern/e2e/harness/mailserver"
	"postern/mailproxy"
	"postern/mailproxy/imapconn"
)

func backend(t testing.TB, s *mailserver.Server, user string, security imapconn.Security) accounttest.Backend {
	port := s.IMAPS
	if security == imapconn.StartTLS {
		port = s.IMAP
	}
	return accounttest.Backend{
		Server: mailproxy.Server{Name: "dovecot", Domains: []string{mailserver.Domain},
			IMAP: imapconn.Config{Host: "localhost", Port: port, Security: security, RootCAs: s.Roots(t)}},
		Login: user, Password: "pw-" + user, Address: user + "@" + mailserver.Domain,
		Dial: func(tb testing.TB) *imapclient.Client { return s.Dial(tb) },
	}
}

// TestAccount runs the account tests on Dovecot: with MOVE, UIDPLUS, SPECIAL-USE,
// CONDSTORE and PREVIEW over STARTTLS, and on one that has none of them over TLS.
func TestAccount(t *testing.T) {
	t.Parallel()
	t.Run("Full", func(t *testing.T) {
		t.Parallel()
		accounttest.RunAccountTests(t, backend(t, server(t), "u1", imapconn.StartTLS))
	})
	t.Run("Bare", func(t *testing.T) {
		t.Parallel()
		s := mailserver.Start(t, mailserver.Options{Dovecot: mailserver.WithoutExtensions})
		s.Seed(t, "u1", 1000, true)
		accounttest.RunAccountTests(t, backend(t, s, "u1", imapconn.TLS))
	})
}
