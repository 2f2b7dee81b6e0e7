package parse

import (
	"strings"
	"unicode/utf8"
)

// cleanText makes s valid UTF-8 without NUL and control characters other than
// TAB, CR and LF (C1 too, NEL becomes LF).
func cleanText(s string) string {
	dirty := false
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < 0x20 && c != '\n' && c != '\r' && c != '\t' || c == 0x7f || c >= 0x80 {
			dirty = true
			break
		}
	}
	if !dirty {
		return s
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\r' || r == '\t':
			return r
		case r == 0x85:
			return '\n'
		case r < 0x20 || r >= 0x7f && r < 0xa0:
			return -1
		}
		return r // invalid bytes come as U+FFFD
	}, s)
}

// cleanLine makes s one line fit for showing: valid UTF-8, white space folded,
// no control characters, none that turn the direction of what follows or show
// as nothing at all.
func cleanLine(s string) string {
	plain := true
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < 0x20 || c >= 0x7f || c == ' ' && (i == 0 || i == len(s)-1 || s[i-1] == ' ') {
			plain = false
			break
		}
	}
	if plain {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	space := false
	for _, r := range s {
		switch {
		case r <= ' ' || r == 0x7f || r >= 0x80 && r <= 0xa0 || r == 0x2028 || r == 0x2029 || r == 0x3000 || r == 0x2800:
			space = true
			continue
		case invisible(r):
			continue
		}
		if space && b.Len() > 0 {
			b.WriteByte(' ')
		}
		space = false
		b.WriteRune(r)
	}
	return b.String()
}

// invisible are the characters that change how others are shown, or show as
// nothing: bidirectional embeddings, overrides and isolates, zero-width spaces,
// soft hyphens, byte order marks and tag characters. Joiners stay: scripts and
// emoji need them.
func invisible(r rune) bool {
	switch {
	case r < 0xad:
		return false
	case r == 0xad, r == 0x200b, r == 0x2060, r == 0xfeff, r == 0x180e, r == 0x034f:
		return true
	case r >= 0x202a && r <= 0x202e, r >= 0x2061 && r <= 0x206f, r >= 0xfff9 && r <= 0xfffb:
		return true
	case r >= 0xe0000 && r <= 0xe007f:
		return true
	}
	return false
}

// clip cuts s to at most n characters, with an ellipsis when it was longer.
func clip(s string, n int) string {
	if len(s) <= n || utf8.RuneCountInString(s) <= n {
		return s
	}
	i, k := 0, 0
	for i = range s {
		if k == n-1 {
			break
		}
		k++
	}
	return strings.TrimRight(s[:i], " ") + "…"
}
