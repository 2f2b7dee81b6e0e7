package store

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// cleanText makes s fit for a TEXT column of either engine: PostgreSQL refuses
// NUL and what is not UTF-8. Line breaks stay. At most max octets are kept.
func cleanText(s string, max int) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if strings.IndexByte(s, 0) >= 0 {
		s = strings.ReplaceAll(s, "\x00", "")
	}
	return cut(s, max)
}

// cleanLine is cleanText for what stands on one line: control characters and
// line breaks become spaces.
func cleanLine(s string, max int) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, cleanText(s, len(s)+2*max))
	return cut(strings.TrimSpace(s), max)
}

// cut keeps at most max octets and no half character.
func cut(s string, max int) string {
	if len(s) <= max {
		return s
	}
	for max > 0 && !utf8.RuneStart(s[max]) {
		max--
	}
	return s[:max]
}

// validKey reports whether s can be an account id or a key made by us: 1 to 200
// visible ASCII characters.
func validKey(s string) bool {
	if s == "" || len(s) > 200 {
		return false
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
