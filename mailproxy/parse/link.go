package parse

import (
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"

	"postern/mailproxy/mail"
)

const (
	maxLink = 2048 // octets of an address that is made a link
	maxHost = 300  // octets in which its host has to end
)

// linker finds links in plain text. It makes one pass over each word; nothing it
// does depends on more than the word and maxLink.
type linker struct{ left int }

// line cuts a line into spans.
func (l *linker) line(t string, diff byte) mail.TextLine {
	if t == "" {
		if diff != 0 {
			return mail.TextLine{{Diff: diff}}
		}
		return nil
	}
	if !strings.ContainsAny(t, ":@") && !strings.Contains(t, "www.") && !strings.Contains(t, "WWW.") {
		return mail.TextLine{{Text: t, Diff: diff}}
	}
	var out mail.TextLine
	start := 0 // of the text not yet in a span
	for i := 0; i < len(t) && l.left > 0; {
		// the next word
		if delimiter(t[i]) {
			i++
			continue
		}
		j := i
		for j < len(t) && !delimiter(t[j]) {
			j++
		}
		for i < j && l.left > 0 {
			from, to, u := findLink(t[i:j])
			if u == "" {
				break
			}
			if i+from > start {
				out = append(out, mail.TextSpan{Text: t[start : i+from], Diff: diff})
			}
			out = append(out, mail.TextSpan{Text: t[i+from : i+to], URL: u, Diff: diff})
			l.left--
			i += to
			start = i
		}
		i = j
	}
	if start < len(t) {
		out = append(out, mail.TextSpan{Text: t[start:], Diff: diff})
	}
	return out
}

// delimiter ends a word that may be a link.
func delimiter(c byte) bool {
	return c <= ' ' || c == '<' || c == '>' || c == '"' || c == '`' || c == '\\' || c == '^' || c == '{' || c == '}' || c == 0x7f
}

// findLink finds the first link in a word: where it is and its address, "" when
// there is none.
func findLink(w string) (from, to int, link string) {
	for i := 0; i < len(w); i++ {
		switch w[i] {
		case ':':
			s := schemeBefore(w, i)
			if s == "" {
				continue
			}
			at := i - len(s)
			switch s {
			case "http", "https":
				if !strings.HasPrefix(w[i:], "://") {
					continue
				}
				if n, u := webLink(s+"://", w[i+3:]); u != "" {
					return at, i + 3 + n, u
				}
			case "mailto":
				if n, u := mailtoLink(w[i+1:]); u != "" {
					return at, i + 1 + n, u
				}
			case "tel":
				if n := telephone(w[i+1:]); n > 0 {
					return at, i + 1 + n, "tel:" + w[i+1:i+1+n]
				}
			}
		case 'w', 'W':
			if len(w)-i > 5 && strings.EqualFold(w[i:i+4], "www.") && (i == 0 || !wordByte(w[i-1])) {
				if n, u := webLink("http://", w[i:]); u != "" {
					return i, i + n, u
				}
			}
		case '@':
			if a, b := mailAddress(w, i); b > 0 {
				return a, b, "mailto:" + w[a:b]
			}
		}
	}
	return 0, 0, ""
}

func wordByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c >= 0x80 || c == '_' || c == '-' || c == '.' || c == '/' || c == '@'
}

// schemeBefore is the known scheme that ends at i, in lower case.
func schemeBefore(w string, i int) string {
	for _, s := range [...]string{"https", "http", "mailto", "tel"} {
		if i >= len(s) && strings.EqualFold(w[i-len(s):i], s) {
			if k := i - len(s); k > 0 && isAlnum(w[k-1]) {
				return ""
			}
			return s
		}
	}
	return ""
}

