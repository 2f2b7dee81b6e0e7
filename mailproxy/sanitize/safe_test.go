package sanitize

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// These lists are the test's own, so that a mistake in the package's shows.
var (
	safeElements = set(`html head body meta title base link style
		a abbr acronym address area article aside b bdi bdo big blockquote br caption center cite code col colgroup data dd del
		details dfn dir div dl dt em fieldset figcaption figure font footer h1 h2 h3 h4 h5 h6 header hgroup hr i img ins kbd legend
		li main map mark menu nav nobr ol p picture pre q rb rp rt rtc ruby s samp section small source span strike strong sub
		summary sup table tbody td tfoot th thead time tr tt u ul var wbr`)
	safeAttributes = set(`align valign dir lang width height border cellpadding cellspacing bgcolor bordercolor color size face hspace
		vspace clear rules frame span start type value char charoff text link vlink alink topmargin leftmargin rightmargin
		bottommargin marginwidth marginheight scope shape coords role aria-hidden aria-level data-blocked datetime colspan rowspan
		alt title abbr summary aria-label nowrap noshade compact reversed hidden open ismap class id headers aria-labelledby
		aria-describedby style background href name src srcset sizes usemap media target rel`)
)

// wantSafe fails when a document or fragment holds anything that can run, load
// or leave. With blocked nothing but links may name an address.
func wantSafe(t testing.TB, out string, document, blocked bool) {
	t.Helper()
	if msg := unsafe(out, document, blocked); msg != "" {
		t.Errorf("%s in:\n%.3000s", msg, out)
	}
}

func unsafe(out string, document, blocked bool) string {
	src := out
	if !document {
		src = "<!doctype html><body>" + out
	}
	doc, err := html.Parse(strings.NewReader(src))
	if err != nil {
		return err.Error()
	}
	for n := range doc.Descendants() {
		switch n.Type {
		case html.TextNode, html.DoctypeNode:
			if p := n.Parent; p != nil && p.Data == "style" {
				if msg := unsafeCSS(n.Data, blocked); msg != "" {
					return msg
				}
			}
			continue
		case html.ElementNode:
		default:
			return fmt.Sprintf("a node of type %d: %q", n.Type, n.Data)
		}
		if n.Namespace != "" || !safeElements[n.Data] {
			return fmt.Sprintf("<%s:%s>", n.Namespace, n.Data)
		}
		inHead := n.Parent != nil && n.Parent.Data == "head"
		switch n.Data {
		case "meta", "title", "base", "link", "style":
			if !inHead || !document {
				return fmt.Sprintf("<%s> outside the head", n.Data)
			}
			continue
		}
		for _, a := range n.Attr {
			v := a.Val
			if strings.ContainsFunc(v, func(r rune) bool { return r < ' ' && r != '\n' && r != '\t' }) {
				return fmt.Sprintf("control character in %s=%q", a.Key, v)
			}
			switch {
			case a.Namespace != "" || !safeAttributes[a.Key]:
				return fmt.Sprintf("attribute %s:%s", a.Namespace, a.Key)
			case a.Key == "href":
				ok := false
				for _, s := range []string{"http://", "https://", "mailto:", "tel:", "#"} {
					ok = ok || strings.HasPrefix(v, s)
				}
				if !ok {
					return fmt.Sprintf("href=%q", v)
				}
			case a.Key == "src" || a.Key == "background":
				if !strings.HasPrefix(v, "data:image/") && (blocked || !strings.HasPrefix(v, "/ok/")) {
					return fmt.Sprintf("%s=%q", a.Key, v)
				}
			case a.Key == "srcset":
				for _, c := range strings.Split(v, ", ") {
					if blocked || !strings.HasPrefix(c, "/ok/") {
						return fmt.Sprintf("srcset=%q", v)
					}
				}
			case a.Key == "style":
				if msg := unsafeCSS(v, blocked); msg != "" {
					return msg
				}
			case a.Key == "id" || a.Key == "name":
				if !strings.HasPrefix(v, idPrefix) {
					return fmt.Sprintf("%s=%q", a.Key, v)
				}
			}
		}
	}
	return ""
}

// unsafeCSS looks through CSS with all strings and comments taken out.
func unsafeCSS(s string, blocked bool) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '"' || c == '\'' {
			j := i + 1
			for j < len(s) && s[j] != c {
				if s[j] == '\\' {
					j++
				}
				j++
			}
			if j >= len(s) {
				return "a string without end"
			}
			if strings.HasSuffix(b.String(), "url(") {
				u := s[i+1 : j]
				if !strings.HasPrefix(u, "data:image/") && (blocked || !strings.HasPrefix(u, "/ok/")) {
					return fmt.Sprintf("url(%q)", u)
				}
				b.WriteString("ok")
			}
			i = j
			continue
		}
		b.WriteByte(c)
	}
	l := ";" + strings.ToLower(b.String())
	l = strings.ReplaceAll(l, "url(ok)", "")
	for _, bad := range []string{"url(", "@import", "@font-face", "@namespace", "@charset", "expression", "behavior", "-moz-binding", "image-set",
		"cross-fade", "image(", "src(", "element(", "attr(", "paint(", "{position:fixed", "{position:sticky", ";position:fixed", ";position:sticky", "javascript:", "</", "/*", "<!--", "://"} {
		if strings.Contains(l, bad) {
			return fmt.Sprintf("%q in CSS %.300q", bad, s)
		}
	}
	if strings.Count(l, "{") != strings.Count(l, "}") {
		return fmt.Sprintf("braces in CSS %.300q", s)
	}
	return ""
}

