package parse

import (
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"postern/mailproxy/mail"
)

// draw writes blocks in a short form: "depth flags| text", links in [].
func draw(blocks []mail.TextBlock) string {
	var b strings.Builder
	for _, bl := range blocks {
		for _, l := range bl.Lines {
			fmt.Fprintf(&b, "%d", bl.Depth)
			if bl.Signature {
				b.WriteByte('s')
			}
			if bl.Fixed {
				b.WriteByte('f')
			}
			b.WriteByte('|')
			for i, s := range l {
				if s.Diff != 0 && i == 0 {
					fmt.Fprintf(&b, "{%c}", s.Diff)
				}
				if s.URL != "" {
					fmt.Fprintf(&b, "[%s → %s]", s.Text, s.URL)
				} else {
					b.WriteString(s.Text)
				}
			}
			b.WriteByte('\n')
		}
	}
	return b.String()
}

func TestText(t *testing.T) {
	tests := []struct {
		name, in      string
		flowed, delSp bool
		want          string
	}{
		{"plain", "a\r\n\r\nb\r\n", false, false, "0|a\n0|\n0|b\n"},
		{"quotes", "> a\n>> b\n> > c\nd", false, false, "1|a\n2|b\n2|c\n0|d\n"},
		{"no space behind the mark", ">a", false, false, "1|a\n"},
		{"mbox From", ">From here on", false, false, "0|From here on\n"},
		{"deep", strings.Repeat(">", 100) + " a", false, false, "20|a\n"},
		{"flowed", "one \ntwo\nthree", true, false, "0|one two\n0|three\n"},
		{"flowed delsp", "one \ntwo", true, true, "0|onetwo\n"},
		{"flowed stuffed", " >not a quote\n From a", true, false, "0|>not a quote\n0|From a\n"},
		{"flowed quote", "> one \n> two\n> > x", true, false, "1|one two\n1|> x\n"},
		{"flowed never over depths", "> one \ntwo", true, false, "1|one\n0|two\n"},
		{"flowed never into the signature", "one \n-- \nme", true, false, "0|one\n0s|-- \n0s|me\n"},
		{"signature", "a\n-- \nme\nhere", false, false, "0|a\n0s|-- \n0s|me\n0s|here\n"},
		{"signature without its space", "a\n--\nme", false, false, "0|a\n0s|--\n0s|me\n"},
		{"quoted signature", "> a\n> -- \n> me\nb", false, false, "1|a\n1|-- \n1|me\n0|b\n"},
		{"attribution", "Hi\n\nOn 1 May 2026, Ann wrote:\n> a\nb", false, false, "0|Hi\n0|\n1|On 1 May 2026, Ann wrote:\n1|a\n0|b\n"},
		{"attribution with a blank line", "On 1 May 2026, Ann wrote:\n\n> a", false, false, "1|On 1 May 2026, Ann wrote:\n1|\n1|a\n"},
		{"attribution folded", "On 1 May 2026, Ann\n<a@x.test> wrote:\n> a", false, false, "1|On 1 May 2026, Ann\n1|<[a@x.test → mailto:a@x.test]> wrote:\n1|a\n"},
		{"German attribution", "Am 1.5.2026 um 10:00 schrieb Jonas Weber:\n> a", false, false, "1|Am 1.5.2026 um 10:00 schrieb Jonas Weber:\n1|a\n"},
		{"no attribution", "See this:\n> a", false, false, "0|See this:\n1|a\n"},
		{"Outlook", "Hi\n\n-----Original Message-----\nFrom: a\n\n> b", false, false, "0|Hi\n0|\n1|-----Original Message-----\n1|From: a\n1|\n2|b\n"},
		{"table", "name      qty   price\napples      3    1.20\n\ntext", false, false, "0f|name      qty   price\n0f|apples      3    1.20\n0|\n0|text\n"},
		{"box", "+---+---+\n| a | b |\n+---+---+", false, false, "0f|+---+---+\n0f|| a | b |\n0f|+---+---+\n"},
		{"code", "See\n\n    x := 1\n    y := 2\n\nend", false, false, "0|See\n0|\n0f|    x := 1\n0f|    y := 2\n0|\n0|end\n"},
		{"patch", "Hi\n\ndiff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n-old\n+new\n same\n-- \n2.1", false, false,
			"0|Hi\n0|\n0f|diff --git a/x b/x\n0f|{-}--- a/x\n0f|{+}+++ b/x\n0f|{@}@@ -1,2 +1,2 @@\n0f|{-}-old\n0f|{+}+new\n0f| same\n0s|-- \n0s|2.1\n"},
		{"a list is no patch", "- one\n- two\n+ three", false, false, "0|- one\n0|- two\n0|+ three\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			blocks, cut := Text(tt.in, tt.flowed, tt.delSp)
			if got := draw(blocks); got != tt.want || cut {
				t.Errorf("got\n%swant\n%s", got, tt.want)
			}
		})
	}
}

