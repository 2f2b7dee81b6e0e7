package sanitize

import (
	"bytes"
	"strings"

	"github.com/tdewolff/parse/v2/css"
)

// propKind says what the value of a property may hold.
type propKind uint8

const (
	propGeneral  propKind = iota + 1 // tokens and functions of the lists, no addresses
	propPicture                      // pictures too
	propPosition                     // position, which must stay in the page
	propKeyword                      // one keyword
)

// properties is the list. Whatever can load something other than a picture, run
// something or leave the frame is not on it.
var properties = map[string]propKind{}

func init() {
	for _, n := range strings.Fields(`
		accent-color align-content align-items align-self animation animation-delay animation-direction animation-duration
		animation-fill-mode animation-iteration-count animation-name animation-play-state animation-timing-function
		appearance -webkit-appearance aspect-ratio backdrop-filter backface-visibility background-attachment
		background-blend-mode background-clip -webkit-background-clip background-color background-origin background-position
		background-position-x background-position-y background-repeat background-size block-size border border-block
		border-block-color border-block-end border-block-end-color border-block-end-style border-block-end-width
		border-block-start border-block-start-color border-block-start-style border-block-start-width border-block-style
		border-block-width border-bottom border-bottom-color border-bottom-left-radius border-bottom-right-radius
		border-bottom-style border-bottom-width border-collapse border-color border-end-end-radius border-end-start-radius
		border-image-outset border-image-repeat border-image-slice border-image-width border-inline border-inline-color
		border-inline-end border-inline-end-color border-inline-end-style border-inline-end-width border-inline-start
		border-inline-start-color border-inline-start-style border-inline-start-width border-inline-style
		border-inline-width border-left border-left-color border-left-style border-left-width border-radius
		-webkit-border-radius -moz-border-radius border-right border-right-color border-right-style border-right-width
		border-spacing border-start-end-radius border-start-start-radius border-style border-top border-top-color
		border-top-left-radius border-top-right-radius border-top-style border-top-width border-width bottom box-decoration-break
		-webkit-box-decoration-break box-shadow -webkit-box-shadow box-sizing -webkit-box-sizing -moz-box-sizing break-after break-before break-inside
		caption-side caret-color clear clip clip-path color color-scheme column-count column-fill column-gap column-rule
		column-rule-color column-rule-style column-rule-width column-span column-width columns contain container
		container-name container-type content counter-increment counter-reset counter-set direction empty-cells filter flex flex-basis
		flex-direction flex-flow flex-grow flex-shrink flex-wrap float font font-family font-feature-settings font-kerning
		font-optical-sizing font-size font-size-adjust font-stretch font-style font-synthesis font-variant
		font-variant-alternates font-variant-caps font-variant-east-asian font-variant-ligatures font-variant-numeric
		font-variant-position font-variation-settings font-weight gap grid grid-area grid-auto-columns grid-auto-flow
		grid-auto-rows grid-column grid-column-end grid-column-gap grid-column-start grid-gap grid-row grid-row-end
		grid-row-gap grid-row-start grid-template grid-template-areas grid-template-columns grid-template-rows
		hanging-punctuation height hyphenate-character hyphenate-limit-chars hyphens -webkit-hyphens -moz-hyphens image-orientation image-rendering
		inline-size inset inset-block inset-block-end inset-block-start inset-inline inset-inline-end inset-inline-start
		isolation justify-content justify-items justify-self left letter-spacing line-break line-height list-style-position
		list-style-type margin margin-block margin-block-end margin-block-start margin-bottom margin-inline
		margin-inline-end margin-inline-start margin-left margin-right margin-top max-block-size max-height max-inline-size
		max-width min-block-size min-height min-inline-size min-width mix-blend-mode object-fit object-position opacity order
		orphans outline outline-color outline-offset outline-style outline-width overflow overflow-wrap overflow-x overflow-y
		padding padding-block padding-block-end padding-block-start padding-bottom padding-inline padding-inline-end
		padding-inline-start padding-left padding-right padding-top page-break-after page-break-before page-break-inside
		paint-order perspective perspective-origin place-content place-items place-self print-color-adjust
		-webkit-print-color-adjust quotes resize right rotate row-gap ruby-align ruby-position scale scroll-snap-align
		scroll-snap-stop scroll-snap-type scrollbar-color scrollbar-width shape-image-threshold shape-margin shape-outside
		tab-size table-layout text-align text-align-last text-combine-upright text-decoration text-decoration-color
		text-decoration-line text-decoration-skip-ink text-decoration-style text-decoration-thickness text-emphasis
		text-emphasis-color text-emphasis-position text-emphasis-style text-indent text-justify text-orientation text-overflow
		text-rendering text-shadow text-size-adjust -webkit-text-size-adjust -ms-text-size-adjust -moz-text-size-adjust
		text-transform text-underline-offset text-underline-position text-wrap text-wrap-mode text-wrap-style top transform
		-webkit-transform transform-box transform-origin transform-style transition transition-delay transition-duration
		transition-property transition-timing-function translate unicode-bidi user-select vertical-align visibility
		white-space white-space-collapse widows width will-change word-break word-spacing word-wrap writing-mode
		-webkit-writing-mode z-index zoom
		-webkit-font-smoothing -moz-osx-font-smoothing -webkit-text-fill-color -webkit-text-stroke -webkit-text-stroke-color
		-webkit-text-stroke-width -webkit-line-clamp -webkit-box-orient -webkit-text-decoration`) {
		properties[n] = propGeneral
	}
	for _, n := range strings.Fields(`background background-image border-image border-image-source list-style list-style-image`) {
		properties[n] = propPicture
	}
	properties["position"] = propPosition
	properties["display"] = propKeyword
	properties["cursor"] = propKeyword
}

