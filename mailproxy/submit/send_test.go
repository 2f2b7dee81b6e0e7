package submit

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"math/big"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"postern/mailproxy/mail"
)

// backend is a go-smtp server that keeps what it gets.
type backend struct {
	mu       sync.Mutex
	from     []string
	to       []string
	opts     []smtp.MailOptions
	messages [][]byte
	rcpt     func(to string) error
	data     func() error
}

func (b *backend) NewSession(*smtp.Conn) (smtp.Session, error) { return &session1{b: b}, nil }

type session1 struct {
	b      *backend
	authed bool
}

func (s *session1) AuthMechanisms() []string { return []string{sasl.Plain, sasl.Login} }

func (s *session1) Auth(mech string) (sasl.Server, error) {
	check := func(user, pass string) error {
		if user != "mira" || pass != "demo" {
			return &smtp.SMTPError{Code: 535, EnhancedCode: smtp.EnhancedCode{5, 7, 8}, Message: "Bad credentials"}
		}
		s.authed = true
		return nil
	}
	if mech == sasl.Login {
		return &loginServer{check: check}, nil
	}
	return sasl.NewPlainServer(func(_, user, pass string) error { return check(user, pass) }), nil
}

type loginServer struct {
	n    int
	user string

	check func(user, pass string) error
}

func (l *loginServer) Next(r []byte) ([]byte, bool, error) {
	l.n++
	switch l.n {
	case 1:
		return []byte("Username:"), false, nil
	case 2:
		l.user = string(r)
		return []byte("Password:"), false, nil
	}
	return nil, true, l.check(l.user, string(r))
}

func (s *session1) Mail(from string, o *smtp.MailOptions) error {
	if !s.authed {
		return smtp.ErrAuthRequired
	}
	s.b.mu.Lock()
	defer s.b.mu.Unlock()
	s.b.from = append(s.b.from, from)
	s.b.opts = append(s.b.opts, *o)
	return nil
}

func (s *session1) Rcpt(to string, _ *smtp.RcptOptions) error {
	if s.b.rcpt != nil {
		if err := s.b.rcpt(to); err != nil {
			return err
		}
	}
	s.b.mu.Lock()
	defer s.b.mu.Unlock()
	s.b.to = append(s.b.to, to)
	return nil
}

func (s *session1) Data(r io.Reader) error {
	m, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if s.b.data != nil {
		if err := s.b.data(); err != nil {
			return err
		}
	}
	s.b.mu.Lock()
	defer s.b.mu.Unlock()
	s.b.messages = append(s.b.messages, m)
	return nil
}

func (s *session1) Reset()        {}
func (s *session1) Logout() error { return nil }

func certificate(t testing.TB) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, _ := x509.ParseCertificate(der)
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, pool
}

// serve starts a go-smtp server on loopback in the given mode.
func serve(t testing.TB, b *backend, mode Mode, tune func(*smtp.Server)) Config {
	t.Helper()
	cert, pool := certificate(t)
	s := smtp.NewServer(b)
	s.Domain = "mail.test"
	s.EnableSMTPUTF8 = true
	s.AllowInsecureAuth = mode == Plain
	s.ErrorLog = quiet{}
	if mode == StartTLS {
		s.TLSConfig = &tls.Config{Certificates: []tls.Certificate{cert}}
	}
	if tune != nil {
		tune(s)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := Config{Address: l.Addr().String(), Mode: mode, TLS: &tls.Config{RootCAs: pool}, Hello: "webmail.test", CommandTimeout: 5 * time.Second, DataTimeout: 5 * time.Second, FinalTimeout: 5 * time.Second}
	if mode == TLS {
		l = tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{cert}})
	}
	go s.Serve(l)
	t.Cleanup(func() { s.Close() })
	return c
}

type quiet struct{}

func (quiet) Printf(string, ...any) {}
func (quiet) Println(...any)        {}

var creds = mail.Credentials{Login: "mira", Password: "demo"}

func submission(to ...string) mail.Submission {
	return mail.Submission{From: "mira@postern.test", Recipients: to, MessageID: "1@postern.test", Size: 100}
}

const message = "From: mira@postern.test\r\nSubject: Hi\r\n\r\nHello\r\n.leading dot\r\n.\r\nend\r\n"

