package imapconn

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"postern/mailproxy/demoserver"
	"postern/mailproxy/mail"
)

// play runs a transcript as a server: "S:" lines are sent, "C:" lines expected,
// with $T for the tag of the last command. A transcript that ends hangs up.
func play(conn net.Conn, transcript string) error {
	defer conn.Close()
	br := bufio.NewReader(conn)
	tag := ""
	for _, l := range strings.Split(strings.TrimSpace(transcript), "\n") {
		l = strings.TrimSpace(l)
		switch {
		case strings.HasPrefix(l, "S: "), l == "S:":
			out := strings.TrimPrefix(strings.TrimPrefix(l, "S:"), " ")
			if _, err := io.WriteString(conn, strings.ReplaceAll(out, "$T", tag)+"\r\n"); err != nil {
				return err
			}
		case strings.HasPrefix(l, "C: "), l == "C:":
			want := strings.TrimPrefix(strings.TrimPrefix(l, "C:"), " ")
			got, err := br.ReadString('\n')
			if err != nil {
				return fmt.Errorf("waiting for %q: %w", want, err)
			}
			got = strings.TrimRight(got, "\r\n")
			if rest, ok := strings.CutPrefix(want, "$T "); ok {
				tag, got, _ = strings.Cut(got, " ")
				want = rest
			}
			if got != want && want != "*" {
				return fmt.Errorf("client sent %q, want %q", got, want)
			}
		}
	}
	return nil
}

var anna = mail.Credentials{Login: "anna", Password: "sesam öffne"}

// sign in with user and password of the transcripts
var plainUser = mail.Credentials{Login: "u", Password: "secret"}

