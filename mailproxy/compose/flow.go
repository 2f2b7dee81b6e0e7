package compose

import (
	"strings"
	"unicode/utf8"
)

const (
	flowLen = 76 // characters at which a paragraph is wrapped softly (RFC 3676 section 4.2)
	flowMax = 78 // characters up to which a line is left as it is
)

// lines cuts text at CRLF, CR or LF and drops the control characters that have
// no place in a mail. The last line needs no end.
func lines(s string) []string {
	s = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(strings.ToValidUTF8(s, "\uFFFD"))
	if strings.ContainsFunc(s, dropped) {
		s = strings.Map(func(r rune) rune {
			if dropped(r) {
				return -1
			}
			return r
		}, s)
	}
	return strings.Split(strings.TrimSuffix(s, "\n"), "\n")
}

func dropped(r rune) bool { return r < ' ' && r != '\t' && r != '\n' || r == 0x7f }

// quoteDepth takes the quote marks off a line: ">", "> >" and ">>" alike.
func quoteDepth(line string) (depth int, rest string) {
	for {
		switch {
		case strings.HasPrefix(line, ">"):
			line = line[1:]
		case depth > 0 && strings.HasPrefix(line, " >"):
			line = line[2:]
		default:
			if depth > 0 {
				line = strings.TrimPrefix(line, " ")
			}
			return depth, line
		}
		depth++
	}
}

// Flow writes text as format=flowed (RFC 3676): long lines are wrapped softly
// with their quote marks repeated, lines that could be misread are stuffed with a
// space, "-- " stays the signature mark. Line ends are CRLF.
func Flow(text string) string {
	var b strings.Builder
	b.Grow(len(text) + len(text)/32 + 2)
	for _, l := range lines(text) {
		depth, rest := quoteDepth(l)
		prefix := strings.Repeat(">", depth)
		if rest != "-- " {
			rest = strings.TrimRight(rest, " ")
		}
		if depth > 0 {
			if rest != "" {
				prefix += " "
			}
		}
		if utf8.RuneCountInString(rest)+len(prefix) <= flowMax {
			put(&b, prefix, rest)
			continue
		}
		width := max(flowLen-len(prefix), 20)
		for utf8.RuneCountInString(rest) > width {
			cut := softBreak(rest, width)
			if cut < 0 {
				break
			}
			put(&b, prefix, rest[:cut])
			rest = rest[cut:]
		}
		put(&b, prefix, rest)
	}
	return b.String()
}

// softBreak is the place behind the last space within width characters, or
// behind the first one after them; -1 without one. The space stays at the end of
// the line, where it says that the paragraph goes on.
func softBreak(s string, width int) int {
	last, n := -1, 0
	for i, r := range s {
		n++
		// Not before the end or before another space: the next line would begin
		// with the space; and never leave "-- " alone on a line.
		if r == ' ' && i+1 < len(s) && s[i+1] != ' ' && s[:i+1] != "-- " {
			if n > width && last >= 0 {
				return last
			}
			last = i + 1
			if n > width {
				return last
			}
		} else if n > width && last >= 0 {
			return last
		}
	}
	return -1
}

func put(b *strings.Builder, prefix, rest string) {
	b.WriteString(prefix)
	if prefix == "" && (strings.HasPrefix(rest, " ") || strings.HasPrefix(rest, "From ") || strings.HasPrefix(rest, ">")) {
		b.WriteByte(' ')
	}
	b.WriteString(rest)
	b.WriteString("\r\n")
}

// Unflow is the text that Flow was given: paragraphs joined, stuffing removed,
// quote marks written as "> " or ">> ".
func Unflow(s string, delSp bool) string {
	var b strings.Builder
	open, openDepth := false, 0 // the line before was soft
	first := true
	for _, l := range lines(s) {
		depth := 0
		for strings.HasPrefix(l, ">") {
			l, depth = l[1:], depth+1
		}
		l = strings.TrimPrefix(l, " ")
		soft := strings.HasSuffix(l, " ") && l != "-- "
		joined := open && depth == openDepth && l != "-- "
		if !joined {
			if !first {
				b.WriteByte('\n')
			}
			if depth > 0 {
				b.WriteString(strings.Repeat(">", depth))
				if l != "" {
					b.WriteByte(' ')
				}
			}
		}
		if soft && delSp {
			l = l[:len(l)-1]
		}
		b.WriteString(l)
		open, openDepth, first = soft, depth, false
	}
	if strings.HasSuffix(b.String(), "\n") {
		b.WriteByte('\n') // an empty last line is a line
	}
	return b.String()
}

// Quote puts one more quote mark before every line, for an answer.
func Quote(text string) string {
	var b strings.Builder
	b.Grow(len(text) + len(text)/32 + 2)
	for i, l := range lines(strings.TrimRight(text, " \t\r\n")) {
		if i > 0 {
			b.WriteByte('\n')
		}
		depth, rest := quoteDepth(l)
		b.WriteString(strings.Repeat(">", depth+1))
		if rest = strings.TrimRight(rest, " "); rest != "" {
			b.WriteByte(' ')
			b.WriteString(rest)
		}
	}
	return b.String()
}
