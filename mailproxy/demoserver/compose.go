package demoserver

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"hash/fnv"
	"html"
	"mime"
	"mime/quotedprintable"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"
)

// letter is a message before it is written down.
type letter struct {
	from     person
	to, cc   []person
	subject  string
	date     time.Time
	id       string   // without angle brackets
	refs     []string // oldest first; the last is answered
	fields   [][2]string
	received bool // has the trace fields of a delivered message
	owner    string

	text     string // empty: HTML only
	html     string // empty: plain text only
	flowed   bool   // format=flowed
	encoding string // of the text parts: "", "base64", "8bit" or a charset that is not UTF-8
	calendar string // text/calendar beside the text
	method   string // of the calendar
	inline   []attachment
	attached []attachment
	report   []byte // a complete message instead of all this
}

// attachment is a file in a message.
type attachment struct {
	name  string
	typ   string
	cid   string // content id of an inline image
	style nameStyle
	data  func() []byte // already base64 in lines, shared by all who attach it
}

// nameStyle is how a file name is written down; programs differ.
type nameStyle int

const (
	nameRFC2231 nameStyle = iota // filename*=UTF-8''…
	nameSplit                    // filename*0*=…; filename*1*=…
	nameWord                     // filename="=?UTF-8?B?…?=", against RFC 2047 section 5
	nameRaw                      // filename="…" in UTF-8 bytes
)

// content writes the letter when it is first read.
func (l *letter) content() *content {
	if l.report != nil {
		return newContent(l.report)
	}
	return &content{late: l.segments}
}

func (l *letter) segments() [][]byte {
	w := &segmentWriter{id: l.id}
	l.writeHeader(w)
	l.body().write(w)
	return w.done()
}

func (l *letter) writeHeader(w *segmentWriter) {
	if l.received {
		domain := domainOf(l.from.address)
		fmt.Fprintf(w, "Return-Path: <%s>\r\nDelivered-To: %s\r\n", l.from.bounces(), l.owner)
		fmt.Fprintf(w, "Received: from mx.%s (mx.%s [192.0.2.%d])\r\n\tby mail.postern.test with ESMTPS (TLS1.3) id %08x\r\n\tfor <%s>; %s\r\n",
			domain, domain, hash(domain)%250+2, hash(l.id), l.owner, l.date.Format(time.RFC1123Z))
		if l.from.fails {
			fmt.Fprintf(w, "Authentication-Results: mail.postern.test;\r\n\tdkim=none; spf=fail smtp.mailfrom=%s;\r\n\tdmarc=fail header.from=%s\r\n", domain, domain)
		} else {
			fmt.Fprintf(w, "Authentication-Results: mail.postern.test;\r\n\tdkim=pass header.d=%s; spf=pass smtp.mailfrom=%s;\r\n\tdmarc=pass header.from=%s\r\n", domain, domain, domain)
		}
	}
	fmt.Fprintf(w, "From: %s\r\n", mailboxField(l.from.name, l.from.address))
	for _, f := range []struct {
		name string
		list []person
	}{{"To", l.to}, {"Cc", l.cc}} {
		if len(f.list) == 0 {
			continue
		}
		var items []string
		for _, p := range f.list {
			items = append(items, mailboxField(p.name, p.address))
		}
		fmt.Fprintf(w, "%s: %s\r\n", f.name, strings.Join(items, ",\r\n\t"))
	}
	if l.subject != "" {
		fmt.Fprintf(w, "Subject: %s\r\n", foldWords(encodeHeader(l.subject)))
	}
	fmt.Fprintf(w, "Date: %s\r\nMessage-ID: <%s>\r\n", l.date.Format(time.RFC1123Z), l.id)
	if n := len(l.refs); n > 0 {
		fmt.Fprintf(w, "In-Reply-To: <%s>\r\nReferences: <%s>\r\n", l.refs[n-1], strings.Join(l.refs, ">\r\n\t<"))
	}
	for _, f := range l.fields {
		fmt.Fprintf(w, "%s: %s\r\n", f[0], f[1])
	}
	w.WriteString("MIME-Version: 1.0\r\n")
}

// body builds the MIME tree: mixed(related(alternative(text, html, calendar),
// images), files), each level only where it is needed.
func (l *letter) body() *node {
	var alternatives []*node
	if l.text != "" || l.html == "" {
		alternatives = append(alternatives, l.textNode("plain", l.text))
	}
	if l.html != "" {
		alternatives = append(alternatives, l.textNode("html", l.html))
	}
	if l.calendar != "" {
		alternatives = append(alternatives, &node{
			header: fmt.Sprintf("Content-Type: text/calendar; charset=utf-8; method=%s\r\nContent-Transfer-Encoding: base64\r\n", l.method),
			body:   base64Lines([]byte(l.calendar)),
		})
	}
	root := alternatives[0]
	if len(alternatives) > 1 {
		root = &node{sub: "alternative", kids: alternatives}
	}
	if len(l.inline) > 0 {
		related := &node{sub: "related", kids: []*node{root}}
		for _, a := range l.inline {
			related.kids = append(related.kids, a.node())
		}
		root = related
	}
	if len(l.attached) > 0 {
		mixed := &node{sub: "mixed", kids: []*node{root}}
		for _, a := range l.attached {
			mixed.kids = append(mixed.kids, a.node())
		}
		root = mixed
	}
	return root
}

