package sanitize

import (
	"strings"
	"testing"
)

func TestBody(t *testing.T) {
	t.Parallel()
	const rel = ` target="_blank" rel="noopener noreferrer"`
	tests := []struct{ name, src, want string }{
		{"plain", "a < b & c", "a &lt; b &amp; c"},
		{"unknown elements are unwrapped", "<x-y>a<o:p>b</o:p></x-y>", "ab"},
		{"scripts go whole", "a<script>b</script>c<iframe>d</iframe><noscript>e</noscript>", "ac"},
		{"svg goes whole, what breaks out stays", "<svg><text>a</text><p>b</p></svg>", "<p>b</p>"},
		{"event handlers", `<p onclick=a onerror=b class=c>d</p>`, `<p class="c">d</p>`},
		{"a form is a box", `<form action=//x><input name=a><input type=submit value=Go></form>`, `<div><span>Go</span></div>`},
		{"a button is its text", `<button formaction=//x style="color:red">Go</button>`, `<span style="color:red;">Go</span>`},
		{"rows get their table", `<table><td>a<td>b<tr><td>c`, `<table><tbody><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></tbody></table>`},
		{"text between rows comes first", `<table>a<tr><td>b`, `a<table><tbody><tr><td>b</td></tr></tbody></table>`},
		{"formatting goes on after a paragraph", "<p>a<b>b<p>c</b>d", "<p>a<b>b</b></p><p><b>c</b>d</p>"},
		{"formatting ends with its block", "<b><p>a</b></p>b", "<b><p>a</p></b>b"},
		{"crossed formatting", "<b><i>a</b>b</i>", "<b><i>a</i></b><i>b</i>"},
		{"a link ends at the next", `<a href=//a>a<a href=//b>b`, `<a href="https://a"` + rel + `>a</a><a href="https://b"` + rel + `>b</a>`},
		{"a link around a block", `<a href=//a><div>a</div></a>`, `<a href="https://a"` + rel + `><div>a</div></a>`},
		{"preformatted", "<pre>\n\na\n</pre>", "<pre>\n\na\n</pre>"},
		{"conditional comments", "<!--[if mso]>a<![endif]--><!--[if !mso]><!-->b<!--<![endif]-->", "b"},
		{"ids", `<p id="a b"></p><p id=a></p><p id=m-a></p><a name=a></a>`, `<p></p><p id="m-a"></p><p id="m-a"></p><a name="m-a"></a>`},
		{"an image map", `<img usemap="#a" src="data:,"><map name=a><area href=//b shape=rect coords="1,2"></map>`,
			`<img usemap="#m-a" data-blocked="missing"><map name="m-a"><area href="https://b"` + rel + ` shape="rect" coords="1,2"></map>`},
		{"spans are bounded", `<table><tr><td colspan=9999>a`, `<table><tbody><tr><td>a</td></tr></tbody></table>`},
		{"first attribute counts", `<p class=a class=b>`, `<p class="a"></p>`},
		{"controls", "a\x00b\x1bc&#0;&#1;d\xff", "abc\uFFFDd\uFFFD"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d, _ := HTML(tt.src, Options{})
			if got := bodyOf(t, d.String()); got != tt.want {
				t.Errorf("HTML(%q)\n got %s\nwant %s", tt.src, got, tt.want)
			}
			wantProperties(t, tt.src)
		})
	}
}

func TestLinks(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, href, want string }{
		{"http", "http://a.test/b?c=d&amp;e", "http://a.test/b?c=d&amp;e"},
		{"upper case", "HTTPS://a.test", "https://a.test"},
		{"no protocol", "//a.test", "https://a.test"},
		{"no slashes", "http:a.test", "http://a.test"},
		{"backslashes", `http:\\a.test\b?c\d`, "http://a.test/b?c%5Cd"},
		{"white space around and inside", " ht\ntp://a.te\tst/ b ", "http://a.test/%20b"},
		{"www", "www.a.test/x", "http://www.a.test/x"},
		{"mailto", "mailto:a@b.test?subject=c", "mailto:a@b.test?subject=c"},
		{"tel", "tel:+49123", "tel:+49123"},
		{"anchor", "#a", "#m-a"},
		{"top", "#top", "#top"},
		{"relative", "a/b", ""},
		{"path", "/a", ""},
		{"query", "?a", ""},
		{"empty", "", ""},
		{"javascript", "javascript:a", ""},
		{"javascript, hidden", " java\tscript&#58;a", ""},
		{"vbscript", "vbscript:a", ""},
		{"data", "data:text/html,a", ""},
		{"file", "file:///a", ""},
		{"cid", "cid:a", ""},
		{"no host", "http://", ""},
		{"long", "http://a.test/" + strings.Repeat("a", maxURL), ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := Fragment(`<a href="`+tt.href+`">x</a>`, FragmentOptions{})
			want := "<a>x</a>"
			if tt.want != "" {
				want = `<a href="` + tt.want + `">x</a>`
			}
			if got != want {
				t.Errorf("href=%q\n got %s\nwant %s", tt.href, got, want)
			}
		})
	}
}

