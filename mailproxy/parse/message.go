package parse

import (
	"html"
	"net/url"
	"slices"
	"strings"

	"postern/mailproxy/mail"
)

// maxConvert is how much HTML is turned into text where a section of a plain
// body has no plain form.
const maxConvert = 1 << 20

// Message is the page of one message: header is its whole header as received,
// body the raw octets (still encoded) of the parts of p.Text, p.HTML and
// p.Report by path, as far as they were fetched. Ref, Path, Arrived, Size, Flags
// and Remote are the caller's to fill.
func (p Plan) Message(header []byte, body map[string][]byte) mail.Message {
	m := mail.Message{HTMLPath: p.HTMLPath(), Alternatives: p.Alt, Nested: p.Nested}
	for _, x := range p.HTML {
		m.HTMLSize += DecodedSize(x.Size, x.Encoding)
	}
	problem := func(s string) {
		if s != "" && !slices.Contains(m.Problems, s) {
			m.Problems = append(m.Problems, s)
		}
	}
	for _, s := range p.Problems {
		problem(s)
	}
	fillHeader(&m, header, problem)
	if p.Encrypted != "" {
		problem("This message is encrypted with " + p.Encrypted + " and cannot be read here. The encrypted text is attached.")
	}
	for _, x := range p.Text {
		b, ok := body[x.Path]
		if !ok || x.IsHTML() && len(b) > maxConvert {
			problem("The text is too long to be shown whole.")
			continue
		}
		s, note := x.text(b)
		problem(note)
		if len(b) >= MaxText {
			problem("The text is too long to be shown whole.")
		}
		if x.IsHTML() {
			s = TextFromHTML(s)
		}
		blocks, cut := Text(s, x.Flowed, x.DelSp)
		if cut {
			problem("The text is too long to be shown whole.")
		}
		m.Text = append(m.Text, blocks...)
	}
	if src, notes := p.HTMLSource(body); src != "" {
		for _, n := range notes {
			problem(n)
		}
		p = p.Settle(src)
	}
	m.Inline = p.Inline
	m.Files = append(p.Files[:len(p.Files):len(p.Files)], p.Signatures...)
	if b, ok := body[p.Report.Path]; ok && p.Report.Path != "" {
		kind := "delivery"
		if strings.Contains(p.Report.Type, "disposition") {
			kind = "disposition"
		}
		b = DecodeBytes(b, p.Report.Encoding)
		if m.Report = ParseReport(b, kind); m.Report == nil { // prose where a report should be
			s, _ := ToUTF8(b, p.Report.Charset, false)
			blocks, _ := Text(s, false, false)
			m.Text = append(m.Text, blocks...)
		}
	}
	return m
}

// text is the decoded text of a part.
func (x Part) text(b []byte) (s, note string) {
	s, note = ToUTF8(DecodeBytes(b, x.Encoding), x.Charset, x.IsHTML())
	switch x.Type {
	case "text/enriched", "text/richtext":
		s = stripEnriched(s)
	}
	return s, note
}

func fillHeader(m *mail.Message, header []byte, problem func(string)) {
	fs, note := fields(header)
	problem(note)
	cs := headerCharset(fs)
	m.Header = make([]mail.HeaderField, len(fs))
	from := 0
	for i, f := range fs {
		m.Header[i] = mail.HeaderField{Name: f.name, Value: decodeField(f.value, cs)}
		if strings.EqualFold(f.name, "From") {
			from++
		}
	}
	if from > 1 {
		problem("This message names its sender more than once.")
	}
	get := func(name string) string { return decodeField(value(fs, name), cs) }
	addrs := func(name string) []mail.Address {
		v := join(fs, name)
		if v == nil {
			return nil
		}
		return AddressList(rawText(v, cs))
	}
	m.Subject = get("Subject")
	m.From, m.To, m.Cc, m.Bcc = addrs("From"), addrs("To"), addrs("Cc"), addrs("Bcc")
	if s := addrs("Sender"); !sameList(s, m.From) {
		m.Sender = s
	}
	if r := addrs("Reply-To"); !sameList(r, m.From) {
		m.ReplyTo = r
	}
	if len(m.To) >= maxAddresses || len(m.Cc) >= maxAddresses {
		problem("This message has more recipients than can be shown.")
	}
	m.DateRaw = get("Date")
	if m.Date = Date(m.DateRaw); m.Date.IsZero() && m.DateRaw != "" {
		problem("The date of this message cannot be read.")
	}
	m.MessageID = firstID(string(value(fs, "Message-ID")))
	m.InReplyTo = MessageIDs(string(value(fs, "In-Reply-To")))
	m.References = MessageIDs(string(value(fs, "References")))
	m.ListID = listID(get("List-ID"))
	m.Unsubscribe = get("List-Unsubscribe")
}

