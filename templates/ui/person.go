package ui

import (
	"hash/fnv"
	"strconv"
	"strings"
	"unicode"
)

const hues = 12 // as many as static/css/hue.css has

// Hue chooses the colour of a person or a label by what names it, always the same
// for the same name whatever its case. It is 0 to 11.
func Hue(name string) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(strings.ToLower(name)))
	return int(h.Sum32() % hues)
}

// Initials are the letters that stand for a person: of the first and the last word
// of the name, of a name in one word its first alone, and "?" when the name has no
// letter or digit. CJK names give their first character. At most two runes.
func Initials(name string) string {
	var first, last rune
	for word := range strings.FieldsSeq(name) {
		r := initial(word)
		if r == 0 {
			continue
		}
		if first == 0 {
			first = r
		} else {
			last = r
		}
	}
	switch {
	case first == 0:
		return "?"
	case last == 0 || !paired(first) || !paired(last):
		return string(first)
	}
	return string(first) + string(last)
}

// initial is the first letter or digit of a word, else 0.
func initial(word string) rune {
	for _, r := range word {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToUpper(r)
		}
	}
	return 0
}

// paired reports whether two letters of the script fit an avatar and are read as
// initials.
func paired(r rune) bool {
	return unicode.In(r, unicode.Latin, unicode.Greek, unicode.Cyrillic, unicode.Armenian) || unicode.IsDigit(r)
}

func hue(n int) string {
	if n < 0 || n >= hues {
		return ""
	}
	return strconv.Itoa(n)
}
