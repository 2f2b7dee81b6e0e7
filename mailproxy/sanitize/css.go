package sanitize

import (
	"bytes"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/tdewolff/parse/v2"
	"github.com/tdewolff/parse/v2/css"
)

const (
	maxSheet      = 1 << 20 // octets of CSS read of one mail
	maxStyle      = 16 << 10
	maxNesting    = 8    // blocks in blocks
	maxParens     = 32   // parentheses in one value
	maxValue      = 2000 // tokens of one value, selector or condition
	maxHas        = 8    // :has() in one mail: each may cost the browser a walk over the whole tree
	maxStyleCache = 512
)

// A cssToken is a token of CSS Syntax Level 3. Comments are white space here.
type cssToken struct {
	tt   css.TokenType
	data []byte
}

// A style is a sanitised style attribute and what it says about an image.
type style struct {
	css    string
	hidden bool // display:none or visibility:hidden
	tiny   bool // at most 1px wide or high
	sized  bool // a width or height beyond 1px
	remote int
}

// style sanitises a style attribute. Mail repeats them, so they are remembered.
func (r *rewriter) style(s []byte) style {
	if st, ok := r.styles[string(s)]; ok {
		r.report.Remote += st.remote
		return st
	}
	var st style
	if len(s) > 0 && len(s) <= maxStyle {
		before := r.report.Remote
		p := cssReader{r: r, toks: tokenize(r.tok[:0], s)}
		p.declarations(false, 0)
		r.tok = p.toks[:0]
		st = style{css: string(p.out), remote: r.report.Remote - before}
		st.look()
	}
	if len(r.styles) < maxStyleCache {
		r.styles[string(s)] = st
	}
	return st
}

// look reads from the sanitised text how large and visible an image is.
func (st *style) look() {
	for d := range strings.SplitSeq(st.css, ";") {
		name, value, _ := strings.Cut(d, ":")
		value = strings.TrimSuffix(value, "!important")
		switch name {
		case "display":
			st.hidden = st.hidden || value == "none"
		case "visibility":
			st.hidden = st.hidden || value == "hidden"
		case "width", "height":
			if tinySize(value) {
				st.tiny = true
			} else {
				st.sized = true
			}
		}
	}
}

// addSheet sanitises the text of a <style> element.
func (r *rewriter) addSheet(b []byte, media string) {
	if r.sheetIn += len(b); r.sheetIn > maxSheet || !r.policy.document {
		return
	}
	m, ok := mediaQuery(media)
	if !ok {
		return
	}
	p := cssReader{r: r, toks: tokenize(r.tok[:0], b)}
	if m != "" {
		p.out = append(append(append(p.out, "@media "...), m...), '{')
	}
	start := len(p.out)
	p.rules(true, 0)
	if len(p.out) > start {
		if m != "" {
			p.out = append(p.out, '}')
		}
		r.sheet = append(r.sheet, p.out...)
	}
	r.tok = p.toks[:0]
}

// colorScheme keeps the words of a color-scheme declaration that mean something.
func colorScheme(s string) string {
	var out []string
	for _, w := range strings.Fields(strings.ToLower(s)) {
		if (w == "light" || w == "dark" || w == "only" || w == "normal") && len(out) < 4 {
			out = append(out, w)
		}
	}
	return strings.Join(out, " ")
}

// mediaQuery writes a list of media queries anew.
func mediaQuery(s string) (string, bool) {
	s = strings.TrimSpace(s)
	if s == "" || strings.EqualFold(s, "all") {
		return "", true
	}
	if len(s) > 1024 {
		return "", false
	}
	p := cssReader{toks: tokenize(nil, []byte(s))}
	ok := p.condition(p.toks, false)
	return string(p.out), ok
}

func tokenize(toks []cssToken, b []byte) []cssToken {
	if bytes.IndexByte(b, 0) >= 0 {
		b = bytes.ReplaceAll(b, []byte{0}, []byte("\uFFFD"))
	}
	l := css.NewLexer(parse.NewInputBytes(b[:len(b):len(b)]))
	for {
		tt, data := l.Next()
		switch tt {
		case css.ErrorToken:
			return toks
		case css.CommentToken, css.WhitespaceToken:
			if n := len(toks); n > 0 && toks[n-1].tt == css.WhitespaceToken {
				continue
			}
			tt, data = css.WhitespaceToken, nil
		}
		toks = append(toks, cssToken{tt, data})
	}
}