// bodyOf gives what stands in the body.
func bodyOf(t testing.TB, doc string) string {
	t.Helper()
	i := strings.Index(doc, "<body")
	j := strings.LastIndex(doc, "</body>")
	if i < 0 || j < i {
		t.Fatalf("no body in %q", doc)
	}
	i += strings.IndexByte(doc[i:], '>') + 1
	return doc[i:j]
}

// textOf gives the text a reader sees, without white space.
func textOf(t testing.TB, src string) string {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(src))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	var walk func(*html.Node)
	walk = func(n *html.Node) {
		if n.Type == html.ElementNode {
			switch n.Data {
			case "script", "style", "title", "template", "noscript", "svg", "math", "select", "iframe", "noembed", "noframes", "xml":
				return
			case "input":
				m := map[string]string{}
				for _, a := range n.Attr {
					m[a.Key] = a.Val
				}
				switch m["type"] {
				case "submit", "button", "reset":
					b.WriteString(m["value"])
				}
			}
		}
		if n.Type == html.TextNode {
			b.WriteString(n.Data)
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			walk(c)
		}
	}
	walk(doc)
	return strings.Join(strings.Fields(b.String()), "")
}

func allowed(string) string { return "/ok/x" }

// wantProperties checks what must hold for any source.
func wantProperties(t testing.TB, src string) (string, Report) {
	t.Helper()
	d, rep := HTML(src, Options{})
	out := d.String()
	wantSafe(t, out, true, true)
	again, _ := HTML(out, Options{})
	if again.String() != out {
		t.Errorf("not idempotent\nsource %.1500q\nonce   %.3000q\ntwice  %.3000q", src, out, again.String())
	}
	if n := 12*len(src) + 4*reopenSpare; len(out) > n {
		t.Errorf("%d octets became %d", len(src), len(out))
	}
	body := bodyOf(t, out)
	if got, ok := reread([]byte(body)); !ok || string(got) != body {
		t.Errorf("the tree builder reads it otherwise\nsource  %.1500q\nwritten %.3000q\nread    %.3000q", src, body, got)
	}
	if want, got := tree(t, &renamed{rest: []byte(body)}), tree(t, strings.NewReader(body)); want != got {
		t.Errorf("a browser reads it otherwise\nsource  %.1500q\nwritten %.3000q\nread    %.3000q", src, want, got)
	}
	remote, trackers := CountRemote(src)
	if remote != rep.Remote || trackers != rep.Trackers {
		t.Errorf("CountRemote = %d, %d, HTML counts %d, %d", remote, trackers, rep.Remote, rep.Trackers)
	}
	on, onRep := HTML(src, Options{CID: allowed, Remote: allowed})
	wantSafe(t, on.String(), true, false)
	if onRep.Remote != rep.Remote || onRep.Trackers != rep.Trackers {
		t.Errorf("with pictures %+v, without %+v", onRep, rep)
	}
	frag := Fragment(src, FragmentOptions{CID: func(string) string { return "" }})
	wantSafe(t, frag, false, true)
	if again := Fragment(frag, FragmentOptions{CID: func(string) string { return "" }}); again != frag {
		t.Errorf("fragment not idempotent\nsource %.1500q\nonce   %.3000q\ntwice  %.3000q", src, frag, again)
	}
	return out, rep
}

// tree describes the tree that a body gives, attributes in order of their names.
func tree(t testing.TB, body io.Reader) string {
	t.Helper()
	doc, err := html.Parse(io.MultiReader(strings.NewReader("<!doctype html><html><head></head><body>"), body))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	var walk func(*html.Node)
	walk = func(n *html.Node) {
		if n.Type == html.TextNode {
			fmt.Fprintf(&b, "%q ", n.Data)
			return
		}
		b.WriteString("(" + strings.TrimPrefix(n.Data, stand))
		var attrs []string
		for _, a := range n.Attr {
			attrs = append(attrs, fmt.Sprintf(" %s=%q", a.Key, a.Val))
		}
		slices.Sort(attrs)
		b.WriteString(strings.Join(attrs, "") + " ")
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			walk(c)
		}
		b.WriteString(")")
	}
	walk(doc.LastChild.LastChild)
	return b.String()
}
