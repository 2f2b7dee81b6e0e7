package mail

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Limits of a search as typed.
const (
	MaxQueryLen   = 2000 // characters
	maxQueryTerms = 50
	maxQueryDepth = 10 // nested parentheses
)

// Query is a search as a person typed it, understood: a tree of terms. It knows
// neither the time nor the mailboxes; dates such as 7d are resolved when it is run.
type Query struct {
	Root     QueryNode // matches everything when zero
	Problems []string  // what was not understood, one plain sentence each
}

// QueryNode is a term or a combination of nodes.
type QueryNode struct {
	Op    QueryOp
	Kids  []QueryNode // of QueryAnd (all), QueryOr (any) and QueryNot (one)
	Field QueryField  // of a QueryTerm, and what it is compared with:
	Text  string      // a piece of text; for FieldIs and FieldHas one of the words below
	When  QueryDate   // for FieldBefore, FieldAfter, FieldOn
	Size  int64       // octets, for FieldLarger and FieldSmaller
}

// QueryOp is what a node does.
type QueryOp int

const (
	QueryAnd QueryOp = iota
	QueryOr
	QueryNot
	QueryTerm
)

// QueryField is what a term looks at.
type QueryField string

const (
	FieldAny      QueryField = "" // header or text
	FieldFrom     QueryField = "from"
	FieldTo       QueryField = "to" // To, Cc or Bcc
	FieldCc       QueryField = "cc"
	FieldBcc      QueryField = "bcc"
	FieldSubject  QueryField = "subject"
	FieldBody     QueryField = "body"
	FieldFilename QueryField = "filename"
	FieldList     QueryField = "list" // List-ID
	FieldIn       QueryField = "in"   // a role's name or a mailbox name
	FieldKeyword  QueryField = "keyword"
	FieldHas      QueryField = "has" // attachment
	FieldIs       QueryField = "is"  // unread, read, starred, unstarred, answered, unanswered, forwarded, draft
	FieldBefore   QueryField = "before"
	FieldAfter    QueryField = "after" // that day or later
	FieldOn       QueryField = "on"
	FieldOlder    QueryField = "older_than"
	FieldNewer    QueryField = "newer_than"
	FieldLarger   QueryField = "larger"
	FieldSmaller  QueryField = "smaller"
)

// QueryDate is a day: one of the calendar when Year is set, otherwise so many
// units before the day on which the query is run.
type QueryDate struct {
	Year, Month, Day int
	Ago              int
	Unit             byte // 'd', 'w', 'm' or 'y'
}

// Start is the beginning of the day, in the location of now.
func (d QueryDate) Start(now time.Time) time.Time {
	if d.Year != 0 {
		return time.Date(d.Year, time.Month(d.Month), d.Day, 0, 0, 0, 0, now.Location())
	}
	y, m, day := now.Date()
	switch d.Unit {
	case 'w':
		day -= 7 * d.Ago
	case 'm':
		m -= time.Month(d.Ago)
		// The 31st a month ago is the last day of a shorter month.
		if last := time.Date(y, m+1, 0, 0, 0, 0, 0, now.Location()).Day(); day > last {
			day = last
		}
	case 'y':
		y -= d.Ago
		if last := time.Date(y, m+1, 0, 0, 0, 0, 0, now.Location()).Day(); day > last {
			day = last
		}
	default:
		day -= d.Ago
	}
	return time.Date(y, m, day, 0, 0, 0, 0, now.Location())
}

func (d QueryDate) String() string {
	switch {
	case d.Year != 0:
		return fmt.Sprintf("%04d-%02d-%02d", d.Year, d.Month, d.Day)
	case d.Unit == 'd' && d.Ago == 0:
		return "today"
	}
	return strconv.Itoa(d.Ago) + string(rune(d.Unit))
}

// IsZero reports whether the query matches everything.
func (q Query) IsZero() bool { return q.Root.isZero() }

func (n QueryNode) isZero() bool { return n.Op == QueryAnd && len(n.Kids) == 0 }

// Has reports whether a term looks at f.
func (q Query) Has(f QueryField) bool {
	found := false
	q.Root.walk(false, func(n QueryNode, _ bool) { found = found || n.Field == f && n.Op == QueryTerm })
	return found
}

