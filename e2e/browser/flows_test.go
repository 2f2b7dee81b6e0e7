package browser

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"postern/e2e/harness"
)

func jsString(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}

func TestSignIn(t *testing.T) {
	flow(t, func(t *testing.T, p *harness.Process, u person) {
		u.Go("/mail/Sent")
		u.WantTitle("Sign in")
		u.Fill("Email address", mira)
		u.Fill("Password", "wrong")
		u.Press("Sign in")
		u.WantText("is not right")
		if got := u.Value("Email address"); got != mira {
			t.Errorf("the address typed is gone: %q", got)
		}
		u.Fill("Password", password)
		u.Press("Sign in")
		u.WantTitle("Sent") // the page that was asked for
		u.AccountMenu()
		u.Press("Sign out")
		u.WantTitle("Sign in")
		u.Go("/")
		u.WantTitle("Sign in")
	})
}

const (
	rotterdam  = "Re: Rotterdam depot: quarterly figures and the revised handover plan"
	cake       = "🎂 Saturday — who brings the cake?"
	backup     = "Re: Moving the backup window to 02:00"
	arabic     = "دعوة لحضور ورشة العمل السنوية حول أمن البريد الإلكتروني"
	invitation = "Invitation: Design review"
)

// subject is the first shown that begins with prefix.
func subject(t *testing.T, u person, prefix string) string {
	t.Helper()
	all := u.Subjects()
	i := slices.IndexFunc(all, func(s string) bool { return strings.HasPrefix(s, prefix) })
	if i < 0 {
		t.Fatalf("no subject begins with %q: %q", prefix, all)
	}
	return all[i]
}

func TestRead(t *testing.T) {
	flow(t, func(t *testing.T, p *harness.Process, u person) {
		signIn(u, mira)
		if n := len(u.Subjects()); n != 50 {
			t.Errorf("%d rows, want 50", n)
		}
		u.Read(rotterdam)
		u.WantText("Ama Serwaa-Boateng")
		u.WantText("Images are blocked")
		u.WantLetter("corrected totals in sheet 3")
		u.WantText("Handover plan v7.xlsx")
		u.Follow("Back to Inbox")
		u.Read(arabic)
		u.WantText("ليلى الحداد")
		u.Follow("Back to Inbox")
		u.Read(subject(t, u, invitation))
		u.Follow("Back to Inbox")
		u.Read(cake)
		u.WantText("cake")
		u.Follow("Older")
		u.Follow("Newer")
		u.WantTitle(cake)
		u.Follow("Back to Inbox")
		u.WantTitle("Inbox")
		u.Follow("Older")
		u.WantText("51–100 of")
		u.Follow("Newer")
		u.WantText("1–50 of")
		u.Follow("Unread")
		for _, s := range u.Subjects() {
			if s == cake {
				t.Error("a message that was read is among the unread")
			}
		}
	})
}

func TestArrange(t *testing.T) {
	flow(t, func(t *testing.T, p *harness.Process, u person) {
		signIn(u, mira)
		before := u.Subjects()
		cakes, backups := count(u, cake), count(u, backup)

		u.Tick("Select: "+cake, "Select: "+backup)
		u.Press("Archive")
		u.WantToast("2 conversations archived")
		u.WantRow(cake, cakes-1)
		u.WantRow(backup, backups-1)
		u.Press("Undo")
		u.WantRow(cake, cakes)
		if got := u.Subjects(); !slices.Equal(got, before) {
			t.Errorf("after Undo the list is\n%q, was\n%q", got, before)
		}

		u.PressInRow(cake, "Delete")
		u.WantToast("moved to Trash")
		u.WantRow(cake, cakes-1)
		u.Follow("Trash")
		u.WantTitle("Trash")
		u.WantRow(cake, 1)
		u.Tick("Select: " + cake)
		u.Menu("Move to")
		u.Press("Travel")
		u.WantToast("moved to Travel")
		u.Press("Undo")
		u.WantRow(cake, 1)
		u.Tick("Select: " + cake)
		u.Menu("Move to")
		u.Press("Travel")
		u.WantRow(cake, 0)
		u.Follow("Travel")
		u.WantTitle("Travel")
		u.WantRow(cake, 1)

		u.Follow("Inbox")
		u.WantTitle("Inbox")
		u.Press("Star: " + backup)
		u.WantText("1–50 of")
		u.Follow("Starred")
		u.WantTitle("Starred")
		u.WantRow(backup, 1)
		u.Follow("Inbox")
		u.Read(backup)
		u.Press("Mark unread")
		u.WantToast("marked as unread")
		u.WantTitle("Inbox")
		u.Follow("Unread")
		u.WantText("of 7")
		u.WantRow(backup, 1)
	})
}

func TestSearch(t *testing.T) {
	flow(t, func(t *testing.T, p *harness.Process, u person) {
		signIn(u, mira)
		u.Fill("Search mail", `from:ama has:attachment`)
		u.Press("Search")
		u.WantText("Rotterdam")
		if !slices.Contains(u.Subjects(), rotterdam) {
			t.Errorf("not found: %q", u.Subjects())
		}
		if got := u.Value("Search mail"); got != "from:ama has:attachment" {
			t.Errorf("the search box says %q", got)
		}
		u.Read(rotterdam)
		u.Fill("Search mail", `"nothing has these words"`)
		u.Press("Search")
		if got := u.Subjects(); len(got) != 0 {
			t.Errorf("found %q", got)
		}
	})
}

