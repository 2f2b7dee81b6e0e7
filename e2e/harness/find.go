package harness

import (
	"iter"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// Attr is an attribute's value, "" when it is not there.
func Attr(n *html.Node, name string) string {
	v, _ := attr(n, name)
	return v
}

func attr(n *html.Node, name string) (string, bool) {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val, true
		}
	}
	return "", false
}

func setAttr(n *html.Node, name, value string) {
	for i, a := range n.Attr {
		if a.Key == name {
			n.Attr[i].Val = value
			return
		}
	}
	n.Attr = append(n.Attr, html.Attribute{Key: name, Val: value})
}

func dropAttr(n *html.Node, name string) {
	n.Attr = slices.DeleteFunc(n.Attr, func(a html.Attribute) bool { return a.Key == name })
}

// HasClass reports whether an element is of a class.
func HasClass(n *html.Node, class string) bool {
	return slices.Contains(strings.Fields(Attr(n, "class")), class)
}

// Elements are the elements with one of the tags, all when none is named.
func Elements(n *html.Node, tags ...string) iter.Seq[*html.Node] {
	return func(yield func(*html.Node) bool) {
		for d := range n.Descendants() {
			if d.Type == html.ElementNode && (len(tags) == 0 || slices.Contains(tags, d.Data)) && !yield(d) {
				return
			}
		}
	}
}

// First is the first element that ok accepts, nil when there is none.
func First(n *html.Node, ok func(*html.Node) bool) *html.Node {
	for e := range Elements(n) {
		if ok(e) {
			return e
		}
	}
	return nil
}

// hidden reports whether a person without scripts does not see an element.
// What is in a closed <details> or a popover can be opened, and counts as seen.
func hidden(n *html.Node) bool {
	for ; n != nil; n = n.Parent {
		if n.Type != html.ElementNode {
			continue
		}
		_, h := attr(n, "hidden")
		if h || n.Data == "template" || n.Data == "head" || n.Data == "script" || n.Data == "style" ||
			Attr(n, "aria-hidden") == "true" || HasClass(n, "js-only") || n.Data == "input" && Attr(n, "type") == "hidden" {
			return true
		}
	}
	return false
}

// text is what is written in n, with single spaces.
func text(n *html.Node) string {
	var b strings.Builder
	var walk func(*html.Node)
	walk = func(n *html.Node) {
		switch {
		case n.Type == html.TextNode:
			b.WriteString(n.Data)
		case n.Type == html.ElementNode && (n.Data == "script" || n.Data == "style" || n.Data == "template" || n.Data == "head" || Attr(n, "aria-hidden") == "true"):
			return
		case n.Type == html.ElementNode:
			if _, h := attr(n, "hidden"); h {
				return
			}
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			walk(c)
		}
		if n.Type == html.ElementNode && !inline[n.Data] {
			b.WriteByte(' ')
		}
	}
	walk(n)
	return strings.Join(strings.Fields(b.String()), " ")
}

var inline = map[string]bool{"b": true, "i": true, "em": true, "strong": true, "span": true, "bdi": true, "a": true, "wbr": true, "mark": true, "code": true, "small": true, "time": true}

// name is the accessible name of an element, nearly as browsers compute it.
func (p *Page) name(n *html.Node) string {
	if s := Attr(n, "aria-label"); s != "" {
		return s
	}
	if ids := strings.Fields(Attr(n, "aria-labelledby")); len(ids) > 0 {
		var parts []string
		for _, id := range ids {
			if e := p.byID(id); e != nil {
				parts = append(parts, text(e))
			}
		}
		return strings.Join(parts, " ")
	}
	switch n.Data {
	case "input", "select", "textarea":
		if t := Attr(n, "type"); n.Data == "input" && (t == "submit" || t == "button") {
			return Attr(n, "value")
		}
		if id := Attr(n, "id"); id != "" {
			if l := First(p.root, func(e *html.Node) bool { return e.Data == "label" && Attr(e, "for") == id }); l != nil {
				return text(l)
			}
		}
		for a := range n.Ancestors() {
			if a.Type == html.ElementNode && a.Data == "label" {
				return text(a)
			}
		}
		return Attr(n, "placeholder")
	}
	if s := text(n); s != "" {
		return s
	}
	return Attr(n, "title")
}

func (p *Page) byID(id string) *html.Node {
	return First(p.root, func(e *html.Node) bool { return Attr(e, "id") == id })
}

// find returns the seen element of a kind with a name. An exact name is
// preferred; else one that begins with it and a space ("Unread 7").
func (p *Page) find(within *html.Node, name string, kind func(*html.Node) bool) *html.Node {
	var near *html.Node
	for e := range Elements(within) {
		if !kind(e) || hidden(e) {
			continue
		}
		switch n := p.name(e); {
		case n == name:
			return e
		case near == nil && strings.HasPrefix(n, name+" "):
			near = e
		}
	}
	return near
}

func isLink(n *html.Node) bool {
	_, ok := attr(n, "href")
	return ok && n.Data == "a"
}

