package compose

import "strings"

// Marks that mail programs put before a subject, lower case, without the colon.
var (
	replyMarks   = []string{"re", "aw", "antw", "antwort", "sv", "vs", "rif", "odp", "ynt", "vá", "bls", "atb", "res", "回复", "回覆", "答复", "转复", "отв", "ответ", "απ", "σχετ", "תשובה", "رد"}
	forwardMarks = []string{"fwd", "fw", "wg", "tr", "vb", "vl", "doorst", "enc", "rv", "ilt", "tov", "pd", "转发", "轉寄", "пересл", "πρθ", "הועבר", "إعادة توجيه"}
)

// ReplySubject is the subject of an answer: one "Re: " before the subject
// without the reply marks it had, in whatever language and however often,
// numbered ones ("Re[2]:", "AW(3):") and one behind a list's tag included.
func ReplySubject(s string) string {
	s = stripMarks(strings.TrimSpace(s), replyMarks)
	if strings.HasPrefix(s, "[") {
		if i := strings.IndexByte(s, ']'); i > 0 && i < 60 {
			rest := strings.TrimSpace(s[i+1:])
			if t := stripMarks(rest, replyMarks); t != rest {
				s = s[:i+1] + " " + t
			}
		}
	}
	return strings.TrimSpace("Re: " + s)
}

// ForwardSubject is the subject of a forwarded message: one "Fwd: ".
func ForwardSubject(s string) string {
	return strings.TrimSpace("Fwd: " + stripMarks(strings.TrimSpace(s), forwardMarks))
}

func stripMarks(s string, marks []string) string {
	for {
		rest, ok := stripMark(s, marks)
		if !ok {
			return s
		}
		s = rest
	}
}

func stripMark(s string, marks []string) (string, bool) {
	// The colon that ends the mark, the full-width one included.
	i := strings.IndexAny(s, ":：")
	if i <= 0 || i > 40 {
		return s, false
	}
	mark := strings.ToLower(strings.TrimSpace(s[:i]))
	if l := len(mark); l > 0 && (mark[l-1] == ']' || mark[l-1] == ')') {
		if j := strings.LastIndexAny(mark, "[("); j > 0 && strings.Trim(mark[j+1:l-1], "0123456789") == "" {
			mark = strings.TrimSpace(mark[:j])
		}
	} else if j := strings.LastIndexByte(mark, '^'); j > 0 && strings.Trim(mark[j+1:], "0123456789") == "" {
		mark = mark[:j] // "Re^2:"
	}
	for _, m := range marks {
		if mark == m {
			return strings.TrimSpace(s[i+colonLen(s[i:]):]), true
		}
	}
	return s, false
}

func colonLen(s string) int {
	if s[0] == ':' {
		return 1
	}
	return len("：")
}