// functions may stand in a value. None of them takes an address.
var functions = set(`rgb rgba hsl hsla hwb lab lch oklab oklch color color-mix light-dark
	calc min max clamp round mod rem abs sign var env
	linear-gradient radial-gradient conic-gradient repeating-linear-gradient repeating-radial-gradient repeating-conic-gradient
	-webkit-linear-gradient -webkit-radial-gradient -moz-linear-gradient -webkit-gradient from to color-stop
	translate translatex translatey translatez translate3d scale scalex scaley scalez scale3d rotate rotatex rotatey rotatez
	rotate3d skew skewx skewy matrix matrix3d perspective cubic-bezier steps linear
	minmax repeat fit-content counter counters blur brightness contrast drop-shadow grayscale hue-rotate invert opacity
	saturate sepia inset circle ellipse polygon rect xywh`)

// value writes a value, or reports false and leaves what was written to the caller to take back.
func (p *cssReader) value(v []cssToken, kind propKind) bool {
	switch kind {
	case propPosition:
		if len(v) != 1 || v[0].tt != css.IdentToken {
			return false
		}
		switch s := lower(v[0].data); s {
		case "static", "relative", "absolute", "inherit", "initial", "unset":
			p.out = append(p.out, s...)
			return true
		}
		return false
	case propKeyword:
		// "cursor: url(x), pointer" keeps its last word.
		if n := len(v); v[n-1].tt == css.IdentToken {
			for _, t := range v[:n-1] {
				if t.tt == css.CommaToken {
					v = v[n-1:]
					break
				}
			}
		}
	}
	var closers [maxParens]css.TokenType
	depth := 0
	for i, t := range v {
		switch t.tt {
		case css.WhitespaceToken:
			p.space()
		case css.IdentToken:
			s := decode(t.data)
			if len(s) > 256 || strings.ContainsFunc(s, func(r rune) bool { return r == '\uFFFD' || r < ' ' }) {
				return false
			}
			p.out = appendIdent(p.out, s)
		case css.CustomPropertyNameToken:
			s := decode(t.data)
			if !plainName(s) {
				return false
			}
			p.out = append(p.out, s...)
		case css.NumberToken, css.PercentageToken, css.DimensionToken:
			if !p.number(t) {
				return false
			}
		case css.StringToken:
			p.out = appendString(p.out, stringValue(t.data))
		case css.HashToken:
			if !isHexColor(t.data) {
				return false
			}
			p.out = append(p.out, t.data...)
		case css.CommaToken:
			p.out = append(p.out, ',')
		case css.DelimToken:
			switch c := t.data[0]; c {
			case '/', '*', '+', '-':
				if n := len(p.out); c == '*' && n > 0 && p.out[n-1] == '/' {
					return false
				}
				p.out = append(p.out, c)
			default:
				return false
			}
		case css.LeftParenthesisToken, css.LeftBracketToken, css.FunctionToken:
			if depth == maxParens {
				return false
			}
			closers[depth] = css.RightParenthesisToken
			switch t.tt {
			case css.LeftBracketToken:
				closers[depth] = css.RightBracketToken
				p.out = append(p.out, '[')
			case css.LeftParenthesisToken:
				p.out = append(p.out, '(')
			default:
				name := lower(t.data[:len(t.data)-1])
				if !functions[name] {
					return false
				}
				p.out = append(append(p.out, name...), '(')
			}
			depth++
		case css.RightParenthesisToken, css.RightBracketToken:
			if depth == 0 || closers[depth-1] != t.tt {
				return false
			}
			depth--
			p.out = append(p.out, t.data[0])
		case css.URLToken:
			if kind != propPicture || depth > 0 {
				return false
			}
			p.picture(t.data, i+1 < len(v) && v[i+1].tt != css.WhitespaceToken && v[i+1].tt != css.CommaToken)
		default:
			return false
		}
	}
	for ; depth > 0; depth-- { // the end of the value closes what is open
		if closers[depth-1] == css.RightBracketToken {
			p.out = append(p.out, ']')
		} else {
			p.out = append(p.out, ')')
		}
	}
	return true
}

// picture writes a url() or none in its place.
func (p *cssReader) picture(data []byte, spaceAfter bool) {
	s := urlValue(data)
	if n := len(p.out); n > 0 && p.out[n-1] != ' ' && p.out[n-1] != ',' && p.out[n-1] != ':' {
		p.out = append(p.out, ' ')
	}
	addr, state := "", resourceMissing
	if p.r != nil {
		addr, state = p.r.resource(s, true)
	}
	if state == resourceKept {
		p.out = append(p.out, "url("...)
		p.out = append(appendString(p.out, addr), ')')
	} else {
		p.out = append(p.out, "none"...)
	}
	if spaceAfter {
		p.out = append(p.out, ' ')
	}
}

// urlValue decodes a url() token, which may lack its end.
func urlValue(b []byte) string {
	i := bytes.IndexByte(b, '(')
	if i < 0 {
		return ""
	}
	b = bytes.Trim(b[i+1:], " \t\n\r\f")
	if len(b) > 0 && (b[0] == '"' || b[0] == '\'') {
		return stringValue(b)
	}
	b = bytes.TrimSuffix(b, []byte(")"))
	return decode(bytes.Trim(b, " \t\n\r\f"))
}

// isHexColor reports #rgb, #rgba, #rrggbb or #rrggbbaa.
func isHexColor(b []byte) bool {
	switch len(b) {
	case 4, 5, 7, 9:
	default:
		return false
	}
	for _, c := range b[1:] {
		if !isHex(c) {
			return false
		}
	}
	return true
}
