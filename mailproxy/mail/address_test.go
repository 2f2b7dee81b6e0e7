package mail

import (
	"errors"
	"strings"
	"testing"
	"unicode"
)

func TestParseAddresses(t *testing.T) {
	tests := []struct {
		name, in string
		want     string // JoinAddresses of the good ones
		bad      int
	}{
		{"one", "mira@postern.test", "mira@postern.test", 0},
		{"name", `Mira Lindqvist <mira@postern.test>`, "Mira Lindqvist <mira@postern.test>", 0},
		{"separators", "a@x.example, b@x.example; c@x.example\nd@x.example", "a@x.example, b@x.example, c@x.example, d@x.example", 0},
		{"comma in a quoted name", `"Lindqvist, Mira" <mira@postern.test>, b@x.example`, `"Lindqvist, Mira" <mira@postern.test>, b@x.example`, 0},
		{"pasted without commas", "A <a@x.example> B <b@x.example>", "A <a@x.example>, B <b@x.example>", 0},
		{"comment as name", "a@x.example (Ama)", "Ama <a@x.example>", 0},
		{"mailto", "mailto:a@x.example", "a@x.example", 0},
		{"group", "Team: a@x.example, b@x.example;", "a@x.example, b@x.example", 0},
		{"duplicates", "a@x.example, A@X.example", "a@x.example", 0},
		{"trailing comma", "a@x.example, ", "a@x.example", 0},
		{"unclosed quote", `"Mira <a@x.example>, b@x.example`, `"\"Mira" <a@x.example>, b@x.example`, 0},
		{"full width", "a@x.example，b@x.example", "a@x.example, b@x.example", 0},
		{"unicode domain", "a@bücher.example", "a@bücher.example", 0},
		{"no at", "nobody", "", 1},
		{"no domain", "a@", "", 1},
		{"dotless domain", "jonas@northquay", "", 1},
		{"localhost", "root@localhost", "root@localhost", 0},
		{"space inside", "a b@x.example", "", 1},
		{"header injection", "a@x.example\r\nBcc: b@y.example", "a@x.example, b@y.example", 0}, // a list over two lines: nothing but addresses comes out
		{"NUL", "a\x00@x.example", "", 1},
		{"line separator", "a@x.example\u2028Bcc:b@x.example", "", 1},
		{"too long", strings.Repeat("a", 65) + "@x.example", "", 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			good, bad := ParseAddresses(tt.in, 0)
			if got := JoinAddresses(good); got != tt.want || len(bad) != tt.bad {
				t.Errorf("ParseAddresses(%q) = %q and %d problems %v, want %q and %d", tt.in, got, len(bad), bad, tt.want, tt.bad)
			}
		})
	}
}

func TestParseAddressesIsBounded(t *testing.T) {
	good, bad := ParseAddresses(strings.Repeat("a@x.example,", 10)+strings.Repeat("b1@x.example,c@y.example,", 5000), 2)
	if len(good) != 2 || len(bad) != 1 {
		t.Errorf("%d good, %d bad", len(good), len(bad))
	}
}

func TestRefRoundTrip(t *testing.T) {
	for _, m := range []MessageRef{{"INBOX", 1, 1}, {"Travel/København 2025", 4294967295, 4294967295}, {"🎂 \"x\" %", 0, 7}} {
		got, err := ParseRef(m.String())
		if err != nil || got != m {
			t.Errorf("%v became %v, %v", m, got, err)
		}
	}
	for _, s := range []string{"", "!", "AAAA", strings.Repeat("A", 3000), (MessageRef{Mailbox: "a\r\nb", UIDValidity: 1, UID: 1}).String(), (MessageRef{Mailbox: "", UIDValidity: 1, UID: 1}).String()} {
		if m, err := ParseRef(s); err == nil || KindOf(err) != NotFound {
			t.Errorf("ParseRef(%q) = %v, %v", s, m, err)
		}
	}
}

func TestLoggable(t *testing.T) {
	if got := Loggable(errors.New("550 <me@example.org> unknown")); got != "550 [address] unknown" {
		t.Errorf("logged %q", got)
	}
}

func FuzzParseAddresses(f *testing.F) {
	f.Add("Mira <mira@postern.test>, \"x, y\" <a@b.example>; Group: c@d.example;")
	f.Add("a@x.example\r\nBcc: b@x.example")
	f.Fuzz(func(t *testing.T, s string) {
		good, _ := ParseAddresses(s, 100)
		for _, a := range good {
			if CheckAddr(a.Addr) != "" || strings.ContainsFunc(a.Addr+a.Name, unicode.IsControl) {
				t.Fatalf("%q gave %q <%q>", s, a.Name, a.Addr)
			}
		}
	})
}

func FuzzParseRef(f *testing.F) {
	f.Add((MessageRef{"INBOX", 1, 1}).String())
	f.Fuzz(func(t *testing.T, s string) {
		m, err := ParseRef(s)
		if err == nil && !ValidMailboxName(m.Mailbox) {
			t.Fatalf("%q names %q", s, m.Mailbox)
		}
	})
}