// listID is what stands in the brackets of List-ID (RFC 2919).
func listID(s string) string {
	if i := strings.LastIndexByte(s, '<'); i >= 0 {
		if j := strings.IndexByte(s[i:], '>'); j > 0 {
			return strings.TrimSpace(s[i+1 : i+j])
		}
	}
	return s
}

// sameList reports whether every address of a is in b.
func sameList(a, b []mail.Address) bool {
	for _, x := range a {
		if !slices.ContainsFunc(b[:min(len(b), 50)], func(y mail.Address) bool { return mail.SameAddr(x.Addr, y.Addr) }) {
			return false
		}
	}
	return true
}

// HTMLSource is the HTML form of the message, hostile as it came, for the
// sanitiser: its parts in order, plain ones escaped. "" when there is none or
// no part of it was fetched.
func (p Plan) HTMLSource(body map[string][]byte) (src string, notes []string) {
	var b strings.Builder
	for _, x := range p.HTML {
		raw, ok := body[x.Path]
		if !ok {
			continue
		}
		s, note := x.text(raw)
		if note != "" {
			notes = append(notes, note)
		}
		if len(raw) >= MaxText {
			notes = append(notes, "The text is too long to be shown whole.")
		}
		if len(p.HTML) == 1 {
			return s, notes
		}
		if b.Len() > 0 {
			b.WriteString("\n<hr>\n")
		}
		if x.IsHTML() {
			b.WriteString(s)
		} else {
			b.WriteString(`<div style="white-space:pre-wrap">`)
			b.WriteString(html.EscapeString(s))
			b.WriteString("</div>")
		}
	}
	return b.String(), notes
}

const maxCIDs = 2000 // cid: references looked at

// Settle sorts inline parts and attachments by what the HTML body shows: parts
// it names by cid: are inline, all others are attachments.
func (p Plan) Settle(src string) Plan {
	if len(p.Inline) == 0 && !slices.ContainsFunc(p.Files, func(f mail.File) bool { return f.ContentID != "" }) {
		return p
	}
	used := map[string]bool{}
	for n := 0; n < maxCIDs; n++ {
		i := indexFold(src, "cid:")
		if i < 0 {
			break
		}
		src = src[i+4:]
		end := strings.IndexAny(src[:min(len(src), 1000)], "\"'>)( \t\r\n\\")
		if end < 0 {
			end = min(len(src), 1000)
		}
		id := html.UnescapeString(src[:end])
		used[strings.ToLower(id)] = true
		if u, err := url.PathUnescape(id); err == nil {
			used[strings.ToLower(u)] = true
		}
		src = src[end:]
	}
	var inline, files []mail.File
	for _, f := range p.Files {
		if f.ContentID != "" && used[strings.ToLower(f.ContentID)] && strings.HasPrefix(f.Type, "image/") {
			inline = append(inline, f)
		} else {
			files = append(files, f)
		}
	}
	for _, f := range p.Inline {
		if used[strings.ToLower(f.ContentID)] {
			inline = append(inline, f)
		} else {
			files = append(files, f)
		}
	}
	p.Inline, p.Files = inline, files
	return p
}

// indexFold finds an ASCII word in lower case, whatever the case in s.
func indexFold(s, word string) int {
	for i := 0; i+len(word) <= len(s); {
		k := strings.IndexAny(s[i:], word[:1]+strings.ToUpper(word[:1]))
		if k < 0 {
			return -1
		}
		i += k
		if i+len(word) <= len(s) && strings.EqualFold(s[i:i+len(word)], word) {
			return i
		}
		i++
	}
	return -1
}

// CID finds the part an HTML body means by cid:id; ok is false when there is none.
func (p Plan) CID(id string) (f mail.File, ok bool) {
	id = strings.Trim(id, "<> ")
	for _, list := range [...][]mail.File{p.Inline, p.Files} {
		for _, f := range list {
			if f.ContentID != "" && strings.EqualFold(f.ContentID, id) {
				return f, true
			}
		}
	}
	if u, err := url.PathUnescape(id); err == nil && u != id {
		return p.CID(u)
	}
	return mail.File{}, false
}