func isAlnum(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

// webLink reads host and path. It returns how many octets belong to the link,
// and its address with the host in ASCII and the rest escaped.
func webLink(scheme, s string) (int, string) {
	// the host first, so that words full of schemes cost little
	if i := strings.IndexAny(s[:min(len(s), maxHost)], "/?#"); i < 0 {
		s = s[:min(len(s), maxHost)]
	} else if !strings.ContainsFunc(s[:i], linkStop) && asciiHost(s[:i]) == "" {
		return 0, ""
	}
	if len(s) > maxLink {
		s = s[:maxLink]
		for len(s) > 0 && !utf8.ValidString(s[len(s)-min(len(s), 4):]) {
			s = s[:len(s)-1]
		}
	}
	// the end: white space of any kind, full-width punctuation
	for i, r := range s {
		if linkStop(r) {
			s = s[:i]
			break
		}
	}
	s = trimLink(s)
	host := len(s)
	if i := strings.IndexAny(s, "/?#"); i >= 0 {
		host = i
	}
	h, rest := s[:host], s[host:]
	asc := asciiHost(h)
	if asc == "" {
		return 0, ""
	}
	return len(s), scheme + asc + escapeRest(rest)
}

// linkStop are the characters outside ASCII that end a link.
func linkStop(r rune) bool {
	return r >= 0x80 && (unicode.IsSpace(r) || unicode.IsControl(r) || invisible(r) || r == utf8.RuneError ||
		r >= 0x3000 && r <= 0x303f || r >= 0xff00 && r <= 0xff0f || r >= 0xff1a && r <= 0xff20 || r >= 0x2018 && r <= 0x201f || r == 0x00ab || r == 0x00bb || r == 0x2039 || r == 0x203a || r == 0x2026)
}

// trimLink drops the punctuation at the end that belongs to the sentence, and
// brackets that were not opened in the link.
func trimLink(s string) string {
	var open [3]int // how many more closing than opening ones: ( [
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '(':
			open[0]--
		case ')':
			open[0]++
		case '[':
			open[1]--
		case ']':
			open[1]++
		}
	}
	for len(s) > 0 {
		switch c := s[len(s)-1]; c {
		case '.', ',', ';', ':', '!', '?', '\'', '*', '_', '~', '|':
		case ')':
			if open[0] <= 0 {
				return s
			}
			open[0]--
		case ']':
			if open[1] <= 0 {
				return s
			}
			open[1]--
		case '(':
			open[0]++
		case '[':
			open[1]++
		default:
			return s
		}
		s = s[:len(s)-1]
	}
	return s
}

// asciiHost checks host[:port] and writes it in ASCII, "" when it is none.
// Addresses with a user name before the host are refused: they deceive.
func asciiHost(h string) string {
	host, port := h, ""
	if strings.HasPrefix(h, "[") {
		i := strings.IndexByte(h, ']')
		if i < 0 || strings.ContainsFunc(h[1:i], func(r rune) bool { return !strings.ContainsRune("0123456789abcdefABCDEF:.", r) }) || i < 3 {
			return ""
		}
		host, port = h[:i+1], h[i+1:]
	} else {
		if i := strings.IndexByte(h, ':'); i >= 0 {
			host, port = h[:i], h[i:]
		}
		if len(host) > 253 {
			return ""
		}
		if isASCIIText([]byte(host)) {
			host = strings.ToLower(host)
		} else {
			a, err := idna.Lookup.ToASCII(host)
			if err != nil {
				return ""
			}
			host = a
		}
		if !hostName(host) {
			return ""
		}
	}
	if port != "" && (len(port) > 6 || port != ":" && !isDigits(port[1:])) || port != "" && port[0] != ':' {
		return ""
	}
	return host + strings.TrimSuffix(port, ":")
}

func hostName(h string) bool {
	if h == "localhost" {
		return true
	}
	h = strings.TrimSuffix(h, ".")
	if !strings.Contains(h, ".") {
		return false
	}
	for l := range strings.SplitSeq(h, ".") {
		if l == "" || len(l) > 63 {
			return false
		}
		for i := 0; i < len(l); i++ {
			if !isAlnum(l[i]) && l[i] != '-' && l[i] != '_' {
				return false
			}
		}
	}
	return true
}

const urlBytes = "-._~:/?#[]@!$&'()*+,;=%"