func (l *letter) textNode(sub, text string) *node {
	text = crlf(text)
	flowed := ""
	if l.flowed && sub == "plain" {
		flowed = "; format=flowed"
		text = flow(text)
	}
	ascii := !strings.ContainsFunc(text, func(r rune) bool { return r >= utf8.RuneSelf })
	charset, encoding := "utf-8", "quoted-printable"
	switch {
	case ascii && sub == "plain":
		charset, encoding = "us-ascii", "7bit"
	case l.encoding == "base64", l.encoding == "8bit":
		encoding = l.encoding
	case l.encoding == "iso-8859-1":
		if b, ok := latin1(text); ok {
			charset, text = "iso-8859-1", b
		}
	}
	n := &node{header: fmt.Sprintf("Content-Type: text/%s; charset=%s%s\r\nContent-Transfer-Encoding: %s\r\n", sub, charset, flowed, encoding)}
	switch encoding {
	case "base64":
		n.body = base64Lines([]byte(text))
	case "quoted-printable":
		var b bytes.Buffer
		q := quotedprintable.NewWriter(&b)
		q.Write([]byte(text))
		q.Close()
		n.body = b.Bytes()
	default:
		n.body = []byte(text)
	}
	return n
}

func (a attachment) node() *node {
	var h strings.Builder
	if a.cid != "" {
		fmt.Fprintf(&h, "Content-Type: %s; %s\r\nContent-ID: <%s>\r\nContent-Disposition: inline; %s\r\n",
			a.typ, nameParam("name", a.name, nameRFC2231), a.cid, nameParam("filename", a.name, nameRFC2231))
	} else {
		fmt.Fprintf(&h, "Content-Type: %s", a.typ)
		if a.style == nameWord {
			fmt.Fprintf(&h, ";\r\n\t%s", nameParam("name", a.name, a.style))
		}
		fmt.Fprintf(&h, "\r\nContent-Disposition: attachment;\r\n\t%s\r\n", nameParam("filename", a.name, a.style))
	}
	if a.typ == "message/rfc822" { // must not be encoded (RFC 2046 section 5.2.1)
		return &node{header: h.String(), body: a.data(), shared: true}
	}
	h.WriteString("Content-Transfer-Encoding: base64\r\n")
	return &node{header: h.String(), body: a.data(), shared: true}
}

// nameParam writes a parameter that holds a file name.
func nameParam(param, name string, style nameStyle) string {
	if !strings.ContainsFunc(name, func(r rune) bool { return r >= utf8.RuneSelf || r == '"' || r == '\\' }) {
		return fmt.Sprintf("%s=%q", param, name)
	}
	escaped := strings.ReplaceAll(url.QueryEscape(name), "+", "%20")
	switch style {
	case nameWord:
		return fmt.Sprintf("%s=\"%s\"", param, mime.BEncoding.Encode("UTF-8", name))
	case nameRaw:
		return fmt.Sprintf("%s=\"%s\"", param, strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(name))
	case nameSplit:
		var pieces []string
		for i := 0; len(escaped) > 0; i++ {
			n := min(len(escaped), 40)
			for n < len(escaped) && (escaped[n-1] == '%' || n > 1 && escaped[n-2] == '%') {
				n++ // not within %XX
			}
			prefix := ""
			if i == 0 {
				prefix = "UTF-8''"
			}
			pieces = append(pieces, fmt.Sprintf("%s*%d*=%s%s", param, i, prefix, escaped[:n]))
			escaped = escaped[n:]
		}
		return strings.Join(pieces, ";\r\n\t")
	}
	return fmt.Sprintf("%s*=UTF-8''%s", param, escaped)
}

// node is a MIME part to be written.
type node struct {
	header string // Content-* lines of a single part
	body   []byte
	shared bool // the body is kept elsewhere and need not be copied
	sub    string
	kids   []*node
}

func (n *node) write(w *segmentWriter) {
	if n.kids == nil {
		w.WriteString(n.header + "\r\n")
		if n.shared {
			w.share(n.body)
		} else {
			w.Write(n.body)
		}
		return
	}
	boundary := fmt.Sprintf("=_%08x%04x", hash(w.id), w.boundaries)
	w.boundaries++
	typ := n.sub
	if n.sub == "related" {
		typ += `; type="text/html"`
	}
	fmt.Fprintf(w, "Content-Type: multipart/%s;\r\n\tboundary=\"%s\"\r\n\r\n", typ, boundary)
	if n.sub == "mixed" {
		w.WriteString("This is a multi-part message in MIME format.\r\n")
	}
	for _, k := range n.kids {
		fmt.Fprintf(w, "--%s\r\n", boundary)
		k.write(w)
		w.WriteString("\r\n")
	}
	fmt.Fprintf(w, "--%s--\r\n", boundary)
}

