package imapconn

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"postern/mailproxy/mail"
)

func TestLimitReplies(t *testing.T) {
	t.Run("endless reply", func(t *testing.T) {
		t.Parallel()
		s := &script{in: make([]byte, 3000), chunk: 100}
		c := LimitReplies(s, ReplyLimits{Budget: 1000})
		n, err := io.Copy(io.Discard, c)
		if n != 1000 || mail.KindOf(err) != mail.Unavailable {
			t.Errorf("read %d octets, %v", n, err)
		}
	})
	t.Run("each command has its own budget", func(t *testing.T) {
		t.Parallel()
		s := &script{in: make([]byte, 3000), chunk: 500}
		c := LimitReplies(s, ReplyLimits{Budget: 1000})
		for range 3 {
			if _, err := c.Write([]byte("NOOP\r\n")); err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(c, make([]byte, 1000)); err != nil {
				t.Fatal(err)
			}
		}
	})
	t.Run("a server that neither reads nor writes", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			near, far := net.Pipe()
			defer far.Close()
			c := LimitReplies(near, ReplyLimits{Read: time.Minute, Write: 30 * time.Second})
			defer c.Close()
			began := time.Now()
			if _, err := c.Write(make([]byte, 1<<20)); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(began) != 30*time.Second {
				t.Errorf("write: %v after %v", err, time.Since(began))
			}
			began = time.Now()
			if _, err := c.Read(make([]byte, 10)); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(began) != time.Minute {
				t.Errorf("read: %v after %v", err, time.Since(began))
			}
			began = time.Now()
			if err := c.SetDeadline(began.Add(time.Second)); err != nil {
				t.Fatal(err)
			}
			if _, err := c.Read(make([]byte, 10)); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(began) != time.Second {
				t.Errorf("own deadline: %v after %v", err, time.Since(began))
			}
		})
	})
}

func TestGuardDeadlines(t *testing.T) {
	t.Run("a pause within a response", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			near, far := net.Pipe()
			defer far.Close()
			go func() { _, _ = io.WriteString(far, "* 1 FETCH (") }()
			g := NewGuard(near, GuardOptions{})
			began := time.Now()
			_, err := io.ReadAll(onlyReader{g})
			if !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(began) != 30*time.Second {
				t.Errorf("%v after %v", err, time.Since(began))
			}
		})
	})
	t.Run("a server that does not read", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			near, far := net.Pipe()
			defer far.Close()
			g := NewGuard(near, GuardOptions{})
			began := time.Now()
			_, err := g.Write([]byte("T1 NOOP\r\n"))
			if !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(began) != 30*time.Second || g.Err() == nil {
				t.Errorf("%v after %v", err, time.Since(began))
			}
		})
	})
	t.Run("idle for long, deadlines of the client unheeded", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			near, far := net.Pipe()
			defer far.Close()
			go func() {
				time.Sleep(20 * time.Minute)
				_, _ = io.WriteString(far, "* 1 EXISTS\r\n")
			}()
			g := NewGuard(near, GuardOptions{})
			defer g.Close()
			_ = g.SetDeadline(time.Now().Add(time.Second))
			if n, err := g.Read(make([]byte, 100)); n != 12 || err != nil {
				t.Errorf("read %d, %v", n, err)
			}
		})
	})
}
