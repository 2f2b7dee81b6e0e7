package compose

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestFlow(t *testing.T) {
	t.Parallel()
	long := strings.TrimSpace(strings.Repeat("word ", 30))
	tests := []struct{ name, in, want string }{
		{"empty", "", "\r\n"},
		{"line ends", "a\rb\r\nc\nd", "a\r\nb\r\nc\r\nd\r\n"},
		{"trailing spaces go", "a  \nb", "a\r\nb\r\n"},
		{"signature stays", "a\n-- \nMira", "a\r\n-- \r\nMira\r\n"},
		{"stuffing", " a\nFrom me\nFromage", "  a\r\n From me\r\nFromage\r\n"},
		{"quote marks", "> a\n> > b\n>>> c\n>", "> a\r\n>> b\r\n>>> c\r\n>\r\n"},
		{"quoted signature", "> -- \n> M", "> -- \r\n> M\r\n"},
		{"soft break", long, strings.Repeat("word ", 15) + "\r\n" + strings.Repeat("word ", 14) + "word\r\n"},
		{"soft break in a quote", "> " + long, "> " + strings.Repeat("word ", 14) + "\r\n> " + strings.Repeat("word ", 14) + "\r\n> word word\r\n"},
		{"nowhere to break", strings.Repeat("x", 200), strings.Repeat("x", 200) + "\r\n"},
		{"control characters go", "a\x00\x07b\tc", "ab\tc\r\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := Flow(tt.in); got != tt.want {
				t.Errorf("Flow(%q) =\n%q, want\n%q", tt.in, got, tt.want)
			}
		})
	}
}

func TestUnflow(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, in string
		delSp    bool
		want     string
	}{
		{"joined", "a \r\nb\r\nc\r\n", false, "a b\nc"},
		{"delsp", "日本 \r\n語\r\n", true, "日本語"},
		{"depth change ends a paragraph", "> a \r\nb\r\n", false, "> a \nb"},
		{"signature ends a paragraph", "a \r\n-- \r\nM\r\n", false, "a \n-- \nM"},
		{"stuffing", "  a\r\n From\r\n", false, " a\nFrom"},
		{"quotes", ">> a \r\n>> b\r\n>\r\n", false, ">> a b\n>"},
	}
	for _, tt := range tests {
		if got := Unflow(tt.in, tt.delSp); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestQuote(t *testing.T) {
	t.Parallel()
	if got, want := Quote("Hi\n\n> old\n>> older\n > no quote \n\n\n"), "> Hi\n>\n>> old\n>>> older\n>  > no quote"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := WithoutSignature("Hi\n-- \nMira\nPostern"); got != "Hi" {
		t.Errorf("%q", got)
	}
	if in := "Hi\n-- \nMira\n> quoted"; WithoutSignature(in) != in {
		t.Errorf("%q", WithoutSignature(in))
	}
}

func FuzzFlow(f *testing.F) {
	f.Add("> a b c\n-- \n\n From x  y\n")
	f.Add("> > " + strings.Repeat("lorem ipsum ", 40))
	f.Add(strings.Repeat(">", 100) + strings.Repeat(" x", 200))
	f.Fuzz(func(t *testing.T, s string) {
		w := Flow(s)
		if !utf8.ValidString(w) || strings.ContainsAny(strings.ReplaceAll(w, "\r\n", ""), "\r\n\x00") {
			t.Fatalf("bare line end or bad text in %q", w)
		}
		back := Unflow(w, false)
		if again := Flow(back); again != w {
			t.Errorf("not stable:\n%q\n%q\n%q", s, w, again)
		}
		if Quote(s) == "" {
			t.Error("quote of nothing is still a quote mark")
		}
	})
}
