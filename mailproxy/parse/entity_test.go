package parse

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/emersion/go-imap/v2"
)

// shape writes a structure in the short form of tree.
func shape(bs imap.BodyStructure) string {
	switch b := bs.(type) {
	case *imap.BodyStructureMultiPart:
		var ch []string
		for _, c := range b.Children {
			ch = append(ch, shape(c))
		}
		return b.Subtype + "(" + strings.Join(ch, " ") + ")"
	case *imap.BodyStructureSinglePart:
		if b.MessageRFC822 != nil {
			return b.MediaType() + "(" + shape(b.MessageRFC822.BodyStructure) + ")"
		}
		return b.MediaType()
	}
	return "?"
}

func TestParse(t *testing.T) {
	tests := []struct{ name, raw, want string }{
		{"empty", "", "text/plain"},
		{"no header", "just text\nmore", "text/plain"},
		{"header only", "Subject: x\n", "text/plain"},
		{"plain", "Subject: x\n\nbody", "text/plain"},
		{"mixed", "Content-Type: multipart/mixed; boundary=b\n\npreamble\n--b\n\none\n--b\nContent-Type: text/html\n\ntwo\n--b--\nepilogue", "mixed(text/plain text/html)"},
		{"CRLF", "Content-Type: multipart/mixed; boundary=\"b\"\r\n\r\n--b\r\n\r\none\r\n--b--\r\n", "mixed(text/plain)"},
		{"no end", "Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b\n\ntwo", "mixed(text/plain text/plain)"},
		{"space behind the boundary", "Content-Type: multipart/mixed; boundary=b\n\n--b \t\n\none\n--b-- \n", "mixed(text/plain)"},
		{"longer boundary inside", "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: multipart/mixed; boundary=bb\n\n--bb\n\none\n--bb--\n--b--", "mixed(mixed(text/plain))"},
		{"inner not ended", "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: multipart/alternative; boundary=c\n\n--c\n\none\n--b\n\ntwo\n--b--", "mixed(alternative(text/plain) text/plain)"},
		{"boundary not named", "Content-Type: multipart/mixed\n\n--xyz\n\none\n--xyz\n\ntwo\n--xyz--", "mixed(text/plain text/plain)"},
		{"wrong boundary", "Content-Type: multipart/mixed; boundary=nope\n\n--xyz\n\none\n--xyz--\n", "mixed(text/plain)"},
		{"no parts", "Content-Type: multipart/mixed; boundary=b\n\nhello", "text/plain"},
		{"enclosed", "Content-Type: message/rfc822\n\nSubject: y\n\nbody", "message/rfc822(text/plain)"},
		{"enclosed, encoded", "Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nU3ViamVjdDogeAoKYQ==", "message/rfc822"},
		{"digest", "Content-Type: multipart/digest; boundary=b\n\n--b\n\nSubject: a\n\nx\n--b--", "digest(message/rfc822(text/plain))"},
		{"type without slash", "Content-Type: text\n\nx", "text/plain"},
		{"broken type", "Content-Type: ;;;\n\nx", "text/plain"},
		{"rubbish on top", "rubbish\nContent-Type: text/html\n\nx", "text/html"},
		{"mbox line on top", "From a@b Mon\nContent-Type: text/html\n\nx", "text/html"},
		{"old Macintosh", "Content-Type: text/html\r\rx", "text/html"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := shape(Parse([]byte(tt.raw)).Structure()); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestSection(t *testing.T) {
	raw := "Subject: outer\n" + "Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b\nContent-Type: message/rfc822\n\nSubject: inner\nContent-Type: multipart/mixed; boundary=c\n\n--c\nContent-Type: text/html\n\n<p>\n--c--\n\n--b--\n"
	e := Parse([]byte(raw))
	for path, want := range map[string]string{"1": "one", "2.1": "<p>"} {
		if _, b := e.Section(path); string(b) != want {
			t.Errorf("Section(%q) = %q, want %q", path, b, want)
		}
	}
	if _, b := e.Section("2"); !bytes.HasPrefix(b, []byte("Subject: inner\n")) {
		t.Errorf("the enclosed message is %q", b)
	}
	if got := Field(e.HeaderOf("2"), "subject"); got != "inner" {
		t.Errorf("inner subject %q", got)
	}
	for _, p := range []string{"3", "1.1", "2.2", "0", "x", "2.1.1"} {
		if h, b := e.Section(p); h != nil || b != nil {
			t.Errorf("Section(%q) = %q, %q", p, h, b)
		}
	}
}

// TestMessage puts a message together as its page shows it.
func TestMessage(t *testing.T) {
	raw := "From: =?utf-8?q?J=C3=B6rg?= <j@x.test>\r\nSender: s@x.test\r\nReply-To: J@X.test\r\nTo: a@x.test, b@x.test\r\nSubject: Hi\r\nDate: Tue, 24 Nov 2026 10:11:12 +0100\r\n" +
		"Message-ID: <1@x.test>\r\nReferences: <0@x.test>\r\nList-ID: Friends <friends.x.test>\r\nContent-Type: multipart/related; boundary=b\r\n\r\n" +
		"--b\r\nContent-Type: text/html; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n<p>caf=E9 <img src=3Dcid:i></p>\r\n" +
		"--b\r\nContent-Type: image/png; name=i.png\r\nContent-ID: <i>\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA\r\n--b--\r\n"
	m, _, _, src := open([]byte(raw))
	checkMessage(t, m)
	if src != "<p>café <img src=cid:i></p>" {
		t.Errorf("HTML %q", src)
	}
	if show(m.From) != "Jörg<j@x.test>" || show(m.Sender) != "<s@x.test>" || m.ReplyTo != nil || len(m.To) != 2 || m.ListID != "friends.x.test" || m.MessageID != "1@x.test" || len(m.References) != 1 {
		t.Errorf("header: %+v", m)
	}
	if len(m.Files) != 0 || len(m.Inline) != 1 || m.HTMLPath != "1" || len(m.Header) != 10 || len(m.Problems) != 0 {
		t.Errorf("parts: %+v", m)
	}
}

func TestNestedInBase64(t *testing.T) {
	inner := "Subject: inner\r\n\r\nhello"
	for range 12 {
		inner = "Subject: x\r\nContent-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n" + base64.StdEncoding.EncodeToString([]byte(inner))
	}
	m, p, e, _ := open([]byte(inner))
	if len(m.Nested) != 1 || planned(p) == "" {
		t.Fatalf("nested: %+v", m.Nested)
	}
	f := Find(e.Structure(), "1")
	if !f.Opaque {
		t.Error("an encoded message is said to be open to the server")
	}
}

func TestReport(t *testing.T) {
	dsn := "Reporting-MTA: dns; mx.x.test\r\nArrival-Date: now\r\n\r\nOriginal-Recipient: rfc822;a@x.test\r\nFinal-Recipient: rfc822;b@y.test\r\nAction: Failed\r\nStatus: 5.1.1 (bad)\r\n" +
		"Diagnostic-Code: smtp; 550 5.1.1\r\n  no such user\r\nRemote-MTA: dns; y.test\r\n\r\nFinal-Recipient: rfc822;c@y.test\r\nAction: delayed\r\n"
	r := ParseReport([]byte(dsn), "delivery")
	if r == nil || r.Reporter != "mx.x.test" || len(r.Recipients) != 2 {
		t.Fatalf("%+v", r)
	}
	if x := r.Recipients[0]; x.Address != "a@x.test" || x.Action != "failed" || x.Status != "5.1.1" || x.Diagnostic != "550 5.1.1 no such user" || x.RemoteMTA != "y.test" {
		t.Errorf("%+v", x)
	}
	mdn := "Reporting-UA: pc; Mailer\nFinal-Recipient: rfc822;a@x.test\nDisposition: manual-action/MDN-sent-manually; displayed\n"
	if r := ParseReport([]byte(mdn), "disposition"); r == nil || r.Recipients[0].Action != "displayed" {
		t.Errorf("%+v", r)
	}
	if r := ParseReport([]byte("nothing of use"), "delivery"); r != nil {
		t.Errorf("%+v", r)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: message/rfc822\n\nSubject: x\n\n--b--"))
	f.Add([]byte("Content-Type: multipart/mixed\n\n--b\n\n--b\nContent-Disposition: attachment; filename*0*=utf-8''a;filename*1=b\n\nx"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, p, e, src := open(raw)
		checkMessage(t, m)
		if len(p.Files)+len(p.Inline)+len(p.Signatures) > MaxParts {
			t.Error("too many parts")
		}
		for _, x := range append(append(p.Files, p.Inline...), p.Signatures...) {
			if f := Find(e.Structure(), x.Path); f.Part == nil {
				t.Errorf("no part at %s", x.Path)
			}
			if h, b := e.Section(x.Path); h == nil && b == nil {
				t.Errorf("no section at %s", x.Path)
			}
		}
		_ = TextFromHTML(src)
		_, body := e.Section("")
		s := Summarize(Fetched{Header: e.HeaderOf(""), Structure: e.Structure(), Prefix: body[:min(len(body), PrefixLen)]})
		if s.Snippet != cleanLine(s.Snippet) || s.Subject != cleanLine(s.Subject) {
			t.Errorf("row %+v", s)
		}
	})
}
