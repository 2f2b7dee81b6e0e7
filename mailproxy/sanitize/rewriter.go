package sanitize

import (
	"bytes"
	"net/url"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/html"
)

const (
	// maxDepth is how deep elements may nest in the output. Browsers stop at
	// 512, the tree builder refuses more; what lies deeper is flattened.
	maxDepth = 256
	// maxReopen is how many formatting elements are reopened after a block.
	maxReopen = 8
	maxBase   = 512 // octets of the address in <base>, which every relative address repeats
	// reopenSpare is what may be written by reopening beyond the input's size, octets.
	reopenSpare = 64 << 10
)

// A rewriter reads tokens and writes what the lists let pass, every element
// closed where it must be. What it writes holds no doctype, comment, raw text,
// foreign element or anything else that could be read in two ways.
type rewriter struct {
	policy policy
	report Report

	out     []byte
	stack   []open
	opened  []int // how many of each element are on the stack
	live    []int // and not ended
	ignored []int // start tags beyond maxDepth, so that their end tags close nothing else
	pending []string
	pendEl  []*element
	budget  int // octets that reopening may still write

	// What the next token is if it is text.
	next  nextText
	media string // of the <style> whose text comes next
	alt   string // text in the place of an image that went

	skip     string // foreign or dropped element we are inside of, "" for none
	skipping int    // its nesting
	html     attrs  // of <html>
	body     attrs  // of <body>
	legacy   bool   // the doctype asks for limited quirks
	scheme   string // color-scheme as declared by <meta>
	base     *url.URL
	sheet    []byte // the <style> blocks
	sheetIn  int    // octets of CSS read
	has      int    // :has() selectors met
	styles   map[string]style
	tok      []cssToken
}

// An open is an element whose end tag is still to be written.
type open struct {
	e     *element
	start int  // its start tag is out[start:end]
	end   int  //
	ended bool // its end tag was met, but a block inside is still open
}

// nextText is what to do with the text that follows a start tag at once.
type nextText uint8

const (
	textPlain nextText = iota
	textFirst          // a first line break is not part of it (HTML standard section 13.2.6.4.7)
	textSheet          // CSS
	textNone           // left out
)

// attrs are attributes as they are written, in front of each a space.
type attrs struct {
	text  []byte
	names []string
}

func newRewriter(p policy, size int) *rewriter {
	n := numElements
	counters := make([]int, 3*n)
	return &rewriter{
		policy:  p,
		out:     make([]byte, 0, size+size/4+256),
		opened:  counters[:n:n],
		live:    counters[n : 2*n : 2*n],
		ignored: counters[2*n:],
		budget:  size + reopenSpare,
		styles:  map[string]style{},
	}
}

// run reads the whole source.
func (r *rewriter) run(src string) {
	z := html.NewTokenizer(strings.NewReader(src))
	for {
		tt := z.Next()
		next := r.next
		r.next = textPlain
		switch tt {
		case html.ErrorToken:
			r.closeAll()
			return
		case html.DoctypeToken:
			r.legacy = r.legacy || limitedQuirks(strings.ToLower(string(z.Text())))
		case html.TextToken:
			switch {
			case r.skip != "" || next == textNone:
			case next == textSheet:
				r.addSheet(z.Text(), r.media)
			case next == textFirst:
				b := bytes.TrimPrefix(z.Text(), []byte("\n"))
				if n := len(r.stack); len(b) > 0 && b[0] == '\n' && n > 0 && r.stack[n-1].e.id == elPre.id {
					r.out = append(r.out, '\n')
				}
				r.text(b)
			default:
				r.text(z.Text())
			}
		case html.StartTagToken, html.SelfClosingTagToken:
			name, more := z.TagName()
			selfClosing := tt == html.SelfClosingTagToken
			if r.skip != "" && r.skipStart(string(name), selfClosing) {
				if r.skip != "template" && r.skip != "select" {
					z.NextIsNotRawText()
				}
				continue
			}
			r.startTag(z, name, more, selfClosing)
		case html.EndTagToken:
			name, _ := z.TagName()
			if r.skip == "" {
				r.endTag(elements[string(name)])
			} else if string(name) == r.skip {
				if r.skipping--; r.skipping == 0 {
					r.skip = ""
				}
			}
		}
	}
}

// limitedQuirks reports a doctype with which a browser leaves no gap below a
// picture in a table's cell (HTML standard section 13.2.6.4.1). Mail relies on it.
func limitedQuirks(d string) bool {
	old := strings.Contains(d, "//dtd html 4.01 transitional//") || strings.Contains(d, "//dtd html 4.01 frameset//")
	return strings.Contains(d, "//dtd xhtml 1.0 transitional//") || strings.Contains(d, "//dtd xhtml 1.0 frameset//") ||
		old && strings.Contains(d, "http://www.w3.org/")
}