func TestPictures(t *testing.T) {
	t.Parallel()
	const gif = "data:image/gif;base64,R0lGODlhAQABAAAAACw="
	on := Options{
		CID: func(id string) string {
			if id == "a b@c" {
				return "/part/1.2?x=1&y=2"
			}
			return ""
		},
		Remote: func(u string) string {
			if strings.Contains(u, "refused") {
				return ""
			}
			return "/remote/" + strings.TrimPrefix(u, "https://")
		},
	}
	tests := []struct {
		name, src, off, on string
		remote, trackers   int
	}{
		{"remote", `<img src=//a.test/b width=10 height=20 alt=c>`, `<img width="10" height="20" alt="c" data-blocked="remote" style="aspect-ratio:10/20;">`,
			`<img width="10" height="20" alt="c" src="/remote/a.test/b">`, 1, 0},
		{"refused", `<img src=//refused.test>`, `<img data-blocked="remote">`, `<img data-blocked="remote">`, 1, 0},
		{"inline", `<img src="cid:a%20b@c">`, `<img data-blocked="missing">`, `<img src="/part/1.2?x=1&amp;y=2">`, 0, 0},
		{"inline, not there", `<img src="cid:x">`, `<img data-blocked="missing">`, `<img data-blocked="missing">`, 0, 0},
		{"data", `<img src=" DATA:image/GIF;base64,R0lGODlhAQAB AAAAACw=">`, `<img src="` + gif + `">`, `<img src="` + gif + `">`, 0, 0},
		{"data of another type", `<img src="data:image/svg+xml;base64,AAAA">`, `<img data-blocked="missing">`, `<img data-blocked="missing">`, 0, 0},
		{"tracker by size", `a<img src=//a.test width=1 height=1>`, `a`, `a`, 0, 1},
		{"tracker by style", `a<img src=//a.test style="width:1px;height:1px">`, `a`, `a`, 0, 1},
		{"tracker by address", `a<img src="//b.list-manage.com/track/open.php?u=1" width=600>`, `a`, `a`, 0, 1},
		{"hidden until a query shows it", `<img src=//a.test style="display:none">`, `<img data-blocked="remote" style="display:none;">`,
			`<img src="/remote/a.test" style="display:none;">`, 1, 0},
		{"several sizes", `<img src=//a.test srcset="//b.test 1x, //c.test 2x, d 3x" sizes="100vw">`, `<img data-blocked="remote">`,
			`<img src="/remote/a.test" srcset="/remote/b.test 1x, /remote/c.test 2x" sizes="100vw">`, 1, 0},
		{"picture", `<picture><source srcset=//a.test media="(min-width:1px)"><img src=//b.test></picture>`, `<picture><img data-blocked="remote"></picture>`,
			`<picture><source srcset="/remote/a.test" media="(min-width:1px)"><img src="/remote/b.test"></picture>`, 1, 0},
		{"background", `<div background=//a.test>`, `<div></div>`, `<div background="/remote/a.test"></div>`, 1, 0},
		{"background in CSS", `<p style="background:#fff url('//a.test/x')no-repeat">`, `<p style="background:#fff none no-repeat;"></p>`,
			`<p style="background:#fff url(&#34;/remote/a.test/x&#34;) no-repeat;"></p>`, 1, 0},
		{"relative to a base", `<base href="https://a.test/b/c"><img src="../d">`, `<img data-blocked="remote">`, `<img src="/remote/a.test/d">`, 1, 0},
		{"no address", `<img src=d alt=e>`, `<img alt="e" data-blocked="missing">`, `<img alt="e" data-blocked="missing">`, 0, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, o := range []struct {
				o    Options
				want string
			}{{Options{}, tt.off}, {on, tt.on}} {
				d, rep := HTML(tt.src, o.o)
				if got := bodyOf(t, d.String()); got != o.want {
					t.Errorf("%s\n got %s\nwant %s", tt.src, got, o.want)
				}
				if rep.Remote != tt.remote || rep.Trackers != tt.trackers {
					t.Errorf("%s: %d remote, %d trackers, want %d, %d", tt.src, rep.Remote, rep.Trackers, tt.remote, tt.trackers)
				}
			}
			wantProperties(t, tt.src)
		})
	}
}

