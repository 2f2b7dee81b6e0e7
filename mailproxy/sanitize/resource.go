package sanitize

import (
	"net/url"
	"strings"
)

const (
	maxURL  = 8 << 10 // octets of an address kept
	maxData = 2 << 20 // octets of a data: image
)

// resourceState is what became of the address of a picture.
type resourceState uint8

const (
	resourceKept    resourceState = iota
	resourceBlocked               // remote and not allowed
	resourceMissing               // not an address that a mail can show a picture from
)

// resource decides over the address of a picture. With count a remote one is
// counted.
func (r *rewriter) resource(raw string, count bool) (string, resourceState) {
	s := stripURL(raw)
	scheme, rest := splitScheme(s)
	switch scheme {
	case "cid":
		id := rest
		if u, err := url.PathUnescape(rest); err == nil {
			id = u
		}
		id = strings.Trim(id, "<> ")
		if id == "" || len(id) > 512 || strings.ContainsFunc(id, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return "", resourceMissing
		}
		if r.policy.cid == nil {
			return "", resourceMissing
		}
		if a := r.policy.cid(id); a != "" {
			return a, resourceKept
		}
		return "", resourceMissing
	case "data":
		if a, ok := dataImage(rest); ok {
			return a, resourceKept
		}
		return "", resourceMissing
	}
	u, ok := absolute(s, r.base)
	if !ok {
		return "", resourceMissing
	}
	if count {
		r.report.Remote++
	}
	if r.policy.remote != nil {
		if a := r.policy.remote(u); a != "" {
			return a, resourceKept
		}
	}
	return "", resourceBlocked
}

// stripURL does what a browser does first (URL standard section 4.4): white
// space and controls around it and all tabs and line breaks go.
func stripURL(s string) string {
	s = strings.TrimFunc(s, func(r rune) bool { return r <= ' ' })
	if strings.ContainsAny(s, "\t\n\r") {
		s = strings.NewReplacer("\t", "", "\n", "", "\r", "").Replace(s)
	}
	return s
}

// splitScheme gives the scheme in lower case, "" when there is none.
func splitScheme(s string) (scheme, rest string) {
	for i := 0; i < len(s) && i < 32; i++ {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z':
		case i > 0 && ('0' <= c && c <= '9' || c == '+' || c == '-' || c == '.'):
		case i > 0 && c == ':':
			return strings.ToLower(s[:i]), s[i+1:]
		default:
			return "", s
		}
	}
	return "", s
}

// absolute makes an http or https address of s, as a browser would read it.
func absolute(s string, base *url.URL) (string, bool) {
	s = stripURL(s)
	if s == "" || len(s) > maxURL {
		return "", false
	}
	scheme, rest := splitScheme(s)
	switch {
	case scheme == "http" || scheme == "https":
	case scheme != "":
		return "", false
	case len(s) >= 2 && isSlash(s[0]) && isSlash(s[1]):
		scheme, rest = "https", s
		if base != nil {
			scheme = base.Scheme
		}
	case base != nil:
		u, err := base.Parse(strings.ReplaceAll(s, `\`, "/"))
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return "", false
		}
		scheme, rest = splitScheme(u.String())
	default:
		return "", false
	}
	rest = strings.TrimLeft(rest, `/\`)
	if rest == "" || rest[0] == '?' || rest[0] == '#' || rest[0] == ':' {
		return "", false
	}
	return scheme + "://" + escapeURL(rest), true
}

func isSlash(c byte) bool { return c == '/' || c == '\\' }

// escapeURL percent-encodes what cannot stand in an address and turns the
// backslashes of a path into slashes.
func escapeURL(s string) string {
	clean := true
	for i := 0; i < len(s); i++ {
		if c := s[i]; c <= ' ' || c == 0x7f || c == '"' || c == '<' || c == '>' || c == '`' || c == '\\' {
			clean = false
			break
		}
	}
	if clean {
		return strings.ToValidUTF8(s, "%EF%BF%BD")
	}
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	path := true
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && path:
			b.WriteByte('/')
		case c <= ' ' || c == 0x7f || c == '"' || c == '<' || c == '>' || c == '`' || c == '\\':
			b.WriteByte('%')
			b.WriteByte(hex[c>>4])
			b.WriteByte(hex[c&15])
		default:
			if c == '?' || c == '#' {
				path = false
			}
			b.WriteByte(c)
		}
	}
	return strings.ToValidUTF8(b.String(), "%EF%BF%BD")
}

// linkTarget gives the target of a link: http, https, mailto or tel.
func linkTarget(s string, base *url.URL) (string, bool) {
	s = stripURL(s)
	if len(s) > maxURL {
		return "", false
	}
	switch scheme, rest := splitScheme(s); scheme {
	case "mailto", "tel":
		return scheme + ":" + escapeURL(strings.TrimLeft(rest, " ")), rest != ""
	case "":
		if base == nil && len(s) > 4 && strings.EqualFold(s[:4], "www.") {
			s = "http://" + s
		}
	}
	return absolute(s, base)
}

// dataTypes are the images a mail may carry inside an address.
var dataTypes = map[string]string{
	"image/png": "image/png", "image/jpeg": "image/jpeg", "image/jpg": "image/jpeg", "image/gif": "image/gif", "image/webp": "image/webp",
}

// dataImage checks what follows "data:" and writes it anew.
func dataImage(s string) (string, bool) {
	if len(s) > maxData {
		return "", false
	}
	head, body, ok := strings.Cut(s, ",")
	if !ok || len(head) > 64 {
		return "", false
	}
	head = strings.ToLower(strings.ReplaceAll(head, " ", ""))
	typ, ok := strings.CutSuffix(head, ";base64")
	if !ok {
		return "", false
	}
	typ = dataTypes[typ]
	if typ == "" || body == "" {
		return "", false
	}
	if strings.ContainsRune(body, '%') {
		u, err := url.PathUnescape(body)
		if err != nil {
			return "", false
		}
		body = u
	}
	if strings.ContainsAny(body, " \t\r\n\f") {
		body = strings.NewReplacer(" ", "", "\t", "", "\r", "", "\n", "", "\f", "").Replace(body)
	}
	for i := 0; i < len(body); i++ {
		c := body[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '+' || c == '/' || c == '=') {
			return "", false
		}
	}
	return "data:" + typ + ";base64," + body, true
}
