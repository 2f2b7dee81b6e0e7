package parse

import (
	"strings"
	"unicode/utf8"

	"postern/mailproxy/mail"
)

const (
	maxQuoteDepth = 20     // deeper quotes are shown at this depth
	maxBlocks     = 5000   // blocks of one text
	maxLines      = 100000 // lines of one text
	maxLinks      = 10000  // links of one text
	maxLine       = 64 << 10
)

// Text cuts plain text into blocks by quote depth, with signature, columns that
// must be kept, patches and links found. flowed and delSp are the parameters of
// format=flowed (RFC 3676). At most 2 MiB and 100,000 lines are shown; cut is set when there was
// more. An attribution ("On … wrote:") goes with the quote that follows, what
// follows "-----Original Message-----" is one quote deeper.
func Text(s string, flowed, delSp bool) (blocks []mail.TextBlock, cut bool) {
	if len(s) > maxShown {
		s, cut = s[:maxShown], true
		if i := strings.LastIndexByte(s, '\n'); i > maxShown/2 {
			s = s[:i]
		}
	}
	s = strings.ToValidUTF8(s, "\uFFFD")
	lines := splitLines(s, flowed)
	if len(lines) > maxLines {
		lines, cut = lines[:maxLines], true
	}
	if flowed {
		lines = unflow(lines, delSp)
	}
	for len(lines) > 0 && lines[0].text == "" {
		lines = lines[1:]
	}
	for len(lines) > 0 && lines[len(lines)-1].text == "" {
		lines = lines[:len(lines)-1]
	}
	markOriginal(lines)
	markAttribution(lines)
	markSignature(lines)
	markFixed(lines)
	l := linker{left: maxLinks}
	for _, ln := range lines {
		n := len(blocks)
		if n == 0 || blocks[n-1].Depth != ln.depth || blocks[n-1].Signature != ln.sig || blocks[n-1].Fixed != ln.fixed {
			if n == maxBlocks {
				return blocks, true
			}
			blocks = append(blocks, mail.TextBlock{Depth: ln.depth, Signature: ln.sig, Fixed: ln.fixed})
			n++
		}
		b := &blocks[n-1]
		b.Lines = append(b.Lines, l.line(ln.text, ln.diff))
	}
	return blocks, cut
}

type textLine struct {
	text  string
	depth int
	soft  bool // flowed: goes on in the next line
	sig   bool
	fixed bool
	diff  byte
}

func splitLines(s string, flowed bool) []textLine {
	lines := make([]textLine, 0, min(strings.Count(s, "\n")+1, maxLines+2))
	for len(s) > 0 && len(lines) <= maxLines {
		var t string
		i := strings.IndexAny(s, "\r\n")
		switch {
		case i < 0:
			t, s = s, ""
		case s[i] == '\r' && i+1 < len(s) && s[i+1] == '\n':
			t, s = s[:i], s[i+2:]
		default:
			t, s = s[:i], s[i+1:]
		}
		for len(t) > maxLine {
			n := maxLine
			for !utf8.RuneStart(t[n]) {
				n--
			}
			lines = append(lines, textLine{text: t[:n]})
			t = t[n:]
		}
		lines = append(lines, unquote(t, flowed))
	}
	return lines
}

// unquote counts and strips the quote marks of a line. Outside format=flowed a
// space may stand between them ("> > text").
func unquote(t string, flowed bool) textLine {
	d, i := 0, 0
	for i < len(t) {
		if t[i] == '>' {
			d++
			i++
			continue
		}
		if !flowed && d > 0 && t[i] == ' ' && i+1 < len(t) && t[i+1] == '>' {
			i++
			continue
		}
		break
	}
	if d == 1 && strings.HasPrefix(t, ">From ") { // mbox quoting
		return textLine{text: t[1:]}
	}
	t = t[i:]
	if (flowed || d > 0) && strings.HasPrefix(t, " ") { // space-stuffing, or the space behind the mark
		t = t[1:]
	}
	ln := textLine{text: t, depth: min(d, maxQuoteDepth)}
	if flowed {
		ln.soft = strings.HasSuffix(t, " ") && t != "-- "
	} else {
		ln.text = trimEnd(t)
	}
	return ln
}

// trimEnd drops white space at the end, but for the signature's separator.
func trimEnd(t string) string {
	if t == "-- " {
		return t
	}
	return strings.TrimRight(t, " \t\u00a0")
}