// A cssReader reads tokens and writes what the lists let pass. Its grammar is
// that of CSS Syntax Level 3 section 5; every token is decoded and written anew.
type cssReader struct {
	r    *rewriter // nil where no address can stand
	toks []cssToken
	i    int
	out  []byte
}

func (p *cssReader) more() bool { return p.i < len(p.toks) }

func (p *cssReader) skipSpace() {
	for p.more() && p.toks[p.i].tt == css.WhitespaceToken {
		p.i++
	}
}

// upTo gives the tokens up to the first at this level that stops, which is left
// unread. A closing brace always stops inside a block.
func (p *cssReader) upTo(top bool, stops ...css.TokenType) []cssToken {
	start := p.i
	for p.more() {
		tt := p.toks[p.i].tt
		for _, s := range stops {
			if tt == s {
				return p.toks[start:p.i]
			}
		}
		if tt == css.RightBraceToken && !top {
			break
		}
		p.skipOne()
	}
	return p.toks[start:p.i]
}

// skipOne reads one component value: a token, or a block up to its end.
func (p *cssReader) skipOne() {
	var want []css.TokenType
	for p.more() {
		tt := p.toks[p.i].tt
		p.i++
		switch tt {
		case css.LeftBraceToken:
			want = append(want, css.RightBraceToken)
		case css.LeftBracketToken:
			want = append(want, css.RightBracketToken)
		case css.LeftParenthesisToken, css.FunctionToken:
			want = append(want, css.RightParenthesisToken)
		case css.RightBraceToken, css.RightBracketToken, css.RightParenthesisToken:
			if n := len(want); n > 0 && want[n-1] == tt {
				want = want[:n-1]
			}
		}
		if len(want) == 0 {
			return
		}
	}
}

// rules writes a list of rules, up to the brace that ends it or the end.
func (p *cssReader) rules(top bool, depth int) {
	for {
		p.skipSpace()
		if !p.more() {
			return
		}
		switch tt := p.toks[p.i].tt; {
		case tt == css.RightBraceToken && !top:
			p.i++
			return
		case tt == css.CDOToken || tt == css.CDCToken:
			p.i++
		case tt == css.SemicolonToken && !top:
			p.i++
		case tt == css.AtKeywordToken:
			p.atRule(top, false, depth)
		default:
			sel := p.upTo(top, css.LeftBraceToken)
			if !p.more() || p.toks[p.i].tt != css.LeftBraceToken {
				continue
			}
			p.styleRule(sel, false, depth)
		}
	}
}

// styleRule writes a rule whose selector was read; the brace comes next.
func (p *cssReader) styleRule(sel []cssToken, nested bool, depth int) {
	start := len(p.out)
	if depth >= maxNesting || !p.selectors(trim(sel), nested, 0) {
		p.out = p.out[:start]
		p.skipOne()
		return
	}
	p.out = append(p.out, '{')
	body := len(p.out)
	p.i++
	p.declarations(true, depth+1)
	if len(p.out) == body {
		p.out = p.out[:start]
		return
	}
	p.out = append(p.out, '}')
}