// escapeRest writes path, query and fragment in the characters of RFC 3986.
func escapeRest(s string) string {
	clean := true
	for i := 0; i < len(s); i++ {
		if !isAlnum(s[i]) && strings.IndexByte(urlBytes, s[i]) < 0 {
			clean = false
			break
		}
	}
	if clean {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if isAlnum(s[i]) || strings.IndexByte(urlBytes, s[i]) >= 0 {
			b.WriteByte(s[i])
		} else {
			b.WriteString(url.PathEscape(s[i : i+1]))
		}
	}
	return b.String()
}

const (
	maxLocal  = 64  // octets looked at before an @
	maxDomain = 255 // octets looked at behind it
)

// mailAddress finds the plain address around the @ at i; b is 0 when there is none.
func mailAddress(w string, i int) (a, b int) {
	a = i
	for a > 0 && i-a < maxLocal && (isAlnum(w[a-1]) || strings.IndexByte("._%+-=&'", w[a-1]) >= 0 || w[a-1] >= 0x80) {
		a--
	}
	for a < i && strings.IndexByte("._'=&-", w[a]) >= 0 {
		a++
	}
	for a < i && !utf8.RuneStart(w[a]) {
		a++
	}
	if a == i || w[i-1] == '.' || a > 0 && (w[a-1] == '/' || w[a-1] == ':' || w[a-1] == '@') {
		return 0, 0
	}
	b = i + 1
	for b < len(w) && b-i <= maxDomain && (isAlnum(w[b]) || w[b] == '.' || w[b] == '-' || w[b] >= 0x80) {
		b++
	}
	for b > i+1 && !utf8.ValidString(w[max(i+1, b-4):b]) && !utf8.RuneStart(w[b-1]) && b < len(w) && !utf8.RuneStart(w[b]) {
		b--
	}
	dom := w[i+1 : b]
	for k, r := range dom {
		if r >= 0x80 && (linkStop(r) || !unicode.IsLetter(r) && !unicode.IsMark(r) && !unicode.IsDigit(r)) {
			dom = dom[:k]
			break
		}
	}
	dom = strings.TrimRight(dom, ".-")
	asc := dom
	if !isASCIIText([]byte(dom)) {
		var err error
		if asc, err = idna.Lookup.ToASCII(dom); err != nil {
			return 0, 0
		}
	}
	if asc == "localhost" || !hostName(asc) {
		return 0, 0
	}
	if tld := asc[strings.LastIndexByte(asc, '.')+1:]; len(tld) < 2 || isDigits(tld) {
		return 0, 0
	}
	if strings.ContainsFunc(w[a:i], func(r rune) bool {
		return r >= 0x80 && !unicode.IsLetter(r) && !unicode.IsMark(r) && !unicode.IsDigit(r)
	}) {
		return 0, 0
	}
	return a, i + 1 + len(dom)
}

// mailtoLink reads what stands behind "mailto:". Only the address is kept when
// the rest holds anything but a plain query.
func mailtoLink(s string) (int, string) {
	at := strings.IndexByte(s[:min(len(s), maxLocal+1)], '@')
	if at < 0 {
		return 0, ""
	}
	a, b := mailAddress(s, at)
	if b == 0 || a != 0 {
		return 0, ""
	}
	n, u := b, "mailto:"+s[:b]
	if b < len(s) && s[b] == '?' {
		q := s[b:min(len(s), maxLink)]
		end := 1
		for end < len(q) && (isAlnum(q[end]) || strings.IndexByte("-._~%=&+,;:/?@!$'()*", q[end]) >= 0) {
			end++
		}
		if q = trimLink(q[:end]); len(q) > 1 {
			n, u = b+len(q), u+q
		}
	}
	return n, u
}

func telephone(s string) int {
	n, digits := 0, 0
	for n < len(s) && n < 32 && (s[n] >= '0' && s[n] <= '9' || strings.IndexByte("+-.()", s[n]) >= 0) {
		if s[n] >= '0' && s[n] <= '9' {
			digits++
		}
		n++
	}
	for n > 0 && (s[n-1] < '0' || s[n-1] > '9') {
		n--
	}
	if digits < 3 {
		return 0
	}
	return n
}
