package mail

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// Address is a mailbox of RFC 5322 section 3.4, decoded.
type Address struct {
	Name  string // display name, may be empty
	Addr  string // local@domain as written; the domain may be Unicode
	Group string // name of the group it was listed in, if any
}

// Display is what a list shows: the name, or the address when there is none.
func (a Address) Display() string {
	if a.Name != "" {
		return a.Name
	}
	return a.Addr
}

// String writes the address for an address field: `Name <local@domain>`, the
// name quoted when it needs to be. It does not encode; that is for the wire.
func (a Address) String() string {
	if a.Name == "" {
		return a.Addr
	}
	name := a.Name
	if strings.ContainsAny(name, `()<>[]:;@\,."`) {
		name = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(name) + `"`
	}
	return name + " <" + a.Addr + ">"
}

// Local is what stands before the last @.
func (a Address) Local() string {
	if i := strings.LastIndexByte(a.Addr, '@'); i >= 0 {
		return a.Addr[:i]
	}
	return a.Addr
}

// Domain is what stands behind the last @, lower case, "" without one.
func (a Address) Domain() string {
	if i := strings.LastIndexByte(a.Addr, '@'); i >= 0 {
		return strings.ToLower(a.Addr[i+1:])
	}
	return ""
}

// SameAddr reports whether two addr-specs name the same mailbox as far as a
// sender can tell: equal without regard to case, domains compared in ASCII form.
func SameAddr(a, b string) bool { return foldAddr(a) == foldAddr(b) }

func foldAddr(s string) string {
	s = strings.TrimSpace(s)
	i := strings.LastIndexByte(s, '@')
	if i < 0 {
		return strings.ToLower(s)
	}
	dom := strings.ToLower(s[i+1:])
	if asc, err := idna.ToASCII(dom); err == nil {
		dom = asc
	}
	return strings.ToLower(s[:i]) + "@" + dom
}

// JoinAddresses writes a list for an address field.
func JoinAddresses(list []Address) string {
	parts := make([]string, len(list))
	for i, a := range list {
		parts[i] = a.String()
	}
	return strings.Join(parts, ", ")
}

// AddressProblem says what is wrong with one entry of a typed list.
type AddressProblem struct {
	Entry string // as typed
	Msg   string // one plain sentence
}

// ParseAddresses reads a typed or pasted list: separated by commas, semicolons
// or line breaks, with or without names, groups, stray brackets and "mailto:".
// Entries that cannot be used come back as problems; the good ones are kept,
// without duplicates. At most max addresses are read (0 means 1,000); the rest
// is one problem. The result never holds CR, LF, NUL or other control characters.
func ParseAddresses(s string, max int) ([]Address, []AddressProblem) {
	if max <= 0 {
		max = 1000
	}
	var out []Address
	var bad []AddressProblem
	seen := map[string]bool{}
	for _, e := range splitList(s) {
		if len(out) >= max {
			bad = append(bad, AddressProblem{Entry: "…", Msg: "The list is too long."})
			break
		}
		a, msg := parseEntry(e)
		if msg != "" {
			bad = append(bad, AddressProblem{Entry: clip(e, 120), Msg: msg})
			continue
		}
		if k := foldAddr(a.Addr); !seen[k] {
			seen[k] = true
			out = append(out, a)
		}
	}
	return out, bad
}

// splitList cuts at separators that stand outside quotes, comments and angle brackets.
func splitList(s string) []string {
	var out []string
	var b strings.Builder
	flush := func() {
		if t := strings.TrimSpace(b.String()); t != "" {
			out = append(out, t)
		}
		b.Reset()
	}
	quoted, angle, comment, esc := false, false, 0, false
	for i, r := range s {
		switch {
		case esc:
			esc = false
		case r == '\\' && (quoted || comment > 0):
			esc = true
		case r == '"' && comment == 0 && (quoted || !angle):
			// A quote that never closes is a character like any other.
			if quoted || strings.ContainsRune(s[i+1:], '"') {
				quoted = !quoted
			}
		case quoted:
		case r == '(':
			if comment > 0 || strings.ContainsRune(s[i+1:], ')') {
				comment++
			}
		case r == ')' && comment > 0:
			comment--
		case comment > 0:
		case r == '<':
			angle = true
		case r == '>':
			angle = false
			b.WriteRune(r)
			// "a <a@x> b <b@y>" pasted without a comma
			rest := strings.TrimLeft(s[i+1:], " \t")
			if rest != "" && !strings.ContainsAny(rest[:1], ",;\r\n") {
				flush()
			}
			continue
		case (r == ',' || r == ';' || r == '，' || r == '；' || r == '、') && !angle, r == '\n', r == '\r':
			angle = false
			flush()
			continue
		}
		b.WriteRune(r)
	}
	flush()
	return out
}