func TestSend(t *testing.T) {
	t.Parallel()
	for _, mode := range []Mode{TLS, StartTLS, Plain} {
		t.Run(mode.String(), func(t *testing.T) {
			t.Parallel()
			b := &backend{}
			c := serve(t, b, mode, nil)
			committed := 0
			r, err := Send(t.Context(), c, creds, submission("a@x.test", "b@x.test"), strings.NewReader(message), func() error { committed++; return nil })
			if err != nil {
				t.Fatal(err)
			}
			if r.Accepted != 2 || committed != 1 || len(b.messages) != 1 || string(b.messages[0]) != message {
				t.Errorf("result %+v, committed %d, got %q", r, committed, b.messages)
			}
			if b.from[0] != "mira@postern.test" || strings.Join(b.to, " ") != "a@x.test b@x.test" {
				t.Errorf("envelope %q %q", b.from, b.to)
			}
		})
	}
}

func TestSendErrors(t *testing.T) {
	t.Parallel()
	perm := &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "No such user"}
	temp := &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 7, 1}, Message: "Greylisted"}
	tests := []struct {
		name    string
		backend *backend
		tune    func(*smtp.Server)
		creds   mail.Credentials
		sub     mail.Submission
		class   Class
		kind    mail.Kind
		reply   string // part of Reply
		refused int
	}{
		{"one recipient refused", &backend{rcpt: func(to string) error {
			if to == "b@x.test" {
				return perm
			}
			return nil
		}}, nil, creds, submission("a@x.test", "b@x.test", "c@x.test"), Permanent, mail.Refused, "550 5.1.1 No such user", 1},
		{"two refused, one of them for now", &backend{rcpt: func(to string) error {
			switch to {
			case "a@x.test":
				return temp
			case "b@x.test":
				return perm
			}
			return nil
		}}, nil, creds, submission("a@x.test", "b@x.test", "c@x.test"), Permanent, mail.Refused, "550", 1},
		{"greylisted", &backend{rcpt: func(string) error { return temp }}, nil, creds, submission("a@x.test"), Temporary, mail.Unavailable, "451 4.7.1 Greylisted", 1},
		{"message refused", &backend{data: func() error {
			return &smtp.SMTPError{Code: 554, EnhancedCode: smtp.EnhancedCode{5, 6, 0}, Message: "Spam"}
		}}, nil, creds, submission("a@x.test"), Permanent, mail.Refused, "554 5.6.0 Spam", 0},
		{"message for later", &backend{data: func() error { return temp }}, nil, creds, submission("a@x.test"), Temporary, mail.Unavailable, "451", 0},
		{"wrong password", &backend{}, nil, mail.Credentials{Login: "mira", Password: "no"}, submission("a@x.test"), Permanent, mail.SignedOut, "535", 0},
		{"password with NUL", &backend{}, nil, mail.Credentials{Login: "mira", Password: "de\x00mo"}, submission("a@x.test"), Permanent, mail.SignedOut, "", 0},
		{"too large", &backend{}, func(s *smtp.Server) { s.MaxMessageBytes = 99 }, creds, submission("a@x.test"), Permanent, mail.TooLarge, "", 0},
		{"no SMTPUTF8", &backend{}, func(s *smtp.Server) { s.EnableSMTPUTF8 = false }, creds, mail.Submission{From: "mira@postern.test", Recipients: []string{"é@x.test"}, UTF8: true}, Permanent, mail.Refused, "", 0},
		{"UTF-8 not declared", &backend{}, nil, creds, submission("é@x.test"), Permanent, mail.Invalid, "", 0},
		{"no recipient", &backend{}, nil, creds, submission(), Permanent, mail.Invalid, "", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := serve(t, tt.backend, TLS, tt.tune)
			r, err := Send(t.Context(), c, tt.creds, tt.sub, strings.NewReader(message), func() error { return nil })
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("error %v", err)
			}
			if e.Class != tt.class || mail.KindOf(err) != tt.kind || !strings.Contains(e.Reply, tt.reply) || len(r.Refused) != tt.refused {
				t.Errorf("class %v kind %v reply %q refused %v (%v)", e.Class, mail.KindOf(err), e.Reply, r.Refused, err)
			}
			if mail.MsgOf(err) == "" {
				t.Error("no sentence for the person")
			}
			if strings.Contains(err.Error(), tt.creds.Password) || strings.Contains(err.Error(), "x.test") {
				t.Errorf("error text tells too much: %v", err)
			}
			if len(tt.backend.messages) != 0 {
				t.Error("something was sent")
			}
		})
	}
}