// unflow joins the lines of format=flowed paragraphs (RFC 3676 section 4.1).
func unflow(lines []textLine, delSp bool) []textLine {
	out := lines[:0]
	for i := 0; i < len(lines); {
		ln := lines[i]
		if !ln.soft {
			ln.text = trimEnd(ln.text)
			out = append(out, ln)
			i++
			continue
		}
		var b strings.Builder
		j := i
		for ; j < len(lines) && lines[j].depth == ln.depth && lines[j].text != "-- "; j++ {
			t := lines[j].text
			if delSp && lines[j].soft {
				t = t[:len(t)-1]
			}
			b.WriteString(t)
			if !lines[j].soft || b.Len() > maxLine {
				j++
				break
			}
		}
		out = append(out, textLine{text: trimEnd(b.String()), depth: ln.depth})
		i = max(j, i+1)
	}
	return out
}

// markOriginal moves what follows "-----Original Message-----" one level down.
func markOriginal(lines []textLine) {
	for i, ln := range lines {
		if ln.depth > 0 || !isOriginalMark(ln.text) {
			continue
		}
		for j := i; j < len(lines); j++ {
			lines[j].depth = min(lines[j].depth+1, maxQuoteDepth)
		}
		return
	}
}

func isOriginalMark(t string) bool {
	t = strings.TrimSpace(t)
	if len(t) > 80 || !strings.HasPrefix(t, "--") || !strings.HasSuffix(t, "--") {
		return false
	}
	switch strings.ToLower(strings.Trim(t, "- ")) {
	case "original message", "ursprüngliche nachricht", "originalnachricht", "original-nachricht", "message d'origine", "message original", "mensaje original",
		"messaggio originale", "oorspronkelijk bericht", "wiadomość oryginalna", "mensagem original", "ursprungligt meddelande", "opprinnelig melding",
		"oprindelig meddelelse", "alkuperäinen viesti", "původní zpráva", "исходное сообщение", "original appointment", "reply message":
		return true
	}
	return false
}

// markAttribution gives the lines that introduce a quote the depth of the quote.
func markAttribution(lines []textLine) {
	for i := 1; i < len(lines); i++ {
		d := lines[i-1].depth
		if lines[i].depth <= d {
			continue
		}
		last := i - 1
		if lines[last].text == "" && last > 0 && lines[last-1].depth == d {
			last--
		}
		if !strings.HasSuffix(lines[last].text, ":") || len(lines[last].text) > 400 {
			continue
		}
		// it may be folded over up to three lines
		first := last
		joined := lines[last].text
		ok := isAttribution(joined)
		for n, k := 0, last; n < 2 && !opensAttribution(joined) && k > 0 && lines[k-1].text != "" && lines[k-1].depth == d && len(joined) < 400; n++ {
			k--
			joined = lines[k].text + " " + joined
			if isAttribution(joined) && (!ok || opensAttribution(joined)) {
				first, ok = k, true
			}
		}
		if !ok {
			continue
		}
		for j := first; j < i; j++ {
			lines[j].depth = d + 1
		}
	}
}

var wrote = []string{
	"wrote:", "writes:", "schrieb:", "schrieb am", "geschrieben:", "a écrit :", "a écrit:", "escribió:", "ha scritto:", "scrive:", "skrev:", "skriver:", "kirjoitti:", "schreef:",
	"napisał:", "napisał(a):", "pisze:", "napsal:", "napsal(a):", "escreveu:", "пишет:", "писал:", "написал:", "написала:", "написал(а):", "a scris:", "írta:", "yazdı:",
	"έγραψε:", "כתב:", "写道:", "写道：", "寫道:", "寫道：", "のメール:", "작성:", "wrote on", "said:", "schreibt:",
}

// isAttribution reports whether a line says who wrote what follows.
func isAttribution(t string) bool {
	l := strings.ToLower(strings.TrimSpace(t))
	for _, w := range wrote {
		if strings.HasSuffix(l, w) {
			// whole: with a date or an address before it
			return strings.ContainsAny(l, "0123456789@<") || !strings.HasPrefix(w, l)
		}
	}
	// "Am 1.2.2026 um 10:00 schrieb Jonas Weber:" — the verb is not last
	if strings.HasPrefix(l, "am ") || strings.HasPrefix(l, "op ") || strings.HasPrefix(l, "on ") || strings.HasPrefix(l, "le ") || strings.HasPrefix(l, "den ") {
		for _, w := range [...]string{" schrieb ", " schreef ", " skrev ", " wrote "} {
			if strings.Contains(l, w) {
				return true
			}
		}
	}
	return false
}

// opensAttribution reports whether a line begins as attributions do in the
// languages that say when before who.
func opensAttribution(t string) bool {
	for _, p := range [...]string{"On ", "Am ", "Le ", "El ", "Il ", "Op ", "Den ", "Em ", "Dnia ", "W dniu ", "В ", "At "} {
		if strings.HasPrefix(t, p) {
			return true
		}
	}
	return false
}

