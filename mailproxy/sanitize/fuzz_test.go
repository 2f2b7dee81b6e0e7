package sanitize

import (
	"strings"
	"testing"
)

func seeds(f *testing.F) {
	for _, s := range []string{
		``, `<p>a<b>b<p>c</b>d`, `<table><tr><td><a href=//x>y<td><img src=cid:a background=x>`, `<a><table><a><tr><td><a>`,
		`<svg><style><img src=x onerror=y></style></svg>`, `<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=alert(1)&gt;">`,
		`<form><math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>`, `<noscript><p title="</noscript><img src=x onerror=y>">`,
		`<li><ul><li><dl><dd><dt><h1><h2><pre>` + "\n\nx", `<select><option>a<p>b</select>c`, `<ruby>a<rt>b<rp>c</ruby>`, `<body background=//x style="color:red" class=a><body id=b>`,
		`<style>@media screen{a:not(#b)>c[d="e"]:hover{color:red!important;background:url(http://x) no-repeat}}</style><p id=b>`,
		`<p style="--a:1px;width:calc(1px + var(--a));content:'\27 \a <';font:12px/1 'x'">`, `<a name=x></a><a href="#x">y</a><map name=m><area href=//a coords=1,2></map><img usemap=#m>`,
		`<picture><source srcset="//a 1x, b 2x" media="(min-width:1px)"><img srcset="cid:x 2x" sizes=1px></picture>`, `<b><div></b>x</div>y<i></b></i>`,
		`<nobr><nobr></table><table><td><table></td>x`, `<table><caption><b>x<colgroup><col><tr><th><table>y<table>z`, `<template><p></template>x<xmp><b></xmp><plaintext><p>`,
	} {
		f.Add(s)
	}
}

// FuzzHTML states what holds for any source: only what is listed comes out, a
// browser reads it as it was written, twice is once, and the size is bounded.
func FuzzHTML(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, src string) {
		if len(src) > 1<<16 {
			return
		}
		wantProperties(t, src)
	})
}

// FuzzCSS gives sheets and style attributes.
func FuzzCSS(f *testing.F) {
	for _, s := range []string{
		``, `a{b:c}`, `@import "x";a{color:red}`, `@media (a:b) and (1px<=width<2px){a{color:red}}`, `a{background:u\72l(http://x) url("data:image/png;base64,AAAA")}`,
		`/*`, `"`, `a{content:"\`, `@supports not (display:grid){@layer a.b{c{color:#fff}}}`, `@keyframes k{from,50%{top:1e3px}to{left:-.5em}}`, `a{&:hover>b{color:red}@media print{color:blue}}`,
		`color:red;b{color:blue`, `width:calc((1px + 2px)*3`, `<!-- a{color:red} -->`, `--x:a b(c)`, `font-family:\31 a,--b`, `grid:[a b]1fr/auto`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, src string) {
		if len(src) > 1<<16 {
			return
		}
		wantProperties(t, "<style>"+src+"</style><p>x")
		wantProperties(t, `<p style="`+strings.ReplaceAll(src, `"`, "&quot;")+`">x`)
	})
}

// FuzzURL gives addresses of links and pictures.
func FuzzURL(f *testing.F) {
	for _, s := range []string{`http://a/b?c#d`, `java	script:alert(1)`, `//a`, `\\a\b`, `http:a`, `data:image/png;base64,AA==`, `cid:<a%20b>`, `#x`, `mailto:a@b?subject=c`, `www.a.b`, `HTTPS:/\a`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, u string) {
		if len(u) > 1<<14 {
			return
		}
		q := strings.NewReplacer("&", "&amp;", `"`, "&quot;").Replace(u)
		wantProperties(t, `<a href="`+q+`">x</a><img src="`+q+`" srcset="`+q+` 1x"><p background="`+q+`" style="background:url(&quot;`+q+`&quot;)">`)
		wantProperties(t, `<base href="`+q+`"><a href="`+q+`">x</a><img src="a/b" srcset="`+q+`">`)
	})
}
