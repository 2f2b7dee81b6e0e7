package mailproxy

import (
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"

	"postern/mailproxy/mail"
)

// searching is what turns a mail.Query into IMAP SEARCH for one mailbox.
type searching struct {
	now   time.Time
	in    func(name string) bool // whether the mailbox is meant by in:name
	ascii bool                   // the server takes no other charset
	brief bool                   // bare words look at subject and addresses, not at the text
	lost  map[string]bool        // words that could not be searched for
}

// criterion is a search, or the knowledge that everything or nothing matches.
type criterion struct {
	all, none bool
	c         imap.SearchCriteria
}

var (
	matchAll  = criterion{all: true}
	matchNone = criterion{none: true}
)

func crit(c imap.SearchCriteria) criterion { return criterion{c: c} }

func header(key, value string) criterion {
	return crit(imap.SearchCriteria{Header: []imap.SearchCriteriaHeaderField{{Key: key, Value: value}}})
}

func (a criterion) and(b criterion) criterion {
	switch {
	case a.none || b.none:
		return matchNone
	case a.all:
		return b
	case b.all:
		return a
	}
	x, y := a.c, b.c
	return crit(imap.SearchCriteria{
		UID: append(x.UID[:len(x.UID):len(x.UID)], y.UID...), Since: later(x.Since, y.Since), Before: earlier(x.Before, y.Before),
		Header: append(x.Header[:len(x.Header):len(x.Header)], y.Header...),
		Body:   append(x.Body[:len(x.Body):len(x.Body)], y.Body...), Text: append(x.Text[:len(x.Text):len(x.Text)], y.Text...),
		Flag: append(x.Flag[:len(x.Flag):len(x.Flag)], y.Flag...), NotFlag: append(x.NotFlag[:len(x.NotFlag):len(x.NotFlag)], y.NotFlag...),
		Larger: max(x.Larger, y.Larger), Smaller: lesser(x.Smaller, y.Smaller),
		Not: append(x.Not[:len(x.Not):len(x.Not)], y.Not...), Or: append(x.Or[:len(x.Or):len(x.Or)], y.Or...),
	})
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

func lesser(a, b int64) int64 {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

func (a criterion) or(b criterion) criterion {
	switch {
	case a.all || b.all:
		return matchAll
	case a.none:
		return b
	case b.none:
		return a
	}
	return crit(imap.SearchCriteria{Or: [][2]imap.SearchCriteria{{a.c, b.c}}})
}

func (a criterion) not() criterion {
	switch {
	case a.all:
		return matchNone
	case a.none:
		return matchAll
	}
	return crit(imap.SearchCriteria{Not: []imap.SearchCriteria{a.c}})
}

// compile turns a node into a search. What the server cannot be asked widens the
// result rather than narrowing it: negated says which way that is.
func (s *searching) compile(n mail.QueryNode, negated bool) criterion {
	switch n.Op {
	case mail.QueryNot:
		return s.compile(n.Kids[0], !negated).not()
	case mail.QueryOr:
		out := matchNone
		for _, k := range n.Kids {
			out = out.or(s.compile(k, negated))
		}
		return out
	case mail.QueryAnd:
		out := matchAll
		for _, k := range n.Kids {
			out = out.and(s.compile(k, negated))
		}
		return out
	}
	return s.term(n, negated)
}

// wide is the answer for what cannot be asked: it matches everything, or nothing
// where it will be negated.
func wide(negated bool) criterion {
	if negated {
		return matchNone
	}
	return matchAll
}

func (s *searching) term(n mail.QueryNode, negated bool) criterion {
	switch n.Field {
	case mail.FieldIn:
		if s.in != nil && !s.in(n.Text) {
			return matchNone
		}
		return matchAll
	case mail.FieldHas:
		if negated {
			return matchNone // narrowed by the structures afterwards
		}
		return withFiles()
	case mail.FieldFilename:
		if negated {
			return matchNone
		}
		return withFiles()
	case mail.FieldIs:
		return isCriterion(n.Text)
	case mail.FieldKeyword:
		return crit(imap.SearchCriteria{Flag: []imap.Flag{imap.Flag(n.Text)}})
	case mail.FieldBefore:
		return crit(imap.SearchCriteria{Before: n.When.Start(s.now)})
	case mail.FieldAfter:
		return crit(imap.SearchCriteria{Since: n.When.Start(s.now)})
	case mail.FieldOn:
		day := n.When.Start(s.now)
		return crit(imap.SearchCriteria{Since: day, Before: day.AddDate(0, 0, 1)})
	case mail.FieldOlder:
		return crit(imap.SearchCriteria{Before: n.When.Start(s.now)})
	case mail.FieldNewer:
		return crit(imap.SearchCriteria{Since: n.When.Start(s.now)})
	case mail.FieldLarger:
		return crit(imap.SearchCriteria{Larger: n.Size})
	case mail.FieldSmaller:
		return crit(imap.SearchCriteria{Smaller: n.Size})
	}
	text, ok := s.text(n.Text)
	if !ok {
		return wide(negated)
	}
	switch n.Field {
	case mail.FieldFrom:
		return header("From", text)
	case mail.FieldTo:
		return header("To", text).or(header("Cc", text)).or(header("Bcc", text))
	case mail.FieldCc:
		return header("Cc", text)
	case mail.FieldBcc:
		return header("Bcc", text)
	case mail.FieldSubject:
		return header("Subject", text)
	case mail.FieldList:
		return header("List-Id", text)
	case mail.FieldBody:
		return crit(imap.SearchCriteria{Body: []string{text}})
	}
	if s.brief {
		return header("Subject", text).or(header("From", text)).or(header("To", text)).or(header("Cc", text))
	}
	return crit(imap.SearchCriteria{Text: []string{text}})
}

func isCriterion(word string) criterion {
	flag := func(f imap.Flag) criterion { return crit(imap.SearchCriteria{Flag: []imap.Flag{f}}) }
	not := func(f imap.Flag) criterion { return crit(imap.SearchCriteria{NotFlag: []imap.Flag{f}}) }
	switch word {
	case "unread":
		return not(imap.FlagSeen)
	case "read":
		return flag(imap.FlagSeen)
	case "starred":
		return flag(imap.FlagFlagged)
	case "unstarred":
		return not(imap.FlagFlagged)
	case "answered":
		return flag(imap.FlagAnswered)
	case "unanswered":
		return not(imap.FlagAnswered)
	case "forwarded":
		return flag(imap.FlagForwarded)
	case "draft":
		return flag(imap.FlagDraft)
	}
	return matchAll
}

// withFiles finds all messages that may have attachments; which of them do is
// seen from their body structures. $HasAttachment is set by some servers.
func withFiles() criterion {
	out := crit(imap.SearchCriteria{Flag: []imap.Flag{"$HasAttachment"}})
	for _, t := range []string{"multipart/mixed", "multipart/related", "application/", "image/"} {
		out = out.or(header("Content-Type", t))
	}
	return out
}

// text is a word as it can be sent. Tabs become spaces; where the server takes
// ASCII only, the longest piece in ASCII is looked for, which finds at least
// what was meant. ok is false when nothing of it is left.
func (s *searching) text(w string) (string, bool) {
	w = strings.Join(strings.Fields(w), " ")
	if s.ascii && !isASCII(w) {
		if s.lost == nil {
			s.lost = map[string]bool{}
		}
		s.lost[w] = true
		w = longestASCII(w)
	}
	return w, w != ""
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

func longestASCII(s string) string {
	best := ""
	for _, p := range strings.FieldsFunc(s, func(r rune) bool { return r >= 0x80 }) {
		if p = strings.TrimSpace(p); len(p) > len(best) {
			best = p
		}
	}
	if len(best) < 2 {
		return ""
	}
	return best
}

// narrowing is what has to be checked on body structures after a search.
type narrowing struct {
	files    *bool    // must have attachments, or must not
	names    []string // parts of an attachment's name, lower case, all needed
	notNames []string
}

func (n narrowing) needed() bool { return n.files != nil || len(n.names)+len(n.notNames) > 0 }

// narrow finds the terms about attachments that every match must satisfy. Those
// within OR are left as the server answered them.
func narrow(n mail.QueryNode) narrowing {
	var out narrowing
	kids := []mail.QueryNode{n}
	for len(kids) > 0 {
		k := kids[0]
		kids = kids[1:]
		negated := false
		switch k.Op {
		case mail.QueryAnd:
			kids = append(kids, k.Kids...)
			continue
		case mail.QueryNot:
			k, negated = k.Kids[0], true
		}
		if k.Op != mail.QueryTerm {
			continue
		}
		switch k.Field {
		case mail.FieldHas:
			want := !negated
			out.files = &want
		case mail.FieldFilename:
			if negated {
				out.notNames = append(out.notNames, strings.ToLower(k.Text))
			} else {
				out.names = append(out.names, strings.ToLower(k.Text))
			}
		}
	}
	return out
}

// match checks a message's attachments.
func (n narrowing) match(files []mail.FileName) bool {
	if n.files != nil && *n.files != (len(files) > 0) {
		return false
	}
	has := func(part string) bool {
		for _, f := range files {
			if strings.Contains(strings.ToLower(f.Name), part) {
				return true
			}
		}
		return false
	}
	for _, p := range n.names {
		if !has(p) {
			return false
		}
	}
	for _, p := range n.notNames {
		if has(p) {
			return false
		}
	}
	return true
}
