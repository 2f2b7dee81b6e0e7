package realserver

import (
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"

	"postern/e2e/harness"
	"postern/e2e/harness/mailserver"
)

func address(user string) string { return user + "@" + mailserver.Domain }

// stored are the messages with a subject in a mailbox, as the server has them.
func stored(t testing.TB, s *mailserver.Server, user, box, subject string) (flags [][]imap.Flag, raw []string) {
	t.Helper()
	c := s.SignIn(t, user)
	defer c.Close()
	if _, err := c.Select(box, &imap.SelectOptions{ReadOnly: true}).Wait(); err != nil {
		return nil, nil
	}
	found, err := c.UIDSearch(&imap.SearchCriteria{Header: []imap.SearchCriteriaHeaderField{{Key: "Subject", Value: subject}}}, nil).Wait()
	if err != nil {
		t.Fatal(err)
	}
	if len(found.AllUIDs()) == 0 {
		return nil, nil
	}
	whole := &imap.FetchItemBodySection{Peek: true}
	msgs, err := c.Fetch(imap.UIDSetNum(found.AllUIDs()...), &imap.FetchOptions{UID: true, Flags: true, BodySection: []*imap.FetchItemBodySection{whole}}).Collect()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range msgs {
		flags, raw = append(flags, m.Flags), append(raw, string(m.FindBodySection(whole)))
	}
	return flags, raw
}

// sendNow sends the composer's message and spares the wait for Undo.
func sendNow(t testing.TB, p *harness.Page) *harness.Page {
	t.Helper()
	return p.Press(t, "Send").WantToast(t, "Sending in").Press(t, "Send now")
}

// TestWhole is a morning with the program: everything in it on real servers.
func TestWhole(t *testing.T) {
	t.Parallel()
	s := server(t)
	p := serve(t, s)
	b, inbox := p.SignIn(t, address("u2"), "pw-u2")

	// write to u3, who answers
	written := inbox.Follow(t, "Compose").Fill(t, "To", address("u3")).Fill(t, "Subject", "Grüße über Postfix").Fill(t, "Message", "Hello u3,\n\n.\n.. dots and Umlaute: äöü 🍋\nFrom here on.")
	sendNow(t, written)
	b3, inbox3 := p.SignIn(t, address("u3"), "pw-u3")
	eventually(t, "the message arrives", func() bool {
		inbox3 = b3.Get(t, "/mail/INBOX")
		return slices.Contains(inbox3.Subjects(t), "Grüße über Postfix")
	})
	msg := inbox3.Read(t, "Grüße über Postfix").WantText(t, "dots and Umlaute: äöü 🍋")
	eventually(t, "one copy is in Sent", func() bool {
		_, raw := stored(t, s, "u2", "Sent", "Postfix")
		return len(raw) == 1
	})

	// the answer: \Answered on the original
	sendNow(t, msg.Follow(t, "Reply").Fill(t, "Message", "Thank you."))
	eventually(t, "the answer arrives", func() bool {
		return slices.Contains(b.Get(t, "/mail/INBOX").Subjects(t), "Re: Grüße über Postfix")
	})
	eventually(t, "the original is marked as answered", func() bool {
		flags, _ := stored(t, s, "u3", "INBOX", "Postfix")
		return len(flags) == 1 && slices.Contains(flags[0], imap.FlagAnswered)
	})
	if _, raw := stored(t, s, "u2", "INBOX", "Postfix"); len(raw) != 1 || !strings.Contains(raw[0], "In-Reply-To:") || !strings.Contains(raw[0], "References:") {
		t.Errorf("the answer is %q", raw)
	}

	// move, undo, star, read
	inbox = b.Get(t, "/mail/INBOX")
	subject := inbox.Rows(t)[3].Subject
	inbox.Tick(t, "Select: "+subject).Press(t, "Archive").WantToast(t, "archived").Press(t, "Undo")
	if again := b.Get(t, "/mail/INBOX"); !slices.Equal(again.Subjects(t), inbox.Subjects(t)) {
		t.Errorf("after Undo: %q, before: %q", again.Subjects(t), inbox.Subjects(t))
	}

	// folders
	page := b.Get(t, "/mailboxes").Fill(t, "Name", "R&D „100 %“ ~ 🍋").Press(t, "Create folder").WantToast(t, "created")
	page = page.Follow(t, "R&D „100 %“ ~ 🍋").Want(t, http.StatusOK)
	if page.Title() != "R&D „100 %“ ~ 🍋" {
		t.Errorf("heading %q", page.Title())
	}
	list := b.Get(t, "/mail/INBOX")
	list = list.Tick(t, "Select: "+subject).Press(t, "R&D „100 %“ ~ 🍋").WantToast(t, "moved to")
	if got := b.Get(t, page.URL.String()).Subjects(t); !slices.Equal(got, []string{subject}) {
		t.Errorf("moved: %q", got)
	}
	list.Press(t, "Undo")
	if got := b.Get(t, page.URL.String()).Subjects(t); len(got) != 0 {
		t.Errorf("after Undo: %q", got)
	}

	// search
	found := b.Get(t, "/mail/INBOX").Fill(t, "Search mail", "subject:Grüße").Press(t, "Search")
	if got := found.Subjects(t); !slices.Contains(got, "Re: Grüße über Postfix") {
		t.Errorf("found %q", got)
	}

	// a refusal returns the draft with the server's own words
	sendNow(t, b.Get(t, "/compose").Fill(t, "To", "nobody-here@"+mailserver.Domain).Fill(t, "Subject", "To nobody").Fill(t, "Message", "Words"))
	eventually(t, "the refusal is told", func() bool {
		text := b.Get(t, "/outbox").Text()
		return strings.Contains(text, "Was not sent") && strings.Contains(text, "nobody-here@")
	})
	if got := b.Get(t, "/mail/Drafts").Subjects(t); !slices.Contains(got, "To nobody") {
		t.Errorf("the refused message is not among the drafts: %q", got)
	}

	// out, everywhere
	second, _ := p.SignIn(t, address("u2"), "pw-u2")
	b.Get(t, "/settings/security").Press(t, "Sign out everywhere")
	if got := second.Get(t, "/mail/INBOX").Title(); got != "Sign in" {
		t.Errorf("another browser is still signed in: %q", got)
	}
	if strings.Contains(p.Log(), "@"+mailserver.Domain) || strings.Contains(p.Log(), "Postfix") || strings.Contains(p.Log(), "pw-u") {
		t.Error("the log names an address, a subject or a password")
	}
}

