package demoserver

import (
	"bytes"
	"io"
	"iter"
	"mime"
	netmail "net/mail"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-message/charset"
)

const maxEnvelopeAddresses = 500 // of one header field

// rawFields walks the fields of a header: the name and the whole field with
// its line breaks. Lines that are no fields are skipped.
func rawFields(header []byte) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		for len(header) > 0 {
			end := 0
			for {
				n := bytes.IndexByte(header[end:], '\n')
				if n < 0 {
					end = len(header)
					break
				}
				end += n + 1
				if end >= len(header) || header[end] != ' ' && header[end] != '\t' {
					break
				}
			}
			field := header[:end]
			header = header[end:]
			name, _, ok := bytes.Cut(field, []byte(":"))
			name = bytes.TrimRight(name, " \t")
			if !ok || len(name) == 0 || bytes.ContainsAny(name, " \t\r\n") {
				continue
			}
			if !yield(string(name), field) {
				return
			}
		}
	}
}

// fields walks the fields of a header: the name and the unfolded, trimmed value.
func fields(header []byte) iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for name, field := range rawFields(header) {
			_, value, _ := bytes.Cut(field, []byte(":"))
			if !yield(name, unfold(value)) {
				return
			}
		}
	}
}

// unfold removes line breaks (RFC 5322 section 2.2.3), stray ones and NUL too.
func unfold(v []byte) string {
	v = bytes.TrimSpace(v)
	if bytes.ContainsAny(v, "\r\n\x00") {
		v = bytes.Map(func(r rune) rune {
			if r == '\r' || r == '\n' || r == 0 {
				return -1
			}
			return r
		}, v)
	}
	return string(v)
}

// field returns the first field of that name.
func field(header []byte, name string) string {
	for n, v := range fields(header) {
		if strings.EqualFold(n, name) {
			return v
		}
	}
	return ""
}

// parseParams splits "text/plain; charset=utf-8" and the like. Values stay as
// they are, RFC 2231 pieces and encoded words included: decoding them is the
// client's business, as it is with any real server.
func parseParams(v string) (string, map[string]string) {
	value, rest, _ := strings.Cut(v, ";")
	value = strings.ToLower(strings.TrimSpace(value))
	if i := strings.IndexByte(value, '('); i >= 0 {
		value = strings.TrimSpace(value[:i])
	}
	var params map[string]string
	for rest != "" && len(params) < 100 {
		rest = strings.TrimLeft(rest, "; \t")
		eq := strings.IndexAny(rest, "=;")
		if eq < 0 {
			break
		}
		if rest[eq] == ';' {
			rest = rest[eq:]
			continue
		}
		name := strings.ToLower(strings.TrimSpace(rest[:eq]))
		rest = strings.TrimLeft(rest[eq+1:], " \t")
		var val string
		if strings.HasPrefix(rest, `"`) {
			var b strings.Builder
			i := 1
			for i < len(rest) && rest[i] != '"' {
				if rest[i] == '\\' && i+1 < len(rest) {
					i++
				}
				b.WriteByte(rest[i])
				i++
			}
			val, rest = b.String(), rest[min(i+1, len(rest)):]
		} else {
			end := strings.IndexByte(rest, ';')
			if end < 0 {
				end = len(rest)
			}
			val, rest = strings.TrimSpace(rest[:end]), rest[end:]
		}
		if name == "" {
			continue
		}
		if params == nil {
			params = make(map[string]string)
		}
		if _, ok := params[name]; !ok {
			params[name] = val
		}
	}
	return value, params
}

var wordDecoder = &mime.WordDecoder{CharsetReader: func(cs string, r io.Reader) (io.Reader, error) {
	return charset.Reader(cs, r)
}}

// decodeWords decodes encoded words (RFC 2047), or returns the text as it is.
func decodeWords(s string) string {
	if !strings.Contains(s, "=?") {
		return s
	}
	if d, err := wordDecoder.DecodeHeader(s); err == nil {
		return d
	}
	return s
}

// envelope answers ENVELOPE.
func envelope(header []byte) *imap.Envelope {
	e := &imap.Envelope{}
	for name, v := range fields(header) {
		switch strings.ToLower(name) {
		case "date":
			if e.Date.IsZero() {
				e.Date = parseDate(v)
			}
		case "subject":
			if e.Subject == "" {
				e.Subject = decodeWords(v)
			}
		case "from":
			e.From = append(e.From, addresses(v)...)
		case "sender":
			e.Sender = append(e.Sender, addresses(v)...)
		case "reply-to":
			e.ReplyTo = append(e.ReplyTo, addresses(v)...)
		case "to":
			e.To = append(e.To, addresses(v)...)
		case "cc":
			e.Cc = append(e.Cc, addresses(v)...)
		case "bcc":
			e.Bcc = append(e.Bcc, addresses(v)...)
		case "in-reply-to":
			if e.InReplyTo == nil {
				e.InReplyTo = msgIDs(v)
			}
		case "message-id":
			if ids := msgIDs(v); e.MessageID == "" && len(ids) > 0 {
				e.MessageID = ids[0]
			}
		}
	}
	return e
}

func parseDate(v string) time.Time {
	t, err := netmail.ParseDate(v)
	if err != nil {
		return time.Time{}
	}
	return t
}

// addresses reads an address list; one that is broken gives what stands in
// angle brackets or looks like an address.
func addresses(v string) []imap.Address {
	var out []imap.Address
	add := func(name, addr string) {
		i := strings.LastIndexByte(addr, '@')
		if i > 0 && len(out) < maxEnvelopeAddresses {
			out = append(out, imap.Address{Name: name, Mailbox: addr[:i], Host: addr[i+1:]})
		}
	}
	p := netmail.AddressParser{WordDecoder: wordDecoder}
	if list, err := p.ParseList(v); err == nil {
		for _, a := range list {
			add(a.Name, a.Address)
		}
		return out
	}
	for item := range strings.SplitSeq(v, ",") {
		name, addr := "", strings.TrimSpace(item)
		if i, j := strings.IndexByte(item, '<'), strings.LastIndexByte(item, '>'); i >= 0 && j > i {
			name, addr = strings.Trim(item[:i], " \t\""), item[i+1:j]
		}
		add(decodeWords(name), addr)
	}
	return out
}

// msgIDs returns the message ids of a field without their angle brackets.
func msgIDs(v string) []string {
	var ids []string
	for len(ids) < 100 {
		_, rest, ok := strings.Cut(v, "<")
		if !ok {
			break
		}
		id, rest, ok := strings.Cut(rest, ">")
		if !ok {
			break
		}
		if id = strings.TrimSpace(id); id != "" {
			ids = append(ids, id)
		}
		v = rest
	}
	return ids
}
