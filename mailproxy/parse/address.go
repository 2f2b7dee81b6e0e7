package parse

import (
	"strings"

	"postern/mailproxy/mail"
)

const (
	maxAddrEntries = 5000 // entries read of one field
	maxAddrShown   = 320  // octets of an address kept: 64 and 255 and the @ (RFC 5321 section 4.5.3.1)
	maxNameShown   = 300  // characters of a display name kept
)

// AddressList reads an address field as received (RFC 5322 section 3.4, obsolete
// and broken forms too), at most 1,000 addresses. An entry without an address
// keeps its words as the name and has an empty Addr; so has an empty group.
func AddressList(raw string) []mail.Address {
	raw = cleanText(raw)
	p := addressParser{s: raw, lastQuote: strings.LastIndexByte(raw, '"'), lastParen: strings.LastIndexByte(raw, ')'), lastAngle: strings.LastIndexByte(raw, '>')}
	p.run()
	return p.out
}

type addressParser struct {
	s                               string
	lastQuote, lastParen, lastAngle int
	out                             []mail.Address
	entries                         int

	group     string
	inGroup   bool
	members   int
	phrase    strings.Builder // words before an address, still encoded
	comment   string          // the first comment
	angle     string
	hasAngle  bool
	hasQuoted bool
}

func (p *addressParser) run() {
	s := p.s
	for i := 0; i < len(s) && p.entries < maxAddrEntries && len(p.out) < maxAddresses; {
		switch c := s[i]; {
		case c == '"' && i < p.lastQuote:
			var text string
			text, i = quotedString(s, i)
			p.hasQuoted = true
			// QUIRK: RFC 2047 section 5 forbids encoded words in quoted strings, yet many senders put them there.
			p.phrase.WriteString(text)
			continue
		case c == '(' && i < p.lastParen:
			var text string
			text, i = comment(s, i)
			if p.comment == "" {
				p.comment = text
			}
			p.phrase.WriteByte(' ')
			continue
		case c == '<' && i < p.lastAngle:
			if p.hasAngle { // "a <a@x> <b@y>" without a comma
				p.end()
			}
			p.angle, i = angleAddr(s, i)
			p.hasAngle = true
			continue
		case c == ',' || c == ';':
			p.end()
			if c == ';' && p.inGroup {
				if p.members == 0 && p.group != "" {
					p.out = append(p.out, mail.Address{Name: p.group, Group: p.group})
				}
				p.inGroup, p.group = false, ""
			}
		case c == ':' && !p.hasAngle && !p.hasQuotedAddr():
			g := strings.TrimSpace(p.phrase.String())
			if strings.EqualFold(g, "mailto") || strings.HasPrefix(g, "@") { // a route (RFC 5322 section 4.4)
				p.reset()
				break
			}
			p.group = name(g)
			p.inGroup, p.members = true, 0
			p.reset()
		case p.hasAngle && c > ' ' && c != '>':
			// words behind the address: the next entry, its comma forgotten
			p.end()
			p.phrase.WriteByte(c)
		case c == '\n' || c == '\r':
			p.phrase.WriteByte(' ')
		default:
			p.phrase.WriteByte(c)
		}
		i++
	}
	p.end()
	if p.inGroup && p.members == 0 && p.group != "" && len(p.out) < maxAddresses {
		p.out = append(p.out, mail.Address{Name: p.group, Group: p.group})
	}
}

// hasQuotedAddr keeps the colon of an address literal, a@[IPv6:::1].
func (p *addressParser) hasQuotedAddr() bool {
	s := p.phrase.String()
	i := strings.LastIndexByte(s, '[')
	return i > 0 && s[i-1] == '@'
}

func (p *addressParser) reset() {
	p.phrase.Reset()
	p.comment, p.angle, p.hasAngle, p.hasQuoted = "", "", false, false
}

// end closes the entry read so far.
func (p *addressParser) end() {
	defer p.reset()
	text := strings.TrimSpace(p.phrase.String())
	var a mail.Address
	switch {
	case p.hasAngle:
		a.Addr = addrSpec(p.angle)
		a.Name = name(text)
		if a.Name == "" && p.comment != "" {
			a.Name = name(p.comment)
		}
		if a.Addr == "" && a.Name == "" {
			return
		}
		if a.Addr == "" && strings.Count(a.Name, "@") == 1 && !strings.ContainsAny(a.Name, " \t") {
			a.Addr, a.Name = addrSpec(a.Name), ""
		}
	case text == "" && p.comment == "":
		return
	default:
		a = bareEntry(text, p.hasQuoted)
		if a.Name == "" && p.comment != "" {
			a.Name = name(p.comment)
		}
		if a.Addr == "" && a.Name == "" {
			return
		}
	}
	p.entries++
	a.Group = p.group
	p.members++
	p.out = append(p.out, a)
}

