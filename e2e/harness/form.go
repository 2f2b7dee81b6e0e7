package harness

import (
	"bytes"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// File is one that is chosen in a file field. Its octets are read when the form
// is sent, once.
type File struct {
	Name, Type string
	Size       int64
	Content    io.Reader
}

// Fill writes value into the field of a label.
func (p *Page) Fill(tb testing.TB, label, value string) *Page {
	tb.Helper()
	n := p.Field(tb, label)
	switch n.Data {
	case "textarea":
		for n.FirstChild != nil {
			n.RemoveChild(n.FirstChild)
		}
		n.AppendChild(&html.Node{Type: html.TextNode, Data: value})
	case "select":
		found := false
		for o := range Elements(n, "option") {
			dropAttr(o, "selected")
			if !found && (text(o) == value || Attr(o, "value") == value) {
				found = true
				setAttr(o, "selected", "")
			}
		}
		if !found {
			tb.Fatalf("%q cannot be chosen in %q", value, label)
		}
	default:
		setAttr(n, "value", value)
	}
	return p
}

// Field is the field of a label.
func (p *Page) Field(tb testing.TB, label string) *html.Node {
	tb.Helper()
	n := p.find(p.Root(tb), label, isField)
	if n == nil {
		tb.Fatalf("no field %q among %q in %s", label, p.names(isField), p)
	}
	return n
}

// Value is what is in the field of a label.
func (p *Page) Value(tb testing.TB, label string) string {
	tb.Helper()
	return value(p.Field(tb, label))
}

// Tick ticks the boxes of labels, or chooses the radio button.
func (p *Page) Tick(tb testing.TB, labels ...string) *Page {
	tb.Helper()
	for _, l := range labels {
		n := p.Field(tb, l)
		if Attr(n, "type") == "radio" {
			for o := range Elements(p.root, "input") {
				if Attr(o, "name") == Attr(n, "name") && p.owner(o) == p.owner(n) {
					dropAttr(o, "checked")
				}
			}
		}
		setAttr(n, "checked", "")
	}
	return p
}

// Untick takes the tick out of a box.
func (p *Page) Untick(tb testing.TB, label string) *Page {
	tb.Helper()
	dropAttr(p.Field(tb, label), "checked")
	return p
}

// Choose chooses files in the field of a label.
func (p *Page) Choose(tb testing.TB, label string, f ...File) *Page {
	tb.Helper()
	n := p.Field(tb, label)
	if p.files == nil {
		p.files = map[*html.Node][]File{}
	}
	p.files[n] = append(p.files[n], f...)
	return p
}

// Press presses the button of a name, which sends its form.
func (p *Page) Press(tb testing.TB, name string) *Page {
	tb.Helper()
	n := p.find(p.Root(tb), name, isButton)
	if n == nil {
		tb.Fatalf("no button %q among %q in %s", name, p.names(isButton), p)
	}
	return p.submit(tb, n)
}

// Submit sends the form that a field is in, as Enter does.
func (p *Page) Submit(tb testing.TB, label string) *Page {
	tb.Helper()
	form := p.owner(p.Field(tb, label))
	for b := range Elements(p.Root(tb)) {
		if isButton(b) && p.owner(b) == form { // the first button of the form is the one Enter presses
			return p.submit(tb, b)
		}
	}
	tb.Fatalf("the form of %q has no button", label)
	return nil
}

// owner is the form an element belongs to.
func (p *Page) owner(n *html.Node) *html.Node {
	if id, ok := attr(n, "form"); ok {
		return p.byID(id)
	}
	for a := range n.Ancestors() {
		if a.Type == html.ElementNode && a.Data == "form" {
			return a
		}
	}
	return nil
}

// Pairs are the names and values that a form sends when button is pressed (HTML
// Living Standard section 4.10.22.4), files left out.
func (p *Page) pairs(form, button *html.Node) (out [][2]string, fields []*html.Node) {
	for n := range Elements(p.root, "input", "select", "textarea", "button") {
		name := Attr(n, "name")
		_, disabled := attr(n, "disabled")
		if p.owner(n) != form || name == "" || disabled || inTemplate(n) {
			continue
		}
		if isButton(n) || n.Data == "button" {
			if n == button {
				out = append(out, [2]string{name, Attr(n, "value")})
			}
			continue
		}
		switch t := Attr(n, "type"); {
		case n.Data == "input" && (t == "checkbox" || t == "radio"):
			if _, on := attr(n, "checked"); on {
				v, ok := attr(n, "value")
				if !ok {
					v = "on"
				}
				out = append(out, [2]string{name, v})
			}
		case n.Data == "input" && t == "file":
			fields = append(fields, n)
		default:
			out = append(out, [2]string{name, value(n)})
		}
	}
	return out, fields
}

func inTemplate(n *html.Node) bool {
	for a := range n.Ancestors() {
		if a.Data == "template" {
			return true
		}
	}
	return false
}

func value(n *html.Node) string {
	switch n.Data {
	case "textarea":
		var b strings.Builder
		for c := range n.ChildNodes() {
			b.WriteString(c.Data)
		}
		return b.String()
	case "select":
		var first, sel *html.Node
		for o := range Elements(n, "option") {
			if first == nil {
				first = o
			}
			if _, on := attr(o, "selected"); on {
				sel = o
			}
		}
		if sel == nil {
			sel = first
		}
		if sel == nil {
			return ""
		}
		if v, ok := attr(sel, "value"); ok {
			return v
		}
		return text(sel)
	}
	return Attr(n, "value")
}

func (p *Page) submit(tb testing.TB, button *html.Node) *Page {
	tb.Helper()
	form := p.owner(button)
	if form == nil {
		tb.Fatalf("button %q belongs to no form", p.name(button))
	}
	pick := func(own, of string) string {
		if v, ok := attr(button, own); ok {
			return v
		}
		return Attr(form, of)
	}
	target, err := p.URL.Parse(pick("formaction", "action"))
	if err != nil {
		tb.Fatal(err)
	}
	if target.Host != p.URL.Host {
		tb.Fatalf("a form is sent to another site: %s", target)
	}
	pairs, fileFields := p.pairs(form, button)
	for i := range pairs { // line ends go out as CRLF
		pairs[i][1] = strings.ReplaceAll(strings.ReplaceAll(pairs[i][1], "\r\n", "\n"), "\n", "\r\n")
	}
	if !strings.EqualFold(pick("formmethod", "method"), "post") {
		q := url.Values{}
		for _, kv := range pairs {
			q.Add(kv[0], kv[1])
		}
		target.RawQuery = q.Encode()
		req, err := http.NewRequest(http.MethodGet, target.String(), nil)
		if err != nil {
			tb.Fatal(err)
		}
		return p.do(tb, req, "same-origin")
	}
	if pick("formenctype", "enctype") == "multipart/form-data" {
		return p.sendMultipart(tb, target, pairs, fileFields)
	}
	q := make([]string, len(pairs))
	for i, kv := range pairs {
		q[i] = url.QueryEscape(kv[0]) + "=" + url.QueryEscape(kv[1])
	}
	return p.Post(tb, target.String(), "application/x-www-form-urlencoded", strings.NewReader(strings.Join(q, "&")))
}

// Post sends a body to an address as if a form of this page did.
func (p *Page) Post(tb testing.TB, href, kind string, body io.Reader) *Page {
	tb.Helper()
	u, err := p.URL.Parse(href)
	if err != nil {
		tb.Fatal(err)
	}
	req, err := http.NewRequest(http.MethodPost, u.String(), body)
	if err != nil {
		tb.Fatal(err)
	}
	req.Header.Set("Content-Type", kind)
	return p.do(tb, req, "same-origin")
}

// sendMultipart streams the form: files are never held.
func (p *Page) sendMultipart(tb testing.TB, to *url.URL, pairs [][2]string, fields []*html.Node) *Page {
	tb.Helper()
	var readers []io.Reader
	var length int64
	var buf bytes.Buffer
	w := multipart.NewWriter(&buf)
	flush := func() {
		b := slices.Clone(buf.Bytes())
		buf.Reset()
		readers, length = append(readers, bytes.NewReader(b)), length+int64(len(b))
	}
	for _, kv := range pairs {
		if err := w.WriteField(kv[0], kv[1]); err != nil {
			tb.Fatal(err)
		}
	}
	escape := strings.NewReplacer("\"", "%22", "\r", "%0D", "\n", "%0A")
	for _, n := range fields {
		list := p.files[n]
		if len(list) == 0 {
			list = []File{{Type: "application/octet-stream", Content: strings.NewReader("")}}
		}
		for _, f := range list {
			h := textproto.MIMEHeader{}
			h.Set("Content-Disposition", fmt.Sprintf(`form-data; name="%s"; filename="%s"`, escape.Replace(Attr(n, "name")), escape.Replace(f.Name)))
			h.Set("Content-Type", f.Type)
			if _, err := w.CreatePart(h); err != nil {
				tb.Fatal(err)
			}
			flush()
			readers, length = append(readers, f.Content), length+f.Size
		}
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	flush()
	req, err := http.NewRequest(http.MethodPost, to.String(), io.MultiReader(readers...))
	if err != nil {
		tb.Fatal(err)
	}
	req.ContentLength = length
	req.Header.Set("Content-Type", w.FormDataContentType())
	return p.do(tb, req, "same-origin")
}
