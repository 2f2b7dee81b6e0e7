package parse

import (
	"unicode"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
)

const (
	guessLen = 4096 // octets looked at
	guessMin = 8    // octets over 0x7f needed before anything is guessed
)

// guess names the charset of undeclared text that is not UTF-8, nil when
// windows-1252 is as good as any. It decodes the beginning with each candidate
// and asks which gives letters of one script: East Asian text decodes without a
// fault in one charset only, Cyrillic is mostly small letters in one of three.
func guess(b []byte) encoding.Encoding {
	b = b[:min(len(b), guessLen)]
	high, pairs := 0, 0
	for i, c := range b {
		if c >= 0x80 {
			high++
			if i > 0 && b[i-1] >= 0x80 {
				pairs++
			}
		}
	}
	if high < guessMin || pairs*2 < high {
		return nil // single letters among ASCII: a Western text
	}
	var best encoding.Encoding
	bestScore := 0
	for _, e := range [...]encoding.Encoding{
		japanese.EUCJP, japanese.ShiftJIS, korean.EUCKR, traditionalchinese.Big5, simplifiedchinese.GBK,
		charmap.Windows1251, charmap.KOI8R, charmap.CodePage866,
	} {
		if s := score(e, b); s > bestScore {
			best, bestScore = e, s
		}
	}
	if bestScore < 60 {
		return nil
	}
	return best
}

// score is how well text decodes with e, in percent of its letters over ASCII.
func score(e encoding.Encoding, b []byte) int {
	s := decodeWith(e, b)
	n, good, bad := 0, 0, 0
	var prev rune
	for _, r := range s {
		if r < 0x80 {
			prev = r
			continue
		}
		n++
		switch {
		case r == unicode.ReplacementChar || r >= 0xe000 && r < 0xf900:
			bad += 4
		case r >= 0x3040 && r < 0x3100: // kana: only Japanese has it in number
			good += 110
		case r >= 0xac00 && r < 0xd7a4:
			good += 95
		case r >= 0x4e00 && r < 0xa000:
			good += hanScore(e, r)
		case r >= 0x3000 && r < 0x3020, r >= 0xff00 && r < 0xff66:
			good += 90
		case r >= 0x0430 && r <= 0x044f:
			good += 90
		case r >= 0x0410 && r <= 0x042f || r == 'ё':
			if prev >= 0x0430 && prev <= 0x044f { // a capital behind a small letter
				bad++
			} else {
				good += 70
			}
		case r >= 0xff66 && r < 0xffa0: // half-width kana: what misread text turns into
			bad++
		default:
			bad++
		}
		prev = r
	}
	if n == 0 {
		return 0
	}
	return (good - 60*bad) / n
}

// hanScore prefers the charset whose common characters these are: the first
// level of each is ordered by use, and misread text lands in its far ends.
func hanScore(e encoding.Encoding, r rune) int {
	raw, err := e.NewEncoder().Bytes([]byte(string(r)))
	if err != nil || len(raw) != 2 {
		return 20
	}
	c, d := raw[0], raw[1]
	switch e {
	case simplifiedchinese.GBK:
		if c >= 0xb0 && c <= 0xd7 && d >= 0xa1 {
			return 88
		}
	case traditionalchinese.Big5:
		if c >= 0xa4 && c <= 0xc6 {
			return 90
		}
	case japanese.EUCJP:
		if c >= 0xb0 && c <= 0xcf {
			return 80
		}
	case japanese.ShiftJIS:
		if c >= 0x88 && c <= 0x98 {
			return 80
		}
	case korean.EUCKR:
		return 40 // Korean mail is written in Hangul
	}
	return 30
}
