package sanitize

import (
	"bytes"
	"encoding/base64"
	"io"
	"mime/quotedprintable"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"
)

// htmlOf gives the body of a mail that is one HTML part.
func htmlOf(t testing.TB, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	m, err := mail.ReadMessage(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	var r io.Reader = m.Body
	switch strings.ToLower(m.Header.Get("Content-Transfer-Encoding")) {
	case "quoted-printable":
		r = quotedprintable.NewReader(r)
	case "base64":
		r = base64.NewDecoder(base64.StdEncoding, r)
	}
	b, err = io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestBombs gives what is made to cost time or memory.
func TestBombs(t *testing.T) {
	t.Parallel()
	var files []string
	for _, glob := range []string{"html-*.eml", "css-*.eml", "svg-*.eml", "bidi-*.eml", "quote-*.eml"} {
		f, err := filepath.Glob(filepath.Join(corpus(t, "bombs"), glob))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f...)
	}
	for _, f := range files {
		t.Run(filepath.Base(f), func(t *testing.T) {
			t.Parallel()
			src := htmlOf(t, f)
			fast(t, src)
			wantProperties(t, src)
			if name := filepath.Base(f); strings.HasPrefix(name, "html-depth") || strings.HasPrefix(name, "html-tables") {
				d, _ := HTML(src, Options{})
				if !strings.Contains(textOf(t, d.String()), "x") {
					t.Error("the text is gone")
				}
			}
		})
	}
}

// fast fails when a source takes far longer than its size allows. The bound is
// wide, so that it holds on a busy machine with the race detector on: it tells
// linear from quadratic. BenchmarkHTML tells how fast.
func fast(t testing.TB, src string) {
	t.Helper()
	const max = 20 * time.Second
	start := time.Now()
	HTML(src, Options{})
	if d := time.Since(start); d > max {
		t.Errorf("%d octets took %v, want at most %v", len(src), d, max)
	}
}

// TestHostile gives sources that make a tree builder work more than they are long.
func TestHostile(t *testing.T) {
	t.Parallel()
	var fonts strings.Builder
	for i := range 400 {
		fonts.WriteString("<font color=c" + strings.Repeat("x", i%7) + string(rune('a'+i%26)) + ">")
	}
	rep := strings.Repeat
	tests := []struct {
		name, head, unit string
		n                int
		tail             string
	}{
		{"formatting reopened in every paragraph", "<p>" + fonts.String(), "<p>x", 50_000, ""},
		{"formatting reopened after every block", "", "<b><i><u><div></b></i></u>x</div>", 10_000, ""},
		{"large start tags reopened", `<b><i style="` + rep("color:red;", 1500) + `">`, "<p>x</p></b><b>", 10_000, ""},
		{"misnested formatting", "", "<b><i>x</b>y</i>", 20_000, ""},
		{"end tags of nothing", rep("<b>", 300), "</i></p></td></h1></li>", 20_000, ""},
		{"end tags behind a block", "<b>" + rep("<span>", 240) + "<div>", "</b>", 50_000, ""},
		{"ended behind blocks", rep("<b>", 120) + rep("<div>", 120), "</b>", 50_000, ""},
		{"items never ended", "", "<li>", 50_000, ""},
		{"definitions in lists", "", "<dd><ul>", 20_000, ""},
		{"links in links", "", "<a href=#x><div>", 20_000, ""},
		{"links over blocks", "<a href=#>" + rep("<div>", 7), "<a href=#>x", 20_000, ""},
		{"tables in tables", "", "<table>", 20_000, ""},
		{"cells in cells", "", "<table><td>", 20_000, ""},
		{"text between rows", "<table>", "x<tr>", 50_000, ""},
		{"elements between rows", "<table>", "<b>x<tr>", 50_000, ""},
		{"cells of no table", "", "<td>x", 50_000, ""},
		{"headings in headings", "", "<h1>", 50_000, ""},
		{"preformatted, at once another", "", "<pre>", 100_000, ""},
		{"scripts without end", "", "<script>", 50_000, ""},
		{"svg", "", "<svg><p>", 50_000, ""},
		{"select", "", "<select><option>x", 50_000, ""},
		{"templates", "", "<template>", 50_000, "x"},
		{"pictures", "", "<picture><source srcset=//x><img src=//y>", 10_000, ""},
		{"candidates", `<img srcset="`, "//x 1x,", 50_000, `">`},
		{"commas", `<img srcset="`, ",", 500_000, `">`},
		{"attributes", "<p ", "class=x ", 50_000, ">x"},
		{"open tag", "", "<p ", 100_000, ""},
		{"style attributes", "", `<p style="color:red">`, 20_000, ""},
		{"quotes", "", `<p title="`, 50_000, ""},
		{"open CSS parentheses", "<style>", "(", 300_000, "</style>x"},
		{"open CSS brackets", "<style>a{", "[", 300_000, "</style>x"},
		{"open CSS blocks", "<style>", "a{", 200_000, "</style>x"},
		{"open CSS queries", "<style>", "@media screen{", 30_000, "</style>x"},
		{"CSS functions", "<style>a{width:", "calc(", 100_000, "</style>x"},
		{"CSS selectors", "<style>", ":not(", 100_000, "a{color:red}</style>x"},
		{"CSS strings", "<style>", `"a`, 200_000, "</style>x"},
		{"CSS escapes", "<style>a{content:\"", `\22 `, 200_000, "\"}</style>x"},
		{"CSS at-rules", "<style>", "@x", 200_000, "</style>x"},
		{"bad CSS addresses", "<style>a{background:", "url(a b", 100_000, "</style>x"},
		{"references", "", "&amp;&lt;&#60;", 50_000, ""},
		{"ampersands", "", "&", 300_000, ""},
		{"less-than signs", "", "<", 300_000, ""},
		{"comments", "", "<!--", 100_000, ""},
		{"base and relative addresses", "<base href=http://x/" + rep("a/", 1000) + ">", "<img src=../../x>", 5_000, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			fast(t, tt.head+rep(tt.unit, tt.n)+tt.tail)
			wantProperties(t, tt.head+rep(tt.unit, tt.n/20)+tt.tail)
		})
	}
}

// TestPages gives the pages of the corpus: their text survives, and nothing of
// them falls back to text.
func TestPages(t *testing.T) {
	t.Parallel()
	var files []string
	for _, dir := range []string{"render/caniemail", "render/newsletters"} {
		err := filepath.WalkDir(corpus(t, dir), func(path string, _ os.DirEntry, err error) error {
			if strings.HasSuffix(path, ".html") {
				files = append(files, path)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(files) < 100 {
		t.Fatalf("only %d pages", len(files))
	}
	for _, f := range files {
		t.Run(filepath.Base(f), func(t *testing.T) {
			t.Parallel()
			b, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			out, rep := wantProperties(t, string(b))
			if rep.AsText || rep.TooDeep {
				t.Errorf("report %+v", rep)
			}
			if got, want := textOf(t, out), textOf(t, string(b)); got != want {
				t.Errorf("text\n%s\nwant\n%s", got, want)
			}
			if got, want := countElements(t, out, "img"), countElements(t, string(b), "img"); got > want || got+rep.Trackers < want {
				t.Errorf("%d images of %d, %d trackers", got, want, rep.Trackers)
			}
		})
	}
}

func countElements(t testing.TB, src, name string) int {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(src))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for d := range doc.Descendants() {
		if d.Type == html.ElementNode && d.Data == name {
			n++
		}
	}
	return n
}