// Words are the pieces of text that the query looks for, to highlight them in
// the results: none of those it excludes, each once.
func (q Query) Words() []string {
	var out []string
	q.Root.walk(false, func(n QueryNode, negated bool) {
		switch n.Field {
		case FieldAny, FieldFrom, FieldTo, FieldCc, FieldBcc, FieldSubject, FieldBody, FieldFilename:
		default:
			return
		}
		if negated || n.Text == "" {
			return
		}
		for _, w := range out {
			if strings.EqualFold(w, n.Text) {
				return
			}
		}
		out = append(out, n.Text)
	})
	return out
}

func (n QueryNode) walk(negated bool, f func(n QueryNode, negated bool)) {
	if n.Op == QueryTerm {
		f(n, negated)
		return
	}
	for _, k := range n.Kids {
		k.walk(negated != (n.Op == QueryNot), f)
	}
}

// String writes the query so that ParseQuery reads the same tree again.
func (q Query) String() string {
	if q.IsZero() {
		return ""
	}
	var b strings.Builder
	if q.Root.Op == QueryAnd {
		for i, k := range q.Root.Kids {
			if i > 0 {
				b.WriteByte(' ')
			}
			k.write(&b)
		}
	} else {
		q.Root.write(&b)
	}
	return b.String()
}

func (n QueryNode) write(b *strings.Builder) {
	sep := " "
	switch n.Op {
	case QueryTerm:
		n.writeTerm(b)
		return
	case QueryNot:
		b.WriteByte('-')
		n.Kids[0].write(b)
		return
	case QueryOr:
		sep = " OR "
	}
	b.WriteByte('(')
	for i, k := range n.Kids {
		if i > 0 {
			b.WriteString(sep)
		}
		k.write(b)
	}
	b.WriteByte(')')
}

func (n QueryNode) writeTerm(b *strings.Builder) {
	v := n.Text
	switch n.Field {
	case FieldBefore, FieldAfter, FieldOn, FieldOlder, FieldNewer:
		v = n.When.String()
	case FieldLarger, FieldSmaller:
		v = sizeString(n.Size)
	}
	if n.Field != FieldAny {
		b.WriteString(string(n.Field))
		b.WriteByte(':')
	}
	if plainWord(v, n.Field == FieldAny) {
		b.WriteString(v)
		return
	}
	b.WriteByte('"')
	for i := range len(v) {
		if v[i] == '"' || v[i] == '\\' {
			b.WriteByte('\\')
		}
		b.WriteByte(v[i])
	}
	b.WriteByte('"')
}

