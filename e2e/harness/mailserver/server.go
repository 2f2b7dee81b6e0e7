// Package mailserver runs a real Dovecot and a real Postfix for tests: the
// configuration and the script of deploy/mail, on free ports of the loopback, in a
// folder that goes away with the test.
package mailserver

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2/imapclient"

	"postern/e2e/harness"
)

// Domain is the domain of the people on the server.
const Domain = "lab.test"

// People on every server: u1 to u8, with the password pw-u1 and so on.
const People = 8

// Server is a running Dovecot with Postfix.
type Server struct {
	Dir                            string
	IMAP, IMAPS, Submission, SMTPS int // ports of 127.0.0.1; IMAP and Submission want STARTTLS

	env  []string
	cmd  *exec.Cmd
	done chan struct{}
}

// Options of a server.
type Options struct {
	Dovecot string // more lines of configuration
}

// WithoutExtensions makes Dovecot say that it has nothing but the bare protocol:
// no MOVE, UIDPLUS, SPECIAL-USE, CONDSTORE, LIST-STATUS, ESEARCH or PREVIEW.
const WithoutExtensions = "protocol imap {\n  imap_capability = IMAP4rev1 LITERAL+ IDLE NAMESPACE CHILDREN\n}\n"

const startTime = 2 * time.Minute

// Start starts a server. It needs root and Debian's packages; where they lack the
// test is skipped, in CI it fails. It stops when the package's tests are over.
func Start(tb testing.TB, o Options) *Server {
	tb.Helper()
	s, err := start(tb, o)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

func start(tb testing.TB, o Options) (*Server, error) {
	tb.Helper()
	for _, p := range []string{"dovecot", "postfix", "openssl", "bash"} {
		harness.NeedProgram(tb, p)
	}
	if os.Getuid() != 0 {
		harness.Lacking(tb, "Dovecot and Postfix need root to be started")
	}
	dir, err := os.MkdirTemp("", "postern-mail-")
	if err != nil {
		return nil, err
	}
	s := &Server{Dir: dir}
	if err := os.Chmod(dir, 0o755); err != nil { // the servers' own users must get through
		return nil, err
	}
	ports, err := freePorts(5)
	if err != nil {
		return nil, err
	}
	s.IMAP, s.IMAPS, s.Submission, s.SMTPS = ports[0], ports[1], ports[2], ports[3]
	s.env = append(os.Environ(), "DIR="+dir, "LISTEN=127.0.0.1", "DOMAIN="+Domain, "USERS="+people(), "DOVECOT="+o.Dovecot,
		fmt.Sprint("IMAP=", s.IMAP), fmt.Sprint("IMAPS=", s.IMAPS), fmt.Sprint("SUBMISSION=", s.Submission), fmt.Sprint("SMTPS=", s.SMTPS), fmt.Sprint("LMTP=", ports[4]))
	harness.AfterAll(s.Close)
	return s, s.run()
}

func people() string {
	var users []string
	for i := 1; i <= People; i++ {
		users = append(users, fmt.Sprintf("u%d:pw-u%d", i, i))
	}
	return strings.Join(users, " ")
}

// run starts the script and waits until both servers answer.
func (s *Server) run() error {
	cmd := exec.Command("bash", filepath.Join(harness.Root(), "deploy", "mail", "start.sh"))
	cmd.Env = s.env
	var said bytes.Buffer
	cmd.Stderr = &said
	ready, done := make(chan struct{}), make(chan struct{})
	cmd.Stdout = &harness.Lines{Line: func(line string) {
		if line == "ready" {
			close(ready)
		}
	}}
	if err := harness.Tied(cmd, syscall.SIGTERM, func(error) { close(done) }); err != nil {
		return err
	}
	s.cmd, s.done = cmd, done
	select {
	case <-ready:
		return nil
	case <-done:
		return fmt.Errorf("the mail servers did not start: %s\n%s", said.String(), s.Log())
	case <-time.After(startTime):
		s.stop()
		return fmt.Errorf("the mail servers were not ready in %v\n%s", startTime, s.Log())
	}
}

// freePorts finds ports nobody listens on. They are found together, so that they differ.
func freePorts(n int) (ports []int, err error) {
	for range n {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer ln.Close()
		ports = append(ports, ln.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}

// Stop stops both servers; their mail stays.
func (s *Server) Stop(tb testing.TB) {
	tb.Helper()
	s.stop()
}

// Again starts them again, on the same ports.
func (s *Server) Again(tb testing.TB) {
	tb.Helper()
	if err := s.run(); err != nil {
		tb.Fatal(err)
	}
}

func (s *Server) stop() {
	if s.done == nil {
		return
	}
	select {
	case <-s.done:
		return
	default:
	}
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.done:
	case <-time.After(30 * time.Second):
		_ = s.cmd.Process.Kill()
		<-s.done
	}
	// Dovecot's processes that hold connections outlive their master; they are of
	// the script's group.
	_ = syscall.Kill(-s.cmd.Process.Pid, syscall.SIGKILL)
}

// Close stops both servers and removes their folder.
func (s *Server) Close() {
	s.stop()
	_ = os.RemoveAll(s.Dir)
}

// Log is what both servers logged.
func (s *Server) Log() string {
	var b strings.Builder
	for _, name := range []string{"dovecot.log", "postfix.log"} {
		text, _ := os.ReadFile(filepath.Join(s.Dir, "log", name))
		b.Write(text)
	}
	return b.String()
}

// CA is the file with the server's authority.
func (s *Server) CA() string { return filepath.Join(s.Dir, "tls", "ca.pem") }

// Roots is the server's authority alone.
func (s *Server) Roots(tb testing.TB) *x509.CertPool {
	tb.Helper()
	b, err := os.ReadFile(s.CA())
	if err != nil {
		tb.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(b)
	return pool
}

// Pin is the SHA-256 of the server's certificate.
func (s *Server) Pin(tb testing.TB) string {
	tb.Helper()
	b, err := os.ReadFile(filepath.Join(s.Dir, "tls", "server.pem"))
	if err != nil {
		tb.Fatal(err)
	}
	block, _ := pem.Decode(b)
	sum := sha256.Sum256(block.Bytes)
	return hex.EncodeToString(sum[:])
}

// Flags are the program's settings for this server, with STARTTLS on both sides.
func (s *Server) Flags() []string {
	return []string{"--imap", fmt.Sprintf("imap://localhost:%d", s.IMAP), "--smtp", fmt.Sprintf("smtp://localhost:%d", s.Submission),
		"--ca-file", s.CA(), "--mail-domains", Domain}
}

// TLSFlags are Flags with TLS from the first octet.
func (s *Server) TLSFlags() []string {
	return []string{"--imap", fmt.Sprintf("imaps://localhost:%d", s.IMAPS), "--smtp", fmt.Sprintf("smtps://localhost:%d", s.SMTPS),
		"--ca-file", s.CA(), "--mail-domains", Domain}
}

// Dial opens a connection of another mail program, before sign-in.
func (s *Server) Dial(tb testing.TB) *imapclient.Client {
	tb.Helper()
	c, err := imapclient.DialTLS(fmt.Sprintf("localhost:%d", s.IMAPS), &imapclient.Options{TLSConfig: &tls.Config{RootCAs: s.Roots(tb), ServerName: "localhost"}})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = c.Close() })
	return c
}

// SignIn is Dial for one of the people.
func (s *Server) SignIn(tb testing.TB, user string) *imapclient.Client {
	tb.Helper()
	c := s.Dial(tb)
	if err := c.Login(user, "pw-"+user).Wait(); err != nil {
		tb.Fatal(err)
	}
	return c
}