func TestStyleSheet(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, src, want string }{
		{"a rule", "p { color : red ; margin:0 auto!important }", "p{color:red;margin:0 auto!important;}"},
		{"unknown properties go", "p{color:red;behavior:url(x);mso-hide:all}", "p{color:red;}"},
		{"empty rules go", "p{behavior:url(x)}a{}", ""},
		{"ids", "#a.b>c,[id=a],a[name^='x']{color:red}", `#m-a.b>c,[id="m-a"],a[name^="m-x"]{color:red;}`},
		{"an unknown selector spoils its rule", "a,::-webkit-x{color:red}b{color:red}", "b{color:red;}"},
		{"queries", "@media only screen and (max-width:600px){.a{width:100%}}", "@media only screen and (max-width:600px){.a{width:100%;}}"},
		{"ranges", "@media (400px<=width<600px){a{top:0}}", "@media (400px<=width< 600px){a{top:0;}}"},
		{"dark", "@media (prefers-color-scheme:dark){a{color:#fff}}", "@media (prefers-color-scheme:dark){a{color:#fff;}}"},
		{"supports", "@supports (display:grid) and (not (color:red)){a{top:0}}", "@supports (display:grid) and (not (color:red)){a{top:0;}}"},
		{"keyframes", "@keyframes k{from{top:0}50%{top:1px}}", "@keyframes k{from{top:0;}50%{top:1px;}}"},
		{"words stay apart", "@keyframes a{from 0%{top:0}}@layer a b{c{top:0}}:lang(a b){top:0}", "@keyframes a{from 0%{top:0;}}@layer a b{c{top:0;}}:lang(a b){top:0;}"},
		{"nesting", "a{color:red;&:hover{color:blue}@media print{color:#000}}", "a{color:red;&:hover{color:blue;}@media print{color:#000;}}"},
		{"what loads goes", `@import "x";@charset "utf-7";@font-face{font-family:a;src:url(x)}@namespace url(x);a{top:0}`, "a{top:0;}"},
		{"position", "a{position:fixed;top:0}b{position:absolute}c{position:sticky}d{position:var(--a)}", "a{top:0;}b{position:absolute;}"},
		{"functions", "a{width:calc((1px + 2%)*3);color:rgb(1 2 3/.5);background:linear-gradient(red,blue 50%)}",
			"a{width:calc((1px + 2%)*3);color:rgb(1 2 3/.5);background:linear-gradient(red,blue 50%);}"},
		{"functions that load", "a{background:image-set('x' 1x);width:expression(a);content:attr(x)}b{top:0}", "b{top:0;}"},
		{"own properties", "a{--x:1px;width:var(--x,2px)}b{--y:url(x)}", "a{--x:1px;width:var(--x,2px);}"},
		{"escapes", `\61{c\6flor:r\65 d;font-family:"\27 \3c/style>"}`, `a{color:red;font-family:"'\3c /style>";}`},
		{"escaped url", `a{background:u\72l(//x);color:red}`, "a{color:red;}"},
		{"comments", "a/**/b{color/**/:/**/red}/*", "a b{color:red;}"},
		{"comment marks", "<!-- a{top:0} -->", "a{top:0;}"},
		{"open ends", `a{color:red;font:12px/1 "x`, `a{color:red;font:12px/1 "x";}`},
		{"a closing brace too many", "a{top:0}}b{top:0}c{top:0}", "a{top:0;}c{top:0;}"},
		{"has() is bounded", strings.Repeat("a:has(b){top:0}", maxHas+5), strings.Repeat("a:has(b){top:0;}", maxHas)},
		{"nth", "tr:nth-child(2n + 1)>td:not(.a){top:0}", "tr:nth-child(2n + 1)>td:not(.a){top:0;}"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d, _ := HTML("<style>"+tt.src+"</style>", Options{})
			_, got, _ := strings.Cut(d.String(), "<style>")
			got, _, _ = strings.Cut(got, "</style>")
			if got != tt.want {
				t.Errorf("%s\n got %s\nwant %s", tt.src, got, tt.want)
			}
			wantProperties(t, "<style>"+tt.src+"</style>")
		})
	}
}