// plainWord reports whether v means itself when written without quotes.
func plainWord(v string, bare bool) bool {
	if v == "" || strings.ContainsAny(v, `"()\`) || strings.ContainsFunc(v, unicode.IsSpace) {
		return false
	}
	if bare && (v[0] == '-' || strings.Contains(v, ":") || v == "OR" || v == "AND" || v == "NOT") {
		return false
	}
	return true
}

func sizeString(n int64) string {
	for i, unit := range []string{"G", "M", "K"} {
		if f := int64(1) << (30 - 10*i); n >= f && n%f == 0 {
			return strconv.FormatInt(n/f, 10) + unit
		}
	}
	return strconv.FormatInt(n, 10)
}

// ParseQuery reads the search box:
//
//	word "a phrase" -not (one OR other)
//	from: to: cc: bcc: subject: body: filename: list: in: keyword: (label:)
//	has:attachment is:unread|read|starred|unstarred|answered|unanswered|forwarded|draft
//	before: after: (since:) on:  2026-11-24, 2026/11/24, 24.11.2026, today, yesterday, 7d, 2w, 3m, 1y
//	older_than: newer_than:      7d, 2w, 3m, 1y
//	larger: smaller:             5M, 300k, 1G, octets
//
// Words side by side must all match; OR binds its two neighbours, as in Gmail.
// after: includes the day itself. What is not understood is searched for as text
// and named in Problems, so that a typing mistake never empties the page. The
// error is Invalid: longer than MaxQueryLen, not UTF-8, or with control characters.
func ParseQuery(text string) (Query, error) {
	switch {
	case len(text) > 4*MaxQueryLen || utf8.RuneCountInString(text) > MaxQueryLen:
		return Query{}, &Error{Kind: Invalid, Field: "search", Msg: fmt.Sprintf("The search is longer than %d characters.", MaxQueryLen)}
	case !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return r != '\t' && unicode.IsControl(r) }):
		return Query{}, &Error{Kind: Invalid, Field: "search", Msg: "The search holds characters that cannot be searched for."}
	}
	p := queryParser{in: text}
	root := p.all(FieldAny, 0)
	return Query{Root: root, Problems: p.problems}, nil
}

type queryParser struct {
	in       string // what is left
	terms    int
	problems []string
}

func (p *queryParser) problem(format string, args ...any) {
	s := fmt.Sprintf(format, args...)
	for _, have := range p.problems {
		if have == s {
			return
		}
	}
	if len(p.problems) < 5 {
		p.problems = append(p.problems, s)
	}
}

func (p *queryParser) space() { p.in = strings.TrimLeftFunc(p.in, unicode.IsSpace) }

// all reads terms up to the end or to a closing parenthesis, which it leaves.
// field is what bare words inside "subject:( … )" look at.
func (p *queryParser) all(field QueryField, depth int) QueryNode {
	node := QueryNode{Op: QueryAnd}
	or := false
	for {
		p.space()
		if p.in == "" {
			break
		}
		if p.in[0] == ')' {
			if depth > 0 {
				break
			}
			p.in = p.in[1:] // closes nothing
			continue
		}
		if p.keyword("OR") {
			or = len(node.Kids) > 0
			continue
		}
		if p.keyword("AND") {
			continue
		}
		kid, ok := p.one(field, depth)
		if !ok {
			continue
		}
		if last := len(node.Kids) - 1; or {
			if prev := node.Kids[last]; prev.Op == QueryOr {
				prev.Kids = append(prev.Kids, kid)
				node.Kids[last] = prev
			} else {
				node.Kids[last] = QueryNode{Op: QueryOr, Kids: []QueryNode{prev, kid}}
			}
		} else {
			node.Kids = append(node.Kids, kid)
		}
		or = false
	}
	if len(node.Kids) == 1 && (depth > 0 || node.Kids[0].Op == QueryAnd) {
		return node.Kids[0]
	}
	return node
}

// keyword takes a bare word in capitals.
func (p *queryParser) keyword(w string) bool {
	if !strings.HasPrefix(p.in, w) {
		return false
	}
	rest := p.in[len(w):]
	if rest != "" && !unicode.IsSpace(rune(rest[0])) && rest[0] != '(' && rest[0] != ')' {
		return false
	}
	p.in = rest
	return true
}

// one reads a term, a group or a negated one. ok is false when nothing came of it.
func (p *queryParser) one(field QueryField, depth int) (QueryNode, bool) {
	negated := false
	for {
		p.space()
		if len(p.in) > 1 && p.in[0] == '-' && p.in[1] != '-' && !unicode.IsSpace(rune(p.in[1])) {
			p.in = p.in[1:]
			negated = !negated
		} else if p.keyword("NOT") {
			negated = !negated
		} else {
			break
		}
	}
	if p.in == "" || p.in[0] == ')' {
		return QueryNode{}, false
	}
	var node QueryNode
	var ok bool
	if p.in[0] == '(' {
		node, ok = p.group(field, depth)
	} else {
		node, ok = p.term(field, depth)
	}
	if !ok {
		return QueryNode{}, false
	}
	if negated {
		if node.Op == QueryNot {
			return node.Kids[0], true
		}
		node = QueryNode{Op: QueryNot, Kids: []QueryNode{node}}
	}
	return node, true
}

func (p *queryParser) group(field QueryField, depth int) (QueryNode, bool) {
	if depth >= maxQueryDepth {
		p.problem("The search has too many parentheses inside each other; the innermost were left out.")
		p.in = p.in[1:]
		return QueryNode{}, false
	}
	p.in = p.in[1:]
	node := p.all(field, depth+1)
	if p.in != "" { // all stops at the end or at ')'
		p.in = p.in[1:]
	}
	return node, !node.isZero()
}

// word takes a quoted phrase or everything up to a space or parenthesis.
func (p *queryParser) word() (s string, quoted bool) {
	if p.in != "" && p.in[0] == '"' {
		var b strings.Builder
		for i := 1; i < len(p.in); i++ {
			switch c := p.in[i]; {
			case c == '"':
				p.in = p.in[i+1:]
				return b.String(), true
			case c == '\\' && i+1 < len(p.in) && (p.in[i+1] == '"' || p.in[i+1] == '\\'):
				i++
				b.WriteByte(p.in[i])
			default:
				b.WriteByte(c)
			}
		}
		p.in = "" // never closed: up to the end
		return b.String(), true
	}
	end := strings.IndexFunc(p.in, func(r rune) bool { return unicode.IsSpace(r) || r == '(' || r == ')' || r == '"' })
	if end < 0 {
		end = len(p.in)
	}
	s, p.in = p.in[:end], p.in[end:]
	return s, false
}

func (p *queryParser) term(field QueryField, depth int) (QueryNode, bool) {
	op, rest, isOp := cutOperator(p.in)
	if !isOp {
		s, _ := p.word()
		return p.text(field, s)
	}
	f, known := queryFields[op]
	if !known {
		start := p.in
		p.in = rest
		v, quoted := p.word()
		if quoted {
			v = op + ":" + v
		} else {
			v = start[:len(start)-len(rest)] + v
		}
		if !strings.HasPrefix(rest, "//") && rest != "" {
			p.problem("“%s:” is not a search word, so it was looked for as text.", clip(op, 40))
		}
		return p.text(field, v)
	}
	p.in = rest
	if p.in != "" && p.in[0] == '(' && f.groups() {
		return p.group(f, depth)
	}
	v, _ := p.word()
	v = strings.TrimSpace(v)
	if v == "" {
		p.problem("There is nothing behind “%s:”.", op)
		return QueryNode{}, false
	}
	return p.value(op, f, v)
}

// cutOperator splits "from:rest". Times and the like (10:30) are no operators.
func cutOperator(s string) (op, rest string, ok bool) {
	i := 0
	for i < len(s) && i < 24 && (s[i] == '_' || 'a' <= s[i]|0x20 && s[i]|0x20 <= 'z') {
		i++
	}
	if i < 2 || i >= len(s) || s[i] != ':' {
		return "", "", false
	}
	return strings.ToLower(s[:i]), s[i+1:], true
}

var queryFields = map[string]QueryField{
	"from": FieldFrom, "to": FieldTo, "cc": FieldCc, "bcc": FieldBcc, "subject": FieldSubject, "body": FieldBody, "text": FieldAny,
	"filename": FieldFilename, "list": FieldList, "in": FieldIn, "label": FieldKeyword, "keyword": FieldKeyword,
	"has": FieldHas, "is": FieldIs, "before": FieldBefore, "after": FieldAfter, "since": FieldAfter, "on": FieldOn,
	"older_than": FieldOlder, "newer_than": FieldNewer, "older": FieldBefore, "newer": FieldAfter,
	"larger": FieldLarger, "larger_than": FieldLarger, "smaller": FieldSmaller, "smaller_than": FieldSmaller, "size": FieldLarger,
}

// groups reports whether the field may stand before a parenthesis.
func (f QueryField) groups() bool {
	switch f {
	case FieldAny, FieldFrom, FieldTo, FieldCc, FieldBcc, FieldSubject, FieldBody, FieldFilename, FieldIn, FieldList, FieldKeyword:
		return true
	}
	return false
}

// count says whether there is room for one term more.
func (p *queryParser) count() bool {
	p.terms++
	if p.terms > maxQueryTerms {
		p.problem("The search has more than %d words; the rest was left out.", maxQueryTerms)
		return false
	}
	return true
}

func (p *queryParser) text(field QueryField, s string) (QueryNode, bool) {
	if strings.TrimSpace(s) == "" {
		return QueryNode{}, false
	}
	if field != FieldAny {
		return p.value(string(field), field, s)
	}
	if !p.count() {
		return QueryNode{}, false
	}
	return QueryNode{Op: QueryTerm, Text: s}, true
}

var isWords = map[string]string{
	"unread": "unread", "unseen": "unread", "new": "unread", "read": "read", "seen": "read",
	"starred": "starred", "flagged": "starred", "unstarred": "unstarred", "unflagged": "unstarred",
	"answered": "answered", "replied": "answered", "unanswered": "unanswered", "forwarded": "forwarded", "draft": "draft",
}

func (p *queryParser) value(op string, f QueryField, v string) (QueryNode, bool) {
	n := QueryNode{Op: QueryTerm, Field: f, Text: v}
	bad := ""
	switch f {
	case FieldIs:
		n.Text = isWords[strings.ToLower(v)]
		if n.Text == "" {
			bad = "“%s:%s” was not understood: is: takes unread, read, starred, unstarred, answered, forwarded or draft."
		}
	case FieldHas:
		if l := strings.ToLower(v); l != "attachment" && l != "attachments" {
			bad = "“%s:%s” was not understood: has: takes attachment."
		}
		n.Text = "attachment"
	case FieldKeyword:
		if !ValidKeyword(v) {
			bad = "“%s:%s” was not understood: a keyword has no spaces or special characters."
		}
	case FieldIn:
		if !ValidMailboxName(v) {
			bad = "“%s:%s” was not understood: this cannot be a mailbox."
		}
	case FieldBefore, FieldAfter, FieldOn:
		var ok bool
		n.Text = ""
		if n.When, ok = parseQueryDate(v); !ok {
			bad = "“%s:%s” was not understood: write a day as 2026-11-24, today, yesterday or 7d."
		}
	case FieldOlder, FieldNewer:
		var ok bool
		n.Text = ""
		if n.When, ok = parseAgo(strings.ToLower(v)); !ok {
			bad = "“%s:%s” was not understood: write a time as 7d, 2w, 3m or 1y."
		}
	case FieldLarger, FieldSmaller:
		var ok bool
		n.Text = ""
		if n.Size, ok = parseSize(v); !ok {
			bad = "“%s:%s” was not understood: write a size as 5M or 300k."
		}
	}
	if bad != "" {
		p.problem(bad, op, clip(v, 60))
		return p.text(FieldAny, op+":"+v)
	}
	if !p.count() {
		return QueryNode{}, false
	}
	return n, true
}

func parseQueryDate(s string) (QueryDate, bool) {
	s = strings.ToLower(s)
	switch s {
	case "today":
		return QueryDate{Unit: 'd'}, true
	case "yesterday":
		return QueryDate{Ago: 1, Unit: 'd'}, true
	}
	for _, layout := range []string{"2006-1-2", "2006/1/2", "2006.1.2", "2.1.2006"} {
		if t, err := time.Parse(layout, s); err == nil && t.Year() >= 1 {
			return QueryDate{Year: t.Year(), Month: int(t.Month()), Day: t.Day()}, true
		}
	}
	return parseAgo(s)
}

func parseAgo(s string) (QueryDate, bool) {
	if len(s) < 2 || len(s) > 6 || !strings.Contains("dwmy", s[len(s)-1:]) {
		return QueryDate{}, false
	}
	n, err := strconv.ParseUint(s[:len(s)-1], 10, 16)
	if err != nil || n > 5000 {
		return QueryDate{}, false
	}
	return QueryDate{Ago: int(n), Unit: s[len(s)-1]}, true
}

func parseSize(s string) (int64, bool) {
	s = strings.TrimSuffix(strings.TrimSuffix(strings.ToUpper(s), "B"), "I")
	unit := int64(1)
	if s != "" {
		switch s[len(s)-1] {
		case 'K':
			unit = 1 << 10
		case 'M':
			unit = 1 << 20
		case 'G':
			unit = 1 << 30
		}
	}
	if unit > 1 {
		s = s[:len(s)-1]
	}
	n, err := strconv.ParseUint(s, 10, 31)
	if err != nil || n == 0 || int64(n)*unit > 1<<32-1 {
		return 0, false // RFC 9051: number is 32 bits
	}
	return int64(n) * unit, true
}

// ValidKeyword reports whether s can be an IMAP keyword: an atom of at most 100
// ASCII characters (RFC 9051 section 9, flag-keyword).
func ValidKeyword(s string) bool {
	return s != "" && len(s) <= 100 && s[0] != '\\' && !strings.ContainsFunc(s, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune(`(){%*"\]`, r)
	})
}
