package parse

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/emersion/go-imap/v2"
)

// Entity is a whole message split by us: for enclosed messages whose transfer
// encoding hides them from the server, and where the server cannot make sense
// of a message. It keeps slices of the message, not copies.
type Entity struct {
	raw, header, body []byte
	typ               string
	params            map[string]string
	disp              string
	dispParams        map[string]string
	hasDisp           bool
	encoding          string
	id, desc          string
	children          []*Entity // of a multipart
	message           *Entity   // of a message/rfc822 that is not encoded
	problems          []string
}

type splitter struct {
	parts    int
	problems []string
}

func (s *splitter) problem(p string) {
	for _, q := range s.problems {
		if p == q {
			return
		}
	}
	s.problems = append(s.problems, p)
}

// Parse splits a message. It never fails: what cannot be split is one part.
func Parse(raw []byte) *Entity {
	if bytes.IndexByte(raw[:min(len(raw), 64<<10)], '\n') < 0 && bytes.IndexByte(raw[:min(len(raw), 64<<10)], '\r') >= 0 {
		raw = bytes.ReplaceAll(raw, []byte{'\r'}, []byte{'\n'}) // line ends of old Macintoshes
	}
	s := &splitter{}
	e := s.entity(raw, "text/plain", 0)
	e.problems = s.problems
	return e
}

// Problems are what Parse could not make sense of.
func (e *Entity) Problems() []string { return e.problems }

// Raw is the message as given.
func (e *Entity) Raw() []byte { return e.raw }

func (s *splitter) entity(raw []byte, defType string, depth int) *Entity {
	e := &Entity{raw: raw}
	e.header, e.body = splitHeader(raw)
	if len(e.header) > MaxHeader {
		s.problem("The header of this message is too long to be shown whole.")
	}
	fs, _ := fields(e.header)
	if v := value(fs, "Content-Type"); len(v) > 0 {
		e.typ, e.params = mediaType(string(v))
	}
	if v := value(fs, "Content-Disposition"); v != nil {
		e.disp, e.dispParams = mediaType(string(v))
		e.hasDisp = true
	}
	e.encoding = Encoding(string(value(fs, "Content-Transfer-Encoding")))
	e.id = string(value(fs, "Content-ID"))
	e.desc = string(value(fs, "Content-Description"))
	s.contents(e, defType, depth)
	return e
}

// contents looks into the body by the type.
func (s *splitter) contents(e *Entity, defType string, depth int) {
	switch {
	case e.typ == "":
		e.typ = defType
	case e.typ == "text":
		e.typ = "text/plain"
	case !strings.Contains(e.typ, "/") || cleanType(e.typ) != e.typ:
		e.typ = defType
		if len(e.params) > 0 && e.params["name"] != "" || e.hasDisp {
			e.typ = "application/octet-stream"
		}
	}
	multi := strings.HasPrefix(e.typ, "multipart/")
	enclosed := (e.typ == "message/rfc822" || e.typ == "message/global") && !encodes(e.encoding)
	if (multi || enclosed) && depth >= MaxDepth {
		s.problem("Parts nested more than " + strconv.Itoa(MaxDepth) + " deep are left out.")
		e.typ, multi, enclosed = "application/octet-stream", false, false
	}
	if multi {
		body := e.body
		if encodes(e.encoding) { // forbidden (RFC 2045 section 6.4), seen all the same
			if b := DecodeBytes(body, e.encoding); bytes.Contains(b, []byte("--")) && !bytes.Contains(body, []byte("\n--")) {
				body = b
			}
			e.encoding = ""
		}
		boundary := param(e.params, "boundary")
		pieces, more := splitParts(body, boundary, MaxParts-s.parts)
		if len(pieces) == 0 {
			if b := sniffBoundary(body); b != "" && b != boundary {
				pieces, more = splitParts(body, b, MaxParts-s.parts)
			}
		}
		if more {
			s.problem("This message has more than " + strconv.Itoa(MaxParts) + " parts. The others are left out.")
		}
		if len(pieces) == 0 {
			// as servers do: the whole is one text
			e.typ, e.params = "text/plain", nil
			s.parts++
			return
		}
		def := "text/plain"
		if e.typ == "multipart/digest" {
			def = "message/rfc822"
		}
		for _, p := range pieces {
			if s.parts >= MaxParts {
				s.problem("This message has more than " + strconv.Itoa(MaxParts) + " parts. The others are left out.")
				break
			}
			e.children = append(e.children, s.entity(p, def, depth+1))
		}
		return
	}
	s.parts++
	if enclosed {
		e.message = s.entity(bytes.TrimLeft(e.body, "\r\n"), "text/plain", depth+1)
	}
}

