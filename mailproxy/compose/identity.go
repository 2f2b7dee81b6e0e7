package compose

import (
	"strings"

	"postern/mailproxy/mail"
)

// deliveryFields say which address a message was delivered to, most telling
// first: servers that expand an alias leave the address before it in the first.
var deliveryFields = []string{"X-Original-To", "Delivered-To", "Envelope-To", "X-Delivered-To", "X-Envelope-To"}

// Identity is the identity a message came to, which answers it: the one whose
// address stands in To or Cc, else in the delivery fields, else one that differs
// by a +tag only, else the default. The zero Identity when me is empty.
func Identity(m mail.Message, me []mail.Identity) mail.Identity {
	var addrs []string
	for _, l := range [][]mail.Address{m.To, m.Cc, m.Bcc} {
		for _, a := range l {
			addrs = append(addrs, a.Addr)
		}
	}
	for _, name := range deliveryFields {
		for _, h := range m.Header {
			if strings.EqualFold(h.Name, name) {
				addrs = append(addrs, strings.Trim(strings.TrimSpace(h.Value), "<>"))
			}
		}
	}
	if from := ownIdentity(m.From, me); from != nil {
		return *from // an answer to one's own message leaves from the same address
	}
	for _, same := range []func(a, b string) bool{mail.SameAddr, sameButTag} {
		for _, a := range addrs {
			for _, i := range me {
				if same(a, i.Addr) {
					return i
				}
			}
		}
	}
	return Default(me)
}

// Default is the identity marked so, else the first.
func Default(me []mail.Identity) mail.Identity {
	for _, i := range me {
		if i.Default {
			return i
		}
	}
	if len(me) > 0 {
		return me[0]
	}
	return mail.Identity{}
}

// ByID is the identity with the id, else the default one.
func ByID(me []mail.Identity, id string) mail.Identity {
	for _, i := range me {
		if i.ID == id {
			return i
		}
	}
	return Default(me)
}

// ownIdentity is the identity of the first address that is the person's own.
func ownIdentity(list []mail.Address, me []mail.Identity) *mail.Identity {
	for _, a := range list {
		for i := range me {
			if mail.SameAddr(a.Addr, me[i].Addr) || sameButTag(a.Addr, me[i].Addr) {
				return &me[i]
			}
		}
	}
	return nil
}

// sameButTag reports whether two addresses are the same without their +tags
// (RFC 5233 calls them detail).
func sameButTag(a, b string) bool { return mail.SameAddr(untag(a), untag(b)) }

func untag(a string) string {
	at := strings.LastIndexByte(a, '@')
	if at < 0 {
		return a
	}
	if i := strings.IndexByte(a[:at], '+'); i > 0 {
		return a[:i] + a[at:]
	}
	return a
}