func TestLinks(t *testing.T) {
	tests := []struct{ in, want string }{
		{"see http://x.test/a.", "see [http://x.test/a → http://x.test/a]."},
		{"HTTPS://X.Test/A", "[HTTPS://X.Test/A → https://x.test/A]"},
		{"(http://x.test/a)", "([http://x.test/a → http://x.test/a])"},
		{"http://x.test/a_(b)", "[http://x.test/a_(b) → http://x.test/a_(b)]"},
		{"(see http://x.test/a_(b)).", "(see [http://x.test/a_(b) → http://x.test/a_(b)])."},
		{"<http://x.test/a>", "<[http://x.test/a → http://x.test/a]>"},
		{`"http://x.test/a"`, `"[http://x.test/a → http://x.test/a]"`},
		{"www.x.test/a, b", "[www.x.test/a → http://www.x.test/a], b"},
		{"xwww.x.test", "xwww.x.test"},
		{"http://a.test/1;http://b.test/2", "[http://a.test/1;http://b.test/2 → http://a.test/1;http://b.test/2]"},
		{"a@x.test", "[a@x.test → mailto:a@x.test]"},
		{"a.b+c@x-y.test.", "[a.b+c@x-y.test → mailto:a.b+c@x-y.test]."},
		{"mailto:a@x.test?subject=hi", "[mailto:a@x.test?subject=hi → mailto:a@x.test?subject=hi]"},
		{"tel:+49-30-1234", "[tel:+49-30-1234 → tel:+49-30-1234]"},
		{"a@localhost a@b", "a@localhost a@b"},
		{"@here and a@", "@here and a@"},
		{"javascript:alert(1) data:text/html,x ftp://x.test", "javascript:alert(1) data:text/html,x ftp://x.test"},
		{"http://", "http://"},
		{"http://x", "http://x"},
		{"http://localhost:8080/a", "[http://localhost:8080/a → http://localhost:8080/a]"},
		{"http://[::1]:80/a", "[http://[::1]:80/a → http://[::1]:80/a]"},
		{"http://bank.test@leak.test/", "http://bank.test@leak.test/"},
		{"http://exämple.test/ü?q=ä", "[http://exämple.test/ü?q=ä → http://xn--exmple-cua.test/%C3%BC?q=%C3%A4]"},
		{"请看http://x.test/a。谢谢", "请看[http://x.test/a → http://x.test/a]。谢谢"},
		{"http://x.test/\u202egpj.exe", "[http://x.test/ → http://x.test/]\u202egpj.exe"},
		{"http://x.test/a'b|c", "[http://x.test/a'b|c → http://x.test/a'b%7Cc]"},
		{"a@a.co?]<img/src=\"x\"/onerror=alert(1)>", "[a@a.co → mailto:a@a.co]?]<img/src=\"x\"/onerror=alert(1)>"},
		{"http://x.test/?a=1&b=2;", "[http://x.test/?a=1&b=2 → http://x.test/?a=1&b=2];"},
		{"https://x.test/#frag!", "[https://x.test/#frag → https://x.test/#frag]!"},
		{"*http://x.test*", "*[http://x.test → http://x.test]*"},
	}
	for _, tt := range tests {
		blocks, _ := Text(tt.in, false, false)
		got := strings.TrimSuffix(strings.TrimPrefix(draw(blocks), "0|"), "\n")
		if got != tt.want {
			t.Errorf("%q\n got %s\nwant %s", tt.in, got, tt.want)
		}
	}
}