// atRule writes an at-rule; style says that it stands inside a style rule.
func (p *cssReader) atRule(top, style bool, depth int) {
	name := strings.ToLower(decode(p.toks[p.i].data[1:]))
	p.i++
	prelude := trim(p.upTo(top, css.LeftBraceToken, css.SemicolonToken))
	block := p.more() && p.toks[p.i].tt == css.LeftBraceToken
	if p.more() && p.toks[p.i].tt == css.SemicolonToken {
		p.i++
	}
	start := len(p.out)
	ok := false
	switch name {
	case "media", "supports", "layer", "container":
		ok = (block || name == "layer") && depth < maxNesting
	case "keyframes", "-webkit-keyframes":
		ok = block && !style && depth < maxNesting
	}
	if ok {
		p.out = append(append(append(p.out, '@'), name...), ' ')
		switch name {
		case "media", "container":
			ok = p.condition(prelude, false)
		case "supports":
			ok = p.condition(prelude, true)
		case "layer":
			ok = p.names(prelude)
		default:
			ok = len(prelude) == 1 && p.names(prelude)
		}
	}
	switch {
	case !ok:
		p.out = p.out[:start]
		if block {
			p.skipOne()
		}
		return
	case !block:
		p.out = append(p.out, ';')
		return
	}
	p.out = append(p.out, '{')
	body := len(p.out)
	p.i++
	switch {
	case strings.HasSuffix(name, "keyframes"):
		p.keyframes(depth + 1)
	case style:
		p.declarations(true, depth+1)
	default:
		p.rules(false, depth+1)
	}
	if len(p.out) == body {
		p.out = p.out[:start]
		return
	}
	p.out = append(p.out, '}')
}

// keyframes writes the blocks of an animation.
func (p *cssReader) keyframes(depth int) {
	for {
		p.skipSpace()
		if !p.more() {
			return
		}
		if p.toks[p.i].tt == css.RightBraceToken {
			p.i++
			return
		}
		sel := trim(p.upTo(false, css.LeftBraceToken))
		if !p.more() || p.toks[p.i].tt != css.LeftBraceToken {
			continue
		}
		start := len(p.out)
		ok := len(sel) > 0
		for _, t := range sel {
			switch {
			case t.tt == css.IdentToken && (bytes.EqualFold(t.data, []byte("from")) || bytes.EqualFold(t.data, []byte("to"))):
				p.out = append(p.out, bytes.ToLower(t.data)...)
			case t.tt == css.PercentageToken && len(t.data) < 16:
				p.out = append(p.out, t.data...)
			case t.tt == css.CommaToken:
				p.out = append(p.out, ',')
			case t.tt == css.WhitespaceToken:
				p.space()
			default:
				ok = false
			}
		}
		if !ok {
			p.out = p.out[:start]
			p.skipOne()
			continue
		}
		p.out = append(p.out, '{')
		p.i++
		p.declarations(true, maxNesting)
		p.out = append(p.out, '}')
	}
}

// declarations writes a list of declarations and, inside a block, of nested
// rules, up to the brace that ends it or the end.
func (p *cssReader) declarations(block bool, depth int) {
	for {
		p.skipSpace()
		if !p.more() {
			return
		}
		t := p.toks[p.i]
		switch {
		case t.tt == css.RightBraceToken && block:
			p.i++
			return
		case t.tt == css.SemicolonToken:
			p.i++
		case t.tt == css.AtKeywordToken:
			if block {
				p.atRule(false, true, depth)
			} else {
				p.upTo(true, css.SemicolonToken, css.LeftBraceToken)
				if p.more() && p.toks[p.i].tt == css.LeftBraceToken {
					p.skipOne()
				}
			}
		case !block:
			p.declaration(p.upTo(true, css.SemicolonToken))
		default:
			custom := t.tt == css.CustomPropertyNameToken
			from := p.i
			var d []cssToken
			if custom {
				d = p.upTo(false, css.SemicolonToken)
			} else {
				d = p.upTo(false, css.SemicolonToken, css.LeftBraceToken)
			}
			if !custom && p.more() && p.toks[p.i].tt == css.LeftBraceToken {
				p.styleRule(p.toks[from:p.i], true, depth)
				continue
			}
			p.declaration(d)
		}
	}
}

