package parse

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/emersion/go-imap/v2"
)

func row(raw string) (snippet string) {
	e := Parse([]byte(raw))
	_, body := e.Section("")
	return Summarize(Fetched{Header: e.HeaderOf(""), Structure: e.Structure(), Prefix: body[:min(len(body), PrefixLen)]}).Snippet
}

func TestSnippet(t *testing.T) {
	alt := "Content-Type: multipart/alternative; boundary=b\n\n--b\nContent-Type: text/plain\n\n%s\n--b\nContent-Type: text/html\n\n<p>html words</p>\n--b--\n"
	tests := []struct{ name, raw, want string }{
		{"plain", "Subject: x\n\nHello\n  there\n\nfriend", "Hello there friend"},
		{"quotes are left out", "A: b\n\nYes.\n\nOn 1 May 2026, Ann wrote:\n> no\n> no\n", "Yes."},
		{"only a quote", "A: b\n\n> what was said\n", "what was said"},
		{"attribution without a quote", "A: b\n\nAnn wrote: hello\n", "Ann wrote: hello"},
		{"signature", "A: b\n\nYes\n-- \nAnn\n", "Yes"},
		{"rules", "A: b\n\n=======\nNews\n-------\n", "News"},
		{"alternative", strings.Replace(alt, "%s", "plain words", 1), "plain words"},
		{"empty plain part", strings.Replace(alt, "%s", " ", 1), "html words"},
		{"html", "Content-Type: text/html\n\n<style>p{}</style><div style=\"display:none\">Preheader</div><p>Hello&nbsp;&amp; <b>you</b></p>", "Preheader Hello & you"},
		{"html cut in a tag", "Content-Type: text/html\n\n<p>Hello <a href=\"http://", "Hello"},
		{"html as plain", "A: b\n\n<html><body><p>Hello</p>", "Hello"},
		{"base64", "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n\nSGVsbG8gd29y\nbGQ", "Hello world"},
		{"base64 nobody declared", "A: b\n\n" + strings.Repeat(strings.Repeat("QUJD", 19)+"\n", 5), ""},
		{"quoted-printable", "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\nH=C3=A9llo =\nthere", "Héllo there"},
		{"PGP", "A: b\n\n-----BEGIN PGP MESSAGE-----\n\nabc\n", ""},
		{"PGP signed", "A: b\n\n-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nHello\n", "Hello"},
		{"attachment only", "Content-Type: application/pdf; name=a.pdf\n\n%PDF", ""},
		{"padding", "Content-Type: text/html; charset=utf-8\n\nSale \u200c \u200c\u00a0\u200c \u200c now", "Sale now"},
		{"original message", "A: b\n\nYes\n\n-----Original Message-----\nFrom: x\n", "Yes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := row(tt.raw); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
	if s := row("A: b\n\n" + strings.Repeat("wörd ", 300)); utf8.RuneCountInString(s) > snippetLen || !strings.HasSuffix(s, "…") {
		t.Errorf("long: %q", s)
	}
}

func TestSummarize(t *testing.T) {
	s := Summarize(Fetched{
		Header:    []byte("From: =?utf-8?q?J=C3=B6rg?= <j@x.test>\r\nTo: a@x.test\r\nCc: b@x.test\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nMessage-ID: <1@x.test>\r\nDate: Tue, 24 Nov 2026 10:11:12 +0100\r\n"),
		Structure: tree(t, "mixed(text/plain application/pdf[a.pdf] message/rfc822(text/plain))"),
		Flags:     []imap.Flag{imap.FlagSeen, `\flagged`, "$Forwarded", "work", imap.FlagWildcard},
		Preview:   "From the server",
	})
	if show(s.From) != "Jörg<j@x.test>" || show(s.To) != "<a@x.test>;<b@x.test>" || s.Subject != "Grüße" || s.MessageID != "1@x.test" || s.Date.IsZero() || s.Snippet != "From the server" {
		t.Errorf("%+v", s)
	}
	if len(s.Files) != 2 || s.Files[0].Name != "a.pdf" || s.Files[1].Name != "inner.eml" {
		t.Errorf("files %+v", s.Files)
	}
	if f := s.Flags; !f.Seen || !f.Flagged || !f.Forwarded || f.Answered || strings.Join(f.Keywords, " ") != "work" {
		t.Errorf("flags %+v", f)
	}
	if s := Summarize(Fetched{}); s.Subject != "" || s.Snippet != "" {
		t.Errorf("of nothing: %+v", s)
	}
	if s := Summarize(Fetched{Header: []byte("Subject: привет\r\n"), Structure: tree(t, "text/plain")}); s.Subject != "привет" {
		t.Errorf("raw subject %q", s.Subject)
	}
}

func BenchmarkSummarize(b *testing.B) {
	raw := "From: =?utf-8?q?J=C3=B6rg?= <j@x.test>\r\nTo: a@x.test\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nMessage-ID: <1@x.test>\r\nReferences: <0@x.test> <2@x.test>\r\nDate: Tue, 24 Nov 2026 10:11:12 +0100\r\n" +
		"Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n" + strings.Repeat("Some w=C3=B6rds of text. ", 60) + "\r\n--b\r\nContent-Type: text/html\r\n\r\n<p>x\r\n--b--\r\n"
	e := Parse([]byte(raw))
	_, body := e.Section("")
	f := Fetched{Header: e.HeaderOf(""), Structure: e.Structure(), Prefix: body[:min(len(body), PrefixLen)]}
	b.ReportAllocs()
	for b.Loop() {
		Summarize(f)
	}
}
