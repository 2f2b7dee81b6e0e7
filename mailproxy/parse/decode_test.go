package parse

import (
	"bytes"
	"encoding/base64"
	"io"
	"mime/quotedprintable"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"
)

func TestDecode(t *testing.T) {
	tests := []struct{ name, enc, in, want string }{
		{"base64", "base64", "SGVsbG8s\r\nIHdvcmxk\r\n", "Hello, world"},
		{"no padding", "BASE64", "SGVsbG8", "Hello"},
		{"rubbish between", "base64", "SGV!s*bG8=", "Hello"},
		{"several in a row", "base64", "SGk=\r\nVGhlcmU=\r\n", "HiThere"},
		{"several in one line", "base64", "SGk=VGhlcmU=", "HiThere"},
		{"footer behind padding", "base64", "SGk=\r\n_______________\r\nlist mailing list\r\nhttp://x.test/\r\n", "Hi"},
		{"words behind padding", "base64", "SGk= ignored words", "Hi"},
		{"footer without padding", "base64", "SGVs\r\n--\r\nSent from my list, with love\r\n", "Hel"},
		{"broken groups over lines", "base64", "SG\r\nVs\r\nbG8=", "Hello"},
		{"qp", "quoted-printable", "a=3Db=\r\nc \t\r\nd=c3=A9", "a=bc\r\ndé"},
		{"qp bad codes stay", "quoted-printable", "a=ZZ =4 100%=", "a=ZZ =4 100%"},
		{"qp soft break with space", "quoted-printable", "a= \r\nb", "ab"},
		{"qp LF", "quoted-printable", "a=\nb\n", "ab\n"},
		{"qp name with spaces", " Quoted-Printable ; x", "=41", "A"},
		{"uu", "x-uuencode", "junk\nbegin 644 a.txt\n%2&5L;&\\\n`\nend\nafter", "Hello"},
		{"uu length lies", "uuencode", "begin 644 a\nM2&5L\nend\n", "Hel"},
		{"8bit", "8bit", "a=41", "a=41"},
		{"unknown", "x-foo", "a=41", "a=41"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := string(DecodeBytes([]byte(tt.in), tt.enc)); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			b, err := io.ReadAll(Decode(iotest.OneByteReader(strings.NewReader(tt.in)), tt.enc))
			if err != nil || string(b) != tt.want {
				t.Errorf("streamed: %q, %v", b, err)
			}
		})
	}
	b, err := io.ReadAll(Decode(io.MultiReader(strings.NewReader("SGVsbG8="), iotest.ErrReader(io.ErrUnexpectedEOF)), "base64"))
	if string(b) != "Hello" || err != io.ErrUnexpectedEOF {
		t.Errorf("an error of the source: %q, %v", b, err)
	}
}

func TestDecodeLongLines(t *testing.T) {
	data := bytes.Repeat([]byte("0123456789 é=\t"), 20000)
	b64 := base64.StdEncoding.EncodeToString(data)
	if got := DecodeBytes([]byte(b64), "base64"); !bytes.Equal(got, data) {
		t.Error("base64 in one line differs")
	}
	var qp bytes.Buffer
	w := quotedprintable.NewWriter(&qp)
	_, _ = w.Write(data)
	_ = w.Close()
	if got := DecodeBytes(qp.Bytes(), "quoted-printable"); !bytes.Equal(got, data) {
		t.Error("quoted-printable differs")
	}
	one := strings.ReplaceAll(qp.String(), "=\r\n", "")
	if got := DecodeBytes([]byte(one), "quoted-printable"); !bytes.Equal(got, data) {
		t.Error("quoted-printable in one line differs")
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte("SGVsbG8="), byte(0))
	f.Add([]byte("a=41=\r\nb"), byte(1))
	f.Add([]byte("begin 644 a\nM2&5L\nend\n"), byte(2))
	f.Fuzz(func(t *testing.T, in []byte, which byte) {
		enc := []string{"base64", "quoted-printable", "uuencode"}[which%3]
		got := DecodeBytes(in, enc)
		if len(got) > len(in)+2 {
			t.Errorf("%d octets from %d", len(got), len(in))
		}
		if bytes.Count(in, []byte("\n")) == 0 && len(in) >= maxPiece {
			return // cut elsewhere
		}
		slow, err := io.ReadAll(Decode(iotest.OneByteReader(bytes.NewReader(in)), enc))
		if err != nil || !bytes.Equal(slow, got) {
			t.Errorf("byte by byte: %q, %v; at once: %q", slow, err, got)
		}
	})
}