func TestOddServers(t *testing.T) {
	const caps = "S: * OK [CAPABILITY IMAP4rev1] hello\n"
	tests := []struct {
		name, transcript string
		config           Config // plaintext unless Security says otherwise
		creds            mail.Credentials
		kind             mail.Kind // of the error; -1 for success
		msg              string    // within the sentence
	}{
		{"LOGIN command, capabilities asked for", `
			S: * OK hello
			C: $T CAPABILITY
			S: * CAPABILITY IMAP4rev1
			S: $T OK
			C: $T LOGIN "u" "secret"
			S: $T OK
			C: $T CAPABILITY
			S: * CAPABILITY IMAP4rev1 IDLE
			S: $T OK`, Config{}, plainUser, -1, ""},
		{"PLAIN with initial response", `
			S: * OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR] hello
			C: $T AUTHENTICATE PLAIN AHUAc2VjcmV0
			S: $T OK [CAPABILITY IMAP4rev1 IDLE] in`, Config{}, plainUser, -1, ""},
		{"PLAIN without", `
			S: * OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hello
			C: $T AUTHENTICATE PLAIN
			S: +
			C: AHUAc2VjcmV0
			S: * CAPABILITY IMAP4rev1 IDLE
			S: $T OK in`, Config{}, plainUser, -1, ""},
		{"SASL LOGIN", `
			S: * OK [CAPABILITY IMAP4rev1 AUTH=LOGIN LOGINDISABLED] hello
			C: $T AUTHENTICATE LOGIN
			S: + VXNlcm5hbWU6
			C: dQ==
			S: + UGFzc3dvcmQ6
			C: c2VjcmV0
			S: $T OK [CAPABILITY IMAP4rev1] in`, Config{}, plainUser, -1, ""},
		{"SCRAM without a key falls back before the password was tried", `
			S: * OK [CAPABILITY IMAP4rev1 AUTH=SCRAM-SHA-256 AUTH=PLAIN SASL-IR] hello
			C: *
			S: P1 NO [AUTHENTICATIONFAILED] no
			C: $T AUTHENTICATE PLAIN AHUAc2VjcmV0
			S: $T OK [CAPABILITY IMAP4rev1] in`, Config{}, plainUser, -1, ""},
		{"no second SCRAM after the first", `
			S: * OK [CAPABILITY IMAP4rev1 AUTH=SCRAM-SHA-1 AUTH=SCRAM-SHA-256 AUTH=PLAIN] hello
			C: $T AUTHENTICATE SCRAM-SHA-256
			S: $T NO [AUTHENTICATIONFAILED] no
			C: $T AUTHENTICATE PLAIN
			S: +
			C: AHUAc2VjcmV0
			S: $T OK [CAPABILITY IMAP4rev1] in`, Config{}, plainUser, -1, ""},
		{"what worked last time comes first", `
			S: * OK [CAPABILITY IMAP4rev1 AUTH=SCRAM-SHA-256 AUTH=PLAIN SASL-IR] hello
			C: $T AUTHENTICATE PLAIN AHUAc2VjcmV0
			S: $T OK [CAPABILITY IMAP4rev1] in`, Config{Names: &Names{mech: "PLAIN"}}, plainUser, -1, ""},
		{"UTF8=ONLY", `
			S: * OK [CAPABILITY IMAP4rev1] hello
			C: $T LOGIN "u" "secret"
			S: $T OK [CAPABILITY IMAP4rev1 ENABLE UTF8=ONLY] in
			C: $T ENABLE UTF8=ACCEPT
			S: * ENABLED UTF8=ACCEPT
			S: $T OK`, Config{}, plainUser, -1, ""},
		{"SCRAM that says OK without a proof", `
			S: * OK [CAPABILITY IMAP4rev1 AUTH=SCRAM-SHA-256 SASL-IR] hello
			C: *
			S: P1 OK welcome`, Config{}, plainUser, mail.Insecure, "could not prove"},
		{"SCRAM with a nonce of its own", `
			S: * OK [CAPABILITY IMAP4rev1 AUTH=SCRAM-SHA-256 SASL-IR] hello
			C: *
			S: + cj1YLHM9UVE9PSxpPTQwOTY=
			C: *`, Config{}, plainUser, mail.Insecure, "could not prove"},
		{"SCRAM with four thousand million iterations", `
			S: * OK [CAPABILITY IMAP4rev1 AUTH=SCRAM-SHA-256 SASL-IR] hello
			C: *
			S: + cj1YLHM9UVE9PSxpPTQwMDAwMDAwMDA=
			C: *`, Config{}, plainUser, mail.Unavailable, "cannot be read"},
		{"literals for what cannot be quoted", `
			S: * OK [CAPABILITY IMAP4rev1] hello
			C: $T LOGIN "anna" {12}
			S: + go on
			C: sesam öffne
			S: $T OK [CAPABILITY IMAP4rev1] in`, Config{}, anna, -1, ""},
		{"literals without asking", `
			S: * OK [CAPABILITY IMAP4rev1 LITERAL+] hello
			C: $T LOGIN "anna" {12+}
			C: sesam öffne
			S: $T OK [CAPABILITY IMAP4rev1] in`, Config{}, anna, -1, ""},
		{"quotes in a password", `
			S: * OK [CAPABILITY IMAP4rev1] hello
			C: $T LOGIN "u" "a\"b\\c"
			S: $T OK [CAPABILITY IMAP4rev1] in`, Config{}, mail.Credentials{Login: "u", Password: `a"b\c`}, -1, ""},
		{"ID after sign-in only", `
			S: * OK [CAPABILITY IMAP4rev1 ID] hello
			C: $T LOGIN "u" "secret"
			S: $T OK [CAPABILITY IMAP4rev1 ID] in
			C: $T ID ("name" "Postern" "version" "1.2" "x-originating-ip" "192.0.2.7")
			S: * ID ("name" {4}
			S: "x" "y")
			S: $T OK`, Config{Version: "1.2", ClientIP: "192.0.2.7"}, plainUser, -1, ""},
		{"wrong password", caps + `
			C: $T LOGIN "u" "secret"
			S: $T NO [AUTHENTICATIONFAILED] no secret for u`, Config{}, plainUser, mail.SignedOut, "The address or the password is not right."},
		{"wrong password, old server", caps + `
			C: $T LOGIN "u" "secret"
			S: $T NO Login failed`, Config{}, plainUser, mail.SignedOut, "The address or the password is not right."},
		{"password expired", caps + `
			C: $T LOGIN "u" "secret"
			S: $T NO [EXPIRED] x`, Config{}, plainUser, mail.SignedOut, "expired"},
		{"mailbox in use", caps + `
			C: $T LOGIN "u" "secret"
			S: $T NO [INUSE] x`, Config{}, plainUser, mail.Limited, "no more connections"},
		{"too many connections", caps + `
			C: $T LOGIN "u" "secret"
			S: * BYE Maximum number of connections from user+IP exceeded
			S: $T NO [LIMIT] x`, Config{}, plainUser, mail.Limited, "no more connections"},
		{"too many connections in words, hung up", caps + `
			C: $T LOGIN "u" "secret"
			S: * BYE Too many connections`, Config{}, plainUser, mail.Limited, "no more connections"},
		{"temporary failure", caps + `
			C: $T LOGIN "u" "secret"
			S: $T NO [UNAVAILABLE] Temporary authentication failure.`, Config{}, plainUser, mail.Limited, "Temporary"},
		{"privacy required", caps + `
			C: $T LOGIN "u" "secret"
			S: $T NO [PRIVACYREQUIRED] x`, Config{}, plainUser, mail.Refused, "encrypted"},
		{"app password wanted", caps + `
			C: $T LOGIN "u" "secret"
			S: $T NO [ALERT] Application-specific password required`, Config{}, plainUser, mail.SignedOut, "Application-specific"},
		{"the server repeats the password", caps + `
			C: $T LOGIN "u" "secret"
			S: $T BAD Unknown command LOGIN u SECRET`, Config{}, plainUser, mail.Refused, "did not understand"},
		{"sign-in disabled", `
			S: * OK [CAPABILITY IMAP4rev1 LOGINDISABLED STARTTLS] hello`, Config{}, plainUser, mail.Refused, "does not allow"},
		{"only unknown mechanisms", `
			S: * OK [CAPABILITY IMAP4rev1 LOGINDISABLED AUTH=GSSAPI] hello`, Config{}, plainUser, mail.Refused, "no way of signing in"},
		{"signs everyone in", `
			S: * PREAUTH [CAPABILITY IMAP4rev1] hello`, Config{}, plainUser, mail.Insecure, "without asking"},
		{"goes away at once", `
			S: * BYE [UNAVAILABLE] shutting down`, Config{}, plainUser, mail.Limited, "shutting down"},
		{"hangs up at once", ``, Config{}, plainUser, mail.Unavailable, "did not answer"},
		{"speaks something else", `
			S: SSH-2.0-OpenSSH_9.2`, Config{}, plainUser, mail.Unavailable, "cannot be read"},
		{"endless line", `
			S: * OK ` + strings.Repeat("x", 100<<10), Config{}, plainUser, mail.Unavailable, "cannot be read"},
		{"endless literal", `
			S: * OK [CAPABILITY IMAP4rev1 ID] hello
			C: $T LOGIN "u" "secret"
			S: * ID {1000000000}`, Config{}, plainUser, mail.Unavailable, "cannot be read"},
		{"continuation out of turn", caps + `
			C: $T LOGIN "u" "secret"
			S: + more?`, Config{}, plainUser, mail.Unavailable, "cannot be read"},
		{"an unknown tag", caps + `
			C: $T LOGIN "u" "secret"
			S: X9 OK`, Config{}, plainUser, mail.Unavailable, "cannot be read"},
		{"no STARTTLS", `
			S: * OK [CAPABILITY IMAP4rev1] hello
			C: $T STARTTLS
			S: $T BAD what?`, Config{Security: StartTLS, Host: "x"}, plainUser, mail.Insecure, "does not offer an encrypted connection"},
		{"STARTTLS signed in beforehand", `
			S: * PREAUTH [CAPABILITY IMAP4rev1] hello`, Config{Security: StartTLS, Host: "x"}, plainUser, mail.Insecure, "without asking"},
		{"line ends in a password", ``, Config{}, mail.Credentials{Login: "u", Password: "a\r\nb"}, mail.Invalid, ""},
		{"NUL in a login", ``, Config{}, mail.Credentials{Login: "u\x00v", Password: "p"}, mail.Invalid, ""},
		{"no password", ``, Config{}, mail.Credentials{Login: "u"}, mail.Invalid, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			near, far := net.Pipe()
			played := make(chan error, 1)
			go func() { played <- play(far, tt.transcript) }()
			c := tt.config
			if c.Security != StartTLS {
				c.Security, c.AllowPlaintext = None, true
			}
			c.Dial = func(context.Context, string, string) (net.Conn, error) { return near, nil }
			conn, err := Open(t.Context(), c, tt.creds)
			near.Close()
			playErr := <-played
			if tt.kind < 0 {
				if err != nil || playErr != nil {
					t.Fatalf("got %v, transcript: %v", err, playErr)
				}
				line, _ := bufio.NewReader(conn).ReadString('\n')
				if !strings.HasPrefix(line, "* PREAUTH [CAPABILITY ") {
					t.Errorf("a client reads %q first", line)
				}
				return
			}
			if err == nil {
				t.Fatal("no error")
			}
			if mail.KindOf(err) != tt.kind || !strings.Contains(mail.MsgOf(err), tt.msg) {
				t.Errorf("got %s %q (%v), want %s with %q; transcript: %v", mail.KindOf(err), mail.MsgOf(err), err, tt.kind, tt.msg, playErr)
			}
			if len(tt.creds.Password) > 3 && strings.Contains(strings.ToLower(err.Error()), tt.creds.Password) {
				t.Errorf("the error holds the password: %v", err)
			}
		})
	}
}

