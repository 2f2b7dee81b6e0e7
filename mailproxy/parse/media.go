package parse

import "strings"

// mediaType reads Content-Type or Content-Disposition: the value in lower case,
// "" when it makes no sense, and the parameters by lower-case name as written
// (RFC 2231 marks kept in the names). Missing quotes, stray separators and
// comments are forgiven; the first of equal names counts.
func mediaType(s string) (value string, params map[string]string) {
	i := strings.IndexByte(s, ';')
	if i < 0 {
		i = len(s)
	}
	value = strings.ToLower(strings.TrimSpace(stripComments(s[:i])))
	if j := strings.IndexAny(value, " \t\""); j >= 0 {
		value = value[:j]
	}
	s = s[i:]
	for n := 0; len(s) > 0 && n < 2*maxPieces; n++ {
		s = strings.TrimLeft(s, "; \t\r\n")
		eq := strings.IndexAny(s, "=;")
		if eq < 0 {
			break
		}
		if s[eq] == ';' {
			s = s[eq:]
			continue
		}
		key := strings.ToLower(strings.TrimSpace(stripComments(s[:eq])))
		if j := strings.LastIndexAny(key, " \t"); j >= 0 { // "foo charset=x": a separator forgotten
			key = key[j+1:]
		}
		s = strings.TrimLeft(s[eq+1:], " \t\r\n")
		var v string
		if s != "" && s[0] == '"' {
			v, s = quotedParam(s[1:])
		} else {
			end := strings.IndexByte(s, ';')
			if end < 0 {
				end = len(s)
			}
			v = strings.TrimSpace(s[:end])
			if j := strings.Index(v, " ("); j > 0 && strings.HasSuffix(v, ")") { // a comment behind it
				v = v[:j]
			}
			s = s[end:]
		}
		if key == "" || len(key) > 64 {
			continue
		}
		if params == nil {
			params = make(map[string]string, 2)
		}
		if _, ok := params[key]; !ok {
			params[key] = v
		}
	}
	return value, params
}

// quotedParam reads a quoted value behind its first quote. Quotes inside that
// nobody escaped belong to the value when no separator follows them.
func quotedParam(s string) (v, rest string) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch c := s[i]; c {
		case '\\':
			if i+1 < len(s) && (s[i+1] == '"' || s[i+1] == '\\') {
				i++
				b.WriteByte(s[i])
				continue
			}
			b.WriteByte(c)
		case '"':
			t := strings.TrimLeft(s[i+1:], " \t\r\n")
			if t == "" || t[0] == ';' || t[0] == '(' || !strings.Contains(t, `"`) {
				return b.String(), t
			}
			if eq := strings.IndexByte(t, '='); eq > 0 && eq < 40 && !strings.ContainsAny(t[:eq], ` "`) { // separator forgotten
				return b.String(), ";" + t
			}
			b.WriteByte(c)
		default:
			b.WriteByte(c)
		}
	}
	// never closed: the next parameter is more likely than a separator in the value
	whole := b.String()
	if i := strings.IndexByte(s, ';'); i >= 0 {
		return strings.TrimSpace(s[:i]), s[i:]
	}
	return strings.TrimSpace(whole), ""
}
