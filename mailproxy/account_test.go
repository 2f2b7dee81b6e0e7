package mailproxy_test

import (
	"crypto/tls"
	"crypto/x509"
	"net/url"
	"os"
	"strconv"
	"testing"

	"github.com/emersion/go-imap/v2/imapclient"

	"postern/e2e/accounttest"
	"postern/mailproxy"
	"postern/mailproxy/demoserver"
	"postern/mailproxy/imapconn"
)

func demo(t testing.TB, o demoserver.Options) (*demoserver.Server, accounttest.Backend) {
	t.Helper()
	srv, err := demoserver.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = srv.Close() })
	return srv, accounttest.Backend{
		Server: mailproxy.Server{Name: "demo", Domains: []string{"postern.test"}, IMAP: accounttest.Plain(srv.IMAPAddr())},
		Login:  "mira@postern.test", Password: "demo", Address: "mira@postern.test",
		Dial: func(t testing.TB) *imapclient.Client {
			c, err := imapclient.DialInsecure(srv.IMAPAddr(), nil)
			if err != nil {
				t.Fatal(err)
			}
			return c
		},
	}
}

// The account tests on the embedded server, whole and with less and less on offer.
func TestAccount(t *testing.T) {
	for _, tt := range []struct {
		name    string
		without []string
	}{
		{"Full", nil},
		{"NoMove", []string{"MOVE"}},
		{"NoListExtensions", []string{"LIST-EXTENDED", "LIST-STATUS", "SPECIAL-USE", "CREATE-SPECIAL-USE", "NAMESPACE"}},
		{"Bare", []string{"MOVE", "UIDPLUS", "ESEARCH", "LIST-EXTENDED", "LIST-STATUS", "SPECIAL-USE", "CREATE-SPECIAL-USE", "NAMESPACE", "CHILDREN", "LITERAL+", "BINARY", "STATUS=SIZE"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, b := demo(t, demoserver.Options{Without: tt.without})
			accounttest.RunAccountTests(t, b)
		})
	}
}

// The same on a real server.
func TestAccountOnRealServer(t *testing.T) { accounttest.RunAccountTests(t, realServer(t)) }

// realServer is the server that POSTERN_TEST_IMAP names, for instance
// imaps://user:password@localhost:10993; POSTERN_TEST_CA is a file with its
// authority's certificate. Without one the test is skipped.
func realServer(t *testing.T) accounttest.Backend {
	t.Helper()
	raw := os.Getenv("POSTERN_TEST_IMAP")
	if raw == "" {
		t.Skip("POSTERN_TEST_IMAP names no server")
	}
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal("POSTERN_TEST_IMAP is not a URL")
	}
	cfg := imapconn.Config{Host: u.Hostname(), Security: imapconn.TLS}
	if u.Scheme == "imap" {
		cfg.Security = imapconn.StartTLS
	}
	cfg.Port, _ = strconv.Atoi(u.Port())
	if ca := os.Getenv("POSTERN_TEST_CA"); ca != "" {
		pem, err := os.ReadFile(ca)
		if err != nil {
			t.Fatal(err)
		}
		cfg.RootCAs = x509.NewCertPool()
		cfg.RootCAs.AppendCertsFromPEM(pem)
	}
	user := u.User.Username()
	password, _ := u.User.Password()
	return accounttest.Backend{
		Server: mailproxy.Server{Name: "real", IMAP: cfg},
		Login:  user, Password: password, Address: user + "@example.org",
		Dial: func(t testing.TB) *imapclient.Client {
			o := &imapclient.Options{TLSConfig: &tls.Config{RootCAs: cfg.RootCAs, ServerName: cfg.Host}}
			dial := imapclient.DialTLS
			if cfg.Security == imapconn.StartTLS {
				dial = imapclient.DialStartTLS
			}
			c, err := dial(u.Host, o)
			if err != nil {
				t.Fatal(err)
			}
			return c
		},
	}
}
