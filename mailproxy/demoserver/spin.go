package demoserver

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"
)

// spinner fills the slots of a text from the corpus:
//
//	{a|b|c}     one of them
//	{n=a|b|c}   one of them, remembered as n
//	{n=10-90}   a number of that range, remembered as n
//	{n}         what was remembered
//
// A choice may hold slots itself. Within one conversation the same slots hold the same values.
type spinner struct {
	r      *rand.Rand
	values map[string]string
}

var (
	monthsEN = [...]string{"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"}
	monthsDE = [...]string{"Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November", "Dezember"}
)

// newSpinner knows the date of a conversation as {month}, {year} and so on.
func newSpinner(r *rand.Rand, date time.Time) *spinner {
	code := make([]byte, 6)
	for i := range code {
		code[i] = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"[r.IntN(32)]
	}
	return &spinner{r: r, values: map[string]string{
		"month":    monthsEN[date.Month()-1],
		"month_de": monthsDE[date.Month()-1],
		"year":     strconv.Itoa(date.Year()),
		"ym":       date.Format("2006-01"),
		"mm":       date.Format("01"),
		"m2":       strconv.Itoa(int(date.Month())),
		"date":     date.Format("Mon, Jan 2, 2006"),
		"code":     string(code),
		"hex":      fmt.Sprintf("%07x", r.Uint32()>>4),
	}}
}

func (s *spinner) text(t string) string {
	if !strings.Contains(t, "{") {
		return t
	}
	var b strings.Builder
	for {
		i := strings.IndexByte(t, '{')
		if i < 0 {
			break
		}
		n := slotEnd(t[i:])
		if n < 0 {
			break
		}
		b.WriteString(t[:i])
		b.WriteString(s.slot(t[i+1 : i+n]))
		t = t[i+n+1:]
	}
	b.WriteString(t)
	return b.String()
}

// slotEnd finds the brace that closes the one t begins with, or returns -1.
func slotEnd(t string) int {
	depth := 0
	for i, c := range t {
		switch c {
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}

func (s *spinner) slot(body string) string {
	if v, ok := s.values[body]; ok {
		return v
	}
	name, choices, named := strings.Cut(body, "=")
	if !named || strings.ContainsAny(name, " |;{") {
		name, choices = "", body
	}
	var v string
	lo, hi, isRange := strings.Cut(choices, "-")
	from, err1 := strconv.Atoi(lo)
	to, err2 := strconv.Atoi(hi)
	switch options := splitChoices(choices); {
	case isRange && err1 == nil && err2 == nil && to >= from:
		v = strconv.Itoa(from + s.r.IntN(to-from+1))
	case len(options) > 1:
		v = s.text(options[s.r.IntN(len(options))])
	default:
		return "{" + body + "}" // not a slot
	}
	if name != "" {
		s.values[name] = v
	}
	return v
}

// splitChoices splits at the bars that are not within an inner slot.
func splitChoices(s string) []string {
	var out []string
	depth, start := 0, 0
	for i, c := range s {
		switch c {
		case '{':
			depth++
		case '}':
			depth--
		case '|':
			if depth == 0 {
				out = append(out, s[start:i])
				start = i + 1
			}
		}
	}
	return append(out, s[start:])
}
