package parse

import (
	"strings"
)

const maxWordCharset = 75 // characters before the text of an encoded word

// DecodeWords decodes the encoded words (RFC 2047) of a field, broken ones too:
// inside quotes, without spaces around, with spaces inside, with a character or
// a base64 group split over two words, without an end. White space between two
// words goes. The result may hold any character; show it through one that cleans.
func DecodeWords(s string) string {
	i := strings.Index(s, "=?")
	if i < 0 {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	var run []word // adjacent words waiting to be decoded together
	flush := func() {
		decodeRun(&b, run)
		run = run[:0]
	}
	lastEnd := strings.LastIndex(s, "?=")
	for {
		w, rest, ok := cutWord(s[i:], lastEnd-i)
		if !ok {
			if len(run) > 0 {
				flush()
			}
			b.WriteString(s[:i+2])
			s, lastEnd = s[i+2:], lastEnd-i-2
		} else {
			between := s[:i]
			if len(run) > 0 && strings.TrimLeft(between, " \t\r\n") != "" {
				flush()
			}
			if len(run) == 0 {
				b.WriteString(between)
			}
			run = append(run, w)
			lastEnd -= len(s) - len(rest)
			s = rest
		}
		if i = strings.Index(s, "=?"); i < 0 {
			break
		}
	}
	flush()
	b.WriteString(s)
	return b.String()
}

type word struct {
	charset string
	enc     byte // 'b' or 'q'
	text    string
}

// cutWord reads the encoded word at the beginning of s. lastEnd is where the
// last "?=" of s begins, so that no text is searched twice in vain.
func cutWord(s string, lastEnd int) (w word, rest string, ok bool) {
	t := s[2:]
	q := strings.IndexByte(t[:min(len(t), maxWordCharset)], '?')
	if q <= 0 || q+2 >= len(t) || t[q+2] != '?' {
		return
	}
	w.charset = t[:q]
	if strings.ContainsAny(w.charset, " \t=\"<>,") {
		return
	}
	if i := strings.IndexByte(w.charset, '*'); i >= 0 { // language (RFC 2231 section 5)
		w.charset = w.charset[:i]
	}
	switch t[q+1] {
	case 'b', 'B':
		w.enc = 'b'
	case 'q', 'Q':
		w.enc = 'q'
	default:
		return
	}
	t = t[q+3:]
	used := len(s) - len(t)
	if lastEnd < used { // no end: up to the next space
		e := strings.IndexAny(t, " \t\r\n")
		if e < 0 {
			e = len(t)
		}
		w.text = t[:e]
		return w, t[e:], e > 0
	}
	e := strings.Index(t, "?=")
	w.text = t[:e]
	if strings.Contains(w.text, "=?") && w.enc == 'b' { // the end is missing, the next word begins
		e = strings.Index(w.text, "=?")
		w.text = strings.TrimRight(t[:e], " \t\r\n")
		return w, t[e:], true
	}
	return w, t[e+2:], true
}

// decodeRun decodes words that follow each other. Words of one charset are put
// together before their octets are read as characters.
func decodeRun(b *strings.Builder, run []word) {
	for i := 0; i < len(run); {
		j := i + 1
		var octets []byte
		text := run[i].text
		for ; j < len(run) && strings.EqualFold(run[j].charset, run[i].charset) && !alone(run[i].charset); j++ {
			if run[i].enc == 'b' && run[j].enc == 'b' && run[j-1].enc == 'b' && len(text)%4 != 0 && !strings.HasSuffix(text, "=") {
				text += run[j].text // a base64 group split over two words
				continue
			}
			octets = append(octets, wordOctets(run[j-1].enc, text)...)
			text = run[j].text
		}
		octets = append(octets, wordOctets(run[j-1].enc, text)...)
		s, _ := ToUTF8(octets, run[i].charset, false)
		b.WriteString(s)
		i = j
	}
}

// alone are the charsets whose state begins anew with every word.
func alone(charset string) bool {
	n := charsetName(charset)
	return n != "" && stateful(n) && !strings.HasPrefix(n, "utf-16b") && !strings.HasPrefix(n, "utf-16l")
}

func wordOctets(enc byte, text string) []byte {
	if enc == 'b' {
		var d base64Decoder
		out, _, _ := d.line(nil, []byte(text), false, true)
		return out
	}
	out := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '_':
			out = append(out, ' ')
		case c == '=' && i+2 < len(text) && unhex(text[i+1]) < 16 && unhex(text[i+2]) < 16:
			out = append(out, unhex(text[i+1])<<4|unhex(text[i+2]))
			i += 2
		default:
			out = append(out, c)
		}
	}
	return out
}