func TestPlaintextAfterSTARTTLSIsRefused(t *testing.T) {
	t.Parallel()
	near, far := net.Pipe()
	go func() {
		defer far.Close()
		br := bufio.NewReader(far)
		_, _ = io.WriteString(far, "* OK [CAPABILITY IMAP4rev1 STARTTLS] hello\r\n")
		_, _ = br.ReadString('\n')
		_, _ = io.WriteString(far, "P1 OK go\r\n* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n")
		_, _ = io.Copy(io.Discard, br)
	}()
	_, err := Open(t.Context(), Config{Host: "x", Security: StartTLS, Dial: func(context.Context, string, string) (net.Conn, error) { return near, nil }}, plainUser)
	if mail.KindOf(err) != mail.Insecure || !strings.Contains(mail.MsgOf(err), "tampered") {
		t.Errorf("got %v, want Insecure", err)
	}
}

// start runs a demo server and returns how to reach it.
func start(t *testing.T, o demoserver.Options) (srv *demoserver.Server, implicit, startTLS Config) {
	t.Helper()
	srv, err := demoserver.Start(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { srv.Close() })
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(srv.CertPEM())
	at := func(addr string, s Security) Config {
		host, port, _ := net.SplitHostPort(addr)
		n, _ := strconv.Atoi(port)
		return Config{Host: host, Port: n, Security: s, RootCAs: pool, Timeout: 10 * time.Second}
	}
	return srv, at(srv.IMAPSAddr(), TLS), at(srv.IMAPAddr(), StartTLS)
}