// declaration writes one declaration or nothing.
func (p *cssReader) declaration(d []cssToken) {
	d = trim(d)
	if len(d) < 3 || len(d) > maxValue {
		return
	}
	var name string
	custom := d[0].tt == css.CustomPropertyNameToken
	switch d[0].tt {
	case css.IdentToken:
		name = lower(d[0].data)
	case css.CustomPropertyNameToken:
		if name = decode(d[0].data); !plainName(name) {
			return
		}
	default:
		return
	}
	kind := propGeneral
	if !custom {
		if kind = properties[name]; kind == 0 {
			return
		}
	}
	v := trim(d[1:])
	if len(v) == 0 || v[0].tt != css.ColonToken {
		return
	}
	v = trim(v[1:])
	important := false
	if n := len(v); n >= 2 && v[n-1].tt == css.IdentToken && bytes.EqualFold(v[n-1].data, []byte("important")) {
		w := trim(v[:n-1])
		if len(w) > 0 && w[len(w)-1].tt == css.DelimToken && w[len(w)-1].data[0] == '!' {
			important = true
			v = trim(w[:len(w)-1])
		}
	}
	if len(v) == 0 {
		return
	}
	start := len(p.out)
	p.out = append(append(p.out, name...), ':')
	value := len(p.out)
	if !p.value(v, kind) || len(p.out) == value {
		p.out = p.out[:start]
		return
	}
	if important {
		p.out = append(p.out, "!important"...)
	}
	p.out = append(p.out, ';')
}

func trim(t []cssToken) []cssToken {
	for len(t) > 0 && t[0].tt == css.WhitespaceToken {
		t = t[1:]
	}
	for len(t) > 0 && t[len(t)-1].tt == css.WhitespaceToken {
		t = t[:len(t)-1]
	}
	return t
}

// names writes a list of identifiers with dots and commas between them.
func (p *cssReader) names(toks []cssToken) bool {
	for _, t := range toks {
		switch {
		case t.tt == css.IdentToken:
			s := decode(t.data)
			if !plainName(s) {
				return false
			}
			p.out = append(p.out, s...)
		case t.tt == css.CommaToken, t.tt == css.DelimToken && t.data[0] == '.':
			p.out = append(p.out, t.data...)
		case t.tt == css.WhitespaceToken:
			p.space()
		default:
			return false
		}
	}
	return len(toks) < 64
}

// condition writes the condition of @media or @supports.
func (p *cssReader) condition(toks []cssToken, supports bool) bool {
	if len(toks) > maxValue {
		return false
	}
	depth := 0
	for i, t := range toks {
		switch t.tt {
		case css.WhitespaceToken:
			p.space()
		case css.IdentToken, css.CustomPropertyNameToken:
			s := decode(t.data)
			if !plainName(s) {
				return false
			}
			p.out = append(p.out, s...)
		case css.LeftParenthesisToken:
			if depth++; depth > maxParens {
				return false
			}
			// "and(" would be a function
			if n := len(p.out); n > 0 && p.out[n-1] != ' ' && p.out[n-1] != '(' {
				p.out = append(p.out, ' ')
			}
			p.out = append(p.out, '(')
		case css.RightParenthesisToken:
			if depth--; depth < 0 {
				return false
			}
			p.out = append(p.out, ')')
		case css.ColonToken, css.CommaToken:
			p.out = append(p.out, t.data...)
		case css.NumberToken, css.DimensionToken, css.PercentageToken:
			if !p.number(t) {
				return false
			}
		case css.HashToken:
			if !supports || !isHexColor(t.data) {
				return false
			}
			p.out = append(p.out, t.data...)
		case css.FunctionToken:
			name := lower(t.data[:len(t.data)-1])
			if !functions[name] {
				return false
			}
			if depth++; depth > maxParens {
				return false
			}
			p.out = append(append(p.out, name...), '(')
		case css.DelimToken:
			switch c := t.data[0]; c {
			case '/', '=', '>':
				p.out = append(p.out, c)
			case '<':
				p.out = append(p.out, '<')
				if i+1 >= len(toks) || toks[i+1].tt != css.DelimToken || toks[i+1].data[0] != '=' {
					p.out = append(p.out, ' ')
				}
			default:
				return false
			}
		default:
			return false
		}
	}
	return depth == 0 && len(toks) > 0
}

func (p *cssReader) space() {
	if n := len(p.out); n > 0 {
		switch p.out[n-1] {
		case ' ', '{', '}', ';', '(', ',':
			return
		}
	}
	p.out = append(p.out, ' ')
}

