package compose

import (
	"encoding/base64"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	foldLen     = 76  // characters of a header line before it is folded (RFC 5322 section 2.1.1 asks for 78)
	maxLineLen  = 998 // octets without CRLF, the longest line there may be (RFC 5322 section 2.1.1)
	wordLen     = 75  // characters of an encoded word (RFC 2047 section 2)
	maxPlainLen = 400 // octets of a word without spaces that is written as it is; longer ones are encoded so that they fold
)

// fields is a header being written. Values are handed over in chunks that begin
// with the white space before them; a line is folded only before a chunk, so that
// unfolding gives back the same value (RFC 5322 section 2.2.3).
type fields struct{ b strings.Builder }

func (f *fields) add(name string, chunks []string) {
	if len(chunks) == 0 {
		return
	}
	f.b.WriteString(name)
	f.b.WriteByte(':')
	col := len(name) + 1
	for i, c := range chunks {
		if i > 0 && col+len(c) > foldLen {
			f.b.WriteString("\r\n")
			col = 0
		}
		f.b.WriteString(c)
		col += len(c)
	}
	f.b.WriteString("\r\n")
}

// raw adds a value that is known to be short and plain.
func (f *fields) raw(name, value string) { f.add(name, []string{" " + value}) }

// unfit reports whether s may not stand in a header field: control characters
// (CR, LF and NUL among them), Unicode's line breaks, invalid UTF-8.
func unfit(s string) bool {
	return !utf8.ValidString(s) || strings.ContainsFunc(s, isBreak)
}