var mira = mail.Credentials{Login: "mira@postern.test", Password: "demo", Address: "mira@postern.test"}

func TestOpen(t *testing.T) {
	t.Parallel()
	_, implicit, upgraded := start(t, demoserver.Options{RequireTLS: true})
	_, scramTLS, _ := start(t, demoserver.Options{SCRAM: true})
	plain := upgraded
	plain.Security, plain.AllowPlaintext = None, true
	tests := []struct {
		name      string
		c         Config
		mechanism string
	}{
		{"TLS", implicit, "PLAIN"},
		{"STARTTLS", upgraded, "PLAIN"},
		{"SCRAM", scramTLS, "SCRAM-SHA-256"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			conn, err := Open(t.Context(), tt.c, mira)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if _, ok := conn.TLS(); !ok || conn.Mechanism() != tt.mechanism {
				t.Errorf("signed in with %s, private %v; want %s", conn.Mechanism(), ok, tt.mechanism)
			}
			c := imapclient.New(conn, nil)
			sel, err := c.Select("INBOX", nil).Wait()
			if err != nil || sel.UIDValidity == 0 {
				t.Errorf("SELECT: %v, %v", sel, err)
			}
			if err := c.Logout().Wait(); err != nil {
				t.Errorf("LOGOUT: %v", err)
			}
			wrong := mira
			wrong.Password = "wrong"
			if _, err := Open(t.Context(), tt.c, wrong); mail.KindOf(err) != mail.SignedOut || mail.MsgOf(err) != wrongPassword {
				t.Errorf("wrong password: %v", err)
			}
		})
	}
	t.Run("plaintext before STARTTLS", func(t *testing.T) {
		t.Parallel()
		if _, err := Open(t.Context(), plain, mira); mail.KindOf(err) != mail.Refused {
			t.Errorf("got %v, want Refused", err)
		}
		plain := plain
		plain.AllowPlaintext = false
		if _, err := Open(t.Context(), plain, mira); mail.KindOf(err) != mail.Insecure {
			t.Errorf("not allowed: got %v, want Insecure", err)
		}
	})
}

