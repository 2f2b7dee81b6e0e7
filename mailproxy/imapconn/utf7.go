package imapconn

import (
	"encoding/base64"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// modified UTF-7 of mailbox names (RFC 3501 section 5.1.3)
var base64UTF7 = base64.NewEncoding("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,").WithPadding(base64.NoPadding).Strict()

func printable(c byte) bool { return c >= 0x20 && c <= 0x7e }

// encodeUTF7 writes a name in modified UTF-7.
func encodeUTF7(name string) string {
	var b strings.Builder
	for i := 0; i < len(name); {
		if printable(name[i]) {
			b.WriteByte(name[i])
			if name[i] == '&' {
				b.WriteByte('-')
			}
			i++
			continue
		}
		j := i
		for j < len(name) && !printable(name[j]) {
			j++
		}
		var wide []byte
		for _, u := range utf16.Encode([]rune(name[i:j])) {
			wide = append(wide, byte(u>>8), byte(u))
		}
		b.WriteByte('&')
		b.WriteString(base64UTF7.EncodeToString(wide))
		b.WriteByte('-')
		i = j
	}
	return b.String()
}

// decodeUTF7 reads a name as leniently as can be: what is not modified UTF-7 is
// taken for UTF-8, what is not UTF-8 for Latin-1, and control characters become
// U+FFFD.
func decodeUTF7(raw string) string {
	var b strings.Builder
	write := func(r rune) {
		if r < 0x20 || r == 0x7f || r >= 0x80 && r < 0xa0 {
			r = utf8.RuneError
		}
		b.WriteRune(r)
	}
	for i := 0; i < len(raw); {
		if raw[i] == '&' {
			if end := strings.IndexByte(raw[i:], '-'); end == 1 {
				write('&')
				i += 2
				continue
			} else if end > 1 {
				if text, ok := decodeShift(raw[i+1 : i+end]); ok {
					for _, r := range text {
						write(r)
					}
					i += end + 1
					continue
				}
			}
		}
		r, size := utf8.DecodeRuneInString(raw[i:])
		if r == utf8.RuneError && size <= 1 {
			r, size = rune(raw[i]), 1
		}
		write(r)
		i += size
	}
	return b.String()
}

func decodeShift(s string) (text []rune, ok bool) {
	if len(s) > 4096 {
		return nil, false
	}
	wide, err := base64UTF7.DecodeString(s)
	if err != nil || len(wide) == 0 || len(wide)%2 != 0 {
		return nil, false
	}
	units := make([]uint16, len(wide)/2)
	for i := range units {
		units[i] = uint16(wide[2*i])<<8 | uint16(wide[2*i+1])
	}
	for i := 0; i < len(units); i++ {
		r := rune(units[i])
		if utf16.IsSurrogate(r) {
			if i++; i == len(units) {
				return nil, false
			}
			r = utf16.DecodeRune(r, rune(units[i]))
			if r == utf8.RuneError {
				return nil, false
			}
		}
		if r < 0x80 && printable(byte(r)) {
			return nil, false
		}
		text = append(text, r)
	}
	return text, true
}
