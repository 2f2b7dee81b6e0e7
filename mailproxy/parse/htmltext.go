package parse

import (
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// TextFromHTML is the text of an HTML body, for quoting and as the fallback where
// HTML cannot be shown. It works on tokens, so no nesting is too deep for it.
// Quotes become ">" lines, list items get a mark, short link targets follow in
// angle brackets; what is hidden by its style is left out. At most 2 MiB.
func TextFromHTML(src string) string {
	w := textWriter{links: true, limit: maxShown}
	w.read(src)
	return w.String()
}

// snippetFromHTML is the first words of an HTML body, hidden ones (a preheader)
// included, in one line; limit is in octets.
func snippetFromHTML(src string, limit int) string {
	w := textWriter{hidden: true, noQuotes: true, limit: limit}
	w.read(src)
	return w.String()
}

type textWriter struct {
	links    bool // write targets of links
	hidden   bool // keep what a style hides
	noQuotes bool // leave quotes out
	limit    int

	b       strings.Builder
	line    strings.Builder
	space   bool // white space is due before the next word
	blank   int  // line ends due
	quote   int
	pre     int
	href    string
	hrefAt  int
	skipTag string // the element whose contents are left out
	skipN   int
	cell    bool
}

func (w *textWriter) String() string {
	w.endLine()
	return strings.TrimRight(w.b.String(), "\n ")
}

func (w *textWriter) read(src string) {
	z := html.NewTokenizer(strings.NewReader(src))
	for w.b.Len()+w.line.Len() < w.limit {
		switch tt := z.Next(); tt {
		case html.ErrorToken:
			return
		case html.TextToken:
			if w.skipN == 0 {
				w.text(string(z.Text()))
			}
		case html.StartTagToken, html.SelfClosingTagToken:
			name, more := z.TagName()
			a := atom.Lookup(name)
			tag := string(name)
			if w.skipN > 0 {
				if tag != w.skipTag {
					continue
				}
				if !impliedEnd(a) {
					w.skipN++
					continue
				}
				w.skipN = 0
			}
			w.start(z, a, tag, more)
			if tt == html.SelfClosingTagToken && (a == atom.Svg || a == atom.Math) {
				w.skipN = 0
			}
		case html.EndTagToken:
			name, _ := z.TagName()
			tag := string(name)
			if w.skipN > 0 {
				if tag == w.skipTag {
					w.skipN--
				}
				continue
			}
			w.end(atom.Lookup(name))
		}
	}
}

func (w *textWriter) start(z *html.Tokenizer, a atom.Atom, tag string, more bool) {
	var href, alt, typ string
	hide := false
	for n := 0; more && n < 64; n++ {
		var k, v []byte
		k, v, more = z.TagAttr()
		switch string(k) {
		case "href":
			href = string(v)
		case "alt":
			alt = string(v)
		case "type":
			typ = string(v)
		case "hidden":
			hide = true
		case "style":
			hide = hide || hiddenStyle(string(v))
		}
	}
	switch a {
	case atom.Script, atom.Style, atom.Title, atom.Template, atom.Noscript, atom.Iframe, atom.Textarea, atom.Select, atom.Svg, atom.Math, atom.Noembed, atom.Noframes, atom.Xmp:
		w.skipTag, w.skipN = tag, 1
		return
	case atom.Br:
		w.endLine()
		return
	case atom.Img:
		if alt = cleanLine(alt); alt != "" && len(alt) <= 200 && w.links {
			w.word("[" + alt + "]")
		}
		return
	case atom.Hr:
		w.newline(1)
		if w.links {
			w.word("----------")
		}
		w.newline(1)
		return
	case atom.Input, atom.Meta, atom.Link, atom.Base, atom.Wbr, atom.Area, atom.Col, atom.Source, atom.Track, atom.Embed, atom.Param:
		return
	}
	if hide && !w.hidden {
		w.skipTag, w.skipN = tag, 1
		return
	}
	switch a {
	case atom.P, atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6, atom.Ul, atom.Ol, atom.Dl, atom.Table:
		w.newline(2)
	case atom.Pre, atom.Listing, atom.Plaintext:
		w.newline(2)
		w.pre++
	case atom.Blockquote:
		w.newline(1)
		if w.noQuotes && (typ == "cite" || w.quote == 0) {
			w.skipTag, w.skipN = tag, 1
			return
		}
		w.quote = min(w.quote+1, maxQuoteDepth)
	case atom.Li:
		w.newline(1)
		if w.links {
			w.line.WriteString("* ")
		}
	case atom.Td, atom.Th:
		w.cell = w.line.Len() > 0
	case atom.A:
		w.href, w.hrefAt = "", w.b.Len()+w.line.Len()
		if w.links && (strings.HasPrefix(href, "http://") || strings.HasPrefix(href, "https://")) && len(href) <= 120 {
			w.href = cleanLine(href)
		}
	default:
		if blockElement(a) {
			w.newline(1)
		}
	}
}

func (w *textWriter) end(a atom.Atom) {
	switch a {
	case atom.P, atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6, atom.Ul, atom.Ol, atom.Dl, atom.Table:
		w.newline(2)
	case atom.Pre, atom.Listing:
		w.newline(2)
		w.pre = max(0, w.pre-1)
	case atom.Blockquote:
		w.newline(1)
		w.quote = max(0, w.quote-1)
	case atom.A:
		if w.href != "" && w.b.Len()+w.line.Len() > w.hrefAt {
			shown := w.line.String()
			bare := strings.TrimSuffix(strings.TrimPrefix(strings.TrimPrefix(w.href, "https://"), "http://"), "/")
			if !strings.HasSuffix(shown, bare) && !strings.HasSuffix(shown, w.href) {
				w.space = true
				w.word("<" + w.href + ">")
			}
		}
		w.href = ""
	case atom.Td, atom.Th:
		w.space = true
	default:
		if blockElement(a) {
			w.newline(1)
		}
	}
}

// impliedEnd are the elements that the next of their kind ends.
func impliedEnd(a atom.Atom) bool {
	switch a {
	case atom.P, atom.Li, atom.Dt, atom.Dd, atom.Option:
		return true
	}
	return false
}

func blockElement(a atom.Atom) bool {
	switch a {
	case atom.Div, atom.Tr, atom.Section, atom.Article, atom.Header, atom.Footer, atom.Nav, atom.Aside, atom.Main, atom.Address, atom.Center, atom.Fieldset, atom.Form,
		atom.Figure, atom.Figcaption, atom.Dt, atom.Dd, atom.Li, atom.Body, atom.Head, atom.Html, atom.Caption, atom.Details, atom.Summary, atom.Option, atom.Thead, atom.Tbody:
		return true
	}
	return false
}

// hiddenStyle reports whether a style attribute hides its element.
func hiddenStyle(s string) bool {
	if len(s) > 1000 {
		s = s[:1000]
	}
	s = strings.ToLower(strings.Join(strings.Fields(s), ""))
	return strings.Contains(s, "display:none") || strings.Contains(s, "visibility:hidden") || strings.Contains(s, "mso-hide:all") || strings.Contains(s, "max-height:0")
}

func (w *textWriter) text(s string) {
	if w.pre > 0 {
		for i, l := range strings.Split(strings.ReplaceAll(s, "\r\n", "\n"), "\n") {
			if i > 0 {
				w.endLine()
			}
			w.flushBlank(l != "")
			w.line.WriteString(cleanText(l))
		}
		return
	}
	for s != "" {
		i := 0
		for i < len(s) && (s[i] == ' ' || s[i] == '\t' || s[i] == '\n' || s[i] == '\r' || s[i] == '\f') {
			i++
		}
		if i > 0 {
			w.space = true
			s = s[i:]
		}
		j := strings.IndexAny(s, " \t\n\r\f")
		if j < 0 {
			j = len(s)
		}
		if j > 0 {
			w.word(cleanText(s[:j]))
		}
		s = s[j:]
		if w.b.Len()+w.line.Len() > w.limit {
			return
		}
	}
}

func (w *textWriter) word(s string) {
	s = strings.ReplaceAll(s, "\u00a0", " ")
	if s == "" {
		return
	}
	w.flushBlank(true)
	if w.line.Len() > 0 {
		if w.cell {
			w.line.WriteString("  ")
		} else if w.space {
			w.line.WriteByte(' ')
		}
	}
	w.space, w.cell = false, false
	w.line.WriteString(s)
}

// newline asks for n line ends before the next word; the largest wish counts.
func (w *textWriter) newline(n int) {
	if w.line.Len() > 0 {
		w.endLine()
		n--
	} else if w.b.Len() > 0 && n > 0 {
		n--
	}
	w.blank = max(w.blank, n)
	w.space, w.cell = false, false
}

func (w *textWriter) flushBlank(word bool) {
	if !word || w.blank == 0 || w.line.Len() > 0 {
		return
	}
	if w.b.Len() > 0 && !strings.HasSuffix(w.b.String()[max(0, w.b.Len()-2):], "\n\n") {
		w.b.WriteByte('\n')
	}
	w.blank = 0
}

func (w *textWriter) endLine() {
	l := strings.TrimRight(w.line.String(), " ")
	w.line.Reset()
	w.space, w.cell = false, false
	if l == "" && (w.b.Len() == 0 || strings.HasSuffix(w.b.String()[max(0, w.b.Len()-2):], "\n\n")) {
		return
	}
	if w.quote > 0 {
		w.b.WriteString(strings.Repeat(">", w.quote))
		w.b.WriteByte(' ')
	}
	w.b.WriteString(l)
	w.b.WriteByte('\n')
}

// stripEnriched takes the commands out of text/enriched (RFC 1896) and
// text/richtext: "<<" is "<", single line ends are spaces.
func stripEnriched(s string) string {
	var b strings.Builder
	param := 0
	for i := 0; i < len(s); {
		switch c := s[i]; {
		case c == '<' && i+1 < len(s) && s[i+1] == '<':
			if param == 0 {
				b.WriteByte('<')
			}
			i += 2
			continue
		case c == '<':
			j := strings.IndexByte(s[i:min(len(s), i+64)], '>')
			if j < 0 {
				b.WriteByte(c)
				break
			}
			switch strings.ToLower(s[i+1 : i+j]) {
			case "param":
				param = 1
			case "/param":
				param = 0
			case "nl":
				b.WriteByte('\n')
			case "lt":
				b.WriteByte('<')
			}
			i += j + 1
			continue
		case param > 0:
		case c == '\r':
		case c == '\n':
			n := 0
			for i < len(s) && (s[i] == '\n' || s[i] == '\r') {
				if s[i] == '\n' {
					n++
				}
				i++
			}
			if n == 1 {
				b.WriteByte(' ')
			} else {
				b.WriteString(strings.Repeat("\n", min(n, 3)))
			}
			continue
		default:
			b.WriteByte(c)
		}
		i++
	}
	return b.String()
}