func TestDocument(t *testing.T) {
	t.Parallel()
	d, _ := HTML(`<html dir=rtl><head><title>a</title><meta name=color-scheme content="light dark; x"><style media="print">a{top:0}</style></head><body bgcolor=red onload=a text=blue>b`,
		Options{StyleURL: "/s.css?a&b", Lang: "de", Title: "A <b>"})
	want := `<!doctype html><html lang="de" dir="rtl"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">` +
		`<meta name="color-scheme" content="light"><meta name="referrer" content="no-referrer"><meta http-equiv="x-dns-prefetch-control" content="off">` +
		`<title>A &lt;b&gt;</title><base target="_blank"><link rel="stylesheet" href="/s.css?a&amp;b"><style data-postern="">` + baseStyle + `</style>` +
		`<style>@media print{a{top:0;}}</style></head><body bgcolor="red" text="blue">b</body></html>`
	if d.String() != want {
		t.Errorf("got\n%s\nwant\n%s", d, want)
	}
}

func TestDoctype(t *testing.T) {
	t.Parallel()
	tests := []struct {
		src    string
		legacy bool
	}{
		{"a", false},
		{"<!DOCTYPE html>a", false},
		{`<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">a`, true},
		{`<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 4.01 Transitional//EN" "http://www.w3.org/TR/html4/loose.dtd">a`, true},
		{`<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 4.01 Transitional//EN">a`, false},
		{`<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-strict.dtd">a`, false},
	}
	for _, tt := range tests {
		d, _ := HTML(tt.src, Options{})
		if got := strings.HasPrefix(d.String(), "<!doctype html PUBLIC "); got != tt.legacy || !got && !strings.HasPrefix(d.String(), "<!doctype html>") {
			t.Errorf("%s: got %.120s", tt.src, d)
		}
		wantProperties(t, tt.src)
	}
}

func TestFragment(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, src string
		o         FragmentOptions
		want      string
	}{
		{"what a person wrote", `<p>a <b>b</b></p><script>c</script>`, FragmentOptions{}, `<p>a <b>b</b></p>`},
		{"links stay bare", `<a href=https://a.test target=x>b</a><a href="#c">d</a>`, FragmentOptions{}, `<a href="https://a.test">b</a><a href="#m-c">d</a>`},
		{"a whole document", `<html><head><style>a{top:0}</style></head><body bgcolor=red style="margin:0"><p>a</body></html>`, FragmentOptions{},
			`<div bgcolor="red" style="margin:0;"><p>a</p></div>`},
		{"classes go", `<p class=toast>a</p><div class=gmail_quote>b</div>`, FragmentOptions{}, `<p>a</p><div class="gmail_quote">b</div>`},
		{"inline images stay", `<img src="cid:a@b">`, FragmentOptions{}, `<img src="cid:a@b">`},
		{"remote images go", `a<img src="http://a.test" alt="b<c">`, FragmentOptions{}, `ab&lt;c`},
		{"remote images stay", `<img src="http://a.test">`, FragmentOptions{Remote: true}, `<img src="http://a.test">`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := Fragment(tt.src, tt.o); got != tt.want {
				t.Errorf("Fragment(%q)\n got %s\nwant %s", tt.src, got, tt.want)
			}
		})
	}
}

// TestTooDeep: what lies deeper than browsers look is flattened, not lost.
func TestTooDeep(t *testing.T) {
	t.Parallel()
	d, rep := HTML(strings.Repeat("<blockquote>a", 2000)+"z", Options{})
	if !rep.TooDeep || rep.AsText {
		t.Errorf("report %+v", rep)
	}
	if n := strings.Count(d.String(), "<blockquote>"); n != maxDepth {
		t.Errorf("%d quotes deep, want %d", n, maxDepth)
	}
	if got := textOf(t, d.String()); got != strings.Repeat("a", 2000)+"z" {
		t.Errorf("text %.100q…", got)
	}
}

func TestAsText(t *testing.T) {
	t.Parallel()
	got := string(asText("<style>a</style><p>a<b>b</b><p>c<br>d<script>e</script>&lt;f"))
	if want := "ab\nc\nd&lt;f"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