func TestSend(t *testing.T) {
	flow(t, func(t *testing.T, p *harness.Process, u person) {
		signIn(u, mira)
		u.Follow("Compose")
		u.WantTitle("New message")
		u.Fill("To", "nobody at all")
		u.Fill("Subject", "Stones for the wall")
		u.Fill("Message", "Dear Jonas,\n\nthe granite is here.")
		u.Press("Send")
		u.WantText("nobody at all")
		if got := u.Value("Subject"); got != "Stones for the wall" {
			t.Errorf("the subject is lost: %q", got)
		}
		u.Fill("To", "Jonas Öztürk <"+jonas+">")
		u.Attach("Steine für Juli.txt", "twelve stones")
		u.Press("Send")
		u.WantToast("Sending in")
		u.Press("Undo")
		u.WantText("Not sent")
		if got := u.Value("Message"); !strings.Contains(got, "the granite is here.") {
			t.Errorf("the text after Undo is %q", got)
		}
		u.WantText("Steine für Juli.txt")
		u.Press("Send")
		u.WantToast("Sending in")
		u.Press("Send now")

		other, inbox := p.SignIn(t, jonas, password)
		eventually(t, "the message arrives", func() bool {
			inbox = other.Get(t, "/mail/INBOX")
			return slices.Contains(inbox.Subjects(t), "Stones for the wall")
		})
		msg := inbox.Read(t, "Stones for the wall").WantText(t, mira)
		if got := msg.Open(t, msg.Link(t, "Download Steine für Juli.txt")).Body; string(got) != "twelve stones" {
			t.Errorf("the attachment arrived as %q", got)
		}
		eventually(t, "the copy is in Sent", func() bool {
			sent := 0
			u.Go("/mail/Sent")
			for _, s := range u.Subjects() {
				if s == "Stones for the wall" {
					sent++
				}
			}
			if sent > 1 {
				t.Fatalf("%d copies in Sent", sent)
			}
			return sent == 1
		})
		u.Follow("Drafts")
		if slices.Contains(u.Subjects(), "Stones for the wall") {
			t.Error("the draft stayed behind")
		}
	})
}

func TestAnswer(t *testing.T) {
	flow(t, func(t *testing.T, p *harness.Process, u person) {
		signIn(u, mira)
		u.Read(rotterdam)
		u.Follow("Reply to all")
		if got := u.Value("To") + " " + u.Value("Cc"); strings.Contains(got, mira) || !strings.Contains(got, "ama.serwaa@") || !strings.Contains(got, "jonas@") || !strings.Contains(got, "taro") {
			t.Errorf("reply all goes to %q", got)
		}
		if got := u.Value("Subject"); got != rotterdam {
			t.Errorf("subject %q", got)
		}
		if got := u.Value("Message"); !strings.Contains(got, "corrected totals in sheet 3") {
			t.Errorf("the original is not quoted: %.300q", got)
		}
		u.Go("/mail/INBOX")
		u.Read(backup)
		u.Follow("Reply")
		if got := u.Value("To"); strings.Contains(got, ",") || got == "" {
			t.Errorf("reply goes to %q", got)
		}
		u.Go("/mail/INBOX")
		u.Read(rotterdam)
		u.Follow("Forward")
		if got := u.Value("Subject"); !strings.HasPrefix(got, "Fwd: ") {
			t.Errorf("subject %q", got)
		}
		u.WantText("Handover plan v7.xlsx")
		u.Fill("To", jonas)
		u.Press("Send")
		u.WantToast("Sending in")
		u.Press("Send now")
		other, inbox := p.SignIn(t, jonas, password)
		eventually(t, "the forwarded message arrives", func() bool {
			inbox = other.Get(t, "/mail/INBOX")
			return strings.HasPrefix(inbox.Subjects(t)[0], "Fwd: ")
		})
		inbox.Open(t, inbox.Rows(t)[0].Link).WantText(t, "Handover plan v7.xlsx")
	})
}

func TestDraft(t *testing.T) {
	flow(t, func(t *testing.T, p *harness.Process, u person) {
		signIn(u, mira)
		drafts := func() (n int) {
			u.Go("/mail/Drafts")
			for _, s := range u.Subjects() {
				if s == "To be finished" {
					n++
				}
			}
			return n
		}
		u.Follow("Compose")
		u.Fill("To", jonas)
		u.Fill("Subject", "To be finished")
		u.Fill("Message", "First words")
		u.Press("Save draft")
		u.WantToast("Draft saved")
		if n := drafts(); n != 1 {
			t.Fatalf("%d drafts after saving, want 1", n)
		}
		u.ClickRow("To be finished")
		u.Fill("Message", "Second words")
		u.Press("Save draft")
		u.WantToast("Draft saved")
		if n := drafts(); n != 1 {
			t.Fatalf("%d drafts after saving twice, want 1", n)
		}
		u.ClickRow("To be finished")
		if got := u.Value("Message"); !strings.Contains(got, "Second words") || strings.Contains(got, "First") {
			t.Errorf("the draft says %q", got)
		}
		if got := u.Value("To"); !strings.Contains(got, jonas) {
			t.Errorf("the draft goes to %q", got)
		}
		u.Press("Discard draft")
		u.WantToast("Draft discarded")
		if n := drafts(); n != 0 {
			t.Errorf("%d drafts after discarding", n)
		}
		if s, ok := u.(*scripts); ok && s.Held() > 0 {
			t.Errorf("saved words were said to be lost %d times", s.Held())
		}
	})
}
