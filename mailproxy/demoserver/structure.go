package demoserver

import (
	"bytes"
	"strings"

	"github.com/emersion/go-imap/v2"
)

const (
	maxPartDepth = 30
	maxParts     = 1000 // of one message
)

// part is a node of a message's MIME structure: places in the bytes, and the
// header fields BODYSTRUCTURE wants, undecoded.
type part struct {
	header, body [2]int // from and to; the header includes its empty line

	typ, sub        string // lower case
	params          map[string]string
	disposition     string
	dispParams      map[string]string
	id, description string
	encoding        string
	language        []string
	location        string
	lines           int
	kids            []*part // of a multipart: one at least
	message         *part   // of a message/rfc822
	parent          string
}

// parseMessage never fails: what cannot be understood is a text/plain or an
// application/octet-stream part. Time and memory are linear in len(b) times
// the depth, which is bounded.
func parseMessage(b []byte) *part {
	budget := maxParts
	return parsePart(b, 0, len(b), "", 0, &budget)
}

func parsePart(b []byte, from, to int, parent string, depth int, budget *int) *part {
	*budget--
	split := headerEnd(b[from:to]) + from
	p := &part{header: [2]int{from, split}, body: [2]int{split, to}, parent: parent}
	p.typ, p.sub = "text", "plain"
	if parent == "digest" {
		p.typ, p.sub = "message", "rfc822"
	}
	for name, value := range fields(b[from:split]) {
		switch strings.ToLower(name) {
		case "content-type":
			t, params := parseParams(value)
			if typ, sub, ok := strings.Cut(t, "/"); ok && typ != "" && sub != "" {
				p.typ, p.sub, p.params = typ, sub, params
			}
		case "content-disposition":
			p.disposition, p.dispParams = parseParams(value)
		case "content-transfer-encoding":
			p.encoding, _ = parseParams(value)
		case "content-id":
			p.id = value
		case "content-description":
			p.description = value
		case "content-language":
			for l := range strings.SplitSeq(value, ",") {
				p.language = append(p.language, strings.TrimSpace(l))
			}
		case "content-location":
			p.location = value
		}
	}
	deeper := depth < maxPartDepth && *budget > 0
	switch {
	case p.typ == "multipart":
		boundary := p.params["boundary"]
		if deeper && boundary != "" {
			for _, span := range splitMultipart(b, split, to, boundary, *budget) {
				if *budget <= 0 {
					break
				}
				p.kids = append(p.kids, parsePart(b, span[0], span[1], p.sub, depth+1, budget))
			}
		}
		if len(p.kids) == 0 { // BODYSTRUCTURE has no multipart without parts
			p.typ, p.sub = "application", "octet-stream"
		}
	case p.typ == "message" && (p.sub == "rfc822" || p.sub == "global"):
		if deeper && (p.encoding == "" || strings.HasPrefix(p.encoding, "7") || strings.HasPrefix(p.encoding, "8") || p.encoding == "binary") {
			p.message = parsePart(b, split, to, "", depth+1, budget)
		} else {
			p.typ, p.sub = "application", "octet-stream"
		}
	}
	if p.typ == "text" || p.message != nil {
		p.lines = bytes.Count(b[split:to], []byte("\n"))
	}
	return p
}

// headerEnd returns the length of a header with its empty line.
func headerEnd(b []byte) int {
	for i := 0; i < len(b); {
		n := bytes.IndexByte(b[i:], '\n')
		if n < 0 {
			return len(b)
		}
		if n == 0 || n == 1 && b[i] == '\r' {
			return i + n + 1
		}
		i += n + 1
	}
	return len(b)
}

// splitMultipart returns the spans of the parts between the boundary lines
// (RFC 2046 section 5.1.1), at most limit. The line break before a boundary
// line belongs to it.
func splitMultipart(b []byte, from, to int, boundary string, limit int) [][2]int {
	var spans [][2]int
	mark := []byte("--" + boundary)
	start := -1
	for i := from; i < to; {
		end := bytes.IndexByte(b[i:to], '\n')
		next := to
		if end >= 0 {
			next = i + end + 1
		}
		if line := b[i:next]; bytes.HasPrefix(line, mark) {
			rest := bytes.TrimRight(line[len(mark):], " \t\r\n")
			if last := string(rest) == "--"; last || len(rest) == 0 {
				if start >= 0 {
					stop := i
					if stop > start && b[stop-1] == '\n' {
						stop--
						if stop > start && b[stop-1] == '\r' {
							stop--
						}
					}
					spans = append(spans, [2]int{start, stop})
				}
				start = next
				if last || len(spans) >= limit {
					return spans
				}
			}
		}
		i = next
	}
	if start >= 0 && start < to {
		spans = append(spans, [2]int{start, to})
	}
	return spans
}

// at finds the part with an IMAP number such as 2.1 (RFC 9051 section 6.4.5),
// nil if there is none.
func (p *part) at(path []int) *part {
	cur := p
	for i, n := range path {
		if cur.message != nil && i > 0 {
			cur = cur.message
		}
		switch {
		case cur.typ == "multipart" && n >= 1 && n <= len(cur.kids):
			cur = cur.kids[n-1]
		case cur.typ != "multipart" && n == 1:
			// the only part of a message that is not multipart
		default:
			return nil
		}
	}
	return cur
}

func (p *part) bodyStructure(c *content) imap.BodyStructure {
	var disp *imap.BodyStructureDisposition
	if p.disposition != "" {
		disp = &imap.BodyStructureDisposition{Value: p.disposition, Params: p.dispParams}
	}
	if p.typ == "multipart" {
		bs := &imap.BodyStructureMultiPart{
			Subtype: p.sub,
			Extended: &imap.BodyStructureMultiPartExt{
				Params: p.params, Disposition: disp, Language: p.language, Location: p.location,
			},
		}
		for _, k := range p.kids {
			bs.Children = append(bs.Children, k.bodyStructure(c))
		}
		return bs
	}
	bs := &imap.BodyStructureSinglePart{
		Type: p.typ, Subtype: p.sub, Params: p.params, ID: p.id, Description: p.description,
		Encoding: p.encoding, Size: uint32(p.body[1] - p.body[0]),
		Extended: &imap.BodyStructureSinglePartExt{
			Disposition: disp, Language: p.language, Location: p.location,
		},
	}
	switch {
	case p.message != nil:
		m := p.message
		bs.MessageRFC822 = &imap.BodyStructureMessageRFC822{
			Envelope:      envelope(c.slice(m.header[0], m.header[1])),
			BodyStructure: m.bodyStructure(c),
			NumLines:      int64(p.lines),
		}
	case p.typ == "text":
		bs.Text = &imap.BodyStructureText{NumLines: int64(p.lines)}
	}
	return bs
}
