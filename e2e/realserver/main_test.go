// Package realserver runs the account tests and the whole program against Dovecot
// and Postfix.
package realserver

import (
	"sync"
	"testing"
	"time"

	"postern/e2e/harness"
	"postern/e2e/harness/mailserver"
)

func TestMain(m *testing.M) { harness.Main(m) }

var shared struct {
	sync.Mutex
	s *mailserver.Server
}

// Who uses whom on the shared server: each test has people of its own.
//
//	u1     account tests, 1,000 messages
//	u2 u3  the whole program
//	u4     the program killed
//	u5     the mail server gone (on a server of its own)
//	u6     nginx
//	u7 u8  sending

// server is the Dovecot and Postfix of all tests that do not break them.
func server(t testing.TB) *mailserver.Server {
	t.Helper()
	shared.Lock()
	defer shared.Unlock()
	if shared.s == nil {
		s := mailserver.Start(t, mailserver.Options{})
		s.Seed(t, "u1", 1000, true)
		s.Seed(t, "u2", 300, true)
		shared.s = s
	}
	return shared.s
}

// serve starts the program on a server.
func serve(t testing.TB, s *mailserver.Server, more ...string) *harness.Process {
	t.Helper()
	args := append([]string{"serve", "--data", t.TempDir()}, s.Flags()...)
	return harness.Start(t, append(args, more...)...)
}

// eventually looks again until f is true.
func eventually(t testing.TB, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(60 * time.Second); !f(); time.Sleep(150 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}
