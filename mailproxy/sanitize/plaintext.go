package sanitize

import (
	"bytes"
	"strings"

	"golang.org/x/net/html"
)

// asText gives the text of a source whose markup cannot be kept, lines and
// paragraphs as they were, for an element with white-space: pre-wrap.
func asText(src string) []byte {
	out := make([]byte, 0, len(src)/2)
	z := html.NewTokenizer(strings.NewReader(src))
	skip := false
	for {
		switch tt := z.Next(); tt {
		case html.ErrorToken:
			return bytes.TrimSpace(out)
		case html.TextToken:
			if !skip {
				out = appendEscaped(out, z.Text(), false)
			}
			skip = false
		case html.StartTagToken, html.SelfClosingTagToken, html.EndTagToken:
			name, _ := z.TagName()
			e := elements[string(name)]
			skip = tt == html.StartTagToken && e != nil && e.is(raw)
			if e != nil && (e.is(special | tablePart)) && !e.is(cell) && e.name != "img" && e.name != "wbr" && !bytes.HasSuffix(out, []byte("\n\n")) {
				out = append(out, '\n')
			}
		}
	}
}