// Strings that would say more to a server than they should, from the project's
// collection of injections, refuse before a connection is made.
func TestAddressesCannotInject(t *testing.T) {
	t.Parallel()
	for _, a := range []string{"a@example.com>\r\nRCPT TO:<victim@leak.test", "a@example.com\r\nRSET\r\nMAIL FROM:<x", "a@example.com> BODY=8BITMIME\r\nDATA", "a@example.com SMTPUTF8",
		"a@example.com\x00@leak.test", "a@example.com> SIZE=1", `"a>b"@example.com`, "<a@example.com>", "", "a", "a@example.com\u2028"} {
		dialled := false
		c := Config{Address: "127.0.0.1:1", Dial: func(context.Context, string, string) (net.Conn, error) {
			dialled = true
			return nil, errors.New("no")
		}}
		for _, s := range []mail.Submission{{From: "m@x.test", Recipients: []string{a}, UTF8: true}, {From: a, Recipients: []string{"m@x.test"}, UTF8: true}} {
			if _, err := Send(t.Context(), c, creds, s, strings.NewReader(""), nil); mail.KindOf(err) != mail.Invalid || dialled {
				t.Errorf("%q: %v", a, err)
			}
		}
		if a == "" {
			continue
		}
		c.Hello = a
		if strings.ContainsAny(a, "\r\n\x00 <>") {
			if _, err := Send(t.Context(), c, creds, submission("a@x.test"), strings.NewReader(""), nil); mail.KindOf(err) != mail.Internal || dialled {
				t.Errorf("hello %q: %v", a, err)
			}
		}
	}
}

func TestLineEnds(t *testing.T) {
	t.Parallel()
	tests := []struct{ in, want string }{
		{"x\n.\nMAIL FROM:<a@leak.test>\n", "x\r\n.\r\nMAIL FROM:<a@leak.test>\r\n"},
		{"x\r.\rMAIL\r", "x\r\n.\r\nMAIL\r\n"},
		{"x\r\n.\rMAIL\r\n", "x\r\n.\r\nMAIL\r\n"},
		{"x\r\r\n.\r\r\n", "x\r\n\r\n.\r\n\r\n"},
		{"x\r\n\x00.\r\nMAIL\r\n", "x\r\n.\r\nMAIL\r\n"},
		{".", ".\r\n"},
		{"", "\r\n"},
		{"\r\n.\r\n", "\r\n.\r\n"},
	}
	for _, tt := range tests {
		b := &backend{}
		c := serve(t, b, Plain, nil)
		if _, err := Send(t.Context(), c, creds, submission("a@x.test"), iotestOneByte{strings.NewReader(tt.in)}, nil); err != nil {
			t.Fatalf("%q: %v", tt.in, err)
		}
		if len(b.messages) != 1 || string(b.messages[0]) != tt.want {
			t.Errorf("%q arrived as %q, want %q", tt.in, b.messages, tt.want)
		}
	}
}

type iotestOneByte struct{ r io.Reader }

func (o iotestOneByte) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	return o.r.Read(p[:1])
}

// script is a server that says what it is told: each step sends a line and, unless
// it is the last, reads one line.
func script(t *testing.T, serve func(c net.Conn)) Config {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	var open []net.Conn
	wg.Add(1)
	go func() {
		defer wg.Done()
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open = append(open, c)
			mu.Unlock()
			wg.Add(1)
			go func() { defer wg.Done(); defer c.Close(); serve(c) }()
		}
	}()
	t.Cleanup(func() {
		l.Close()
		mu.Lock()
		for _, c := range open {
			c.Close()
		}
		mu.Unlock()
		wg.Wait()
	})
	return Config{Address: l.Addr().String(), Mode: Plain, NoAuth: true, ConnectTimeout: 2 * time.Second, CommandTimeout: 300 * time.Millisecond, DataTimeout: 300 * time.Millisecond, FinalTimeout: 300 * time.Millisecond}
}