func encodes(enc string) bool {
	return enc == "base64" || enc == "quoted-printable" || enc == "uuencode"
}

// splitHeader cuts at the first empty line. A part that begins with one has no
// header; so has a body that begins without a field.
func splitHeader(raw []byte) (header, body []byte) {
	if n := bytes.IndexByte(raw, '\n'); n == 0 || n == 1 && raw[0] == '\r' {
		return raw[:n+1], raw[n+1:]
	}
	seen := false
	for i := 0; i < len(raw); {
		j := bytes.IndexByte(raw[i:], '\n')
		end := len(raw)
		if j >= 0 {
			end = i + j + 1
		}
		line := bytes.TrimRight(raw[i:end], "\r\n")
		if len(line) == 0 {
			return raw[:end], raw[end:]
		}
		if !seen {
			_, _, ok := cutField(line)
			if !ok && !bytes.HasPrefix(line, []byte("From ")) && !bytes.HasPrefix(line, []byte(">From ")) && i == 0 && !headerAhead(raw[end:]) {
				return nil, raw
			}
			seen = ok
		}
		i = end
	}
	return raw, nil
}

// headerAhead reports whether the next line is a field, so that the one before
// is rubbish on top of a header.
func headerAhead(raw []byte) bool {
	line, _, _ := bytes.Cut(raw, []byte("\n"))
	_, v, ok := cutField(bytes.TrimRight(line, "\r"))
	return ok && len(v) > 0
}

// splitParts cuts a multipart's body at its boundary lines (RFC 2046 section
// 5.1.1): the whole line counts, so a longer boundary is another one. At most
// limit parts; more says that there were more. A missing end is forgiven.
func splitParts(body []byte, boundary string, limit int) (parts [][]byte, more bool) {
	if boundary == "" || len(boundary) > 500 {
		return nil, false
	}
	delim := []byte("--" + strings.TrimRight(boundary, " \t"))
	start := -1
	for i := 0; i < len(body); {
		k := bytes.Index(body[i:], delim)
		if k < 0 {
			break
		}
		at := i + k
		end := len(body)
		if n := bytes.IndexByte(body[at:], '\n'); n >= 0 {
			end = at + n + 1
		}
		if at > 0 && body[at-1] != '\n' {
			i = at + 1
			continue
		}
		rest := bytes.TrimRight(body[at+len(delim):end], " \t\r\n")
		last := string(rest) == "--"
		if len(rest) > 0 && !last {
			i = end
			continue
		}
		if start >= 0 {
			if len(parts) >= limit {
				return parts, true
			}
			parts = append(parts, trimEOL(body[start:at]))
		}
		start = end
		i = end
		if last {
			return parts, false
		}
	}
	if start >= 0 && start < len(body) {
		if len(parts) >= limit {
			return parts, true
		}
		parts = append(parts, body[start:])
	}
	return parts, false
}

// trimEOL drops the line end that belongs to the boundary behind it.
func trimEOL(b []byte) []byte {
	if n := len(b); n > 0 && b[n-1] == '\n' {
		b = b[:n-1]
		if n > 1 && b[n-2] == '\r' {
			b = b[:n-2]
		}
	}
	return b
}

