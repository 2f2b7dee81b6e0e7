package sanitize

import (
	"strings"

	"github.com/tdewolff/parse/v2/css"
)

const maxSelectorDepth = 3 // :not(:is(:where()))

// pseudo are the pseudo-classes and pseudo-elements a selector may name.
var pseudo = set(`active after any-link autofill before checked default defined disabled empty enabled first first-child first-letter
	first-line first-of-type focus focus-visible focus-within fullscreen hover indeterminate invalid last-child last-of-type link
	marker only-child only-of-type open optional placeholder placeholder-shown read-only read-write required root selection target
	valid visited`)

// selectors writes a list of selectors. One that is not understood spoils the
// whole list, as it does in a browser. Ids get their prefix.
func (p *cssReader) selectors(toks []cssToken, nested bool, depth int) bool {
	if len(toks) == 0 || len(toks) > maxValue || depth > maxSelectorDepth {
		return false
	}
	for i := 0; i < len(toks); i++ {
		t := toks[i]
		switch t.tt {
		case css.WhitespaceToken:
			p.space()
		case css.IdentToken, css.CustomPropertyNameToken:
			s := decode(t.data)
			if len(s) > 256 {
				return false
			}
			p.out = appendIdent(p.out, s)
		case css.HashToken:
			id := prefixed(decode(t.data[1:]))
			if id == "" {
				return false
			}
			p.out = appendIdent(append(p.out, '#'), id)
		case css.CommaToken:
			p.out = append(p.out, ',')
		case css.DelimToken:
			switch c := t.data[0]; c {
			case '.', '*', '>', '+', '~':
				p.out = append(p.out, c)
			case '&':
				if !nested {
					return false
				}
				p.out = append(p.out, c)
			default:
				return false
			}
		case css.ColonToken:
			p.out = append(p.out, ':')
			if i+1 < len(toks) && toks[i+1].tt == css.ColonToken {
				i++
				p.out = append(p.out, ':')
			}
			i++
			if i >= len(toks) {
				return false
			}
			switch t := toks[i]; t.tt {
			case css.IdentToken:
				s := lower(t.data)
				if !pseudo[s] {
					return false
				}
				p.out = append(p.out, s...)
			case css.FunctionToken:
				end := closing(toks, i)
				if end < 0 || !p.pseudoFunction(lower(t.data[:len(t.data)-1]), toks[i+1:end], depth) {
					return false
				}
				i = end
			default:
				return false
			}
		case css.LeftBracketToken:
			end := closing(toks, i)
			if end < 0 || !p.attributeSelector(toks[i+1:end]) {
				return false
			}
			i = end
		default:
			return false
		}
	}
	return true
}

// closing finds the end of the function or bracket at i, -1 for none. Braces are
// not found here.
func closing(toks []cssToken, i int) int {
	depth := 0
	for ; i < len(toks); i++ {
		switch toks[i].tt {
		case css.FunctionToken, css.LeftParenthesisToken, css.LeftBracketToken:
			depth++
		case css.RightParenthesisToken, css.RightBracketToken:
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}

func (p *cssReader) pseudoFunction(name string, arg []cssToken, depth int) bool {
	p.out = append(append(p.out, name...), '(')
	arg = trim(arg)
	switch name {
	case "has":
		if p.r == nil || depth > 0 {
			return false
		}
		if p.r.has++; p.r.has > maxHas {
			return false
		}
		fallthrough
	case "not", "is", "where":
		if !p.selectors(arg, true, depth+1) {
			return false
		}
	case "nth-child", "nth-last-child", "nth-of-type", "nth-last-of-type":
		if !p.nth(arg) {
			return false
		}
	case "lang", "dir":
		for _, t := range arg {
			switch t.tt {
			case css.IdentToken:
				p.out = appendIdent(p.out, decode(t.data))
			case css.StringToken:
				p.out = appendString(p.out, stringValue(t.data))
			case css.CommaToken:
				p.out = append(p.out, ',')
			case css.WhitespaceToken:
				p.space()
			default:
				return false
			}
		}
	default:
		return false
	}
	p.out = append(p.out, ')')
	return true
}

// nth writes an+b (CSS Syntax Level 3 section 6), even or odd.
func (p *cssReader) nth(arg []cssToken) bool {
	var b strings.Builder
	for _, t := range arg {
		if t.tt == css.WhitespaceToken {
			b.WriteByte(' ')
			continue
		}
		b.Write(t.data)
	}
	s := strings.ToLower(b.String())
	if s == "" || len(s) > 32 || strings.Trim(s, "0123456789n+- ") != "" && s != "even" && s != "odd" {
		return false
	}
	p.out = append(p.out, s...)
	return true
}

// attributeSelector writes what stands in brackets. Values of ids get their prefix.
func (p *cssReader) attributeSelector(toks []cssToken) bool {
	toks = trim(toks)
	if len(toks) == 0 || toks[0].tt != css.IdentToken {
		return false
	}
	name := lower(toks[0].data)
	if !plainName(name) {
		return false
	}
	p.out = append(append(p.out, '['), name...)
	toks = trim(toks[1:])
	if len(toks) > 0 {
		op := ""
		switch t := toks[0]; t.tt {
		case css.DelimToken:
			if t.data[0] == '=' {
				op = "="
			}
		case css.IncludeMatchToken, css.DashMatchToken, css.PrefixMatchToken, css.SuffixMatchToken, css.SubstringMatchToken:
			op = string(t.data)
		}
		toks = trim(toks[1:])
		if op == "" || len(toks) == 0 {
			return false
		}
		value := ""
		switch t := toks[0]; t.tt {
		case css.IdentToken, css.CustomPropertyNameToken:
			value = decode(t.data)
		case css.StringToken:
			value = stringValue(t.data)
		default:
			return false
		}
		if len(value) > 256 {
			return false
		}
		if (name == "id" || name == "name") && (op == "=" || op == "^=" || op == "|=") && value != "" {
			if value = prefixed(value); value == "" {
				return false
			}
		}
		p.out = appendString(append(p.out, op...), value)
		if toks = trim(toks[1:]); len(toks) > 0 {
			if len(toks) > 1 || toks[0].tt != css.IdentToken {
				return false
			}
			switch f := lower(toks[0].data); f {
			case "i", "s":
				p.out = append(append(p.out, ' '), f...)
			default:
				return false
			}
		}
	}
	p.out = append(p.out, ']')
	return true
}
