package parse

import (
	"strconv"
	"strings"
	"time"
)

// Date reads a date field: RFC 5322 with its obsolete zones, asctime, RFC 850,
// ISO 8601, month names in full, missing days, seconds and zones. The zone is
// kept; without one it is UTC. Zero when there is no date in it or the year is
// not between 1900 and 2200.
func Date(raw string) time.Time {
	if len(raw) > 200 {
		raw = raw[:200]
	}
	s := strings.Join(strings.Fields(stripComments(raw)), " ")
	if strings.Contains(s, " :") || strings.Contains(s, ": ") { // obsolete: 09 : 55 : 06
		s = strings.ReplaceAll(strings.ReplaceAll(s, " :", ":"), ": ", ":")
	}
	if t, ok := isoDate(s); ok {
		return t
	}
	day, year, month := 0, -1, time.Month(0)
	h, m, sec := 0, 0, 0
	pm, am, timed := false, false, false
	zone := time.UTC
	toks := strings.FieldsFunc(s, func(r rune) bool { return r <= ' ' || r == ',' || r == '"' || r > 0x7f })
	// 06-Nov-94 and 6/11/1994
	var split []string
	for _, t := range toks {
		if len(t) > 4 && (strings.Count(t, "-") == 2 || strings.Count(t, "/") == 2) && t[0] != '-' {
			split = append(split, strings.FieldsFunc(t, func(r rune) bool { return r == '-' || r == '/' })...)
			if strings.Contains(t, "/") && len(split) >= 3 {
				if n, err := strconv.Atoi(split[len(split)-3]); err == nil && n >= 1 && n <= 12 { // month first
					split[len(split)-3], split[len(split)-2] = split[len(split)-2], time.Month(n).String()
				}
			}
			continue
		}
		split = append(split, t)
	}
	for _, t := range split {
		switch {
		case strings.Contains(t, ":") && t[0] >= '0' && t[0] <= '9':
			clock := t
			if i := strings.IndexAny(t, "+-"); i > 0 { // 10:00:00+0200
				clock = t[:i]
				if z, ok := zoneOf(t[i:]); ok {
					zone = z
				}
			}
			if up := strings.ToUpper(clock); strings.HasSuffix(up, "PM") || strings.HasSuffix(up, "AM") {
				pm, am = strings.HasSuffix(up, "PM"), strings.HasSuffix(up, "AM")
				clock = clock[:len(clock)-2]
			}
			p := strings.Split(clock, ":")
			if len(p) < 2 {
				continue
			}
			h = atoi(p[0])
			m = atoi(p[1])
			if len(p) > 2 {
				sec = atoi(strings.SplitN(p[2], ".", 2)[0])
			}
			timed = true
		case isMonth(t) != 0 && month == 0:
			month = isMonth(t)
		case strings.EqualFold(t, "pm"):
			pm = true
		case strings.EqualFold(t, "am"):
			am = true
		case t[0] >= '0' && t[0] <= '9' && !timed && day == 0 && len(strings.TrimRight(t, "stndrh.")) <= 2:
			day = atoi(strings.TrimRight(t, "stndrh."))
		case isDigits(t) && year < 0:
			year = atoi(t)
			if len(t) <= 3 { // RFC 5322 section 4.3
				if year < 50 && len(t) == 2 {
					year += 2000
				} else {
					year += 1900
				}
			}
		default:
			if z, ok := zoneOf(t); ok && timed {
				zone = z
			}
		}
	}
	if month == 0 || day < 1 || day > 31 || year < 1900 || year > 2200 || h > 24 || m > 59 || sec > 60 || h < 0 || m < 0 || sec < 0 {
		return time.Time{}
	}
	if pm && h < 12 {
		h += 12
	}
	if am && h == 12 {
		h = 0
	}
	return time.Date(year, month, day, h, m, sec, 0, zone)
}

func isoDate(s string) (time.Time, bool) {
	if len(s) < 10 || s[4] != '-' || s[0] < '0' || s[0] > '9' {
		return time.Time{}, false
	}
	for _, l := range [...]string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02 15:04:05 -0700", "2006-01-02 15:04:05-07:00", "2006-01-02 15:04:05", "2006-01-02T15:04", "2006-01-02 15:04", "2006-01-02"} {
		if t, err := time.Parse(l, s); err == nil && t.Year() >= 1900 && t.Year() <= 2200 {
			return t, true
		}
	}
	return time.Time{}, false
}

func atoi(s string) int {
	if s == "" || len(s) > 6 {
		return -1
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		return -1
	}
	return n
}

func isDigits(s string) bool {
	return s != "" && strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' }) < 0
}

func isMonth(s string) time.Month {
	if len(s) < 3 || len(s) > 10 {
		return 0
	}
	p := strings.ToLower(s[:3])
	for m := time.January; m <= time.December; m++ {
		full := strings.ToLower(m.String())
		if p == full[:3] && (len(s) == 3 || strings.HasPrefix(full, strings.TrimRight(strings.ToLower(s), ".")) || m == time.September && strings.EqualFold(strings.TrimRight(s, "."), "sept")) {
			return m
		}
	}
	return 0
}

// zones are the names of RFC 5322 section 4.3 and some more in use; hours east.
var zones = map[string]float64{
	"UT": 0, "UTC": 0, "GMT": 0, "Z": 0, "WET": 0, "EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7,
	"CET": 1, "CEST": 2, "MET": 1, "MEST": 2, "MEZ": 1, "MESZ": 2, "BST": 1, "WEST": 1, "EET": 2, "EEST": 3, "MSK": 3, "MSD": 4,
	"JST": 9, "KST": 9, "HKT": 8, "SGT": 8, "AEST": 10, "AEDT": 11, "ACST": 9.5, "AWST": 8, "NZST": 12, "NZDT": 13, "HST": -10, "AKST": -9, "AKDT": -8,
}

func zoneOf(s string) (*time.Location, bool) {
	up := strings.ToUpper(s)
	if i := strings.IndexAny(up, "+-"); i > 0 && (up[:i] == "GMT" || up[:i] == "UTC") { // GMT+0200
		up = up[i:]
	}
	if up == "" {
		return nil, false
	}
	if up[0] == '+' || up[0] == '-' {
		d := strings.ReplaceAll(up[1:], ":", "")
		if !isDigits(d) || len(d) > 6 {
			return nil, false
		}
		var hh, mm int
		switch len(d) {
		case 1, 2:
			hh = atoi(d)
		case 3:
			hh, mm = atoi(d[:1]), atoi(d[1:])
		default:
			hh, mm = atoi(d[:2]), atoi(d[2:4])
		}
		if hh > 15 || mm > 59 {
			return nil, false
		}
		off := hh*3600 + mm*60
		if up[0] == '-' {
			off = -off
		}
		if off == 0 {
			return time.UTC, true
		}
		return time.FixedZone("", off), true
	}
	if h, ok := zones[up]; ok {
		if h == 0 {
			return time.UTC, true
		}
		return time.FixedZone(up, int(h*3600)), true
	}
	return nil, false
}

func stripComments(s string) string {
	if strings.IndexByte(s, '(') < 0 {
		return s
	}
	var b strings.Builder
	depth := 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '(':
			depth++
		case c == ')' && depth > 0:
			depth--
		case depth == 0:
			b.WriteByte(c)
		}
	}
	return b.String()
}