func TestToUTF8(t *testing.T) {
	tests := []struct {
		name, charset, in, want string
		html, note              bool
	}{
		{"utf-8", "utf-8", "é", "é", false, false},
		{"quoted name", `"UTF-8"`, "é", "é", false, false},
		{"single quotes", "'utf-8'", "é", "é", false, false},
		{"cp1252 as latin1", "iso-8859-1", "\x93a\x94", "“a”", false, false},
		{"cp1252 as ascii", "us-ascii", "\x80", "€", false, false},
		{"utf-8 as latin1", "iso-8859-1", "é", "é", false, false},
		{"utf-8 as windows-1251", "windows-1251", "привет", "привет", false, false},
		{"latin1 as utf-8", "utf-8", "caf\xe9 cr\xe8me", "café crème", false, true},
		{"utf-8 cut", "utf-8", "привет\xd0", "привет\uFFFD", false, false},
		{"none, utf-8", "", "é", "é", false, false},
		{"none, western", "", "caf\xe9", "café", false, false},
		{"unknown", "x-nonesuch", "caf\xe9", "café", false, true},
		{"meta", "", "<html><meta charset=koi8-r>\xd0\xd2\xc9\xd7\xc5\xd4", "<html><meta charset=koi8-r>привет", true, false},
		{"header before meta", "windows-1251", "<meta charset=koi8-r>\xef\xf0\xe8\xe2\xe5\xf2", "<meta charset=koi8-r>привет", true, false},
		{"byte order mark", "", "\xef\xbb\xbfa", "a", false, false},
		{"utf-16 with mark", "", "\xff\xfea\x00b\x00", "ab", false, false},
		{"utf-16 name on ascii", "utf-16", "plain text", "plain text", false, false},
		{"utf-7", "unicode-1-1-utf-7", "A+ImIDkQ.", "A≢Α.", false, false},
		{"utf-7 plus", "utf-7", "1 +- 1", "1 + 1", false, false},
		{"iso-2022-jp unlabelled", "us-ascii", "\x1b$BF|K\\8l\x1b(B", "日本語", false, false},
		{"iso-2022-kr", "iso-2022-kr", "\x1b$)C\x0e0!\x0f!", "가!", false, false},
		{"controls", "utf-8", "a\x00b\x07c\u0085d\x1b[1m", "abc\nd[1m", false, false},
		{"guess Cyrillic", "", "\xcf\xf0\xe8\xe2\xe5\xf2, \xea\xe0\xea \xe4\xe5\xeb\xe0", "Привет, как дела", false, false},
		{"guess Shift_JIS", "", "\x82\xb1\x82\xf1\x82\xc9\x82\xbf\x82\xcd\x81A\x90\xa2\x8aE", "こんにちは、世界", false, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, note := ToUTF8([]byte(tt.in), tt.charset, tt.html)
			if got != tt.want || (note != "") != tt.note {
				t.Errorf("got %q, note %q; want %q", got, note, tt.want)
			}
		})
	}
}

func FuzzToUTF8(f *testing.F) {
	for _, cs := range []string{"", "utf-8", "utf-7", "utf-16", "utf-32", "iso-2022-jp", "iso-2022-kr", "hz-gb-2312", "gb18030", "big5", "x-nonesuch"} {
		f.Add([]byte("a\x1b$B0!\xff\xfe"), cs, true)
	}
	f.Fuzz(func(t *testing.T, in []byte, cs string, html bool) {
		s, _ := ToUTF8(in, cs, html)
		if !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return r < 0x20 && r != '\n' && r != '\r' && r != '\t' || r >= 0x7f && r < 0xa0 }) {
			t.Errorf("%q is not clean", s)
		}
	})
}

func FuzzDecodeWords(f *testing.F) {
	f.Add("=?utf-8?q?a?= =?utf-8?b?YQ==?=")
	f.Add("=?x?q?=?=?=?")
	f.Fuzz(func(t *testing.T, s string) {
		if got := cleanLine(DecodeWords(s)); strings.ContainsAny(got, "\r\n\x00") || !utf8.ValidString(got) {
			t.Errorf("%q", got)
		}
	})
}
