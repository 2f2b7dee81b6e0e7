package sanitize

import (
	"bytes"
	"strings"

	"golang.org/x/net/html"
)

const (
	maxAttrs    = 48   // attributes kept of one element
	maxToken    = 256  // octets of a length, a colour, a keyword, the corners of a map's area
	maxAttrText = 4096 // octets of a text that is shown or read out
	maxNames    = 4096 // octets of a list of classes or ids
	idPrefix    = "m-" // in front of every id and name a mail brings, so that it cannot be taken for one of ours
)

// attrKind says how the value of an attribute is read.
type attrKind uint8

const (
	attrToken   attrKind = iota + 1 // keywords, lengths, colours
	attrSpan                        // colspan and rowspan
	attrText                        // free text
	attrFlag                        // its presence counts
	attrClass                       // names
	attrID                          // one id
	attrIDs                         // several
	attrStyle                       // CSS
	attrPicture                     // address of a picture behind the text
	attrImage                       // src and srcset, handled with the element
	attrHref                        // link
	attrMap                         // usemap
)

// anyAttr are the attributes that any element may have; those that mean nothing
// on an element do nothing there.
var anyAttr = kinds(map[attrKind]string{
	attrToken: `align valign dir lang width height border cellpadding cellspacing bgcolor bordercolor color size face
		hspace vspace clear rules frame span start type value char charoff text link vlink alink
		topmargin leftmargin rightmargin bottommargin marginwidth marginheight scope shape coords role
		aria-hidden aria-level data-blocked datetime`,
	attrSpan:    `colspan rowspan`,
	attrText:    `alt title abbr summary aria-label`,
	attrFlag:    `nowrap noshade compact reversed hidden open ismap`,
	attrClass:   `class`,
	attrID:      `id`,
	attrIDs:     `headers aria-labelledby aria-describedby`,
	attrStyle:   `style`,
	attrPicture: `background`,
})

// elementAttr are the attributes of single elements.
var elementAttr = map[string]map[string]*attrRule{
	"a":      kinds(map[attrKind]string{attrHref: `href`, attrID: `name`}),
	"area":   kinds(map[attrKind]string{attrHref: `href`}),
	"map":    kinds(map[attrKind]string{attrID: `name`}),
	"img":    kinds(map[attrKind]string{attrImage: `src srcset sizes`, attrMap: `usemap`}),
	"source": kinds(map[attrKind]string{attrImage: `srcset sizes media`}),
}

// An attrRule is an attribute that may pass.
type attrRule struct {
	name string
	kind attrKind
}

func kinds(lists map[attrKind]string) map[string]*attrRule {
	m := map[string]*attrRule{}
	for k, names := range lists {
		for _, n := range strings.Fields(names) {
			m[n] = &attrRule{n, k}
		}
	}
	return m
}

// image collects what decides over an <img> or a <source>.
type image struct {
	src, srcset, sizes, media string
	hasSrc, hasSrcset         bool
	width, height, alt        string
	blocked                   string // data-blocked as met
	style                     style
}

// attributes writes the attributes of a start tag. It reports false when the
// element has to go.
func (r *rewriter) attributes(z *html.Tokenizer, e *element, more bool) bool {
	own := elementAttr[e.name]
	var seen [maxAttrs]*attrRule
	n := 0
	var img image
next:
	for more && n < maxAttrs {
		var k, v []byte
		k, v, more = z.TagAttr()
		rule := own[string(k)]
		if rule == nil {
			if rule = anyAttr[string(k)]; rule == nil {
				continue
			}
		}
		for _, s := range seen[:n] {
			if s == rule {
				continue next
			}
		}
		name := rule.name
		seen[n] = rule
		n++
		if e.name == "img" || e.name == "source" {
			switch name {
			case "src":
				img.src, img.hasSrc = string(v), true
				continue
			case "srcset":
				img.srcset, img.hasSrcset = string(v), true
				continue
			case "sizes":
				img.sizes = string(v)
				continue
			case "media":
				img.media = string(v)
				continue
			case "data-blocked":
				img.blocked = string(v)
				continue
			case "width":
				img.width = string(v)
			case "height":
				img.height = string(v)
			case "alt":
				if len(v) <= maxAttrText && !r.policy.document {
					img.alt = string(v)
				}
			}
		} else if name == "data-blocked" {
			continue
		}
		switch rule.kind {
		case attrHref:
			r.href(v)
		case attrStyle:
			st := r.style(v)
			img.style = st
			if st.css != "" && e.name != "img" { // of an image it may grow
				r.out = appendAttr(r.out, name, st.css)
			}
		default:
			r.out = r.attribute(r.out, name, rule.kind, v)
		}
	}
	switch e.name {
	case "img":
		return r.image(img)
	case "source":
		return r.source(img)
	}
	return true
}

