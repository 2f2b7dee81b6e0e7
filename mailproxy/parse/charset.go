package parse

import (
	"bytes"
	"encoding/binary"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/ianaindex"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
)

// ToUTF8 converts text to valid UTF-8 without NUL and control characters other
// than TAB, CR and LF. declared is the charset parameter, as written; html
// allows a meta element to say when it does not. Text that is UTF-8 although it
// is declared otherwise is taken as UTF-8. note is a plain sentence when the
// declared charset is unknown or cannot be right and a guess was made.
func ToUTF8(data []byte, declared string, html bool) (text, note string) {
	if isPlainASCII(data) && !stateful(declared) {
		return cleanText(string(data)), ""
	}
	name := charsetName(declared)
	dec, kind := lookup(name)
	if bytes.HasPrefix(data, []byte("\xef\xbb\xbf")) && utf8.Valid(data) {
		return cleanText(string(data[3:])), ""
	}
	if kind == kindUnknown || kind == kindUTF8 || kind == kindSingle {
		if s, ok := fromBOM(data); ok {
			return cleanText(s), ""
		}
	}
	switch kind {
	case kindUTF8:
		if utf8.Valid(data) {
			return cleanText(string(data)), ""
		}
		if mostlyUTF8(data) {
			return cleanText(strings.ToValidUTF8(string(data), "\uFFFD")), ""
		}
		note = "The text is not in the character set it is said to be in, so it may show wrong letters."
	case kindSingle:
		if hasHigh(data) && utf8.Valid(data) {
			return cleanText(string(data)), ""
		}
		if s, ok := fromISO2022(data); ok {
			return cleanText(s), ""
		}
		if dec != nil && !(html && name == "us-ascii" && metaCharset(data) != "") {
			return cleanText(decodeWith(dec, data)), ""
		}
	case kindMulti:
		s := decodeWith(dec, data)
		if n := strings.Count(s, "\uFFFD"); n > 0 && utf8.Valid(data) {
			return cleanText(string(data)), ""
		}
		return cleanText(s), ""
	case kindSpecial:
		if s, ok := decodeSpecial(name, data); ok {
			return cleanText(s), ""
		}
	case kindUnknown:
		if name != "" {
			note = "The text is in a character set that is not known, so it may show wrong letters."
		}
	}
	if kind == kindUnknown {
		if s, ok := fromISO2022(data); ok {
			return cleanText(s), note
		}
		if utf8.Valid(data) {
			return cleanText(string(data)), ""
		}
	}
	if html {
		if m := metaCharset(data); m != "" && m != name {
			if d, k := lookup(m); k == kindSingle || k == kindMulti {
				return cleanText(decodeWith(d, data)), note
			}
		}
	}
	if mostlyUTF8(data) {
		return cleanText(strings.ToValidUTF8(string(data), "\uFFFD")), note
	}
	if d := guess(data); d != nil {
		return cleanText(decodeWith(d, data)), note
	}
	return cleanText(decodeWith(charmap.Windows1252, data)), note
}

type charsetKind int

const (
	kindUnknown charsetKind = iota
	kindUTF8
	kindSingle  // one octet a character, a superset of ASCII
	kindMulti   // several octets a character
	kindSpecial // decoded by us
)

// charsetName cleans what stands in a charset parameter.
func charsetName(s string) string {
	s = strings.ToLower(strings.Trim(s, " \t\r\n\"'<>;,"))
	s = strings.TrimPrefix(s, "charset=")
	if i := strings.IndexAny(s, " \t;,\"'("); i >= 0 {
		s = s[:i]
	}
	if len(s) > 40 {
		return "?"
	}
	return strings.ReplaceAll(s, "_", "-")
}