func parseEntry(e string) (Address, string) {
	if !utf8.ValidString(e) || strings.ContainsFunc(e, func(r rune) bool { return unicode.IsControl(r) && r != '\t' || r == '\u2028' || r == '\u2029' }) {
		return Address{}, "This entry holds characters that cannot be in an address."
	}
	var a Address
	addr := e
	if i := strings.LastIndexByte(e, '<'); i >= 0 {
		addr = e[i+1:]
		if j := strings.IndexByte(addr, '>'); j >= 0 {
			addr = addr[:j]
		}
		a.Name = unquote(strings.TrimSpace(e[:i]))
	} else if i := strings.IndexByte(e, '('); i > 0 && strings.HasSuffix(e, ")") {
		addr, a.Name = e[:i], strings.TrimSpace(e[i+1:len(e)-1])
	}
	// "Group: a@x" — the group's name goes, its members stay
	addr = strings.TrimSpace(addr)
	if len(addr) > 7 && strings.EqualFold(addr[:7], "mailto:") {
		addr = addr[7:]
	} else if i := strings.LastIndexByte(addr, ':'); i >= 0 && strings.IndexByte(addr, '"') < 0 && !strings.HasSuffix(addr, "]") {
		addr = strings.TrimSpace(addr[i+1:])
	}
	addr = strings.TrimRight(strings.TrimSpace(addr), ".,")
	if msg := CheckAddr(addr); msg != "" {
		return Address{}, msg
	}
	a.Addr = addr
	if strings.EqualFold(a.Name, addr) {
		a.Name = ""
	}
	return a, ""
}

func unquote(s string) string {
	if len(s) >= 2 && s[0] == '"' && s[len(s)-1] == '"' {
		var b strings.Builder
		esc := false
		for _, r := range s[1 : len(s)-1] {
			if r == '\\' && !esc {
				esc = true
				continue
			}
			esc = false
			b.WriteRune(r)
		}
		s = b.String()
	}
	return strings.Join(strings.Fields(s), " ")
}

const (
	maxLocalLen = 64  // octets (RFC 5321 section 4.5.3.1.1)
	maxAddrLen  = 254 // octets (RFC 5321 section 4.5.3.1.3)
)

// CheckAddr says in one plain sentence what keeps an addr-spec from being used,
// or "" when it can be. It accepts Unicode (RFC 6531) and address literals.
func CheckAddr(s string) string {
	i := strings.LastIndexByte(s, '@')
	switch {
	case s == "":
		return "The address is empty."
	case i < 0:
		return "The address has no @."
	case i == 0:
		return "There is nothing before the @."
	case i == len(s)-1:
		return "There is nothing behind the @."
	case len(s) > maxAddrLen || i > maxLocalLen:
		return "The address is too long."
	}
	local, dom := s[:i], s[i+1:]
	if local[0] == '"' {
		if len(local) < 2 || local[len(local)-1] != '"' || strings.ContainsFunc(local, func(r rune) bool { return r < 0x20 || r == 0x7f }) {
			return "The part before the @ is not complete."
		}
	} else {
		if strings.ContainsFunc(local, func(r rune) bool {
			return r <= ' ' || r == 0x7f || strings.ContainsRune(`()<>[]:;@\,"`, r) || unicode.IsSpace(r) || unicode.IsControl(r)
		}) {
			return "The part before the @ holds a character that cannot be there."
		}
		if local[0] == '.' || strings.HasSuffix(local, ".") || strings.Contains(local, "..") {
			return "The part before the @ has a dot in the wrong place."
		}
	}
	if dom[0] == '[' {
		if dom[len(dom)-1] != ']' || strings.ContainsFunc(dom[1:len(dom)-1], func(r rune) bool { return r <= ' ' || r > 0x7e || r == '[' || r == ']' || r == '\\' }) {
			return "The part behind the @ is not complete."
		}
		return ""
	}
	if strings.ContainsFunc(dom, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }) {
		return "The part behind the @ holds a space."
	}
	asc, err := idna.ToASCII(dom)
	if err != nil || len(asc) > 253 {
		return "The part behind the @ is not a domain name."
	}
	if !strings.Contains(asc, ".") && !strings.EqualFold(asc, "localhost") {
		return "The part behind the @ is not complete."
	}
	for _, l := range strings.Split(asc, ".") {
		if l == "" || len(l) > 63 || l[0] == '-' || l[len(l)-1] == '-' || strings.ContainsFunc(l, func(r rune) bool {
			return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '-' || r == '_')
		}) {
			return "The part behind the @ is not a domain name."
		}
	}
	return ""
}

func clip(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	r := []rune(s)
	return string(r[:n-1]) + "…"
}
