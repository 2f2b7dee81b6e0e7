package mailproxy

import (
	"errors"
	"strings"
	"testing"

	"postern/mailproxy/mail"
)

func TestResolve(t *testing.T) {
	two := New(Options{Servers: []Server{
		{Name: "one", Domains: []string{"example.org", "münchen.example"}, Login: LoginAddress},
		{Name: "two", Domains: []string{"example.net"}, Login: LoginLocal},
	}})
	only := New(Options{Servers: []Server{{Name: "only"}}})
	tests := []struct {
		p                      *Proxy
		typed, password        string
		server, login, address string
		field                  string
	}{
		{two, "mira", "pw", "one", "mira@example.org", "mira@example.org", ""},
		{two, " Mira@Example.ORG ", "pw", "one", "Mira@Example.ORG", "Mira@Example.ORG", ""},
		{two, "mira@xn--mnchen-3ya.example", "pw", "one", "mira@xn--mnchen-3ya.example", "mira@xn--mnchen-3ya.example", ""},
		{two, "jonas@example.net", "pw", "two", "jonas", "jonas@example.net", ""},
		{two, "x@elsewhere.example", "pw", "", "", "", "address"},
		{two, "a b@example.org", "pw", "", "", "", "address"},
		{two, "a\r\nb", "pw", "", "", "", "address"},
		{two, "", "pw", "", "", "", "address"},
		{two, "mira@", "pw", "", "", "", "address"},
		{two, strings.Repeat("x", 2000), "pw", "", "", "", "address"},
		{two, "mira", "", "", "", "", "password"},
		{two, "mira", "a\r\nb", "", "", "", "password"},
		{only, "mira@any.example", "pw", "only", "mira@any.example", "mira@any.example", ""},
		{only, "mira", "pw", "", "", "", "address"},
	}
	for _, tt := range tests {
		c, err := tt.p.Resolve(tt.typed, tt.password)
		var e *mail.Error
		if errors.As(err, &e); err != nil && (e == nil || e.Kind != mail.Invalid || e.Field != tt.field || e.Msg == "") || err == nil && tt.field != "" {
			t.Errorf("%q: %v, want the field %q", tt.typed, err, tt.field)
			continue
		}
		if err == nil && (c.Server != tt.server || c.Login != tt.login || c.Address != tt.address || c.Password != tt.password) {
			t.Errorf("%q: server %q, login %q, address %q", tt.typed, c.Server, c.Login, c.Address)
		}
	}
	if _, err := New(Options{}).Resolve("a@b.example", "pw"); mail.KindOf(err) != mail.Unavailable {
		t.Errorf("no servers: %v", err)
	}
}

func TestAccountID(t *testing.T) {
	a := accountID([]byte("k"), "s", "Mira@example.org")
	if a != accountID([]byte("k"), "s", "mira@example.org") || a == accountID([]byte("k"), "t", "mira@example.org") || a == accountID([]byte("l"), "s", "mira@example.org") {
		t.Error("the ID does not depend on server, login and secret, and on nothing else")
	}
	if len(a) != 26 {
		t.Errorf("ID %q", a)
	}
}