// aliases are names seen in mail that neither index knows.
var aliases = map[string]string{
	"": "", "utf8": "utf-8", "utf-8-": "utf-8", "unicode-1-1-utf-8": "utf-8", "utf-8mb4": "utf-8", "cp65001": "utf-8", "x-utf-8j": "utf-8",
	"ascii": "us-ascii", "usascii": "us-ascii", "7bit": "us-ascii", "8bit": "", "unknown-8bit": "", "x-unknown": "", "unknown": "",
	"default": "", "default-charset": "", "none": "", "x-user-defined": "", "binary": "", "ansi": "windows-1252", "x-ansi": "windows-1252",
	"unicode-1-1-utf-7": "utf-7", "csunicode11utf7": "utf-7", "x-unicode-2-0-utf-7": "utf-7", "utf7": "utf-7",
	"utf16": "utf-16", "unicode": "utf-16", "ucs-2": "utf-16", "iso-10646-ucs-2": "utf-16", "utf-16-le": "utf-16le", "utf-16-be": "utf-16be",
	"utf32": "utf-32", "ucs-4": "utf-32", "utf-32le": "utf-32", "utf-32be": "utf-32",
	"iso-8859-8-i": "iso-8859-8", "iso-8859-8-e": "iso-8859-8", "iso-8859-6-i": "iso-8859-6", "iso-8859-6-e": "iso-8859-6",
	"cp932": "shift_jis", "ms932": "shift_jis", "windows-932": "shift_jis", "x-ms-cp932": "shift_jis", "sjis": "shift_jis", "shift-jis": "shift_jis", "x-sjis": "shift_jis", "windows-31j": "shift_jis", "cswindows31j": "shift_jis", "ms-kanji": "shift_jis",
	"eucjp": "euc-jp", "x-euc-jp": "euc-jp", "euc-jp-ms": "euc-jp", "cp51932": "euc-jp",
	"euckr": "euc-kr", "cp949": "euc-kr", "ms949": "euc-kr", "uhc": "euc-kr", "x-windows-949": "euc-kr", "windows-949": "euc-kr", "ks-c-5601-1987": "euc-kr", "ks-c-5601": "euc-kr", "ksc5601": "euc-kr", "ksc-5601": "euc-kr", "ks-c-5601-1989": "euc-kr", "johab": "",
	"gb2312": "gb18030", "gb-2312": "gb18030", "gb2312-80": "gb18030", "gb-2312-80": "gb18030", "gbk": "gb18030", "cp936": "gb18030", "ms936": "gb18030", "windows-936": "gb18030", "x-gbk": "gb18030", "euc-cn": "gb18030", "x-euc-cn": "gb18030", "gb": "gb18030", "chinesebig5": "big5",
	"cp950": "big5", "windows-950": "big5", "x-x-big5": "big5", "big-5": "big5", "big5-hkscs": "big5", "big5hkscs": "big5", "cn-big5": "big5", "x-big5": "big5", "big5-eten": "big5",
	"hz": "hz-gb-2312", "csiso2022jp2": "iso-2022-jp-2", "csiso2022kr": "iso-2022-kr",
	"tis620": "tis-620", "iso-8859-11": "windows-874", "cp874": "windows-874", "x-windows-874": "windows-874",
	"macroman": "macintosh", "mac": "macintosh", "x-mac-roman": "macintosh", "mac-roman": "macintosh", "mac-cyrillic": "x-mac-cyrillic", "x-mac-ukrainian": "x-mac-cyrillic", "maccyrillic": "x-mac-cyrillic",
	"koi8": "koi8-r", "koi-8-r": "koi8-r", "koi8r": "koi8-r", "koi8u": "koi8-u", "koi8-ru": "koi8-u",
	"cp866": "ibm866", "cp-866": "ibm866", "dos-866": "ibm866",
	"latin1": "iso-8859-1", "latin-1": "iso-8859-1", "latin2": "iso-8859-2", "latin-2": "iso-8859-2", "latin9": "iso-8859-15", "latin-9": "iso-8859-15",
}

var special = map[string]bool{
	"utf-7": true, "utf-16": true, "utf-16le": true, "utf-16be": true, "utf-32": true, "hz-gb-2312": true,
	"iso-2022-jp": true, "iso-2022-jp-1": true, "iso-2022-jp-2": true, "iso-2022-jp-3": true, "iso-2022-jp-ms": true, "iso-2022-kr": true, "iso-2022-cn": true, "cp50220": true, "cp50221": true,
}

func stateful(declared string) bool {
	n := charsetName(declared)
	if a, ok := aliases[n]; ok {
		n = a
	}
	return special[n]
}

