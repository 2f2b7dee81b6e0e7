package parse

import "strings"

const maxIDLen = 500 // octets of a Message-ID; longer ones are no use for threading

// MessageIDs reads In-Reply-To, References and the like: without brackets, in
// order, words between them skipped. Of more than 200 the first and the last
// are kept, as RFC 5322 section 3.6.4 lets the middle go.
func MessageIDs(raw string) []string {
	var ids []string
	add := func(id string) {
		id = strings.Join(strings.FieldsFunc(id, func(r rune) bool { return r <= ' ' || r == 0x7f }), "")
		if id == "" || len(id) > maxIDLen || strings.ContainsAny(id, "<>") {
			return
		}
		if len(ids) == maxIDs {
			copy(ids[1:], ids[2:])
			ids = ids[:maxIDs-1]
		}
		ids = append(ids, strings.ToValidUTF8(id, "\uFFFD"))
	}
	if !strings.Contains(raw, "<") {
		for _, f := range strings.FieldsFunc(raw, func(r rune) bool { return r <= ' ' || r == ',' || r == '>' }) {
			if strings.Contains(f, "@") {
				add(f)
			}
		}
		return ids
	}
	for {
		i := strings.IndexByte(raw, '<')
		if i < 0 {
			return ids
		}
		raw = raw[i+1:]
		j := strings.IndexByte(raw, '>')
		if j < 0 {
			add(raw)
			return ids
		}
		add(raw[:j])
		raw = raw[j+1:]
	}
}

// firstID is the Message-ID field's value.
func firstID(raw string) string {
	ids := MessageIDs(raw)
	if len(ids) == 0 {
		if f := strings.Fields(raw); len(f) == 1 && len(f[0]) <= maxIDLen {
			return strings.Trim(cleanLine(f[0]), "<>")
		}
		return ""
	}
	return ids[0]
}