// bareEntry reads an entry without angle brackets: an address, a name, or words
// with an address among them.
func bareEntry(text string, quoted bool) mail.Address {
	at := strings.LastIndexByte(text, '@')
	if at < 0 {
		if !strings.ContainsAny(text, " \t=") && !quoted && len(text) <= 64 {
			return mail.Address{Addr: addrSpec(text)} // a local user: "root"
		}
		return mail.Address{Name: name(text)}
	}
	// "a @ b . test": spaces around the signs go
	left := strings.TrimRight(text[:at], " \t")
	right := strings.TrimLeft(text[at+1:], " \t")
	start := strings.LastIndexAny(left, " \t")
	if quoted && strings.HasSuffix(left, `"`) {
		start = -1
	}
	stop := strings.IndexAny(right, " \t")
	if stop < 0 {
		stop = len(right)
	}
	a := mail.Address{Addr: addrSpec(left[start+1:] + "@" + right[:stop])}
	rest := strings.TrimSpace(left[:start+1] + " " + right[stop:])
	a.Name = name(rest)
	return a
}

// addrSpec cleans an address. Encoded words stay as they are: decoding them
// would make an address that the mail system never saw.
func addrSpec(s string) string {
	s = cleanLine(s)
	if strings.HasPrefix(s, "@") { // route: @a,@b:local@domain
		if i := strings.LastIndexByte(s, ':'); i >= 0 && strings.IndexByte(s[i:], '@') > 0 {
			s = s[i+1:]
		}
	}
	if len(s) > 7 && strings.EqualFold(s[:7], "mailto:") {
		s = s[7:]
	}
	if !strings.HasPrefix(s, `"`) {
		s = strings.ReplaceAll(s, " ", "")
	}
	s = strings.Trim(s, "<>'")
	if len(s) > maxAddrShown {
		s = strings.ToValidUTF8(s[:maxAddrShown], "")
	}
	return s
}

// name decodes a display name.
func name(s string) string {
	s = strings.TrimSpace(s)
	if s == "" {
		return ""
	}
	s = cleanLine(DecodeWords(s))
	for len(s) >= 2 && (s[0] == '"' && s[len(s)-1] == '"' || s[0] == '\'' && s[len(s)-1] == '\'') {
		s = strings.TrimSpace(s[1 : len(s)-1])
	}
	return clip(s, maxNameShown)
}

// quotedString reads from the quote at i and returns the text, unescaped, and
// where it ends. One that never closes ends at the next angle bracket or comma.
func quotedString(s string, i int) (string, int) {
	var b strings.Builder
	for j := i + 1; j < len(s); j++ {
		switch c := s[j]; c {
		case '\\':
			if j+1 < len(s) {
				j++
				b.WriteByte(s[j])
			}
		case '"':
			// the local part of an address keeps its quotes
			if j+1 < len(s) && s[j+1] == '@' {
				return s[i : j+1], j + 1
			}
			return b.String(), j + 1
		default:
			b.WriteByte(c)
		}
	}
	end := strings.IndexAny(s[i+1:], "<,;")
	if end < 0 {
		return s[i+1:], len(s)
	}
	return s[i+1 : i+1+end], i + 1 + end
}

// comment reads the comment at i, nested ones with it.
func comment(s string, i int) (string, int) {
	depth := 0
	var b strings.Builder
	for j := i; j < len(s); j++ {
		switch c := s[j]; c {
		case '\\':
			if j+1 < len(s) {
				j++
				b.WriteByte(s[j])
			}
			continue
		case '(':
			if depth++; depth == 1 {
				continue
			}
		case ')':
			if depth--; depth == 0 {
				return b.String(), j + 1
			}
		}
		if depth > 0 {
			b.WriteByte(s[j])
		}
	}
	return b.String(), len(s)
}

// angleAddr reads the address at the "<" at i.
func angleAddr(s string, i int) (string, int) {
	j := i + 1
	quoted := false
	for ; j < len(s); j++ {
		c := s[j]
		if c == '\\' && quoted {
			j++
			continue
		}
		if c == '"' {
			quoted = !quoted
			continue
		}
		if quoted {
			continue
		}
		if c == '>' {
			a := s[i+1 : j]
			for j+1 < len(s) && s[j+1] == '>' { // "<<a@b>>"
				j++
			}
			return a, j + 1
		}
		if c == '<' { // "<<a@b>" and "<Name <a@b>"
			i = j
		}
	}
	// no end outside quotes: up to the first bracket
	if k := strings.IndexByte(s[i:], '>'); k > 0 {
		return s[i+1 : i+k], i + k + 1
	}
	return s[i+1:], len(s)
}