func lookup(name string) (encoding.Encoding, charsetKind) {
	if a, ok := aliases[name]; ok {
		name = a
	}
	switch {
	case name == "":
		return nil, kindUnknown
	case name == "utf-8":
		return nil, kindUTF8
	case name == "us-ascii":
		return charmap.Windows1252, kindSingle
	case special[name]:
		return nil, kindSpecial
	}
	for _, p := range [...]string{"windows", "win", "cp-", "cp", "ibm-", "x-cp", "ms-", "iso-ir-"} { // cp1251, win-1251, windows1251
		if d, ok := strings.CutPrefix(name, p); ok {
			d = strings.TrimPrefix(d, "-")
			if len(d) == 4 && d[:3] == "125" {
				name = "windows-" + d
				break
			}
		}
	}
	if d, ok := strings.CutPrefix(name, "iso8859"); ok {
		name = "iso-8859-" + strings.TrimLeft(d, "-")
	} else if d, ok := strings.CutPrefix(name, "iso-8859"); ok {
		name = "iso-8859-" + strings.TrimLeft(d, "-")
	} else if d, ok := strings.CutPrefix(name, "8859-"); ok {
		name = "iso-8859-" + d
	}
	if i := strings.IndexByte(name, ':'); i > 0 { // iso-8859-1:1987
		name = name[:i]
	}
	e, err := htmlindex.Get(name)
	if err != nil || e == encoding.Replacement {
		if e, err = ianaindex.MIME.Encoding(name); err != nil || e == nil {
			if e, err = ianaindex.MIME.Encoding("cs" + strings.ReplaceAll(name, "-", "")); err != nil || e == nil {
				return nil, kindUnknown
			}
		}
	}
	if _, ok := e.(*charmap.Charmap); ok {
		return e, kindSingle
	}
	switch e {
	case simplifiedchinese.HZGB2312, japanese.ISO2022JP:
		return nil, kindSpecial
	}
	if n, err := htmlindex.Name(e); err == nil && n == "utf-8" {
		return nil, kindUTF8
	}
	return e, kindMulti
}

// KnownCharset reports whether text in a charset of this name can be decoded.
func KnownCharset(name string) bool {
	_, k := lookup(charsetName(name))
	return k != kindUnknown
}

func decodeWith(e encoding.Encoding, b []byte) string {
	out, err := e.NewDecoder().Bytes(b)
	if err != nil {
		return strings.ToValidUTF8(string(b), "\uFFFD")
	}
	return string(out)
}

func isPlainASCII(b []byte) bool {
	for _, c := range b {
		if c >= 0x80 || c == 0x1b || c == 0 {
			return false
		}
	}
	return true
}

func hasHigh(b []byte) bool {
	for _, c := range b {
		if c >= 0x80 {
			return true
		}
	}
	return false
}

// mostlyUTF8 reports whether broken bytes are few beside good sequences, as in
// text cut in the middle or with a stray octet.
func mostlyUTF8(b []byte) bool {
	good, bad := 0, 0
	for i := 0; i < len(b); {
		if b[i] < 0x80 {
			i++
			continue
		}
		r, n := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && n == 1 {
			bad++
		} else {
			good++
		}
		i += n
	}
	return good > 0 && bad*4 <= good
}

func fromBOM(b []byte) (string, bool) {
	switch {
	case bytes.HasPrefix(b, []byte{0xff, 0xfe, 0, 0}), bytes.HasPrefix(b, []byte{0, 0, 0xfe, 0xff}):
		return utf32Text(b), true
	case bytes.HasPrefix(b, []byte{0xff, 0xfe}), bytes.HasPrefix(b, []byte{0xfe, 0xff}):
		if bytes.IndexByte(b, 0) >= 0 {
			return utf16Text(b, nil), true
		}
	}
	return "", false
}

func decodeSpecial(name string, b []byte) (string, bool) {
	if a, ok := aliases[name]; ok {
		name = a
	}
	switch name {
	case "utf-7":
		return utf7Text(b), true
	case "utf-16":
		if len(b) > 4 && isASCIIText(b) { // mislabelled
			return string(b), true
		}
		return utf16Text(b, nil), true
	case "utf-16le", "utf-16be":
		if len(b) > 4 && isASCIIText(b) {
			return string(b), true
		}
		if name == "utf-16le" {
			return utf16Text(b, binary.LittleEndian), true
		}
		return utf16Text(b, binary.BigEndian), true
	case "utf-32":
		if len(b) > 4 && isASCIIText(b) {
			return string(b), true
		}
		return utf32Text(b), true
	case "hz-gb-2312":
		return decodeWith(simplifiedchinese.HZGB2312, b), true
	}
	if s, ok := fromISO2022(b); ok {
		return s, true
	}
	if !hasHigh(b) {
		return string(b), true
	}
	switch {
	case utf8.Valid(b):
		return string(b), true
	case strings.HasPrefix(name, "iso-2022-jp"), strings.HasPrefix(name, "cp5022"):
		return decodeWith(japanese.ShiftJIS, b), true
	case name == "iso-2022-kr":
		return decodeWith(korean.EUCKR, b), true
	}
	return "", false
}

