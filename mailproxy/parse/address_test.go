package parse

import (
	"strings"
	"testing"

	"postern/mailproxy/mail"
)

func show(list []mail.Address) string {
	var out []string
	for _, a := range list {
		s := a.Name + "<" + a.Addr + ">"
		if a.Group != "" {
			s += "/" + a.Group
		}
		out = append(out, s)
	}
	return strings.Join(out, ";")
}

func TestAddressList(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"bare", "a@x.test", "<a@x.test>"},
		{"name", "Ann Bee <a@x.test>", "Ann Bee<a@x.test>"},
		{"quoted comma", `"Bee, Ann" <a@x.test>, b@x.test`, "Bee, Ann<a@x.test>;<b@x.test>"},
		{"escaped quote", `"a \"b\" c" <a@x.test>`, `a "b" c<a@x.test>`},
		{"comment as name", "a@x.test (Ann Bee)", "Ann Bee<a@x.test>"},
		{"nested comments", "a@x.test (one (two) three)", "one (two) three<a@x.test>"},
		{"encoded comma stays in the name", "=?utf-8?q?Bee=2C_Ann?= <a@x.test>", "Bee, Ann<a@x.test>"},
		{"encoded word in quotes", `"=?utf-8?q?J=C3=B6rg?=" <a@x.test>`, "Jörg<a@x.test>"},
		{"encoded words adjacent", "=?utf-8?q?a?= =?utf-8?q?b?= <a@x.test>", "ab<a@x.test>"},
		{"group", "Team: a@x.test, Bee <b@x.test>;, c@x.test", "<a@x.test>/Team;Bee<b@x.test>/Team;<c@x.test>"},
		{"empty group", "undisclosed-recipients:;", "undisclosed-recipients<>/undisclosed-recipients"},
		{"group without end", "Team: a@x.test", "<a@x.test>/Team"},
		{"semicolons", "a@x.test; b@x.test", "<a@x.test>;<b@x.test>"},
		{"no comma", "Ann <a@x.test> Bee <b@x.test>", "Ann<a@x.test>;Bee<b@x.test>"},
		{"two in brackets", "<a@x.test> <b@x.test>", "<a@x.test>;<b@x.test>"},
		{"route", "<@r1.test,@r2.test:a@x.test>", "<a@x.test>"},
		{"route bare", "@example.com:attacker@leak.test", "<attacker@leak.test>"},
		{"mailto", "mailto:a@x.test", "<a@x.test>"},
		{"double brackets", "Ann <<a@x.test>>", "Ann<a@x.test>"},
		{"name is an address", `"ceo@example.com" <attacker@leak.test>`, "ceo@example.com<attacker@leak.test>"},
		{"address before brackets", "ceo@example.com <attacker@leak.test>", "ceo@example.com<attacker@leak.test>"},
		{"address in comment", "(ceo@example.com) attacker@leak.test", "ceo@example.com<attacker@leak.test>"},
		{"quoted local part", `"very.unusual.@.unusual.com"@example.com`, `<"very.unusual.@.unusual.com"@example.com>`},
		{"literal", "a@[IPv6:::1]", "<a@[IPv6:::1]>"},
		{"encoded address stays encoded", "=?x?q?victim=40leak.test=3e=00?foo@example.com", "<=?x?q?victim=40leak.test=3e=00?foo@example.com>"},
		{"override in name", "\u202emoc.elpmaxe@oec\u202c <attacker@leak.test>", "moc.elpmaxe@oec<attacker@leak.test>"},
		{"soft hyphen", "\u00ad\u200bceo@example.com <attacker@leak.test>", "ceo@example.com<attacker@leak.test>"},
		{"padding", `"Support <support@example.com>      " <attacker@leak.test>`, "Support <support@example.com><attacker@leak.test>"},
		{"line break in encoded word", "=?utf-8?q?a=0D=0Ab?= <a@x.test>", "a b<a@x.test>"},
		{"NUL", "attacker@leak.test\x00@example.com", "<attacker@leak.test@example.com>"},
		{"words and an address", "Ann Bee a@x.test", "Ann Bee<a@x.test>"},
		{"spaces around the sign", "a @ x.test", "<a@x.test>"},
		{"local user", "root", "<root>"},
		{"words only", "Mail Delivery System", "Mail Delivery System<>"},
		{"unclosed quote", `"ceo@example.com`, `<"ceo@example.com>`},
		{"unclosed comment", "ceo@example.com(", "<ceo@example.com(>"},
		{"empty brackets", "<>", ""},
		{"empty", "", ""},
		{"commas", ",,a@x.test,,", "<a@x.test>"},
		{"single quotes", "'Ann' <a@x.test>", "Ann<a@x.test>"},
		{"folded", "Ann\r\n Bee\r\n\t<a@x.test>", "Ann Bee<a@x.test>"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := show(AddressList(tt.in)); got != tt.want {
				t.Errorf("AddressList(%q) = %q, want %q", tt.in, got, tt.want)
			}
		})
	}
	if n := len(AddressList(strings.Repeat("a@x.test,", 5000))); n != maxAddresses {
		t.Errorf("%d addresses of 5,000", n)
	}
}

func FuzzAddressList(f *testing.F) {
	for _, s := range []string{"a@b", `"x" <a@b>, G: c@d;`, "((((", `""""`, "<<<<>", "=?utf-8?q?a?= <a@b>"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		list := AddressList(s)
		if len(list) > maxAddresses {
			t.Fatalf("%d addresses", len(list))
		}
		for _, a := range list {
			for _, x := range []string{a.Name, a.Addr, a.Group} {
				if x != cleanLine(x) {
					t.Errorf("%q is not clean", x)
				}
			}
			if a.Name == "" && a.Addr == "" {
				t.Error("an empty entry")
			}
		}
	})
}