// TestLargeFile sends 25 MB and reads it again; the program never holds it several times over.
func TestLargeFile(t *testing.T) {
	t.Parallel()
	s := server(t)
	p := serve(t, s)
	const size = 25_000_000
	file := func() io.Reader { return io.LimitReader(rand.NewChaCha8([32]byte{1}), size) }
	_, inbox := p.SignIn(t, address("u7"), "pw-u7")
	before := p.Peak(t)
	c := inbox.Follow(t, "Compose").Fill(t, "To", address("u8")).Fill(t, "Subject", "Twenty-five").Fill(t, "Message", "See the file.")
	c = c.Choose(t, "Attach files", harness.File{Name: "stones.bin", Type: "application/octet-stream", Size: size, Content: file()}).Press(t, "Upload").Want(t, http.StatusOK).WantText(t, "stones.bin")
	sendNow(t, c)
	b8, in := p.SignIn(t, address("u8"), "pw-u8")
	eventually(t, "the file arrives", func() bool {
		in = b8.Get(t, "/mail/INBOX")
		return slices.Contains(in.Subjects(t), "Twenty-five")
	})
	msg := in.Read(t, "Twenty-five")
	href := msg.Link(t, "Download stones.bin")
	got := msg.Open(t, href)
	want, _ := io.ReadAll(file())
	if string(got.Body) != string(want) {
		t.Errorf("the file came back as %d octets, not as it was", len(got.Body))
	}
	eventually(t, "one copy is in Sent", func() bool {
		flags, _ := stored(t, s, "u7", "Sent", "Twenty-five")
		return len(flags) == 1
	})
	if grown := p.Peak(t) - before; grown > 64<<20 {
		t.Errorf("memory grew by %d MB for a file of 25 MB", grown>>20)
	} else {
		t.Logf("memory grew by %d MB", grown>>20)
	}
}

// TestKilled kills the program within the undo window. The message arrives once.
func TestKilled(t *testing.T) {
	t.Parallel()
	s := server(t)
	p := serve(t, s)
	b, inbox := p.SignIn(t, address("u4"), "pw-u4")
	inbox.Follow(t, "Compose").Fill(t, "To", address("u4")).Fill(t, "Subject", "Survivor").Fill(t, "Message", "Still here.").Press(t, "Send").WantToast(t, "Sending in")
	p.Kill(t)
	p.Again(t)
	if got := b.Get(t, "/mail/INBOX"); got.Title() != "Inbox" {
		t.Fatalf("the session did not survive: %s", got)
	}
	eventually(t, "the message arrives", func() bool {
		return slices.Contains(b.Get(t, "/mail/INBOX").Subjects(t), "Survivor")
	})
	eventually(t, "one copy is in Sent", func() bool {
		flags, _ := stored(t, s, "u4", "Sent", "Survivor")
		return len(flags) == 1
	})
	if n := strings.Count(strings.Join(b.Get(t, "/mail/INBOX").Subjects(t), "\n"), "Survivor"); n != 1 {
		t.Errorf("it arrived %d times", n)
	}
	if got := b.Get(t, "/mail/Drafts").Subjects(t); slices.Contains(got, "Survivor") {
		t.Error("its draft stayed behind")
	}
}

// TestServerGone stops the mail server and starts it again under signed-in people.
func TestServerGone(t *testing.T) {
	t.Parallel()
	s := mailserver.Start(t, mailserver.Options{})
	s.Seed(t, "u5", 100, true)
	p := serve(t, s)
	b, inbox := p.SignIn(t, address("u5"), "pw-u5")
	subjects := inbox.Subjects(t)
	s.Stop(t)
	// Dovecot's processes that hold connections outlive their master by a moment.
	var page *harness.Page
	var start time.Time
	eventually(t, "the page speaks of the mail server", func() bool {
		start = time.Now()
		page = b.Get(t, "/mail/INBOX")
		return strings.Contains(page.Text(), "mail server")
	})
	if page.Status >= 500 && page.Status != http.StatusServiceUnavailable || page.Title() == "" {
		t.Errorf("while the server is gone: %s", page)
	}
	if took := time.Since(start); took > 15*time.Second {
		t.Errorf("it took %v to say so", took)
	}
	if got := b.Get(t, "/compose"); got.Status != http.StatusOK || !got.Has(t, "Send") {
		t.Errorf("nothing can be written while the server is gone: %s", got)
	}
	if got := p.Browser(t).Get(t, "/sign-in").Fill(t, "Email address", address("u5")).Fill(t, "Password", "pw-u5").Press(t, "Sign in"); got.Title() != "Sign in" || strings.Contains(got.Text(), "password is not right") {
		t.Errorf("signing in while the server is gone: %s", got)
	}
	s.Again(t)
	eventually(t, "the inbox is back", func() bool {
		page = b.Get(t, "/mail/INBOX")
		return page.Status == http.StatusOK && slices.Equal(page.Subjects(t), subjects)
	})
}