func isASCIIText(b []byte) bool {
	for _, c := range b {
		if c >= 0x80 || c == 0 {
			return false
		}
	}
	return true
}

// utf16Text decodes UTF-16. order nil means: by the byte order mark, else by
// where the zero octets are, else big endian (RFC 2781 section 4.3).
func utf16Text(b []byte, order binary.ByteOrder) string {
	if len(b) >= 2 {
		switch {
		case b[0] == 0xff && b[1] == 0xfe:
			order, b = binary.LittleEndian, b[2:]
		case b[0] == 0xfe && b[1] == 0xff:
			order, b = binary.BigEndian, b[2:]
		}
	}
	if order == nil {
		even, odd := 0, 0
		for i := 0; i+1 < len(b); i += 2 {
			if b[i] == 0 {
				even++
			}
			if b[i+1] == 0 {
				odd++
			}
		}
		order = binary.BigEndian
		if odd > even {
			order = binary.LittleEndian
		}
	}
	u := make([]uint16, len(b)/2)
	for i := range u {
		u[i] = order.Uint16(b[2*i:])
	}
	return string(utf16.Decode(u))
}

func utf32Text(b []byte) string {
	var order binary.ByteOrder = binary.BigEndian
	if len(b) >= 4 {
		switch {
		case b[0] == 0xff && b[1] == 0xfe:
			order, b = binary.LittleEndian, b[4:]
		case b[2] == 0xfe && b[3] == 0xff:
			b = b[4:]
		case b[1] != 0 || b[3] == 0: // no mark, low octet first
			order = binary.LittleEndian
		}
	}
	var s strings.Builder
	for i := 0; i+3 < len(b); i += 4 {
		v := order.Uint32(b[i:])
		if v > utf8.MaxRune {
			v = utf8.RuneError
		}
		s.WriteRune(rune(v))
	}
	return s.String()
}

// utf7Text decodes UTF-7 (RFC 2152). Octets that do not belong there stay as
// Latin letters.
func utf7Text(b []byte) string {
	var s strings.Builder
	for i := 0; i < len(b); {
		c := b[i]
		if c != '+' {
			if c < 0x80 {
				s.WriteByte(c)
				i++
			} else if r, n := utf8.DecodeRune(b[i:]); r != utf8.RuneError {
				s.WriteRune(r)
				i += n
			} else {
				s.WriteRune(rune(c))
				i++
			}
			continue
		}
		i++
		if i < len(b) && b[i] == '-' {
			s.WriteByte('+')
			i++
			continue
		}
		var acc uint32
		var bits uint
		var u []uint16
		start := i
		for i < len(b) {
			v := base64Value[b[i]]
			if v == 0xff {
				break
			}
			acc = acc<<6 | uint32(v)
			if bits += 6; bits >= 16 {
				bits -= 16
				u = append(u, uint16(acc>>bits))
				acc &= 1<<bits - 1
			}
			i++
		}
		if i == start {
			s.WriteByte('+')
			continue
		}
		s.WriteString(string(utf16.Decode(u)))
		if i < len(b) && b[i] == '-' {
			i++
		}
	}
	return s.String()
}

