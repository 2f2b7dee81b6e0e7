package imappool_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emersion/go-imap/v2"

	"postern/mailproxy/demoserver"
	"postern/mailproxy/imapconn"
	"postern/mailproxy/imappool"
	"postern/mailproxy/mail"
)

var mira = mail.Credentials{Login: "mira@postern.test", Password: "demo", Address: "mira@postern.test"}

// start runs a demo server and a pool on it.
func start(t *testing.T, so demoserver.Options, po imappool.Options) (*demoserver.Server, *imappool.Pool) {
	t.Helper()
	srv, err := demoserver.Start(context.Background(), so)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(srv.CertPEM())
	host, port, _ := net.SplitHostPort(srv.IMAPSAddr())
	n, _ := strconv.Atoi(port)
	c := imapconn.Config{Host: host, Port: n, RootCAs: roots, Names: new(imapconn.Names)}
	po.Open = func(ctx context.Context) (imappool.Conn, error) { return imapconn.Open(ctx, c, mira) }
	pool := imappool.New(po)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := pool.Close(ctx); err != nil {
			t.Errorf("close: %v", err)
		}
		srv.Close()
	})
	return srv, pool
}

func noop(s *imappool.Session) error { return s.Noop().Wait() }

// flights is how many round trips fn costs.
func flights(pool *imappool.Pool, fn func()) int64 {
	before := pool.Flights()
	fn()
	return pool.Flights() - before
}

func TestFlights(t *testing.T) {
	t.Parallel()
	_, pool := start(t, demoserver.Options{Messages: 50}, imappool.Options{})
	ctx := t.Context()
	if err := pool.Read(ctx, "", noop); err != nil {
		t.Fatal(err)
	}
	page := func(s *imappool.Session) error {
		var wait func() error
		s.Batch(func() {
			fetch := s.Fetch(imap.SeqSet{{Start: 1, Stop: 50}}, &imap.FetchOptions{UID: true, Flags: true})
			l := s.List("", "*", nil)
			wait = func() error {
				msgs, err := fetch.Collect()
				if err == nil && len(msgs) == 0 {
					err = errors.New("no messages")
				}
				_, err2 := l.Collect()
				return errors.Join(err, err2)
			}
		})
		return wait()
	}
	tests := []struct {
		name    string
		want    int64
		mailbox string
		fn      func(*imappool.Session) error
		write   bool
	}{
		{"cold page: SELECT, FETCH and LIST", 1, "INBOX", page, false},
		{"warm page", 1, "inbox", page, false},
		{"one command after SELECT, without Batch", 1, "Sent", noop, false},
		{"waiting for SELECT itself", 2, "Drafts", func(s *imappool.Session) error {
			if _, err := s.WaitSelected(); err != nil {
				return err
			}
			return noop(s)
		}, false},
		{"nothing asked", 1, "Trash", func(*imappool.Session) error { return nil }, false},
		{"nothing asked, selected already", 0, "Trash", func(*imappool.Session) error { return nil }, false},
		{"change in the selected mailbox", 1, "Trash", noop, true},
		{"change in another: SELECT first", 2, "INBOX", noop, true},
	}
	for _, tt := range tests {
		n := flights(pool, func() {
			do := pool.Read
			if tt.write {
				do = pool.Write
			}
			if err := do(ctx, tt.mailbox, tt.fn); err != nil {
				t.Errorf("%s: %v", tt.name, err)
			}
		})
		if n != tt.want {
			t.Errorf("%s: %d flights, want %d", tt.name, n, tt.want)
		}
	}
}

