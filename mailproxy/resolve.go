package mailproxy

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"

	"postern/mailproxy/mail"
)

const maxCredentialLen = 1000 // octets of a login or a password

// Resolve completes what a person typed at sign-in: the server for the domain,
// the login the server wants and the person's address. Invalid names the field:
// "address" or "password".
//
// A whole address goes to the server that has its domain, or to the only server
// there is. A user name goes to the first server and gets its first domain.
func (p *Proxy) Resolve(typed, password string) (mail.Credentials, error) {
	typed = strings.TrimSpace(typed)
	bad := func(field, format string, args ...any) (mail.Credentials, error) {
		e := mail.Errorf(mail.Invalid, format, args...)
		e.Field = field
		return mail.Credentials{}, e
	}
	switch {
	case len(p.o.Servers) == 0:
		return mail.Credentials{}, mail.Errorf(mail.Unavailable, "No mail server is configured.")
	case typed == "":
		return bad("address", "Enter your email address.")
	case len(typed) > maxCredentialLen:
		return bad("address", "This address is too long.")
	case !utf8.ValidString(typed) || strings.ContainsFunc(typed, func(r rune) bool { return unicode.IsControl(r) || unicode.IsSpace(r) }):
		return bad("address", "This is not an email address.")
	case password == "":
		return bad("password", "Enter your password.")
	case len(password) > maxCredentialLen:
		return bad("password", "This password is too long.")
	case !utf8.ValidString(password) || strings.ContainsAny(password, "\r\n\x00"):
		return bad("password", "This password holds a character that cannot be in one.")
	}
	c := mail.Credentials{Login: typed, Password: password, Address: typed}
	i := strings.LastIndexByte(typed, '@')
	if i < 0 {
		srv := &p.o.Servers[0]
		if len(srv.Domains) == 0 {
			return bad("address", "Enter the whole address, for example name@example.org.")
		}
		c.Address = typed + "@" + srv.Domains[0]
		if msg := mail.CheckAddr(c.Address); msg != "" {
			return bad("address", "This is not an email address. %s", msg)
		}
		c.Server, c.Login = srv.Name, srv.login(typed, c.Address)
		return c, nil
	}
	if msg := mail.CheckAddr(typed); msg != "" {
		return bad("address", "This is not an email address. %s", msg)
	}
	srv := p.serverFor(typed[i+1:])
	if srv == nil {
		return bad("address", "There is no mail server for “%s” here.", typed[i+1:])
	}
	c.Server, c.Login = srv.Name, srv.login(typed, c.Address)
	return c, nil
}

// server finds a server by name; "" is the only one.
func (p *Proxy) server(name string) (*Server, bool) {
	for i := range p.o.Servers {
		if s := &p.o.Servers[i]; s.Name == name || name == "" && len(p.o.Servers) == 1 {
			return s, true
		}
	}
	return nil, false
}

func (p *Proxy) serverFor(domain string) *Server {
	want := foldDomain(domain)
	for i := range p.o.Servers {
		for _, d := range p.o.Servers[i].Domains {
			if foldDomain(d) == want {
				return &p.o.Servers[i]
			}
		}
	}
	if len(p.o.Servers) == 1 {
		return &p.o.Servers[0]
	}
	return nil
}

func foldDomain(d string) string {
	d = strings.ToLower(d)
	if a, err := idna.ToASCII(d); err == nil {
		return a
	}
	return d
}

func (s *Server) login(typed, address string) string {
	switch s.Login {
	case LoginAddress:
		return address
	case LoginLocal:
		return address[:strings.LastIndexByte(address, '@')]
	}
	return typed
}