// number writes a number with its unit as it is, if it is of a usual kind.
func (p *cssReader) number(t cssToken) bool {
	d := t.data
	if len(d) > 40 {
		return false
	}
	i := 0
	for i < len(d) && (d[i] >= '0' && d[i] <= '9' || d[i] == '.' || d[i] == '+' || d[i] == '-') {
		i++
	}
	if t.tt == css.NumberToken {
		// an exponent
		for j := i; j < len(d); j++ {
			if c := d[j]; !(c >= '0' && c <= '9' || c == '+' || c == '-' || c == 'e' || c == 'E') {
				return false
			}
		}
	} else if unit := d[i:]; t.tt == css.DimensionToken {
		if len(unit) == 0 || len(unit) > 6 {
			return false
		}
		for _, c := range unit {
			if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z') {
				return false
			}
		}
	}
	p.out = append(p.out, d...)
	return true
}

// decode gives the value of an identifier or of the inside of a string.
func decode(b []byte) string {
	if bytes.IndexByte(b, '\\') < 0 {
		return strings.ToValidUTF8(string(b), "\uFFFD")
	}
	var s strings.Builder
	for i := 0; i < len(b); {
		if b[i] != '\\' {
			s.WriteByte(b[i])
			i++
			continue
		}
		i++
		if i >= len(b) {
			s.WriteRune('\uFFFD')
			break
		}
		switch c := b[i]; {
		case isHex(c):
			j := i
			for j < len(b) && j < i+6 && isHex(b[j]) {
				j++
			}
			n, _ := strconv.ParseUint(string(b[i:j]), 16, 32)
			if n == 0 || n > utf8.MaxRune || n >= 0xd800 && n <= 0xdfff {
				n = '\uFFFD'
			}
			s.WriteRune(rune(n))
			if j < len(b) {
				switch b[j] {
				case '\r':
					if j++; j < len(b) && b[j] == '\n' {
						j++
					}
				case ' ', '\t', '\n', '\f':
					j++
				}
			}
			i = j
		case c == '\n' || c == '\f':
			i++
		case c == '\r':
			if i++; i < len(b) && b[i] == '\n' {
				i++
			}
		default:
			s.WriteByte(c)
			i++
		}
	}
	return strings.ToValidUTF8(s.String(), "\uFFFD")
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

// lower is decode in lower case, without allocating for a name of the lists.
func lower(b []byte) string {
	for _, c := range b {
		if c == '\\' || c >= 'A' && c <= 'Z' || c >= utf8.RuneSelf {
			return strings.ToLower(decode(b))
		}
	}
	return string(b)
}

// plainName reports a name that needs no escapes.
func plainName(s string) bool {
	if s == "" || len(s) > 64 || s[0] >= '0' && s[0] <= '9' || s == "-" || len(s) > 1 && s[0] == '-' && s[1] >= '0' && s[1] <= '9' {
		return false
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_') {
			return false
		}
	}
	return true
}

// appendIdent writes an identifier (CSSOM section 2.1), escaping all that is not plain.
func appendIdent(out []byte, s string) []byte {
	for i, r := range s {
		switch {
		case r >= '0' && r <= '9':
			if i == 0 || i == 1 && s[0] == '-' {
				out = appendCodePoint(out, r)
				continue
			}
			out = append(out, byte(r))
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r == '_':
			out = append(out, byte(r))
		case r == '-':
			if len(s) == 1 {
				out = append(out, '\\')
			}
			out = append(out, '-')
		case r >= 0xa0 && !nonText(r):
			out = utf8.AppendRune(out, r)
		default:
			out = appendCodePoint(out, r)
		}
	}
	return out
}

// appendString writes a string (CSSOM section 2.1) that ends no <style>.
func appendString(out []byte, s string) []byte {
	out = append(out, '"')
	for _, r := range s {
		switch {
		case r == '"', r == '\\':
			out = append(out, '\\', byte(r))
		case r < ' ', r == '<', r >= 0x7f && r < 0xa0, r > 0xa0 && nonText(r):
			out = appendCodePoint(out, r)
		default:
			out = utf8.AppendRune(out, r)
		}
	}
	return append(out, '"')
}

func appendCodePoint(out []byte, r rune) []byte {
	out = append(out, '\\')
	out = strconv.AppendInt(out, int64(r), 16)
	return append(out, ' ')
}

// stringValue decodes a string token, which may lack its end.
func stringValue(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	q := b[0]
	b = b[1:]
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case q:
			return decode(b[:i])
		}
	}
	return decode(b)
}