// attribute appends an attribute whose value stands for itself, or nothing.
func (r *rewriter) attribute(out []byte, name string, kind attrKind, v []byte) []byte {
	switch kind {
	case attrToken:
		if !isToken(v) {
			return out
		}
	case attrSpan:
		if !isToken(v) || len(v) > 3 { // browsers stop at 1,000 columns
			return out
		}
	case attrText:
		if len(v) > maxAttrText {
			return out
		}
	case attrFlag:
		v = nil
	case attrClass:
		v = bytes.TrimSpace(v)
		if len(v) == 0 || len(v) > maxNames || !r.policy.document && !quoteClasses[string(v)] {
			return out
		}
	case attrID:
		id := prefixed(string(v))
		if id == "" {
			return out
		}
		v = []byte(id)
	case attrIDs:
		if len(v) > maxNames {
			return out
		}
		ids := strings.Fields(string(v))
		for i := range ids {
			ids[i] = prefixed(ids[i])
		}
		v = []byte(strings.Join(ids, " "))
	case attrMap:
		id := ""
		if len(v) > 0 && v[0] == '#' {
			id = prefixed(string(v[1:]))
		}
		if id == "" {
			return out
		}
		v = []byte("#" + id)
	case attrPicture:
		addr, state := r.resource(string(v), true)
		if state != resourceKept {
			return out
		}
		v = []byte(addr)
	default:
		return out
	}
	return appendAttr(out, name, v)
}

func appendAttr[T string | []byte](out []byte, name string, v T) []byte {
	out = append(out, ' ')
	out = append(out, name...)
	out = append(out, `="`...)
	out = appendEscaped(out, v, true)
	return append(out, '"')
}

// isToken reports a short value of letters, digits and what stands in lengths,
// colours, dates and lists of numbers.
func isToken(v []byte) bool {
	if len(v) > maxToken {
		return false
	}
	for _, c := range v {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case c == ' ', c == '#', c == '%', c == '.', c == ',', c == '-', c == '_', c == '+', c == '*', c == ':', c == '\'':
		default:
			return false
		}
	}
	return true
}

// prefixed gives an id its prefix once, "" for what cannot be an id.
func prefixed(id string) string {
	if id == "" || len(id) > 256 || strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r == 0x7f || nonTextID(r) }) {
		return ""
	}
	if strings.HasPrefix(id, idPrefix) {
		return id
	}
	return idPrefix + id
}

func nonTextID(r rune) bool { return r == '\uFFFD' || r >= 0x80 && nonText(r) }

// href writes a link or nothing.
func (r *rewriter) href(v []byte) {
	s := strings.TrimFunc(string(v), func(r rune) bool { return r <= ' ' })
	if strings.HasPrefix(s, "#") {
		frag := s[1:]
		if frag != "" && !strings.EqualFold(frag, "top") {
			if frag = prefixed(frag); frag == "" {
				return
			}
		}
		r.out = appendAttr(r.out, "href", "#"+frag)
		if r.policy.document {
			r.out = append(r.out, ` target="_self"`...)
		}
		return
	}
	u, ok := linkTarget(s, r.base)
	if !ok {
		return
	}
	r.report.Links++
	r.out = appendAttr(r.out, "href", u)
	if r.policy.document {
		r.out = append(r.out, ` target="_blank" rel="noopener noreferrer"`...)
	}
}

// rootAttributes keeps the attributes of <html> or <body>; the first of each name counts.
func (r *rewriter) rootAttributes(z *html.Tokenizer, into *attrs, more bool) {
next:
	for more && len(into.names) < maxAttrs {
		var k, v []byte
		k, v, more = z.TagAttr()
		rule := anyAttr[string(k)]
		if rule == nil || rule.name == "data-blocked" {
			continue
		}
		name := rule.name
		for _, s := range into.names {
			if s == name {
				continue next
			}
		}
		into.names = append(into.names, name)
		if rule.kind == attrStyle {
			if st := r.style(v); st.css != "" {
				into.text = appendAttr(into.text, name, st.css)
			}
			continue
		}
		into.text = r.attribute(into.text, name, rule.kind, v)
	}
}

// quoteClasses are the classes by which mail programs know what is quoted. A
// fragment keeps no others: without its style sheet they mean nothing, and in a
// page of ours they could mean something of ours.
var quoteClasses = set(`gmail_quote gmail_attr gmail_signature moz-cite-prefix moz-signature protonmail_quote yahoo_quoted`)

func (a *attrs) has(name string) bool {
	for _, n := range a.names {
		if n == name {
			return true
		}
	}
	return false
}