// sniffBoundary finds what could be the boundary of a multipart that does not
// name it: the first line of two hyphens and a word that occurs again.
func sniffBoundary(body []byte) string {
	b := body[:min(len(body), 64<<10)]
	for n := 0; len(b) > 0 && n < 500; n++ {
		var line []byte
		line, b, _ = bytes.Cut(b, []byte("\n"))
		line = bytes.TrimRight(line, "\r \t")
		if len(line) < 4 || !bytes.HasPrefix(line, []byte("--")) || bytes.IndexByte(line, ' ') >= 0 {
			continue
		}
		if bytes.Contains(b, line) && bytes.Trim(line, "-") != nil && len(bytes.Trim(line, "-")) > 0 {
			return string(bytes.TrimSuffix(line[2:], []byte("--")))
		}
	}
	return ""
}

// Structure is the message as a server's BODYSTRUCTURE would give it.
func (e *Entity) Structure() imap.BodyStructure {
	var disp *imap.BodyStructureDisposition
	if e.hasDisp {
		disp = &imap.BodyStructureDisposition{Value: e.disp, Params: e.dispParams}
	}
	typ, sub, _ := strings.Cut(e.typ, "/")
	if len(e.children) > 0 {
		m := &imap.BodyStructureMultiPart{Subtype: sub, Extended: &imap.BodyStructureMultiPartExt{Params: e.params, Disposition: disp}}
		for _, c := range e.children {
			m.Children = append(m.Children, c.Structure())
		}
		return m
	}
	enc := e.encoding
	if enc == "" {
		enc = "7bit"
	}
	p := &imap.BodyStructureSinglePart{
		Type: typ, Subtype: sub, Params: e.params, ID: e.id, Description: e.desc, Encoding: enc, Size: uint32(min(len(e.body), 1<<31-1)),
		Extended: &imap.BodyStructureSinglePartExt{Disposition: disp},
	}
	if e.message != nil {
		p.MessageRFC822 = &imap.BodyStructureMessageRFC822{Envelope: e.message.envelope(), BodyStructure: e.message.Structure()}
	}
	return p
}

func (e *Entity) envelope() *imap.Envelope {
	fs, _ := fields(e.header)
	cs := headerCharset(fs)
	env := &imap.Envelope{Subject: decodeField(value(fs, "Subject"), cs), Date: Date(string(value(fs, "Date"))), MessageID: firstID(string(value(fs, "Message-ID")))}
	for _, a := range AddressList(rawText(value(fs, "From"), cs)) {
		ia := imap.Address{Name: a.Name}
		if i := strings.LastIndexByte(a.Addr, '@'); i >= 0 {
			ia.Mailbox, ia.Host = a.Addr[:i], a.Addr[i+1:]
		}
		env.From = append(env.From, ia)
	}
	return env
}

// HeaderOf is the header of the message itself ("") or of the message enclosed
// at a path; nil when there is none.
func (e *Entity) HeaderOf(path string) []byte {
	if path == "" {
		return e.header
	}
	if p := e.find(path); p != nil && p.message != nil {
		return p.message.header
	}
	return nil
}

// Section is the header and the body of the part at a path as a server would
// give them for BODY[path.MIME] and BODY[path]; "" is the message itself. For
// an enclosed message the body is that whole message. nil, nil when there is no
// such part.
func (e *Entity) Section(path string) (header, body []byte) {
	if path == "" {
		return e.header, e.body
	}
	if p := e.find(path); p != nil {
		return p.header, p.body
	}
	return nil, nil
}

func (e *Entity) find(path string) *Entity {
	cur := e
	for rest := path; rest != ""; {
		step, more, _ := strings.Cut(rest, ".")
		n, err := strconv.Atoi(step)
		if err != nil || n < 1 {
			return nil
		}
		if len(cur.children) > 0 {
			if n > len(cur.children) {
				return nil
			}
			cur = cur.children[n-1]
		} else if n != 1 {
			return nil
		}
		rest = more
		if rest != "" && len(cur.children) == 0 {
			if cur.message == nil {
				return nil
			}
			cur = cur.message
		}
	}
	return cur
}