func TestSelected(t *testing.T) {
	t.Parallel()
	_, pool := start(t, demoserver.Options{Messages: 7}, imappool.Options{})
	err := pool.Read(t.Context(), "inbox", func(s *imappool.Session) error {
		sel, err := s.WaitSelected()
		if err != nil {
			return err
		}
		if sel.NumMessages != 7 || sel.UIDValidity == 0 || sel.UIDNext == 0 || sel.ReadOnly || !sel.CanKeep(imap.FlagSeen) {
			t.Errorf("selected %+v", sel)
		}
		if name, _ := s.Selected(); name != "INBOX" || s.Dirty() {
			t.Errorf("selected %q, dirty %v", name, s.Dirty())
		}
		cmd := s.Append("INBOX", 13, nil)
		_, _ = io.WriteString(cmd, "Subject: x\r\n\n")
		if err := cmd.Close(); err != nil {
			return err
		}
		if _, err := cmd.Wait(); err != nil {
			return err
		}
		if err := noop(s); err != nil {
			return err
		}
		if _, sel := s.Selected(); sel.NumMessages != 8 || !s.Dirty() {
			t.Errorf("after APPEND: %d messages, dirty %v", sel.NumMessages, s.Dirty())
		}
		s.Clean()
		if s.Dirty() {
			t.Error("dirty after Clean")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	ran := false
	for _, do := range []func(context.Context, string, func(*imappool.Session) error) error{pool.Read, pool.Write} {
		for _, name := range []string{"No such mailbox", "line\r\nend", ""} {
			err := do(t.Context(), name, func(*imappool.Session) error { ran = true; return nil })
			if name != "" && mail.KindOf(err) != mail.NotFound || name == "" && err != nil {
				t.Errorf("mailbox %q: %v", name, err)
			}
		}
	}
	if err := pool.Read(t.Context(), "INBOX", noop); err != nil || !ran {
		t.Errorf("after a mailbox that is not there: %v", err)
	}
	if pool.Open() != 1 {
		t.Errorf("%d connections, want the one", pool.Open())
	}
}

func TestDroppedConnectionIsReplaced(t *testing.T) {
	t.Parallel()
	srv, pool := start(t, demoserver.Options{Messages: 3}, imappool.Options{})
	for range 5 {
		if err := pool.Read(t.Context(), "INBOX", noop); err != nil {
			t.Fatal(err)
		}
		srv.Drop() // noticed only when NOOP goes unanswered, or before
		if err := pool.Read(t.Context(), "INBOX", noop); err != nil {
			t.Fatal(err)
		}
		srv.Drop()
		for deadline := time.Now().Add(10 * time.Second); pool.Open() > 0; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("still open")
			}
		}
		if err := pool.Write(t.Context(), "INBOX", noop); err != nil {
			t.Fatal(err)
		}
	}
	srv.SetDown(true)
	if err := pool.Read(t.Context(), "INBOX", noop); mail.KindOf(err) != mail.Unavailable || mail.MsgOf(err) == "" {
		t.Errorf("server down: %v", err)
	}
	srv.SetDown(false)
	deadline := time.Now().Add(10 * time.Second)
	for err := errors.New("x"); err != nil; { // once the pause after the failure is over
		if err = pool.Read(t.Context(), "INBOX", noop); err != nil && time.Now().After(deadline) {
			t.Fatalf("server up again: %v", err)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func TestDeadline(t *testing.T) {
	t.Parallel()
	srv, pool := start(t, demoserver.Options{Messages: 3}, imappool.Options{})
	if err := pool.Read(t.Context(), "INBOX", noop); err != nil {
		t.Fatal(err)
	}
	srv.SetSilent(true)
	for _, do := range []func(context.Context, string, func(*imappool.Session) error) error{pool.Read, pool.Write} {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		err := do(ctx, "INBOX", noop)
		cancel()
		if mail.KindOf(err) != mail.Unavailable || !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(mail.MsgOf(err), "in time") {
			t.Errorf("silent server: %v", err)
		}
	}
	srv.SetSilent(false)
	if err := pool.Read(t.Context(), "INBOX", noop); err != nil {
		t.Errorf("after silence: %v", err)
	}
}

func TestCancelKeepsTheConnection(t *testing.T) {
	t.Parallel()
	_, pool := start(t, demoserver.Options{Messages: 3}, imappool.Options{})
	for range 3 {
		ctx, cancel := context.WithCancel(t.Context())
		err := pool.Read(ctx, "INBOX", func(s *imappool.Session) error {
			cancel()
			return noop(s)
		})
		if err != nil {
			t.Errorf("a command that was answered all the same: %v", err)
		}
	}
	if n := flights(pool, func() { _ = pool.Read(t.Context(), "INBOX", noop) }); n != 1 || pool.Open() != 1 {
		t.Errorf("%d flights, %d connections, want the same connection still", n, pool.Open())
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := pool.Read(ctx, "INBOX", noop); mail.KindOf(err) != mail.Unavailable || !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled before: %v", err)
	}
}

func TestConnectionsAreLimited(t *testing.T) {
	t.Parallel()
	srv, pool := start(t, demoserver.Options{Messages: 20, Latency: time.Millisecond}, imappool.Options{})
	var wg sync.WaitGroup
	var most atomic.Int64
	for i := range 30 {
		wg.Go(func() {
			box := []string{"INBOX", "Sent", "Drafts"}[i%3]
			err := pool.Read(t.Context(), box, func(s *imappool.Session) error {
				n := int64(srv.Connections())
				for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
				}
				if err := noop(s); err != nil {
					return err
				}
				if name, _ := s.Selected(); name != "" && name != box {
					t.Errorf("selected %q, want %q", name, box)
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if most.Load() > 2 {
		t.Errorf("%d connections at once, want at most 2", most.Load())
	}
}

func TestServerThatAllowsOneConnection(t *testing.T) {
	t.Parallel()
	_, pool := start(t, demoserver.Options{Messages: 20, MaxIMAPConnections: 1}, imappool.Options{})
	inside := make(chan struct{})
	leave := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := pool.Read(t.Context(), "INBOX", func(s *imappool.Session) error { close(inside); <-leave; return noop(s) }); err != nil {
			t.Error(err)
		}
	})
	<-inside
	wg.Go(func() {
		if err := pool.Read(t.Context(), "Sent", noop); err != nil {
			t.Errorf("the second waits for the first: %v", err)
		}
	})
	wg.Go(func() {
		body, err := pool.Body(t.Context(), refOf(t, pool, "INBOX", 1), imap.FetchItemBodySection{})
		if err != nil {
			t.Errorf("a body without a connection of its own: %v", err)
			return
		}
		if _, err := io.Copy(io.Discard, body); err != nil {
			t.Error(err)
		}
		body.Close()
	})
	close(leave)
	wg.Wait()
}

func TestIdleConnectionsAreLoggedOut(t *testing.T) {
	t.Parallel()
	var logouts atomic.Int64
	srv, pool := start(t, demoserver.Options{Messages: 3, CommandLog: func(_, line string) {
		if line == "LOGOUT" {
			logouts.Add(1)
		}
	}}, imappool.Options{Idle: 30 * time.Millisecond})
	for range 2 {
		if err := pool.Read(t.Context(), "INBOX", noop); err != nil {
			t.Fatal(err)
		}
		for deadline := time.Now().Add(10 * time.Second); srv.Connections() > 0 || pool.Open() > 0; time.Sleep(5 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("still connected")
			}
		}
	}
	if logouts.Load() != 2 {
		t.Errorf("%d LOGOUT, want 2", logouts.Load())
	}
}

func TestCallersThatMisbehave(t *testing.T) {
	t.Parallel()
	_, pool := start(t, demoserver.Options{Messages: 20}, imappool.Options{Max: 1})
	tests := []struct {
		name string
		fn   func(*imappool.Session) error
	}{
		{"leaves a command behind", func(s *imappool.Session) error {
			s.Fetch(imap.SeqSet{{Start: 1}}, &imap.FetchOptions{UID: true})
			return nil
		}},
		{"empty set", func(s *imappool.Session) error {
			return s.Fetch(imap.UIDSet{}, &imap.FetchOptions{UID: true}).Close()
		}},
		{"closes the mailbox", func(s *imappool.Session) error { return s.UnselectAndExpunge().Wait() }},
		{"closes the connection", func(s *imappool.Session) error { return s.Close() }},
		{"panics", func(*imappool.Session) error { panic("test") }},
		{"panics within a batch", func(s *imappool.Session) error {
			s.Batch(func() { s.Noop(); panic("test") })
			return nil
		}},
	}
	for _, tt := range tests {
		func() {
			defer func() { _ = recover() }()
			_ = pool.Read(t.Context(), "INBOX", tt.fn)
		}()
		err := pool.Read(t.Context(), "INBOX", func(s *imappool.Session) error {
			msgs, err := s.Fetch(imap.SeqSet{{Start: 1}}, &imap.FetchOptions{UID: true}).Collect()
			if len(msgs) == 0 && err == nil {
				err = errors.New("no messages")
			}
			return err
		})
		if err != nil {
			t.Errorf("after a caller that %s: %v", tt.name, err)
		}
	}
}

func TestClose(t *testing.T) {
	t.Parallel()
	srv, pool := start(t, demoserver.Options{}, imappool.Options{})
	if err := pool.Read(t.Context(), "INBOX", noop); err != nil {
		t.Fatal(err)
	}
	inside, leave := make(chan struct{}), make(chan struct{})
	done := make(chan error, 1)
	go func() {
		done <- pool.Read(t.Context(), "INBOX", func(s *imappool.Session) error { close(inside); <-leave; return noop(s) })
	}()
	<-inside
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := pool.Close(ctx); err == nil {
		t.Error("closed while in use and out of time, and no error")
	}
	close(leave)
	if err := <-done; err == nil {
		t.Error("the connection in use was not closed")
	}
	if err := pool.Read(t.Context(), "INBOX", noop); mail.KindOf(err) != mail.Unavailable {
		t.Errorf("after Close: %v", err)
	}
	_ = srv
}

// refOf appends a message of size octets and returns where it is.
func refOf(t *testing.T, pool *imappool.Pool, box string, size int) (ref mail.MessageRef) {
	t.Helper()
	msg := bytesOf(size)
	err := pool.Write(t.Context(), box, func(s *imappool.Session) error {
		cmd := s.Append(box, int64(len(msg)), nil)
		_, _ = cmd.Write(msg)
		if err := cmd.Close(); err != nil {
			return err
		}
		d, err := cmd.Wait()
		if err == nil {
			ref = mail.MessageRef{Mailbox: box, UIDValidity: d.UIDValidity, UID: uint32(d.UID)}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

func bytesOf(size int) []byte {
	var b bytes.Buffer
	b.WriteString("Subject: x\r\n\r\n")
	for i := 0; b.Len() < size; i++ {
		fmt.Fprintf(&b, "line %d of many\r\n", i)
	}
	return b.Bytes()
}

func TestBody(t *testing.T) {
	t.Parallel()
	srv, pool := start(t, demoserver.Options{}, imappool.Options{})
	const size = 5 << 19 // three windows
	small, big := refOf(t, pool, "Sent", 100), refOf(t, pool, "Sent", size)
	exact := refOf(t, pool, "Sent", 256<<10)

	slow, err := pool.Body(t.Context(), big, imap.FetchItemBodySection{}) // never read, closed at the end
	if err != nil {
		t.Fatal(err)
	}
	defer slow.Close()
	for _, tt := range []struct {
		name string
		ref  mail.MessageRef
		size int
	}{{"small", small, 100}, {"big", big, size}, {"about a window", exact, 256 << 10}} {
		var got bytes.Buffer
		n := flights(pool, func() {
			body, err := pool.Body(t.Context(), tt.ref, imap.FetchItemBodySection{})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.Copy(&got, onlyReader{body}); err != nil {
				t.Error(err)
			}
			body.Close()
			if _, err := body.Read(make([]byte, 1)); err == nil {
				t.Error("read after Close")
			}
		})
		if !bytes.Equal(got.Bytes(), bytesOf(tt.size)) {
			t.Errorf("%s: got %d octets, want %d", tt.name, got.Len(), len(bytesOf(tt.size)))
		}
		if most := int64(1 + 1 + tt.size/(2<<20)); n > most {
			t.Errorf("%s: %d flights, want at most %d", tt.name, n, most)
		}
	}
	gone := small
	gone.UID = 9999
	old := small
	old.UIDValidity++
	for _, ref := range []mail.MessageRef{gone, old} {
		if _, err := pool.Body(t.Context(), ref, imap.FetchItemBodySection{}); mail.KindOf(err) != mail.Stale {
			t.Errorf("%+v: %v, want Stale", ref, err)
		}
	}
	if _, err := pool.Body(t.Context(), mail.MessageRef{Mailbox: "Sent"}, imap.FetchItemBodySection{}); mail.KindOf(err) != mail.NotFound {
		t.Errorf("no UID: %v", err)
	}
	// The connection is lost between two windows: nobody notices.
	body, err := pool.Body(t.Context(), big, imap.FetchItemBodySection{})
	if err != nil {
		t.Fatal(err)
	}
	srv.Drop()
	if n, err := io.Copy(io.Discard, body); err != nil || n != int64(len(bytesOf(size))) {
		t.Errorf("over two connections: %d octets, %v", n, err)
	}
	body.Close()
}

type onlyReader struct{ io.Reader }

func TestStream(t *testing.T) {
	t.Parallel()
	srv, pool := start(t, demoserver.Options{}, imappool.Options{})
	ref := refOf(t, pool, "Sent", 1<<20)
	open := func() (io.ReadCloser, error) {
		return pool.Stream(t.Context(), "Sent", func(s *imappool.Session) (io.ReadCloser, error) {
			return s.FetchWindows(t.Context(), imap.UID(ref.UID), imap.FetchItemBodySection{})
		})
	}
	for range 3 {
		body, err := open()
		if err != nil {
			t.Fatal(err)
		}
		if err := pool.Read(t.Context(), "INBOX", noop); err != nil {
			t.Error(err)
		}
		var got bytes.Buffer
		if _, err := io.Copy(&got, body); err != nil || !bytes.Equal(got.Bytes(), bytesOf(1<<20)) {
			t.Errorf("got %d octets, %v", got.Len(), err)
		}
		if err := body.Close(); err != nil {
			t.Error(err)
		}
		srv.Drop()
	}
	if _, err := pool.Stream(t.Context(), "Nowhere", func(*imappool.Session) (io.ReadCloser, error) { panic("not reached") }); mail.KindOf(err) != mail.NotFound {
		t.Errorf("unknown mailbox: %v", err)
	}
}

// scripted is a pool whose connections are served by serve, one goroutine each,
// which sees the commands without their tags; an empty answer hangs up.
func scripted(t *testing.T, serve func(conn int, command string) (answer string)) *imappool.Pool {
	t.Helper()
	var conns atomic.Int64
	pool := imappool.New(imappool.Options{Timeout: 10 * time.Second, Open: func(context.Context) (imappool.Conn, error) {
		near, far := net.Pipe()
		n := int(conns.Add(1))
		go func() {
			defer far.Close()
			br := bufio.NewReader(far)
			for {
				line, err := br.ReadString('\n')
				if err != nil {
					return
				}
				tag, command, _ := strings.Cut(strings.TrimSpace(line), " ")
				answer := serve(n, command)
				if answer == "" {
					return
				}
				if _, err := io.WriteString(far, strings.ReplaceAll(answer, "$T", tag)); err != nil {
					return
				}
			}
		}()
		return conn{imapconn.NewGuard(near, imapconn.GuardOptions{First: []byte("* PREAUTH [CAPABILITY IMAP4rev1 CONDSTORE] ready\r\n")})}, nil
	}})
	t.Cleanup(func() { _ = pool.Close(context.Background()) })
	return pool
}

type conn struct{ *imapconn.Guard }

func (conn) Caps() imap.CapSet {
	return imap.CapSet{imap.CapIMAP4rev1: {}, imap.CapCondStore: {}}
}

const selectOK = "* 1 EXISTS\r\n* OK [UIDVALIDITY 7] ok\r\n* OK [UIDNEXT 2] ok\r\n* OK [HIGHESTMODSEQ 99] ok\r\n$T OK [READ-ONLY] done\r\n"

func TestChangesAreNotRepeated(t *testing.T) {
	t.Parallel()
	stores := 0
	pool := scripted(t, func(_ int, command string) string {
		switch {
		case strings.HasPrefix(command, "SELECT"):
			if command != `SELECT INBOX (CONDSTORE)` {
				t.Errorf("client sent %q", command)
			}
			return selectOK
		case strings.HasPrefix(command, "UID STORE"):
			stores++
			return "" // hangs up
		}
		return "$T OK done\r\n"
	})
	store := func(s *imappool.Session) error {
		return s.Store(imap.UIDSetNum(1), &imap.StoreFlags{Op: imap.StoreFlagsAdd, Flags: []imap.Flag{imap.FlagSeen}}, nil).Close()
	}
	if err := pool.Write(t.Context(), "INBOX", noop); err != nil {
		t.Fatal(err)
	}
	if err := pool.Write(t.Context(), "INBOX", store); mail.KindOf(err) != mail.Unavailable || stores != 1 {
		t.Errorf("%d STORE, %v; want 1 and Unavailable", stores, err)
	}
	if err := pool.Write(t.Context(), "INBOX", noop); err != nil {
		t.Fatal(err)
	}
	stores = 0
	if err := pool.Read(t.Context(), "INBOX", store); mail.KindOf(err) != mail.Unavailable || stores != 2 {
		t.Errorf("Read: %d, %v; want it run twice", stores, err)
	}
}

// TestSilentConnections has the first connection fall silent after its first
// command, as behind a router that forgot it.
func TestSilentConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var first atomic.Int64
		silent := make(chan struct{})
		pool := scripted(t, func(conn int, command string) string {
			if conn == 1 && first.Add(1) > 1 {
				<-silent
				return ""
			}
			return "$T OK done\r\n"
		})
		if err := pool.Write(t.Context(), "", noop); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Minute) // of the bubble's clock: longer than Check, shorter than Idle
		began := time.Now()
		if err := pool.Write(t.Context(), "", noop); err != nil {
			t.Errorf("a connection that was long unused: %v", err)
		}
		if took := time.Since(began); took != 5*time.Second {
			t.Errorf("took %v, want 5 s to find out", took)
		}
		close(silent)
		if err := pool.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// TestCancelledCommandEnds has a server that never answers: a caller who went
// away is not waited for longer than the grace.
func TestCancelledCommandEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		silent := make(chan struct{})
		pool := scripted(t, func(int, string) string { <-silent; return "" })
		ctx, cancel := context.WithCancel(t.Context())
		began := time.Now()
		time.AfterFunc(time.Second, cancel)
		err := pool.Read(ctx, "", noop)
		if took := time.Since(began); mail.KindOf(err) != mail.Unavailable || !errors.Is(err, context.Canceled) || took != 4*time.Second {
			t.Errorf("%v after %v", err, took)
		}
		close(silent)
		if err := pool.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// TestBackOff counts how often a server that cannot be reached is tried.
func TestBackOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, tt := range []struct {
			kind        mail.Kind
			least, most int
		}{{mail.Unavailable, 6, 9}, {mail.Limited, 3, 4}, {mail.SignedOut, 600, 600}} {
			tries := 0
			pool := imappool.New(imappool.Options{Open: func(context.Context) (imappool.Conn, error) {
				tries++
				return nil, mail.Errorf(tt.kind, "no")
			}})
			for range 600 { // one minute
				if err := pool.Read(t.Context(), "", noop); mail.KindOf(err) != tt.kind || mail.MsgOf(err) != "no" {
					t.Errorf("%v: %v", tt.kind, err)
				}
				time.Sleep(100 * time.Millisecond)
			}
			if tries < tt.least || tries > tt.most {
				t.Errorf("%v: tried %d times in a minute, want %d to %d", tt.kind, tries, tt.least, tt.most)
			}
			_ = pool.Close(t.Context())
		}
	})
}

func TestMalformedAnswers(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	pool := scripted(t, func(_ int, command string) string {
		switch {
		case strings.HasPrefix(command, "SELECT"):
			return selectOK
		case strings.HasPrefix(command, "UID FETCH"):
			asked.Add(1)
			return "* 1 FETCH (UID 1 BODYSTRUCTURE (\"mixed\"))\r\n$T OK\r\n"
		case strings.HasPrefix(command, "LIST"):
			return "* LIST () \"/\" \"R&D\"\r\n* 5 BLURB\r\n* LIST () \"/\" a\r\n$T OK\r\n"
		}
		return "$T OK done\r\n"
	})
	fetch := func(s *imappool.Session) error {
		_, err := s.Fetch(imap.UIDSetNum(1), &imap.FetchOptions{UID: true, BodyStructure: &imap.FetchItemBodyStructure{Extended: true}}).Collect()
		return err
	}
	for range 2 {
		if err := pool.Read(t.Context(), "INBOX", fetch); !errors.Is(err, imappool.ErrMalformed) || mail.KindOf(err) != mail.Unavailable {
			t.Errorf("got %v, want ErrMalformed", err)
		}
	}
	if asked.Load() != 2 {
		t.Errorf("asked %d times, want it not repeated", asked.Load())
	}
	err := pool.Read(t.Context(), "INBOX", func(s *imappool.Session) error {
		boxes, err := s.List("", "*", nil).Collect()
		if err == nil && (len(boxes) != 2 || boxes[0].Mailbox != "R&D") {
			t.Errorf("mailboxes %+v", boxes)
		}
		if sel, _ := s.WaitSelected(); !sel.ReadOnly || sel.HighestModSeq != 99 || sel.UIDValidity != 7 || sel.CanKeep(imap.FlagSeen) {
			t.Errorf("selected %+v", sel)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