// TestLinksAreLinear feeds what makes naive finders quadratic.
func TestLinksAreLinear(t *testing.T) {
	for _, s := range []string{"@", "a@", "http://", "http://(", "www.", "a.", "mailto:", "http://a.b/(", ")", ":", "é@", "a@a.co", "https://x.test/é"} {
		in := strings.Repeat(s, 1<<20/len(s))
		start := time.Now()
		Text(in, false, false)
		Text(in, true, true)
		snippetOf(in)
		if d := time.Since(start); d > patience {
			t.Errorf("1 MB of %q took %v", s, d)
		}
	}
}

func TestTextIsBounded(t *testing.T) {
	blocks, cut := Text(strings.Repeat("x\n", maxShown), false, false)
	n := 0
	for _, b := range blocks {
		n += len(b.Lines)
	}
	if !cut || n > maxLines {
		t.Errorf("%d lines, cut %v", n, cut)
	}
	blocks, cut = Text(strings.Repeat("a\n> b\n", 100000), false, false)
	if !cut || len(blocks) > maxBlocks {
		t.Errorf("%d blocks, cut %v", len(blocks), cut)
	}
}

func TestTextFromHTML(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"paragraphs", "<p>a</p><p>b<br>c</p>", "a\n\nb\nc"},
		{"white space", "  a \n  b\t<b>c</b>d ", "a b cd"},
		{"script and style", "<style>x{}</style><script>1</script><title>t</title>a", "a"},
		{"entities", "a &amp; b &lt;c&gt; &nbsp;d", "a & b <c>  d"},
		{"list", "<ul><li>a<li>b</ul>", "* a\n* b"},
		{"quote", "<p>x</p><blockquote>a<br>b<blockquote>c</blockquote></blockquote>y", "x\n\n> a\n> b\n>> c\ny"},
		{"link", `<a href="https://x.test/a">here</a>`, "here <https://x.test/a>"},
		{"link shown", `<a href="https://x.test/a">x.test/a</a>`, "x.test/a"},
		{"script link", `<a href="javascript:x">here</a>`, "here"},
		{"hidden", `<div style="display:none">a<div>b</div></div>c`, "c"},
		{"hidden, end missing", `<p style="display: none">a<p>b`, "b"},
		{"pre", "<pre>a\n  b</pre>c", "a\n  b\n\nc"},
		{"table", "<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a  b\nc"},
		{"image", `<img alt="Logo" src=x>`, "[Logo]"},
		{"cut tag", "a <b", "a"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := TextFromHTML(tt.in); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
	start := time.Now()
	if got := TextFromHTML(strings.Repeat("<div><blockquote>", 100000) + "x"); !strings.Contains(got, "x") {
		t.Error("the text at the bottom is lost")
	}
	if d := time.Since(start); d > patience {
		t.Errorf("took %v", d)
	}
}

func FuzzText(f *testing.F) {
	f.Add("> a\n-- \nhttp://x.test/(a) b@c.test", true, false)
	f.Fuzz(func(t *testing.T, s string, flowed, delSp bool) {
		blocks, _ := Text(s, flowed, delSp)
		for _, b := range blocks {
			if b.Depth < 0 || b.Depth > maxQuoteDepth || len(b.Lines) == 0 {
				t.Errorf("block %+v", b)
			}
			for _, l := range b.Lines {
				for _, sp := range l {
					if !utf8.ValidString(sp.Text) || strings.ContainsAny(sp.Text, "\r\n") {
						t.Errorf("span %q", sp.Text)
					}
					if sp.URL == "" {
						continue
					}
					ok := false
					for _, p := range []string{"http://", "https://", "mailto:", "tel:"} {
						ok = ok || strings.HasPrefix(sp.URL, p)
					}
					if !ok || strings.ContainsAny(sp.URL, " \"<>\\") || strings.ContainsFunc(sp.URL, func(r rune) bool { return r < 0x21 || r == 0x7f }) {
						t.Errorf("link %q", sp.URL)
					}
				}
			}
		}
	})
}

func FuzzTextFromHTML(f *testing.F) {
	f.Add("<p>a<blockquote>b<li><a href=http://x.test>c")
	f.Fuzz(func(t *testing.T, s string) {
		got := TextFromHTML(s)
		if len(got) > 4*len(s)+maxQuoteDepth*len(s)+100 {
			t.Errorf("%d octets from %d", len(got), len(s))
		}
		snippetFromHTML(s, 2000)
		stripEnriched(s)
	})
}