// talk answers commands up to and including DATA.
func talk(c net.Conn) *lineReader {
	r := &lineReader{c: c}
	io.WriteString(c, "220 hi\r\n")
	for {
		l, err := r.line()
		if err != nil {
			return r
		}
		switch {
		case strings.HasPrefix(l, "EHLO"):
			io.WriteString(c, "250-hi\r\n250 8BITMIME\r\n")
		case l == "DATA":
			io.WriteString(c, "354 go\r\n")
			return r
		default:
			io.WriteString(c, "250 ok\r\n")
		}
	}
}

type lineReader struct {
	c   net.Conn
	buf []byte
}

func (r *lineReader) line() (string, error) {
	for {
		if i := bytes.Index(r.buf, []byte("\r\n")); i >= 0 {
			l := string(r.buf[:i])
			r.buf = r.buf[i+2:]
			return l, nil
		}
		var b [4096]byte
		n, err := r.c.Read(b[:])
		r.buf = append(r.buf, b[:n]...)
		if err != nil {
			return "", err
		}
	}
}

func (r *lineReader) untilDot() error {
	for {
		l, err := r.line()
		if err != nil || l == "." {
			return err
		}
	}
}

// endless is a body that never ends by itself.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
		if i%70 == 69 {
			p[i] = '\n'
		}
	}
	return len(p), nil
}

func TestHostileServers(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name      string
		serve     func(c net.Conn) // nil: takes DATA and reads no further
		body      io.Reader
		class     Class
		stage     string
		committed bool
	}{
		{"says nothing", func(c net.Conn) { io.Copy(io.Discard, c) }, nil, Temporary, "greeting", false},
		{"endless greeting lines", func(c net.Conn) {
			for {
				if _, err := io.WriteString(c, "220-hello hello hello\r\n"); err != nil {
					return
				}
			}
		}, nil, Temporary, "greeting", false},
		{"one endless line", func(c net.Conn) {
			for {
				if _, err := io.WriteString(c, strings.Repeat("x", 1000)); err != nil {
					return
				}
			}
		}, nil, Temporary, "greeting", false},
		{"rubbish", func(c net.Conn) { io.WriteString(c, "\x00\xff\r\n\r\nhello\r\n"); io.Copy(io.Discard, c) }, nil, Temporary, "greeting", false},
		{"turns away", func(c net.Conn) { io.WriteString(c, "554 no\r\n"); io.Copy(io.Discard, c) }, nil, Temporary, "greeting", false},
		{"stops reading", nil, endless{}, Temporary, "message", false},
		{"closes while the message comes", func(c net.Conn) { talk(c) }, endless{}, Temporary, "message", false},
		{"closes after the last line", func(c net.Conn) { talk(c).untilDot() }, nil, Ambiguous, "message", true},
		{"silent after the last line", func(c net.Conn) { talk(c).untilDot(); io.Copy(io.Discard, c) }, nil, Ambiguous, "message", true},
		{"rubbish after the last line", func(c net.Conn) { talk(c).untilDot(); io.WriteString(c, "ok\r\n") }, nil, Ambiguous, "message", true},
		{"refuses after the last line", func(c net.Conn) { talk(c).untilDot(); io.WriteString(c, "550 5.7.1 no\r\n") }, nil, Permanent, "message", true},
		{"shuts down after the last line", func(c net.Conn) { talk(c).untilDot(); io.WriteString(c, "421 bye\r\n") }, nil, Temporary, "message", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			serve := tt.serve
			if serve == nil {
				serve = func(c net.Conn) { talk(c); <-t.Context().Done() }
			}
			c := script(t, serve)
			body := tt.body
			if body == nil {
				body = strings.NewReader(message)
			}
			committed := false
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			start := time.Now()
			_, err := Send(ctx, c, creds, submission("a@x.test"), body, func() error { committed = true; return nil })
			var e *Error
			if !errors.As(err, &e) || e.Class != tt.class || e.Stage != tt.stage || committed != tt.committed {
				t.Errorf("error %v (%+v), committed %v", err, e, committed)
			}
			if d := time.Since(start); d > 10*time.Second {
				t.Errorf("took %v", d)
			}
		})
	}
}