func isButton(n *html.Node) bool {
	t := Attr(n, "type")
	return n.Data == "button" && t != "button" && t != "reset" || n.Data == "input" && (t == "submit" || t == "image")
}

func isField(n *html.Node) bool {
	return n.Data == "textarea" || n.Data == "select" || n.Data == "input" && !isButton(n) && Attr(n, "type") != "hidden"
}

func (p *Page) names(kind func(*html.Node) bool) (all []string) {
	for e := range Elements(p.root) {
		if kind(e) && !hidden(e) {
			all = append(all, p.name(e))
		}
	}
	return all
}

// Has reports whether the page has a link, a button or a field of a name.
func (p *Page) Has(tb testing.TB, name string) bool {
	tb.Helper()
	return p.find(p.Root(tb), name, func(n *html.Node) bool { return isLink(n) || isButton(n) || isField(n) }) != nil
}

// Link is where the link of a name leads.
func (p *Page) Link(tb testing.TB, name string) string {
	tb.Helper()
	n := p.find(p.Root(tb), name, isLink)
	if n == nil {
		tb.Fatalf("no link %q among %q in %s", name, p.names(isLink), p)
	}
	return Attr(n, "href")
}

// Follow opens the link of a name.
func (p *Page) Follow(tb testing.TB, name string) *Page {
	tb.Helper()
	return p.Open(tb, p.Link(tb, name))
}

// Text is what the page says.
func (p *Page) Text() string { return text(p.root) }

// Main is what its main part says.
func (p *Page) Main() string { return p.textOf(func(n *html.Node) bool { return n.Data == "main" }) }

// Title is the page's heading.
func (p *Page) Title() string { return p.textOf(func(n *html.Node) bool { return n.Data == "h1" }) }

// Toast is what the page says was done.
func (p *Page) Toast() string {
	return p.textOf(func(n *html.Node) bool { return HasClass(n, "toast") })
}

func (p *Page) textOf(ok func(*html.Node) bool) string {
	if n := First(p.root, ok); n != nil {
		return text(n)
	}
	return ""
}

// WantText checks that the page says s somewhere.
func (p *Page) WantText(tb testing.TB, s string) *Page {
	tb.Helper()
	if !strings.Contains(p.Text(), s) {
		tb.Fatalf("the page does not say %q: %s", s, p)
	}
	return p
}

// WantToast checks what the page says was done.
func (p *Page) WantToast(tb testing.TB, s string) *Page {
	tb.Helper()
	if !strings.Contains(p.Toast(), s) {
		tb.Fatalf("the toast says %q, want %q; %s", p.Toast(), s, p)
	}
	return p
}

const selectPrefix = "Select: "

// Row is a row of a list.
type Row struct {
	Subject string
	Link    string // of the message
	Unread  bool
	Starred bool
	Text    string
	node    *html.Node
}

// Rows are the conversations of a list page, from the top.
func (p *Page) Rows(tb testing.TB) (rows []Row) {
	tb.Helper()
	for box := range Elements(p.Root(tb), "input") {
		subject, ok := strings.CutPrefix(Attr(box, "aria-label"), selectPrefix)
		if !ok {
			continue
		}
		for li := range box.Ancestors() {
			if li.Data != "li" {
				continue
			}
			r := Row{Subject: subject, Unread: HasClass(li, "is-unread"), Text: text(li), node: li}
			if a := First(li, isLink); a != nil {
				r.Link = Attr(a, "href")
			}
			if s := First(li, func(n *html.Node) bool { return HasClass(n, "star") }); s != nil {
				r.Starred = Attr(s, "aria-pressed") == "true"
			}
			rows = append(rows, r)
			break
		}
	}
	return rows
}

// Subjects are those of the rows.
func (p *Page) Subjects(tb testing.TB) (s []string) {
	tb.Helper()
	for _, r := range p.Rows(tb) {
		s = append(s, r.Subject)
	}
	return s
}

// Row is the first row with a subject.
func (p *Page) Row(tb testing.TB, subject string) Row {
	tb.Helper()
	for _, r := range p.Rows(tb) {
		if r.Subject == subject {
			return r
		}
	}
	tb.Fatalf("no row %q among %q; %s", subject, p.Subjects(tb), p)
	return Row{}
}

// Read opens the message of a row.
func (p *Page) Read(tb testing.TB, subject string) *Page {
	tb.Helper()
	return p.Open(tb, p.Row(tb, subject).Link)
}

// PressInRow presses a row's own button.
func (p *Page) PressInRow(tb testing.TB, subject, button string) *Page {
	tb.Helper()
	n := p.find(p.Row(tb, subject).node, button, isButton)
	if n == nil {
		tb.Fatalf("row %q has no button %q", subject, button)
	}
	return p.submit(tb, n)
}

// Frames are the addresses of the page's frames.
func (p *Page) Frames(tb testing.TB) (src []string) {
	tb.Helper()
	for f := range Elements(p.Root(tb), "iframe") {
		src = append(src, Attr(f, "src"))
	}
	return src
}
