package compose

import (
	"reflect"
	"strings"
	"testing"

	"github.com/emersion/go-message"
	gomail "github.com/emersion/go-message/mail"

	"postern/mailproxy/mail"
)

// reopened is a built draft as an opened message, read by go-message.
func reopened(t *testing.T, out string) mail.Message {
	t.Helper()
	e, err := message.Read(strings.NewReader(out))
	if err != nil {
		t.Fatal(err)
	}
	h := gomail.Header{Header: e.Header}
	m := mail.Message{Ref: mail.MessageRef{Mailbox: "Drafts", UIDValidity: 1, UID: 5}}
	m.Subject, _ = h.Subject()
	m.MessageID, _ = h.MessageID()
	m.InReplyTo, _ = h.MsgIDList("In-Reply-To")
	m.References, _ = h.MsgIDList("References")
	for name, dst := range map[string]*[]mail.Address{"From": &m.From, "To": &m.To, "Cc": &m.Cc, "Bcc": &m.Bcc} {
		l, _ := h.AddressList(name)
		for _, a := range l {
			*dst = append(*dst, mail.Address{Name: a.Name, Addr: a.Address})
		}
	}
	for f := h.Fields(); f.Next(); {
		m.Header = append(m.Header, mail.HeaderField{Name: f.Key(), Value: f.Value()})
	}
	return m
}

func TestDraftRoundTrip(t *testing.T) {
	t.Parallel()
	ids := []mail.Identity{{ID: "1", Addr: "mira@postern.test", Default: true}, {ID: "2", Addr: "mira@postern.test"}}
	saved := mail.MessageRef{Mailbox: "Drafts", UIDValidity: 1, UID: 5}
	tests := []struct {
		name string
		d    mail.Draft
	}{
		{"new", mail.Draft{Key: "abcdefgh", Kind: mail.ComposeNew, From: "1", To: "a@x.test", Subject: "Hi", Text: "Hello"}},
		{"reply", mail.Draft{Key: "abcdefgh", Kind: mail.ComposeReply, Parent: mail.MessageRef{Mailbox: "Ärger", UIDValidity: 3, UID: 4}, From: "2", To: "Ama <a@x.test>", Cc: "c@x.test", Bcc: "Jörg <d@x.test>", Subject: "Re: Grüße", InReplyTo: "1@x", References: []string{"0@x", "1@x"}, Text: "Hi\n> quoted  text\n-- \nM"}},
		{"incomplete lists", mail.Draft{Key: "abcdefgh", Kind: mail.ComposeNew, From: "1", To: "a@x.test, Jör", Cc: "nonsense", Bcc: "x@, y@x.test"}},
		{"empty", mail.Draft{Key: "abcdefgh", Kind: mail.ComposeNew, From: "1"}},
		{"forward", mail.Draft{Key: "abcdefgh", Kind: mail.ComposeForward, Parent: mail.MessageRef{Mailbox: "INBOX", UIDValidity: 3, UID: 4}, From: "1", Subject: "Fwd: x"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in := input(tt.d)
			in.Unfinished = true
			out, _ := build(t, in)
			got := Continue(reopened(t, out), tt.d.Text, "", ids, "otherkey")
			want := tt.d
			want.Saved = saved
			if !reflect.DeepEqual(got, want) {
				t.Errorf("got  %+v\nwant %+v", got, want)
			}
			if out, _ := build(t, input(mail.Draft{Key: "abcdefgh", To: "a@x.test", Bcc: "b@x.test"})); strings.Contains(out, "X-Postern") || strings.Contains(out, "Bcc") {
				t.Errorf("sent with %s", out)
			}
		})
	}
}

func TestKeptFile(t *testing.T) {
	t.Parallel()
	d := mail.Draft{Key: "abcdefgh", Files: []mail.DraftFile{{ID: "blob1"}, {ID: "p:x:2"}}}
	in := input(d)
	in.Unfinished = true
	in.Files = []mail.Attachment{file("a", "x/y", nil), file("b", "x/y", nil)}
	out, _ := build(t, in)
	for _, h := range reopened(t, out).Header {
		if strings.EqualFold(h.Name, FieldState) {
			if KeptFile(h.Value, "blob1") != "2" || KeptFile(h.Value, "p:x:2") != "3" || KeptFile(h.Value, "x") != "" {
				t.Error(h.Value)
			}
			return
		}
	}
	t.Error("no state")
}

// Somebody else's mail with our fields must not reach further than a person could.
func TestContinueTrustsNothing(t *testing.T) {
	t.Parallel()
	for _, v := range []string{"", "!!", "e30=", strings.Repeat("A", 5<<20), "eyJrIjoiZHJhZnQifQ==", "eyJrIjoicmVwbHkiLCJwIjoiLi4vLi4ifQ==", "bnVsbA==", "W10="} {
		m := mail.Message{From: list("mallory@x.test"), Header: []mail.HeaderField{{Name: FieldKey, Value: "a b\r\nc"}, {Name: FieldState, Value: v}}}
		d := Continue(m, "", "", me, "mykeymykey")
		if d.Key != "mykeymykey" || d.From != "1" || !d.Parent.IsZero() {
			t.Errorf("%.40q: %+v", v, d)
		}
	}
}

func FuzzContinue(f *testing.F) {
	f.Add("e30=", "abcdefgh", "a@x")
	f.Fuzz(func(t *testing.T, state, key, addr string) {
		m := mail.Message{From: list(addr), To: list(addr), Subject: addr, InReplyTo: []string{key}, References: []string{state}, Header: []mail.HeaderField{{Name: FieldKey, Value: key}, {Name: FieldState, Value: state}}}
		d := Continue(m, "", "", me, "mykeymykey")
		if !ValidKey(d.Key) || unfit(d.Subject) {
			t.Errorf("%+v", d)
		}
	})
}
