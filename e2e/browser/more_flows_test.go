package browser

import (
	"slices"
	"strings"
	"testing"

	"postern/e2e/harness"
)

// TestSessionEnds has a session end under an open composer, from another browser.
func TestSessionEnds(t *testing.T) {
	flow(t, func(t *testing.T, p *harness.Process, u person) {
		signIn(u, mira)
		u.Follow("Compose")
		u.Fill("To", jonas)
		u.Fill("Subject", "Long and careful")
		u.Fill("Message", "These words took an hour.")

		other, _ := p.SignIn(t, mira, password)
		other.Get(t, "/settings/security").Press(t, "Sign out everywhere")

		u.Press("Save draft")
		u.WantTitle("Sign in")
		u.WantText("What you wrote is kept")
		u.Fill("Email address", mira)
		u.Fill("Password", password)
		u.Press("Sign in")
		u.WantText("You are signed in again")
		for label, want := range map[string]string{"To": jonas, "Subject": "Long and careful", "Message": "These words took an hour."} {
			if got := u.Value(label); strings.TrimSpace(got) != want {
				t.Errorf("%s is %q after signing in again, want %q", label, got, want)
			}
		}
		u.Press("Send")
		u.WantToast("Sending in")
	})
}

func TestFolders(t *testing.T) {
	flow(t, func(t *testing.T, p *harness.Process, u person) {
		signIn(u, mira)
		u.Follow("Manage folders")
		u.Fill("Name", "R&D \"100 %\" – süß")
		u.Fill("Inside", "Travel")
		u.Press("Create folder")
		u.WantToast("Folder created")
		u.Follow("Rename R&D \"100 %\" – süß")
		u.Fill("Name", "Reisen")
		u.Press("Rename folder")
		u.WantToast("Folder renamed")
		u.Follow("Reisen")
		u.WantTitle("Reisen")
		u.Go("/mailboxes")
		u.Follow("Delete Reisen")
		u.WantText("It holds 0 messages")
		u.Press("Delete folder")
		u.WantToast("Folder deleted")
		if u.Has("Reisen") {
			t.Error("the deleted folder is still shown")
		}
		u.Fill("Name", "a\x01b")
		u.Press("Create folder")
		if got := u.Value("Name"); got == "" {
			t.Error("a refused name is not kept")
		}
	})
}

func TestSettings(t *testing.T) {
	flow(t, func(t *testing.T, p *harness.Process, u person) {
		signIn(u, mira)
		for _, page := range []string{"general", "identities", "appearance", "privacy", "security", "keyboard"} {
			u.Go("/settings/" + page)
			u.WantTitle("Settings")
		}
		u.Go("/settings/identities")
		u.Follow("Edit " + mira)
		u.Fill("Name", "Mira at Work")
		u.Press("Save identity")
		u.WantText("Mira at Work")
		u.Go("/compose")
		u.WantText("Mira at Work")
		u.Go("/settings/security")
		u.Press("Sign out everywhere")
		u.WantTitle("Sign in")
	})
}

func TestErrorPages(t *testing.T) {
	flow(t, func(t *testing.T, p *harness.Process, u person) {
		signIn(u, mira)
		u.Go("/nowhere")
		u.WantText("no page at this address")
		u.Go("/mail/No%20such%20folder")
		u.WantText("Go to the Inbox")
		u.Follow("Go to the Inbox")
		u.WantTitle("Inbox")
		if !slices.Contains(u.Subjects(), cake) {
			t.Error("the inbox is not whole")
		}
	})
}
