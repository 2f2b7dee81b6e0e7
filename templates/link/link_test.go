package link

import (
	"net/url"
	"testing"
)

func TestMailboxPathRoundTrip(t *testing.T) {
	for _, name := range []string{"INBOX", "Travel/København 2025", "~odd", "a//b", "../x", ".", "50% & \"more\"", "🎂", `back\slash`, "trailing/", "?#"} {
		s := Site{Base: "/webmail"}
		u, err := url.Parse(s.Mailbox(name))
		if err != nil {
			t.Fatal(err)
		}
		got, ok := MailboxName(u.Path[len("/webmail/mail/"):])
		if !ok || got != name {
			t.Errorf("%q became %q (%s)", name, got, u)
		}
	}
}

func TestLocal(t *testing.T) {
	s := Site{Base: "/webmail"}
	for p, want := range map[string]bool{
		"/webmail/mail/INBOX?page=2": true, "/webmail/": true, "/other": false, "//evil.example/": false,
		"/webmail//x": true, "https://evil.example/webmail/": false, `/webmail/\evil`: false, "/webmail/\r\nSet-Cookie: x": false, "": false,
	} {
		if got := s.Local(p); got != want {
			t.Errorf("Local(%q) = %v, want %v", p, got, want)
		}
	}
	if (Site{}).Local("//evil.example") {
		t.Error("a host passes as a path")
	}
}