func isBreak(r rune) bool { return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' }

// clean makes any string fit for a header field: what unfit finds becomes a space.
func clean(s string) string {
	if !unfit(s) {
		return s
	}
	return strings.Map(func(r rune) rune {
		if isBreak(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
}

// text is the value of an unstructured field such as Subject.
func text(name, s string) []string {
	if s == "" {
		return []string{" "}
	}
	if plain(s) {
		return words(" " + s)
	}
	return encode(s, wordLen-len(name)-2)
}

// plain reports whether s can be written without encoding: printable ASCII,
// nothing that a reader would take for an encoded word, no endless word.
func plain(s string) bool {
	if strings.Contains(s, "=?") || s[0] == ' ' || s[len(s)-1] == ' ' {
		return false
	}
	run := 0
	for i := range len(s) {
		switch c := s[i]; {
		case c == ' ':
			run = 0
		case c < ' ' || c > '~':
			return false
		default:
			if run++; run > maxPlainLen {
				return false
			}
		}
	}
	return true
}

// words cuts s before each run of spaces.
func words(s string) []string {
	var out []string
	start := 0
	for i := 1; i < len(s); i++ {
		if s[i] == ' ' && s[i-1] != ' ' {
			out = append(out, s[start:i])
			start = i
		}
	}
	return append(out, s[start:])
}

// encode writes s as encoded words (RFC 2047), each of whole characters, in B or
// Q, whichever is shorter. The Q form keeps to the letters allowed in a display
// name (RFC 2047 section 5). first is how long the first word may be.
func encode(s string, first int) []string {
	q := 0
	for i := range len(s) {
		if !qPlain(s[i]) && s[i] != ' ' {
			q++
		}
	}
	useQ := q*3+(len(s)-q) <= (len(s)+2)/3*4
	const overhead = len("=?utf-8?q?") + len("?=")
	var out []string
	limit := max(first, overhead+12)
	for s != "" {
		n, size := 0, 0
		for n < len(s) {
			_, l := utf8.DecodeRuneInString(s[n:])
			next := 0
			if useQ {
				next = size
				for _, c := range []byte(s[n : n+l]) {
					if qPlain(c) || c == ' ' {
						next++
					} else {
						next += 3
					}
				}
			} else {
				next = base64.StdEncoding.EncodedLen(n + l)
			}
			if n > 0 && next+overhead > limit {
				break
			}
			n, size = n+l, next
		}
		var b strings.Builder
		if useQ {
			b.WriteString(" =?utf-8?q?")
			for _, c := range []byte(s[:n]) {
				switch {
				case c == ' ':
					b.WriteByte('_')
				case qPlain(c):
					b.WriteByte(c)
				default:
					b.WriteByte('=')
					b.WriteByte(hexDigits[c>>4])
					b.WriteByte(hexDigits[c&15])
				}
			}
		} else {
			b.WriteString(" =?utf-8?b?")
			b.WriteString(base64.StdEncoding.EncodeToString([]byte(s[:n])))
		}
		b.WriteString("?=")
		out = append(out, b.String())
		s, limit = s[n:], wordLen
	}
	return out
}

const hexDigits = "0123456789ABCDEF"

func qPlain(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '!' || c == '*' || c == '+' || c == '-' || c == '/'
}

// phrase is a display name.
func phrase(s string) []string {
	s = strings.TrimSpace(s)
	if s == "" {
		return nil
	}
	if !plain(s) {
		return encode(s, wordLen-10)
	}
	atoms := true
	for i := range len(s) {
		if c := s[i]; !isAtext(c) && c != ' ' || c == ' ' && s[i-1] == ' ' {
			atoms = false
			break
		}
	}
	if atoms {
		return words(" " + s)
	}
	return words(` "` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`)
}

// isAtext is RFC 5322 section 3.2.3.
func isAtext(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("!#$%&'*+-/=?^_`{|}~", c) >= 0
}

// messageIDs is the value of In-Reply-To and References; identifiers that cannot
// be one are left out.
func messageIDs(ids []string) []string {
	var out []string
	for _, id := range ids {
		if ValidMessageID(id) {
			out = append(out, " <"+id+">")
		}
	}
	return out
}

// ValidMessageID reports whether id (without brackets) can be written in a
// header: visible characters without brackets, at most 900 octets.
func ValidMessageID(id string) bool {
	return id != "" && len(id) <= 900 && utf8.ValidString(id) && !strings.ContainsFunc(id, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || r == '<' || r == '>'
	})
}

// param is a parameter of Content-Type or Content-Disposition.
type param struct{ name, value string }

// valueWithParams is a value with parameters: tokens as they are, other ASCII
// quoted, everything else by RFC 2231, in pieces when it is long.
func valueWithParams(value string, params ...param) []string {
	out := []string{" " + value}
	for _, p := range params {
		if p.value == "" {
			continue
		}
		out[len(out)-1] += ";"
		out = append(out, paramChunks(p)...)
	}
	return out
}

func paramChunks(p param) []string {
	token, ascii := true, true
	for i := range len(p.value) {
		c := p.value[i]
		if c < ' ' || c > '~' {
			ascii = false
		}
		if c <= ' ' || c > '~' || strings.IndexByte(`()<>@,;:\"/[]?=`, c) >= 0 {
			token = false
		}
	}
	const piece = 60 // characters of a piece, so that it fits a line with its name
	switch {
	case token && len(p.value) <= piece:
		return []string{" " + p.name + "=" + p.value}
	case ascii && len(p.value) <= piece && !strings.Contains(p.value, "=?"):
		return []string{" " + p.name + `="` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(p.value) + `"`}
	}
	var pieces []string
	var b strings.Builder
	b.WriteString("utf-8''")
	for _, r := range p.value {
		var e strings.Builder
		for _, c := range []byte(string(r)) {
			if qPlain(c) && c != '*' || c == '.' || c == '_' {
				e.WriteByte(c)
			} else {
				e.WriteByte('%')
				e.WriteByte(hexDigits[c>>4])
				e.WriteByte(hexDigits[c&15])
			}
		}
		if b.Len()+e.Len() > piece {
			pieces = append(pieces, b.String())
			b.Reset()
		}
		b.WriteString(e.String())
	}
	pieces = append(pieces, b.String())
	if len(pieces) == 1 {
		return []string{" " + p.name + "*=" + pieces[0]}
	}
	out := make([]string, len(pieces))
	for i, s := range pieces {
		out[i] = " " + p.name + "*" + itoa(i) + "*=" + s
		if i < len(pieces)-1 {
			out[i] += ";"
		}
	}
	return out
}