// segmentWriter collects a message in pieces, some of them shared.
type segmentWriter struct {
	bytes.Buffer
	id         string
	boundaries int
	segs       [][]byte
}

func (w *segmentWriter) share(b []byte) {
	w.cut()
	w.segs = append(w.segs, b)
}

func (w *segmentWriter) cut() {
	if w.Len() > 0 {
		w.segs = append(w.segs, bytes.Clone(w.Bytes()))
		w.Reset()
	}
}

func (w *segmentWriter) done() [][]byte {
	w.cut()
	return w.segs
}

// mailboxField writes a name and an address as a header does.
func mailboxField(name, address string) string {
	switch encoded := encodeHeader(name); {
	case name == "":
		return address
	case encoded != name:
		return foldWords(encoded) + " <" + address + ">"
	case strings.ContainsAny(name, `()<>[]:;@\,."`):
		name = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(name) + `"`
	}
	return name + " <" + address + ">"
}

// encodeHeader writes text as encoded words (RFC 2047) where it is not ASCII,
// in the shorter of both ways.
func encodeHeader(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return r >= utf8.RuneSelf || r < ' ' }) {
		return s
	}
	wide := 0
	for _, r := range s {
		if r >= utf8.RuneSelf {
			wide++
		}
	}
	if wide*3 > utf8.RuneCountInString(s) {
		return mime.BEncoding.Encode("utf-8", s)
	}
	return mime.QEncoding.Encode("utf-8", s)
}

// foldWords puts every encoded word on a line of its own.
func foldWords(s string) string { return strings.ReplaceAll(s, "?= =?", "?=\r\n =?") }

// crlf gives text the line ends of mail, one at its end too.
func crlf(s string) string {
	s = strings.TrimRight(strings.ReplaceAll(s, "\r\n", "\n"), "\n") + "\n"
	return strings.ReplaceAll(s, "\n", "\r\n")
}

// flow breaks paragraphs into lines of at most 72 bytes that end in a space
// where the text goes on (RFC 3676).
func flow(s string) string {
	var b strings.Builder
	for line := range strings.SplitSeq(strings.TrimSuffix(s, "\r\n"), "\r\n") {
		if line == "-- " || strings.HasPrefix(line, ">") {
			b.WriteString(line + "\r\n")
			continue
		}
		line = strings.TrimRight(line, " ")
		for len(line) > 72 {
			i := strings.LastIndexByte(line[:72], ' ')
			if i <= 0 {
				break
			}
			b.WriteString(line[:i+1] + "\r\n")
			line = line[i+1:]
		}
		if strings.HasPrefix(line, " ") || strings.HasPrefix(line, "From ") {
			line = " " + line // space-stuffed (RFC 3676 section 4.4)
		}
		b.WriteString(line + "\r\n")
	}
	return b.String()
}

// latin1 converts to ISO 8859-1 where it can.
func latin1(s string) (string, bool) {
	b := make([]byte, 0, len(s))
	for _, r := range s {
		if r > 0xff {
			return "", false
		}
		b = append(b, byte(r))
	}
	return string(b), true
}

func base64Lines(b []byte) []byte {
	const line = 76 // characters (RFC 2045 section 6.8)
	enc := base64.StdEncoding.EncodeToString(b)
	out := make([]byte, 0, len(enc)+2*(len(enc)/line+1))
	for len(enc) > 0 {
		n := min(len(enc), line)
		out = append(append(out, enc[:n]...), "\r\n"...)
		enc = enc[n:]
	}
	return out
}

func hash(s string) uint32 {
	h := fnv.New32a()
	h.Write([]byte(s))
	return h.Sum32()
}

// quoteText is the text of an answered message as it stands below an answer.
func quoteText(l *letter) string {
	var b strings.Builder
	fmt.Fprintf(&b, "On %s, %s wrote:\n", l.date.Format("2 Jan 2006 at 15:04"), l.from.display())
	said, _, _ := strings.Cut(l.text, "\n-- \n")
	lines := strings.Split(strings.TrimSpace(said), "\n")
	const most = 60
	for i, line := range lines {
		if i == most {
			b.WriteString("> […]\n")
			break
		}
		if strings.HasPrefix(line, ">") || line == "" {
			b.WriteString(">" + line + "\n")
		} else {
			b.WriteString("> " + line + "\n")
		}
	}
	return b.String()
}

// textHTML turns plain paragraphs into HTML ones.
func textHTML(text string) string {
	var b strings.Builder
	for para := range strings.SplitSeq(strings.TrimSpace(text), "\n\n") {
		esc := html.EscapeString(para)
		b.WriteString("<p>" + strings.ReplaceAll(esc, "\n", "<br>\n") + "</p>\n")
	}
	return b.String()
}
