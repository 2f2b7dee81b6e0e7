package parse

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestFileName(t *testing.T) {
	tests := []struct{ name, disposition, want string }{
		{"plain", `attachment; filename=a.txt`, "a.txt"},
		{"quoted", `attachment; filename="a b.txt"`, "a b.txt"},
		{"RFC 2231", `attachment; filename*=UTF-8''na%C3%AFve.txt`, "naïve.txt"},
		{"RFC 2231 latin", `attachment; filename*=iso-8859-1'en'na%EFve.txt`, "naïve.txt"},
		{"RFC 2231 before plain", `attachment; filename="naive.txt"; filename*=UTF-8''na%C3%AFve.txt`, "naïve.txt"},
		{"pieces", `attachment; filename*0="a"; filename*1="b"; filename*2=".txt"`, "ab.txt"},
		{"pieces, escape split", `attachment; filename*0*=utf-8''na%C3%; filename*1*=AF; filename*2="ve.txt"`, "naïve.txt"},
		{"pieces, character split", `attachment; filename*0*=utf-8''na%C3; filename*1*=%AFve; filename*2=".txt"`, "naïve.txt"},
		{"pieces in any order", `attachment; filename*1="b.txt"; filename*0="a"`, "ab.txt"},
		{"a piece is missing", `attachment; filename*0="a.txt"; filename*2="c"`, "a.txt"},
		{"pieces from one", `attachment; filename*1="a"; filename*2=".txt"`, "a.txt"},
		{"RFC 2047", `attachment; filename="=?utf-8?B?w6QucGRm?="`, "ä.pdf"},
		{"RFC 2047 bare", `attachment; filename==?iso-8859-1?Q?=E4.pdf?=`, "ä.pdf"},
		{"asterisk forgotten", `attachment; filename="UTF-8''na%C3%AFve.txt"`, "naïve.txt"},
		{"percent signs", `attachment; filename="na%C3%AFve.txt"`, "naïve.txt"},
		{"percent that hides nothing", `attachment; filename="100%25.txt"`, "100%25.txt"},
		{"hidden NUL", `attachment; filename="x%00.html"`, "x%00.html"},
		{"raw 8-bit", "attachment; filename=\"na\xefve.txt\"", "naïve.txt"},
		{"missing quote", `attachment; filename="a.txt; size=1`, "a.txt"},
		{"quotes inside", `attachment; filename="a "b" c.txt"`, "a _b_ c.txt"},
		{"unquoted with spaces", `attachment; filename=This is a test.txt`, "This is a test.txt"},
		{"directories are dropped", `attachment; filename="../../etc/passwd"`, "passwd"},
		{"none", `attachment`, "attachment.bin"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, p := mediaType(tt.disposition)
			if got := SafeName(param(p, "filename"), "application/octet-stream"); got != tt.want {
				t.Errorf("%s = %q, want %q", tt.disposition, got, tt.want)
			}
		})
	}
}

func TestSafeName(t *testing.T) {
	tests := []struct{ in, typ, want string }{
		{"../../../etc/passwd", "", "passwd"},
		{`..\..\x.exe`, "", "x.exe"},
		{"C:\\x.exe", "", "x.exe"},
		{"x.pdf\x00.exe", "", "x.pdf .exe"},
		{"x.pdf\r\nContent-Type: text/html", "", "html"},
		{`x";filename="y.html`, "", "x_;filename=_y.html"},
		{"invoice\u202efdp.exe", "", "invoicefdp.exe"},
		{"invoice.pdf                 .exe", "", "invoice.pdf .exe"},
		{"CON", "", "_CON"}, {"NUL.txt", "", "_NUL.txt"}, {"aux", "", "_aux"}, {"com1.tar.gz", "", "_com1.tar.gz"}, {"console.txt", "", "console.txt"},
		{"x.", "", "x"}, {"x ", "", "x"}, {".htaccess", "", "htaccess"},
		{"...", "image/png", "image.png"}, {"", "text/calendar", "invitation.ics"}, {"/", "application/pdf", "attachment.pdf"},
		{"<img src=x onerror=alert(1)>.png", "", "_img src=x onerror=alert(1)_.png"},
		{"😀.png", "", "😀.png"},
		{"dir/", "", "dir"},
		{strings.Repeat("a", 300) + ".pdf", "", strings.Repeat("a", 196) + ".pdf"},
		{strings.Repeat("é", 300) + ".pdf", "", strings.Repeat("é", 118) + ".pdf"},
	}
	for _, tt := range tests {
		if got := SafeName(tt.in, tt.typ); got != tt.want {
			t.Errorf("SafeName(%q, %q) = %q, want %q", tt.in, tt.typ, got, tt.want)
		}
	}
}

func checkName(t *testing.T, n string) {
	t.Helper()
	if n == "" || strings.ContainsAny(n, "/\\\x00\r\n\"<>:|?*") || n != cleanLine(n) || utf8.RuneCountInString(n) > maxName+1 || strings.HasPrefix(n, ".") {
		t.Errorf("file name %q", n)
	}
	base, _, _ := strings.Cut(n, ".")
	if reserved(strings.TrimSpace(base)) {
		t.Errorf("reserved file name %q", n)
	}
}

// TestInjectedNames runs the hostile file names of the shared set.
func TestInjectedNames(t *testing.T) {
	b, err := os.ReadFile(filepath.Join(corpus(t), "injection/injection.json"))
	if err != nil {
		t.Fatal(err)
	}
	var groups map[string]struct{ Strings []string }
	if err := json.Unmarshal(b, &groups); err != nil {
		t.Fatal(err)
	}
	for _, g := range groups {
		for _, s := range g.Strings {
			checkName(t, SafeName(s, "text/plain"))
			AddressList(s)
			if c := cleanType(s); strings.ContainsAny(c, " \r\n\x00\";") || strings.Count(c, "/") != 1 {
				t.Errorf("type %q", c)
			}
			if l := cleanLine(DecodeWords(s)); strings.ContainsAny(l, "\r\n\x00\u202e") {
				t.Errorf("line %q", l)
			}
		}
	}
}

func TestRisky(t *testing.T) {
	for _, n := range []string{"a.exe", "a.PDF.js", "a.html", "a.lnk", "a.docm", "a.iso", "a.svg"} {
		if !risky(n, "application/octet-stream") {
			t.Errorf("%s is not risky", n)
		}
	}
	for _, n := range []string{"a.pdf", "a.docx", "a.jpg", "a", "a.zip", "a.ics"} {
		if risky(n, "application/octet-stream") {
			t.Errorf("%s is risky", n)
		}
	}
}

func FuzzFileName(f *testing.F) {
	for _, s := range []string{"a.txt", "../x", "CON.x", "UTF-8''%2e%2e%2fx", "=?utf-8?B?Li4vLi4veA==?="} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		checkName(t, SafeName(param(map[string]string{"filename*0*": a, "filename*1": b}, "filename"), a))
		checkName(t, SafeName(param(map[string]string{"filename": a}, "filename"), b))
		_, p := mediaType(a + "; " + b)
		checkName(t, SafeName(param(p, "filename"), ""))
	})
}
