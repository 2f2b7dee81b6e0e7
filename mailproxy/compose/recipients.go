package compose

import (
	"strings"

	"postern/mailproxy/mail"
)

// Recipients are those of an answer to m: of a plain reply the author, where
// Reply-To asks the addresses it names; of a reply to all everybody else too.
// None of them is an own address, with or without a +tag, unless the message went
// to nobody else. An answer to an own message goes to those it went to.
//
// A list that puts its own address into Reply-To is not taken for the author
// (RFC 5322 section 3.6.2 leaves Reply-To to the author): a plain reply goes to
// From, a reply to all to the list as well.
func Recipients(m mail.Message, all bool, me []mail.Identity) (to, cc []mail.Address) {
	seen := map[string]bool{}
	add := func(dst []mail.Address, list []mail.Address, own bool) []mail.Address {
		for _, a := range list {
			a.Group = ""
			key := fold(a.Addr)
			if mail.CheckAddr(a.Addr) != "" || unfit(a.Addr) || seen[key] || !own && ownIdentity([]mail.Address{a}, me) != nil {
				continue
			}
			seen[key] = true
			dst = append(dst, a)
		}
		return dst
	}

	author := m.From
	var list []mail.Address
	if len(m.ReplyTo) > 0 {
		post := listPost(m)
		var direct []mail.Address
		for _, a := range m.ReplyTo {
			if post != "" && mail.SameAddr(a.Addr, post) {
				list = append(list, a)
			} else {
				direct = append(direct, a)
			}
		}
		switch {
		case len(direct) > 0:
			author = direct
		case len(m.From) > 0 && mail.SameAddr(m.From[0].Addr, post):
			author = m.ReplyTo // the list stands in From too: there is no other address
		}
	}

	if ownIdentity(m.From, me) != nil && ownIdentity(author, me) != nil {
		to = add(nil, m.To, false)
		if all {
			cc = add(nil, m.Cc, false)
		}
		if len(to) == 0 && len(cc) == 0 && !all {
			to = add(nil, m.Cc, false)
		}
		if len(to) == 0 && len(cc) == 0 {
			to = add(nil, m.From, true) // a note to oneself
		}
		return to, cc
	}
	to = add(nil, author, false)
	if all {
		to = add(to, list, false)
		to = add(to, m.To, false)
		cc = add(nil, m.Cc, false)
	}
	if len(to) == 0 && len(cc) == 0 {
		to = add(nil, m.From, true)
	}
	return to, cc
}

// listPost is the address of List-Post (RFC 2369 section 3.4), "" without one.
func listPost(m mail.Message) string {
	for _, h := range m.Header {
		if !strings.EqualFold(h.Name, "List-Post") {
			continue
		}
		_, v, ok := strings.Cut(strings.ToLower(h.Value), "mailto:")
		if !ok {
			return ""
		}
		if i := strings.IndexAny(v, ">?, \t"); i >= 0 {
			v = v[:i]
		}
		return v
	}
	return ""
}

func fold(addr string) string {
	i := strings.LastIndexByte(addr, '@')
	if i < 0 {
		return strings.ToLower(addr)
	}
	w, _ := wireAddr(addr)
	return strings.ToLower(w)
}