// fromISO2022 decodes the ISO-2022 family by its escape sequences: JP (RFC 1468),
// JP-1 and JP-2 (RFC 1554), KR (RFC 1557) and the GB part of CN (RFC 1922). It
// reports false when there is no sequence that shifts.
func fromISO2022(b []byte) (string, bool) {
	if !bytes.Contains(b, []byte("\x1b$")) && !bytes.Contains(b, []byte("\x1b(")) && !bytes.Contains(b, []byte("\x1b.")) {
		return "", false
	}
	type set int
	const (
		ascii set = iota
		kana
		jis
		jis2
		gb
		ksc
	)
	var s strings.Builder
	g0, g1, g2 := ascii, ascii, byte(0)
	shifted := false
	var buf []byte
	bufSet := ascii
	flush := func() {
		if len(buf) == 0 {
			return
		}
		switch bufSet {
		case ascii:
			s.WriteString(strings.ToValidUTF8(string(buf), "\uFFFD"))
		case kana, jis, jis2:
			s.WriteString(decodeWith(japanese.EUCJP, buf))
		case gb:
			s.WriteString(decodeWith(simplifiedchinese.GBK, buf))
		case ksc:
			s.WriteString(decodeWith(korean.EUCKR, buf))
		}
		buf = buf[:0]
	}
	has := func(rest []byte, seq string) bool { return bytes.HasPrefix(rest, []byte(seq)) }
	for i := 0; i < len(b); {
		c := b[i]
		if c == 0x1b {
			rest := b[i+1:]
			n := 0
			switch {
			case has(rest, "(B"), has(rest, "(J"), has(rest, "(H"):
				g0, n = ascii, 2
			case has(rest, "(I"):
				g0, n = kana, 2
			case has(rest, "$@"), has(rest, "$B"):
				g0, n = jis, 2
			case has(rest, "$A"):
				g0, n = gb, 2
			case has(rest, "$(B"), has(rest, "$(@"), has(rest, "$(O"), has(rest, "$(Q"):
				g0, n = jis, 3
			case has(rest, "$(D"):
				g0, n = jis2, 3
			case has(rest, "$(C"):
				g0, n = ksc, 3
			case has(rest, "$(A"):
				g0, n = gb, 3
			case has(rest, "$)C"):
				g1, n = ksc, 3
			case has(rest, "$)A"):
				g1, n = gb, 3
			case has(rest, ".A"), has(rest, ".F"):
				g2, n = rest[1], 2
			case has(rest, "N") && len(rest) > 1 && g2 != 0:
				flush()
				cs := charmap.ISO8859_1
				if g2 == 'F' {
					cs = charmap.ISO8859_7
				}
				s.WriteRune(cs.DecodeByte(rest[1] | 0x80))
				n = 2
			}
			i += 1 + n
			continue
		}
		if c == 0x0e || c == 0x0f {
			shifted = c == 0x0e
			i++
			continue
		}
		cur := g0
		if shifted && g1 != ascii {
			cur = g1
		}
		if c <= ' ' || c == 0x7f {
			if c == '\n' { // every line begins in ASCII
				g0, shifted = ascii, false
			}
			cur = ascii
		}
		if cur != bufSet {
			flush()
			bufSet = cur
		}
		switch cur {
		case ascii:
			buf = append(buf, c)
		case kana:
			buf = append(buf, 0x8e, c|0x80)
		default:
			if i+1 >= len(b) {
				i++
				continue
			}
			if cur == jis2 {
				buf = append(buf, 0x8f)
			}
			buf = append(buf, c|0x80, b[i+1]|0x80)
			i++
		}
		i++
	}
	flush()
	return s.String(), true
}

// metaCharset finds the charset of a meta element in the first 4 KiB.
func metaCharset(b []byte) string {
	b = bytes.ToLower(b[:min(len(b), 4096)])
	for {
		i := bytes.Index(b, []byte("<meta"))
		if i < 0 {
			break
		}
		b = b[i+5:]
		end := bytes.IndexByte(b, '>')
		if end < 0 {
			break
		}
		tag := b[:end]
		if j := bytes.Index(tag, []byte("charset")); j >= 0 {
			v := bytes.TrimLeft(tag[j+7:], " \t\r\n")
			if len(v) > 0 && v[0] == '=' {
				v = bytes.TrimLeft(v[1:], " \t\r\n\"'")
				k := bytes.IndexAny(v, " \t\r\n\"';/")
				if k >= 0 {
					v = v[:k]
				}
				return charsetName(string(v))
			}
		}
		b = b[end:]
	}
	if bytes.HasPrefix(bytes.TrimLeft(b, " \t\r\n"), []byte("<?xml")) {
		if i := bytes.Index(b, []byte("encoding=")); i >= 0 {
			v := bytes.Trim(b[i+9:min(len(b), i+60)], "\"'")
			if k := bytes.IndexAny(v, "\"'? "); k > 0 {
				return charsetName(string(v[:k]))
			}
		}
	}
	return ""
}