func TestCertificates(t *testing.T) {
	t.Parallel()
	_, implicit, upgraded := start(t, demoserver.Options{})
	old, cert := expiredCertificate(t)
	_, expired, _ := start(t, demoserver.Options{TLS: old})
	expired.RootCAs = x509.NewCertPool()
	expired.RootCAs.AddCert(cert)
	unknown := implicit
	unknown.RootCAs = x509.NewCertPool()
	otherName := implicit
	otherName.ServerName = "mail.example.org"
	pinned := implicit
	pinned.RootCAs, pinned.ServerName = x509.NewCertPool(), "whatever.example"
	pinned.PinSHA256 = make([]byte, sha256.Size)
	notTLS := upgraded
	notTLS.Security = TLS
	tests := []struct {
		name string
		c    Config
		msg  string
	}{
		{"unknown authority", unknown, "authority that is not trusted"},
		{"other name", otherName, `another name than "mail.example.org"`},
		{"not the pinned one", pinned, "not the one that was agreed on"},
		{"expired", expired, "not valid today; it is valid from"},
		{"no TLS on this port", notTLS, "does not speak TLS"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := Open(t.Context(), tt.c, mira)
			if mail.KindOf(err) != mail.Insecure || !strings.Contains(mail.MsgOf(err), tt.msg) {
				t.Errorf("got %s %q (%v), want Insecure with %q", mail.KindOf(err), mail.MsgOf(err), err, tt.msg)
			}
		})
	}
	t.Run("the pinned one", func(t *testing.T) {
		t.Parallel()
		report := Probe(t.Context(), implicit, mira)
		if report.Err() != nil || report.Certificate == nil {
			t.Fatalf("probe: %v", report.Err())
		}
		c := pinned
		c.PinSHA256 = nil
		for i := 0; i < len(report.Certificate.SHA256); i += 2 {
			b, _ := strconv.ParseUint(report.Certificate.SHA256[i:i+2], 16, 8)
			c.PinSHA256 = append(c.PinSHA256, byte(b))
		}
		conn, err := Open(t.Context(), c, mira)
		if err != nil {
			t.Fatal(err)
		}
		conn.Close()
	})
}

