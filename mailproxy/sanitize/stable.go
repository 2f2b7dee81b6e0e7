package sanitize

import (
	"bytes"
	"io"
	"strings"

	"golang.org/x/net/html"
)

const maxRounds = 4 // readings until the tree stands still

// stable gives the body as a browser will understand it: it builds the tree,
// writes it and repeats until both agree. It reports false when they do not.
func stable(body []byte) ([]byte, bool) {
	for range maxRounds {
		next, ok := reread(body)
		if !ok {
			return nil, false
		}
		if bytes.Equal(body, next) {
			return body, true
		}
		body = next
	}
	return nil, false
}

// The tree builder reopens formatting elements as often as blocks end too early:
// a few octets can make hundreds of nodes each. A rewriter never leaves that to
// it, and so that no oversight lets it happen it sees them under other names.
const stand = "x-"

// reread builds the tree of a body and writes it.
func reread(body []byte) ([]byte, bool) {
	doc, err := html.Parse(&renamed{rest: body, pre: "<!doctype html><html><head></head><body>"})
	if err != nil { // too deep
		return nil, false
	}
	n := doc.FirstChild
	for n != nil && n.Type != html.ElementNode {
		n = n.NextSibling
	}
	if n != nil {
		n = n.LastChild
	}
	if n == nil || n.Type != html.ElementNode || n.Data != "body" {
		return nil, false
	}
	out := make([]byte, 0, len(body)+len(body)/8+64)
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		var ok bool
		if out, ok = appendNode(out, c, 0); !ok {
			return nil, false
		}
	}
	return bytes.TrimLeft(out, " \t\n"), true
}

// appendNode writes a node and what is in it; false for anything that a rewriter
// does not write.
func appendNode(out []byte, n *html.Node, depth int) ([]byte, bool) {
	switch n.Type {
	case html.TextNode:
		return appendEscaped(out, n.Data, false), true
	case html.ElementNode:
	default:
		return nil, false
	}
	name := strings.TrimPrefix(n.Data, stand)
	e := elements[name]
	if e == nil || e.is(drop) || e.name != name || n.Namespace != "" || depth > 2*maxDepth {
		return nil, false
	}
	out = append(append(out, '<'), name...)
	for _, a := range n.Attr {
		if a.Namespace != "" {
			return nil, false
		}
		out = appendAttr(out, a.Key, a.Val)
	}
	out = append(out, '>')
	if e.is(void) {
		return out, n.FirstChild == nil
	}
	if c := n.FirstChild; name == "pre" && c != nil && c.Type == html.TextNode && strings.HasPrefix(c.Data, "\n") {
		out = append(out, '\n')
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		var ok bool
		if out, ok = appendNode(out, c, depth+1); !ok {
			return nil, false
		}
	}
	return append(append(append(out, "</"...), name...), '>'), true
}

// renamed reads a body with formatting elements renamed. In what a rewriter
// writes each < begins a tag.
type renamed struct {
	pre  string
	rest []byte
}

func (r *renamed) Read(b []byte) (int, error) {
	n := copy(b, r.pre)
	r.pre = r.pre[n:]
	for n < len(b) && r.pre == "" {
		if len(r.rest) == 0 {
			if n == 0 {
				return 0, io.EOF
			}
			break
		}
		i := bytes.IndexByte(r.rest, '<')
		if i < 0 {
			i = len(r.rest)
		}
		if i > 0 {
			m := copy(b[n:], r.rest[:i])
			r.rest = r.rest[m:]
			n += m
			continue
		}
		j := 1
		if len(r.rest) > 1 && r.rest[1] == '/' {
			j = 2
		}
		k := j
		for k < len(r.rest) && r.rest[k] != ' ' && r.rest[k] != '>' {
			k++
		}
		r.pre = string(r.rest[:j])
		if e := elements[string(r.rest[j:k])]; e != nil && e.is(formatting) {
			r.pre += stand
		}
		r.rest = r.rest[j:]
		m := copy(b[n:], r.pre)
		r.pre = r.pre[m:]
		n += m
	}
	return n, nil
}
