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
// Within one conversation the same slots hold the same values.
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
		j := strings.IndexByte(t[max(i, 0):], '}') + max(i, 0)
		if i < 0 || j <= i {
			b.WriteString(t)
			return b.String()
		}
		b.WriteString(t[:i])
		b.WriteString(s.slot(t[i+1 : j]))
		t = t[j+1:]
	}
}

func (s *spinner) slot(body string) string {
	if v, ok := s.values[body]; ok {
		return v
	}
	name, choices, named := strings.Cut(body, "=")
	if !named || strings.ContainsAny(name, " |;") {
		name, choices = "", body
	}
	var v string
	lo, hi, isRange := strings.Cut(choices, "-")
	from, err1 := strconv.Atoi(lo)
	to, err2 := strconv.Atoi(hi)
	switch {
	case isRange && err1 == nil && err2 == nil && to >= from:
		v = strconv.Itoa(from + s.r.IntN(to-from+1))
	case strings.Contains(choices, "|"):
		options := strings.Split(choices, "|")
		v = options[s.r.IntN(len(options))]
	default:
		return "{" + body + "}" // not a slot
	}
	if name != "" {
		s.values[name] = v
	}
	return v
}
