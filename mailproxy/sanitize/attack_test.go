package sanitize

import (
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// TestAttacks gives every string of the corpus of attacks: nothing that acts is
// left, and what stands around it is still there.
func TestAttacks(t *testing.T) {
	t.Parallel()
	var cases []xssCase
	readJSON(t, "xss/xss.json", &cases)
	for _, c := range cases {
		t.Run(c.ID, func(t *testing.T) {
			t.Parallel()
			wantProperties(t, c.HTML)
			out, _ := HTML("<p>before-"+c.ID+"</p>"+c.HTML, Options{})
			if got := textOf(t, out.String()); !strings.Contains(got, "before-"+c.ID) {
				t.Errorf("the text before is gone: %q", got)
			}
			if c.Kind == "benign" {
				want, got := textOf(t, c.HTML), textOf(t, out.String())
				if !strings.HasSuffix(got, want) {
					t.Errorf("source %q\ngot    %q\ntext %q\nwant %q", c.HTML, bodyOf(t, out.String()), got, want)
				}
			}
		})
	}
}

// TestLeaks gives every way a mail can phone home, pictures not allowed: no
// address is left outside links.
func TestLeaks(t *testing.T) {
	t.Parallel()
	var cases []leakCase
	readJSON(t, "leaks/matrix.json", &cases)
	for _, c := range cases {
		t.Run(c.ID, func(t *testing.T) {
			t.Parallel()
			out, _ := wantProperties(t, c.HTML)
			doc, err := html.Parse(strings.NewReader(out))
			if err != nil {
				t.Fatal(err)
			}
			for n := range doc.Descendants() {
				if n.Type == html.TextNode && n.Parent.Data == "style" && strings.Contains(n.Data, "leak.test") {
					t.Errorf("in a style: %q", n.Data)
				}
				for _, a := range n.Attr {
					if a.Key != "href" && a.Key != "alt" && a.Key != "title" && strings.Contains(strings.ToLower(a.Val), "leak") {
						t.Errorf("<%s %s=%q>", n.Data, a.Key, a.Val)
					}
				}
			}
		})
	}
}
