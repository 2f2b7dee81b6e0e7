package demoserver

import (
	"bytes"
	"slices"
	"strings"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
)

func (s *session) Fetch(w *imapserver.FetchWriter, set imap.NumSet, options *imap.FetchOptions) error {
	peek := !slices.ContainsFunc(options.BodySection, func(b *imap.FetchItemBodySection) bool { return !b.Peek }) &&
		!slices.ContainsFunc(options.BinarySection, func(b *imap.FetchItemBinarySection) bool { return !b.Peek })
	s.acc.mu.Lock()
	if s.view.box.gone {
		s.acc.mu.Unlock()
		return no(imap.ResponseCodeNonExistent, "The mailbox was deleted")
	}
	picks := s.view.pick(set)
	if !peek && !s.view.readOnly {
		for i := range picks {
			m := picks[i].msg
			if !m.has(imap.FlagSeen) {
				s.view.box.setFlags(m, store(m.flags, imap.StoreFlagsAdd, []imap.Flag{imap.FlagSeen}), nil)
				picks[i].flags = m.flags
			}
		}
	}
	s.acc.mu.Unlock()
	for _, p := range picks {
		if err := p.fetch(w.CreateMessage(p.num), options); err != nil {
			return err
		}
	}
	return nil
}

func (p picked) fetch(w *imapserver.FetchResponseWriter, options *imap.FetchOptions) error {
	c := p.msg.body
	if c.make != nil {
		c = newContent(c.make()) // once for all items
	}
	if options.UID {
		w.WriteUID(p.msg.uid)
	}
	if options.Flags {
		w.WriteFlags(p.flags)
	}
	if options.InternalDate {
		w.WriteInternalDate(p.msg.date)
	}
	if options.RFC822Size {
		w.WriteRFC822Size(c.length())
	}
	if options.Envelope {
		h := c.parts().header
		w.WriteEnvelope(envelope(c.slice(h[0], h[1])))
	}
	if options.BodyStructure != nil {
		w.WriteBodyStructure(c.bodyStructure())
	}
	for _, item := range options.BodySection {
		b := partial(c.section(item), item.Partial)
		lit := w.WriteBodySection(item, int64(len(b)))
		lit.Write(b)
		if err := lit.Close(); err != nil {
			return err
		}
	}
	for _, item := range options.BinarySection {
		b := partial(c.decoded(item.Part), item.Partial)
		lit := w.WriteBinarySection(item, int64(len(b)))
		lit.Write(b)
		if err := lit.Close(); err != nil {
			return err
		}
	}
	for _, item := range options.BinarySectionSize {
		w.WriteBinarySectionSize(item, uint32(len(c.decoded(item.Part))))
	}
	return w.Close()
}

// section answers BODY[…]; what does not exist is empty.
func (c *content) section(item *imap.FetchItemBodySection) []byte {
	root := c.parts()
	p := root.at(item.Part)
	if p == nil {
		return nil
	}
	var span [2]int
	switch {
	case len(item.Part) == 0 || item.Specifier == imap.PartSpecifierNone || item.Specifier == imap.PartSpecifierMIME:
		// the message or the part itself
	case p.message != nil:
		p = p.message // HEADER and TEXT of a part are those of the message in it
	default:
		return nil
	}
	switch item.Specifier {
	case imap.PartSpecifierNone:
		span = p.body
		if len(item.Part) == 0 {
			span[0] = p.header[0]
		}
	case imap.PartSpecifierText:
		span = p.body
	default:
		span = p.header
	}
	b := c.slice(span[0], span[1])
	if len(item.HeaderFields) == 0 && len(item.HeaderFieldsNot) == 0 {
		return b
	}
	var out bytes.Buffer
	for name, raw := range rawFields(b) {
		named := func(n string) bool { return strings.EqualFold(n, name) }
		if len(item.HeaderFields) > 0 && slices.ContainsFunc(item.HeaderFields, named) ||
			len(item.HeaderFieldsNot) > 0 && !slices.ContainsFunc(item.HeaderFieldsNot, named) {
			out.Write(raw)
			if !bytes.HasSuffix(raw, []byte("\n")) {
				out.WriteString("\r\n")
			}
		}
	}
	out.WriteString("\r\n")
	return out.Bytes()
}

func partial(b []byte, p *imap.SectionPartial) []byte {
	if p == nil {
		return b
	}
	size := int64(len(b))
	from := min(max(p.Offset, 0), size)
	return b[from:min(from+max(p.Size, 0), size)]
}

// decoded answers BINARY[…]: the body of a part without its transfer encoding
// (RFC 3516), or the whole message for no part.
func (c *content) decoded(path []int) []byte {
	p := c.parts().at(path)
	if p == nil {
		return nil
	}
	if len(path) == 0 {
		return c.bytes()
	}
	return decodeTransfer(c.slice(p.body[0], p.body[1]), p.encoding)
}
