package compose

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"postern/mailproxy/mail"
)

func parent() mail.Message {
	return mail.Message{
		Ref: mail.MessageRef{Mailbox: "INBOX", UIDValidity: 1, UID: 7}, Subject: "Depot", From: []mail.Address{{Name: "Ama Serwaa-Boateng", Addr: "ama@x.test"}},
		To: list("mira@postern.test"), Date: time.Date(2026, 11, 24, 10, 42, 0, 0, time.FixedZone("", 3600)),
		MessageID: "3@x.test", References: []string{"1@x.test", "2@x.test"},
		Files:  []mail.File{{Path: "2", Name: "plan.pdf", Type: "application/pdf", Size: 10}},
		Inline: []mail.File{{Path: "1.2", Name: "logo.png", Type: "image/png", Size: 5, ContentID: "logo@x"}},
		Nested: []mail.Nested{{Path: "3", Subject: "a/b: c", Size: 9}},
	}
}

func TestAnswer(t *testing.T) {
	t.Parallel()
	sig := []mail.Identity{{ID: "1", Addr: "mira@postern.test", Signature: "Mira\nPostern\n\n"}}
	d := Answer(Question{Kind: mail.ComposeReply, Parent: parent(), Text: "Hello\n\n> older", Me: sig, Key: "abcdefgh"})
	if want := "\n\nOn Tue, 24 Nov 2026 at 10:42, Ama Serwaa-Boateng wrote:\n> Hello\n>\n>> older\n\n\n-- \nMira\nPostern"; d.Text != want {
		t.Errorf("text %q, want %q", d.Text, want)
	}
	if d.Subject != "Re: Depot" || d.To != "Ama Serwaa-Boateng <ama@x.test>" || d.InReplyTo != "3@x.test" || strings.Join(d.References, " ") != "1@x.test 2@x.test 3@x.test" ||
		d.From != "1" || d.HTML != "" || len(d.Files) != 0 || d.Key != "abcdefgh" || d.Parent.UID != 7 {
		t.Errorf("%+v", d)
	}

	d = Answer(Question{Kind: mail.ComposeReplyAll, Parent: parent(), Text: "Hello", HTML: "<p>Hello</p>", Rich: true, Me: sig})
	if !strings.Contains(d.HTML, `<blockquote type="cite"><p>Hello</p></blockquote>`) || !strings.HasPrefix(d.HTML, "<p><br></p>") || !strings.HasSuffix(d.HTML, "<p>-- <br>Mira<br>\nPostern</p>") {
		t.Errorf("html %q", d.HTML)
	}
	if len(d.Files) != 1 || d.Files[0].ContentID != "logo@x" {
		t.Errorf("inline images %+v", d.Files)
	}

	d = Answer(Question{Kind: mail.ComposeForward, Parent: parent(), Text: "Hello", Me: sig})
	if want := "\n\nMira\nPostern\n\n---------- Forwarded message ----------\nFrom: Ama Serwaa-Boateng <ama@x.test>\nDate: Tue, 24 Nov 2026 10:42 +0100\nSubject: Depot\nTo: mira@postern.test\n\nHello\n"; d.Text != want {
		t.Errorf("text %q, want %q", d.Text, want)
	}
	if len(d.Files) != 3 || d.Files[1].ID != PartID(parent().Ref, "2") || d.Files[0].ContentID != "" || d.Files[2].Name != "a_b_ c.eml" || d.Files[2].Type != "message/rfc822" || d.InReplyTo != "" || len(d.References) != 3 || d.To != "" {
		t.Errorf("%+v", d)
	}

	d = Answer(Question{Kind: mail.ComposeForwardAttach, Parent: parent(), Me: sig})
	if len(d.Files) != 1 || d.Files[0].Path != "" || d.Files[0].Name != "Depot.eml" || strings.Contains(d.Text, "Forwarded") {
		t.Errorf("%+v", d)
	}
}

func TestReferences(t *testing.T) {
	t.Parallel()
	var many []string
	for i := range 50 {
		many = append(many, fmt.Sprintf("%d@x", i))
	}
	tests := []struct {
		name string
		m    mail.Message
		want []string
	}{
		{"none", mail.Message{}, nil},
		{"first answer", mail.Message{MessageID: "1@x"}, []string{"1@x"}},
		{"In-Reply-To stands in", mail.Message{MessageID: "2@x", InReplyTo: []string{"1@x"}}, []string{"1@x", "2@x"}},
		{"not when there are several", mail.Message{MessageID: "3@x", InReplyTo: []string{"1@x", "2@x"}}, []string{"3@x"}},
		{"first and last 20", mail.Message{MessageID: "n@x", References: many}, append(append([]string{"0@x"}, many[31:]...), "n@x")},
		{"bad ones are left out", mail.Message{MessageID: "a b@x", References: []string{"1@x>\r\nBcc: v", "ok@x", "ok@x", "é@x", ""}}, []string{"ok@x"}},
	}
	for _, tt := range tests {
		if got := references(tt.m); strings.Join(got, " ") != strings.Join(tt.want, " ") {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestPlainText(t *testing.T) {
	t.Parallel()
	line := func(s string) mail.TextLine { return mail.TextLine{{Text: s}} }
	got := PlainText([]mail.TextBlock{
		{Lines: []mail.TextLine{line("Hi"), nil, {{Text: "see "}, {Text: "https://x.test", URL: "https://x.test"}}}},
		{Depth: 2, Lines: []mail.TextLine{line("old")}},
		{Signature: true, Lines: []mail.TextLine{line("Mira")}},
	})
	if want := "Hi\n\nsee https://x.test\n>> old\n-- \nMira"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestPartID(t *testing.T) {
	t.Parallel()
	ref := mail.MessageRef{Mailbox: "Entwürfe: x", UIDValidity: 5, UID: 9}
	for _, path := range []string{"", "1", "1.2.33"} {
		if r, p, ok := ParsePartID(PartID(ref, path)); !ok || r != ref || p != path {
			t.Errorf("%q: %v %q %v", path, r, p, ok)
		}
	}
	for _, bad := range []string{"", "p:", "p::", "p:x:1", PartID(ref, "0"), PartID(ref, "1..2"), PartID(ref, "1.a"), PartID(ref, "999999"), PartID(ref, "HEADER"), PartID(mail.MessageRef{Mailbox: "a\r\nb", UID: 1}, "1")} {
		if _, _, ok := ParsePartID(bad); ok {
			t.Errorf("%q was accepted", bad)
		}
	}
}
