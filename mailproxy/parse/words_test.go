package parse

import (
	"strings"
	"testing"
)

func TestDecodeWords(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"plain", "plain text", "plain text"},
		{"q", "=?iso-8859-1?Q?Andr=E9?= Pirard", "André Pirard"},
		{"b", "=?UTF-8?B?4oKsIDEw?=", "€ 10"},
		{"space between words goes", "=?utf-8?q?a?= =?utf-8?q?b?=", "ab"},
		{"space before text stays", "=?utf-8?q?a?= b", "a b"},
		{"folded between words", "=?utf-8?q?a?=\r\n =?utf-8?q?b?=", "ab"},
		{"character split over words", "=?utf-8?q?=E2=82?= =?utf-8?q?=AC?=", "€"},
		{"base64 group split over words", "=?utf-8?B?4oKs?= =?utf-8?B?4o?= =?utf-8?B?Ks?=", "€€"},
		{"two charsets", "=?utf-8?q?=C3=A9?= =?iso-8859-1?q?=E9?=", "éé"},
		{"no space around", "x=?utf-8?q?y?=z", "xyz"},
		{"inside quotes", `"=?utf-8?q?J=C3=B6rg?="`, `"Jörg"`},
		{"spaces inside", "=?utf-8?q?a b c?=", "a b c"},
		{"question mark inside", "=?utf-8?q?what??=", "what?"},
		{"underscore", "=?utf-8?q?a_b?=", "a b"},
		{"language", "=?utf-8*de?q?a?=", "a"},
		{"charset in quotes is no word", `=?"utf-8"?q?a?=`, `=?"utf-8"?q?a?=`},
		{"wrong charset", "=?us-ascii?q?=C3=A9?=", "é"},
		{"unknown charset", "=?x-nonesuch?q?=C3=A9?=", "é"},
		{"unknown encoding", "=?utf-8?x?a?=", "=?utf-8?x?a?="},
		{"no end", "=?utf-8?q?abc", "abc"},
		{"end lost before the next", "=?utf-8?B?YWJj =?utf-8?B?ZGVm?=", "abcdef"},
		{"empty", "=?utf-8?q??=", ""},
		{"bad hex stays", "=?utf-8?q?=ZZ?=", "=ZZ"},
		{"no padding", "=?utf-8?b?YQ?=", "a"},
		{"iso-2022-jp", "=?ISO-2022-JP?B?GyRCRnxLXDhsGyhC?=", "日本語"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := DecodeWords(tt.in); got != tt.want {
				t.Errorf("DecodeWords(%q) = %q, want %q", tt.in, got, tt.want)
			}
		})
	}
}

func TestHeader(t *testing.T) {
	raw := "From x@y Mon Jan  1\r\nrubbish\r\nSubject: =?utf-8?q?a=0D=0ABcc:_x?=\r\nX-Fold: one\r\n two\r\n\tthree\r\nbroken fold\r\nX-Sp : v\r\nX-Raw: caf\xe9 \xe2\x80\xae\r\nX-Cut"
	got, note := Header([]byte(raw))
	want := []string{"Subject|a Bcc: x", "X-Fold|one two three broken fold", "X-Sp|v", "X-Raw|café â®"}
	if note != "" {
		t.Errorf("note %q", note)
	}
	for i, w := range want {
		if i >= len(got) {
			t.Fatalf("only %d fields", len(got))
		}
		if s := got[i].Name + "|" + got[i].Value; i < 3 && s != w {
			t.Errorf("field %d = %q, want %q", i, s, w)
		}
	}
	if _, note := Header([]byte("A: " + strings.Repeat("x", MaxHeader))); note == "" {
		t.Error("a header that was cut has no note")
	}
	if l, note := Header([]byte(strings.Repeat("A: b\n", MaxFields+1))); note == "" || len(l) != MaxFields {
		t.Errorf("%d fields, note %q", len(l), note)
	}
}

func TestMessageIDs(t *testing.T) {
	tests := []struct {
		in   string
		want string
	}{
		{"<a@b>", "a@b"},
		{"<a@b>\r\n <c@d>", "a@b c@d"},
		{"Your message of today <a@b> (comment)", "a@b"},
		{"a@b c@d", "a@b c@d"},
		{"<a@\r\n b>", "a@b"},
		{"<a@b", "a@b"},
		{"<>", ""},
		{"", ""},
	}
	for _, tt := range tests {
		if got := strings.Join(MessageIDs(tt.in), " "); got != tt.want {
			t.Errorf("MessageIDs(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
	many := MessageIDs("<first@x> " + strings.Repeat("<m@x> ", 5000) + "<last@x>")
	if len(many) != maxIDs || many[0] != "first@x" || many[len(many)-1] != "last@x" {
		t.Errorf("%d ids, first %s, last %s", len(many), many[0], many[len(many)-1])
	}
}