func TestEarlyReplyIsHeard(t *testing.T) {
	t.Parallel()
	c := script(t, func(c net.Conn) {
		if _, err := talk(c).line(); err == nil { // the message has begun
			io.WriteString(c, "552 5.3.4 Too big for me\r\n")
			<-t.Context().Done()
		}
	})
	_, err := Send(t.Context(), c, creds, submission("a@x.test"), endless{}, nil)
	if mail.KindOf(err) != mail.TooLarge || ClassOf(err) != Permanent || !strings.Contains(mail.MsgOf(err), "Too big for me") {
		t.Errorf("error %v, %q", err, mail.MsgOf(err))
	}
}

func TestCommitFailureSendsNothing(t *testing.T) {
	t.Parallel()
	b := &backend{}
	c := serve(t, b, TLS, nil)
	_, err := Send(t.Context(), c, creds, submission("a@x.test"), strings.NewReader(message), func() error { return errors.New("disk full") })
	if ClassOf(err) != Temporary || len(b.messages) != 0 {
		t.Errorf("%v, %d messages", err, len(b.messages))
	}
}

func TestBodyFailureSendsNothing(t *testing.T) {
	t.Parallel()
	b := &backend{}
	c := serve(t, b, TLS, nil)
	_, err := Send(t.Context(), c, creds, submission("a@x.test"), io.MultiReader(strings.NewReader(message), failing{}), nil)
	if ClassOf(err) != Temporary || mail.KindOf(err) != mail.Internal || len(b.messages) != 0 {
		t.Errorf("%v, %d messages", err, len(b.messages))
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New("cannot read") }

func TestTLSRequired(t *testing.T) {
	t.Parallel()
	t.Run("STARTTLS not offered", func(t *testing.T) {
		t.Parallel()
		c := serve(t, &backend{}, Plain, nil)
		c.Mode = StartTLS
		if _, err := Send(t.Context(), c, creds, submission("a@x.test"), strings.NewReader(message), nil); mail.KindOf(err) != mail.Insecure {
			t.Error(err)
		}
	})
	t.Run("unknown authority", func(t *testing.T) {
		t.Parallel()
		c := serve(t, &backend{}, TLS, nil)
		c.TLS = nil
		if _, err := Send(t.Context(), c, creds, submission("a@x.test"), strings.NewReader(message), nil); mail.KindOf(err) != mail.Insecure || !strings.Contains(mail.MsgOf(err), "authority") {
			t.Error(err)
		}
	})
	t.Run("words before encryption", func(t *testing.T) {
		t.Parallel()
		c := script(t, func(c net.Conn) {
			io.WriteString(c, "220 hi\r\n")
			r := &lineReader{c: c}
			r.line()
			io.WriteString(c, "250-hi\r\n250 STARTTLS\r\n")
			r.line()
			io.WriteString(c, "220 go\r\n250-hi\r\n250 AUTH PLAIN\r\n")
			io.Copy(io.Discard, c)
		})
		c.Mode, c.NoAuth = StartTLS, false
		if _, err := Send(t.Context(), c, creds, submission("a@x.test"), strings.NewReader(message), nil); mail.KindOf(err) != mail.Insecure {
			t.Error(err)
		}
	})
	t.Run("plain port", func(t *testing.T) {
		t.Parallel()
		c := serve(t, &backend{}, Plain, nil)
		c.Mode = TLS
		if _, err := Send(t.Context(), c, creds, submission("a@x.test"), strings.NewReader(message), nil); mail.KindOf(err) != mail.Insecure && mail.KindOf(err) != mail.Unavailable {
			t.Error(err)
		}
	})
}

func TestProbe(t *testing.T) {
	t.Parallel()
	c := serve(t, &backend{}, StartTLS, func(s *smtp.Server) { s.MaxMessageBytes = 52428800 })
	r := Probe(t.Context(), c, creds)
	var names []string
	for _, s := range r.Steps {
		names = append(names, s.Name)
	}
	if !r.OK() || strings.Join(names, " ") != "connect greeting TLS sign-in" || r.Size != 52428800 || r.Certificate == nil || r.Mechanism != "PLAIN" || len(r.Mechanisms) != 2 {
		t.Errorf("%+v", r)
	}
	if r := Probe(t.Context(), c, mail.Credentials{Login: "mira", Password: "x"}); r.OK() || mail.KindOf(r.Steps[len(r.Steps)-1].Err) != mail.SignedOut {
		t.Errorf("%+v", r)
	}
	c.Address = "127.0.0.1:1"
	if r := Probe(t.Context(), c, creds); r.OK() || len(r.Steps) != 1 || r.Steps[0].Name != "connect" {
		t.Errorf("%+v", r)
	}
}

func TestLoginMechanism(t *testing.T) {
	t.Parallel()
	cl, err := saslClient(sasl.Login, creds)
	if err != nil {
		t.Fatal(err)
	}
	if m, _, _ := cl.Start(); m != "LOGIN" {
		t.Error(m)
	}
}

func TestCancelStopsTheExchange(t *testing.T) {
	t.Parallel()
	c := script(t, func(c net.Conn) { talk(c); io.Copy(io.Discard, c) })
	c.DataTimeout, c.FinalTimeout = time.Minute, time.Minute
	ctx, cancel := context.WithCancel(t.Context())
	_, err := Send(ctx, c, creds, submission("a@x.test"), io.MultiReader(strings.NewReader(message), cancelReader{cancel}, endless{}), nil)
	if ClassOf(err) != Temporary {
		t.Error(err)
	}
}

type cancelReader struct{ cancel func() }

func (c cancelReader) Read([]byte) (int, error) { c.cancel(); return 0, io.EOF }

func TestMemoryStaysBounded(t *testing.T) {
	b := &backend{}
	c := script(t, func(c net.Conn) {
		r := talk(c)
		buf := make([]byte, 64<<10)
		tail := append([]byte(nil), r.buf...)
		for !bytes.HasSuffix(tail, []byte("\r\n.\r\n")) {
			n, err := c.Read(buf)
			if err != nil {
				return
			}
			tail = append(tail, buf[:n]...)
			tail = append(tail[:0], tail[max(0, len(tail)-5):]...)
		}
		io.WriteString(c, "250 ok\r\n")
	})
	_ = b
	c.CommandTimeout, c.DataTimeout, c.FinalTimeout = 10*time.Second, 10*time.Second, 10*time.Second
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := Send(t.Context(), c, creds, submission("a@x.test"), io.LimitReader(endless{}, 25<<20), nil); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 2<<20 {
		t.Errorf("25 MiB cost %d octets of allocations", n)
	}
}

func FuzzReplies(f *testing.F) {
	f.Add([]byte("220 hi\r\n250-x\r\n250 SIZE 99999999999999999999\r\n250 ok\r\n250 ok\r\n354 go\r\n250 ok\r\n"))
	f.Add([]byte("220-\r\n220 \r\n250 AUTH\r\n"))
	f.Fuzz(func(t *testing.T, answers []byte) {
		c := Config{Address: "x.test:25", Mode: Plain, NoAuth: len(answers)%2 == 0, CommandTimeout: time.Second,
			Dial: func(context.Context, string, string) (net.Conn, error) {
				return &canned{r: bytes.NewReader(answers)}, nil
			}}
		r, err := Send(context.Background(), c, creds, submission("a@x.test"), strings.NewReader(message), nil)
		if err == nil && r.Accepted != 1 {
			t.Error("no error and nothing accepted")
		}
		var e *Error
		if err != nil && (!errors.As(err, &e) || strings.ContainsAny(e.Reply, "\r\n\x00")) {
			t.Errorf("%v", err)
		}
	})
}

type canned struct{ r io.Reader }

func (c *canned) Read(p []byte) (int, error)       { return c.r.Read(p) }
func (c *canned) Write(p []byte) (int, error)      { return len(p), nil }
func (c *canned) Close() error                     { return nil }
func (c *canned) LocalAddr() net.Addr              { return nil }
func (c *canned) RemoteAddr() net.Addr             { return nil }
func (c *canned) SetDeadline(time.Time) error      { return nil }
func (c *canned) SetReadDeadline(time.Time) error  { return nil }
func (c *canned) SetWriteDeadline(time.Time) error { return nil }