func expiredCertificate(t *testing.T) (*tls.Config, *x509.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	cert := &x509.Certificate{
		SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
		NotBefore: time.Date(2001, 2, 3, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2002, 2, 3, 0, 0, 0, 0, time.UTC),
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, cert, cert, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	if cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, cert
}

func TestProbe(t *testing.T) {
	t.Parallel()
	srv, implicit, upgraded := start(t, demoserver.Options{SCRAM: true})
	for _, c := range []Config{implicit, upgraded} {
		r := Probe(t.Context(), c, mira)
		if r.Err() != nil {
			t.Fatal(r.Err())
		}
		var names []string
		for _, s := range r.Steps {
			names = append(names, s.Name)
		}
		if got := strings.Join(names, " "); got != "connect greet capabilities sign in settle" {
			t.Errorf("steps %q", got)
		}
		if r.Mechanism != "SCRAM-SHA-256" || r.TLSVersion != "TLS 1.3" || len(r.After) == 0 || len(r.Before) == 0 || r.Certificate.Until.IsZero() {
			t.Errorf("got %+v", r)
		}
	}
	bad := implicit
	bad.RootCAs = x509.NewCertPool()
	r := Probe(t.Context(), bad, mira)
	if mail.KindOf(r.Err()) != mail.Insecure || r.Certificate == nil || len(r.Certificate.SHA256) != 64 {
		t.Errorf("unknown authority: %v, certificate %+v", r.Err(), r.Certificate)
	}
	srv.SetDown(true)
	if r := Probe(t.Context(), implicit, mira); mail.KindOf(r.Err()) != mail.Unavailable {
		t.Errorf("server down: %v", r.Err())
	}
	r = Probe(t.Context(), Config{Host: "does-not-exist.invalid"}, mira)
	if mail.KindOf(r.Err()) != mail.Unavailable || r.Steps[0].Name != "resolve" {
		t.Errorf("unknown name: %+v", r.Steps)
	}
}

func TestOpenEndsWithItsContext(t *testing.T) {
	t.Parallel()
	srv, implicit, upgraded := start(t, demoserver.Options{})
	srv.SetSilent(true)
	defer srv.SetSilent(false)
	for _, c := range []Config{implicit, upgraded} {
		c.Timeout = 50 * time.Millisecond
		_, err := Open(t.Context(), c, mira)
		if mail.KindOf(err) != mail.Unavailable || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("silent server: %v", err)
		}
	}
}

func TestCapsOfMixedServers(t *testing.T) {
	t.Parallel()
	near, far := net.Pipe()
	go func() {
		_ = play(far, `
			S: * OK [CAPABILITY IMAP4rev1 IMAP4rev2] hello
			C: $T LOGIN "u" "secret"
			S: $T OK [CAPABILITY imap4rev1 imap4REV2 idle bad{cap "x" (y AUTH=PLAIN] in
			C: never sent`)
	}()
	conn, err := Open(t.Context(), Config{Security: None, AllowPlaintext: true, Dial: func(context.Context, string, string) (net.Conn, error) { return near, nil }}, plainUser)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if got := strings.Join(sorted(conn.Caps()), " "); got != "AUTH=PLAIN IDLE IMAP4rev1" {
		t.Errorf("capabilities %q", got)
	}
	c := imapclient.New(conn, nil)
	if err := c.WaitGreeting(); err != nil || !c.Caps().Has(imap.CapIdle) {
		t.Errorf("the client sees %v, %v", c.Caps(), err)
	}
}

func FuzzSignIn(f *testing.F) {
	f.Add([]byte("* OK [CAPABILITY IMAP4rev1 AUTH=SCRAM-SHA-256 SASL-IR] x\r\n+ cj1YLHM9UVE9PSxpPTQwOTY=\r\nP1 NO\r\n"))
	f.Add([]byte("* OK [CAPABILITY IMAP4rev1 AUTH=LOGIN] x\r\n+ \r\n+ \r\nP1 OK [CAPABILITY IMAP4rev1] x\r\n"))
	f.Add([]byte("* OK x\r\n* CAPABILITY IMAP4rev1\r\nP1 OK\r\nP2 OK\r\n* ID {3}\r\nabc\r\n* CAPABILITY a b\r\nP3 OK\r\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		c := Config{Security: None, AllowPlaintext: true, Dial: func(context.Context, string, string) (net.Conn, error) {
			return &script{in: in, chunk: 50}, nil
		}}
		conn, err := Open(t.Context(), c, mail.Credentials{Login: "uuuuuuuu", Password: "pppppppp"})
		if err == nil {
			conn.Close()
		} else if k := mail.KindOf(err); k == mail.Internal || strings.Contains(err.Error(), "pppppppp") && !strings.Contains(string(in), "pppppppp") {
			t.Errorf("%q: %v", in, err)
		}
	})
}