// skipStart reports whether a start tag inside a dropped element is dropped too.
func (r *rewriter) skipStart(name string, selfClosing bool) bool {
	switch {
	case name == r.skip:
		if !selfClosing {
			r.skipping++
		}
	case r.skip != "template" && r.skip != "xml" && breaksOut[name]:
		r.skip, r.skipping = "", 0
		return false
	}
	return true
}

func (r *rewriter) startTag(z *html.Tokenizer, name []byte, more, selfClosing bool) {
	e := elements[string(name)]
	if e == nil {
		r.unlisted(z, string(name), more)
		return
	}
	if e.is(drop) {
		r.dropped(z, e, more, selfClosing)
		return
	}
	if !r.place(e) {
		return
	}
	start := len(r.out)
	r.out = append(r.out, '<')
	r.out = append(r.out, e.name...)
	if !r.attributes(z, e, more) { // a tracking pixel, a source without an address
		r.out = r.out[:start]
		r.text([]byte(r.alt))
		r.alt = ""
		return
	}
	r.out = append(r.out, '>')
	if !e.is(void) {
		r.push(e, start)
	}
	if e.is(lineFirst) {
		r.next = textFirst
	}
}

// unlisted handles the tags that leave no element: some say something about the
// document, of an input the label is kept.
func (r *rewriter) unlisted(z *html.Tokenizer, name string, more bool) {
	switch name {
	case "html", "body":
		into := &r.html
		if name == "body" {
			into = &r.body
		}
		r.rootAttributes(z, into, more)
	case "meta", "base", "input":
		m := map[string]string{}
		for more && len(m) < 16 {
			var k, v []byte
			k, v, more = z.TagAttr()
			if _, ok := m[string(k)]; !ok {
				m[string(k)] = string(v)
			}
		}
		switch name {
		case "meta":
			if n := strings.ToLower(m["name"]); n == "color-scheme" || n == "supported-color-schemes" && r.scheme == "" {
				r.scheme = colorScheme(m["content"])
			}
		case "base":
			if r.base == nil {
				if s, ok := absolute(m["href"], nil); ok && len(s) <= maxBase {
					r.base, _ = url.Parse(s)
				}
			}
		case "input":
			switch strings.ToLower(m["type"]) {
			case "submit", "button", "reset":
				if r.place(elSpan) {
					start := len(r.out)
					r.out = append(r.out, "<span>"...)
					r.push(elSpan, start)
					r.text([]byte(m["value"]))
					r.closeTo(len(r.stack)-1, false)
				}
			}
		}
	}
}

// dropped starts leaving things out.
func (r *rewriter) dropped(z *html.Tokenizer, e *element, more, selfClosing bool) {
	if !e.is(raw) {
		if !selfClosing || e.name == "template" || e.name == "select" {
			r.skip, r.skipping = e.name, 1
		}
		return
	}
	r.next = textNone
	if e.name != "style" {
		return
	}
	r.next, r.media = textSheet, ""
	for more {
		var k, v []byte
		k, v, more = z.TagAttr()
		switch string(k) {
		case "media":
			r.media = string(v)
		case "type":
			if t := strings.TrimSpace(strings.ToLower(string(v))); t != "" && t != "text/css" {
				r.next = textNone
			}
		case "data-postern": // our own, written anew
			r.next = textNone
		}
	}
}

// text writes text.
func (r *rewriter) text(b []byte) {
	if len(r.out) == 0 {
		b = bytes.TrimLeft(b, " \t\n\f\r") // between the tags of the head
	}
	if len(b) == 0 {
		return
	}
	if len(r.pending) > 0 && len(bytes.TrimLeft(b, " \t\n\f\r")) > 0 {
		r.reopen()
	}
	r.out = appendEscaped(r.out, b, false)
}

// appendEscaped appends text or, with attr, the value of an attribute. Control
// characters other than tab and line break are left out, what is not UTF-8
// becomes U+FFFD.
func appendEscaped[T string | []byte](out []byte, s T, attr bool) []byte {
	done := 0 // s[:done] is written
	for i := 0; i < len(s); {
		c, size := s[i], 1
		var as string
		switch {
		case c >= utf8.RuneSelf:
			var r rune
			r, size = utf8.DecodeRuneInString(string(s[i:min(i+utf8.UTFMax, len(s))]))
			if r == utf8.RuneError && size == 1 {
				as = "\uFFFD"
			} else if !nonText(r) {
				i += size
				continue
			}
		case c == '&':
			as = "&amp;"
		case c == '<':
			as = "&lt;"
		case c == '>':
			as = "&gt;"
		case c == '"' && attr:
			as = "&#34;"
		case c == '\r', c == '\f':
			as = "\n"
		case c >= ' ' && c != 0x7f, c == '\n', c == '\t':
			i++
			continue
		}
		out = append(append(out, s[done:i]...), as...)
		i += size
		done = i
	}
	return append(out, s[done:]...)
}

// nonText reports C1 controls and noncharacters.
func nonText(r rune) bool {
	return r < 0xa0 || r >= 0xfdd0 && r <= 0xfdef || r&0xfffe == 0xfffe
}
