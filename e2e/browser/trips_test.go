package browser

import (
	"sync"
	"testing"
	"time"

	"postern/e2e/harness"
	"postern/mailproxy/demoserver"
)

// TestRoundTrips holds the pages to what they may ask of the mail server: flights of
// commands sent together, counted by the server itself.
func TestRoundTrips(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var commands []string
	e := harness.Serve(t, demoserver.Options{Seed: true, Latency: 10 * time.Millisecond, CommandLog: func(_, line string) {
		mu.Lock()
		defer mu.Unlock()
		commands = append(commands, line)
	}})
	b, inbox := e.SignIn(t, mira, password)
	flights := func(what string, most int64, f func() *harness.Page) *harness.Page {
		t.Helper()
		mu.Lock()
		commands = nil
		mu.Unlock()
		before := e.Mail.RoundTrips()
		p := f()
		n := e.Mail.RoundTrips() - before
		t.Logf("%-40s %d", what, n)
		if p.Status != 200 {
			t.Fatalf("%s: %s", what, p)
		}
		if n > most {
			mu.Lock()
			t.Errorf("%s took %d flights, may take %d:\n\t%.400q", what, n, most, commands)
			mu.Unlock()
		}
		return p
	}
	list := func(path string) func() *harness.Page {
		return func() *harness.Page { return b.Get(t, path) }
	}
	flights("list, warm", 1, list("/mail/INBOX"))
	flights("list, second page cold", 2, list("/mail/INBOX?page=2"))
	flights("list, second page warm", 1, list("/mail/INBOX?page=2"))
	flights("list, unread", 2, list("/mail/INBOX?show=unread"))
	flights("another mailbox, cold", 3, list("/mail/Sent"))
	flights("another mailbox, warm", 1, list("/mail/Sent"))
	flights("back in the inbox", 1, list("/mail/INBOX"))

	read := func(subject string) func() *harness.Page {
		return func() *harness.Page { return inbox.Read(t, subject) }
	}
	msg := flights("message with HTML and files, cold", 1, read(rotterdam))
	frames := msg.Frames(t)
	flights("its frame", 1, func() *harness.Page { return msg.Open(t, frames[0]) })
	flights("the same message again", 1, read(rotterdam))
	flights("plain message, cold", 1, read(cake))
	flights("composer", 1, list("/compose"))
	flights("reply", 1, func() *harness.Page { return msg.Follow(t, "Reply") })
	flights("search", 4, list("/search?q=from%3Aama&in=INBOX"))
	flights("settings", 1, list("/settings/general"))

	// An action is one flight; the list it leads to is another page, which is one too.
	// Undo must first select the mailbox that the message went to.
	at := b.Get(t, "/mail/INBOX")
	at = flights("archive, and the list", 2, func() *harness.Page { return at.PressInRow(t, backup, "Archive") })
	at = flights("undo, and the list", 4, func() *harness.Page { return at.Press(t, "Undo") })
	starred := flights("star, and the list", 2, func() *harness.Page { return at.Press(t, "Star: "+cake) })
	flights("unread, and the list", 2, func() *harness.Page {
		return starred.Tick(t, "Select: "+cake).Press(t, "Mark unread")
	})
}