// markSignature marks what follows the last "-- " of the writer's own text.
func markSignature(lines []textLine) {
	for i := len(lines) - 1; i >= 0; i-- {
		if lines[i].depth > 0 || !isSigMark(lines[i].text, len(lines)-i) {
			continue
		}
		for j := i; j < len(lines) && lines[j].depth == 0; j++ {
			lines[j].sig = true
		}
		return
	}
}

// isSigMark: "-- " (RFC 3676 section 4.3); with its space lost only near the end.
func isSigMark(t string, left int) bool {
	return t == "-- " || t == "--" && left <= 12
}

// markFixed finds patches and the paragraphs whose columns matter.
func markFixed(lines []textLine) {
	for i := 0; i < len(lines); {
		// a paragraph: lines of one depth up to an empty one
		j := i
		for j < len(lines) && lines[j].depth == lines[i].depth && lines[j].text != "" {
			j++
		}
		if j == i {
			i++
			continue
		}
		if startsPatch(lines[i:j]) {
			i = markPatch(lines, i)
			continue
		}
		table, code := 0, 0
		for _, ln := range lines[i:j] {
			if tabular(ln.text) {
				table++
			}
			if strings.HasPrefix(ln.text, "    ") || strings.HasPrefix(ln.text, "\t") {
				code++
			}
		}
		n := j - i
		if table >= 2 && table*2 >= n || n >= 2 && code == n {
			for k := i; k < j; k++ {
				lines[k].fixed = true
			}
		}
		i = j
	}
}

func startsPatch(p []textLine) bool {
	for i, ln := range p {
		t := ln.text
		if strings.HasPrefix(t, "diff --git ") || strings.HasPrefix(t, "@@ -") && strings.Contains(t[3:], " @@") || strings.HasPrefix(t, "Index: ") && i+1 < len(p) && strings.HasPrefix(p[i+1].text, "=====") {
			return true
		}
		if strings.HasPrefix(t, "--- ") && i+1 < len(p) && strings.HasPrefix(p[i+1].text, "+++ ") {
			return true
		}
	}
	return false
}

// markPatch marks the patch that begins at i, up to a change of depth or a line
// that no patch has, and returns where it ends.
func markPatch(lines []textLine, i int) int {
	d := lines[i].depth
	inHunk := false
	j := i
	for ; j < len(lines) && lines[j].depth == d; j++ {
		t := lines[j].text
		if t == "-- " || t == "--" {
			break
		}
		lines[j].fixed = true
		if t == "" {
			if inHunk && (j+1 >= len(lines) || !patchLine(lines[j+1].text)) {
				break
			}
			continue
		}
		switch {
		case strings.HasPrefix(t, "@@"):
			lines[j].diff, inHunk = '@', true
		case t[0] == '+' || t[0] == '-':
			lines[j].diff = t[0]
		case inHunk && !patchLine(t):
			lines[j].fixed = false
			return j
		}
	}
	return max(j, i+1)
}

func patchLine(t string) bool {
	return t == "" || strings.IndexByte("+- \t@\\", t[0]) >= 0 || strings.HasPrefix(t, "diff ") || strings.HasPrefix(t, "index ") || strings.HasPrefix(t, "new file ") ||
		strings.HasPrefix(t, "deleted file ") || strings.HasPrefix(t, "similarity ") || strings.HasPrefix(t, "rename ") || strings.HasPrefix(t, "Index: ") || strings.HasPrefix(t, "=====") ||
		strings.HasPrefix(t, "old mode ") || strings.HasPrefix(t, "new mode ") || strings.HasPrefix(t, "Binary files ") || strings.HasPrefix(t, "GIT binary ")
}

// tabular reports whether a line looks like a row of a table or a drawing.
func tabular(t string) bool {
	t = strings.TrimSpace(t)
	gaps, marks, n, run := 0, 0, 0, 0
	for _, r := range t {
		n++
		switch {
		case r == ' ':
			run++
			continue
		case r == '\t':
			gaps++
		case r >= 0x2500 && r <= 0x259f:
			marks += 2
		case r == '|' || r == '+' || r == '/' || r == '\\' || r == '_' || r == '-' || r == '=' || r == '#' || r == '*':
			marks++
		}
		if run >= 3 {
			gaps++
		}
		run = 0
	}
	if n < 5 || strings.Contains(t, "://") {
		return false
	}
	return gaps >= 2 || strings.Count(t, "|") >= 2 && marks >= 2 || marks*2 >= n && (strings.ContainsAny(t, "|+\\") || marks > n)
}
