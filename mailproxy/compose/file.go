package compose

import (
	"encoding/base64"
	"io"
	"mime"
	"strings"

	"github.com/emersion/go-message/textproto"

	"postern/mailproxy/mail"
)

// file writes one file as a part.
func (b *builder) file(c creator, i int) error {
	f := b.in.Files[i]
	name := FileName(f.Name)
	disposition := "attachment"
	cid := ""
	if f.ContentID != "" && ValidMessageID(f.ContentID) {
		cid = field("Content-ID", []string{" <" + f.ContentID + ">"})
		if f.Inline && b.in.Draft.Rich {
			disposition = "inline"
		}
	}
	mediaType, encoding := fileType(f.Type), "base64"
	if f.Message {
		// RFC 2046 section 5.2.1: only 7bit, 8bit or binary. What the message
		// holds is not known before it has been read.
		mediaType, encoding = "message/rfc822", "8bit"
	}
	typeParams := []param(nil)
	if ascii(name) && len(name) <= 60 {
		// For programs that look for the name in Content-Type only.
		typeParams = append(typeParams, param{"name", name})
	}
	w, err := c.CreatePart(mimeHeader(
		field("Content-Type", valueWithParams(mediaType, typeParams...)),
		field("Content-Transfer-Encoding", []string{" " + encoding}),
		cid,
		field("Content-Disposition", valueWithParams(disposition, param{"filename", name}))))
	if err != nil {
		return err
	}
	r, err := f.Open()
	if err != nil {
		return err
	}
	defer r.Close()
	if f.Message {
		lw := &messageWriter{w: w}
		if _, err := io.CopyBuffer(lw, onlyReader{r}, make([]byte, 16<<10)); err != nil {
			return err
		}
		if err := lw.finish(); err != nil {
			return err
		}
		if lw.unfit {
			return &UnfitError{Index: i}
		}
		b.eightBit = b.eightBit || lw.eightBit
		return nil
	}
	lw := &base64Writer{w: w}
	if _, err := io.CopyBuffer(lw, onlyReader{r}, make([]byte, 16<<10)); err != nil {
		return err
	}
	return lw.finish()
}

// onlyReader hides other methods, so that a copy goes through its small buffer.
type onlyReader struct{ io.Reader }

// fileType is a media type fit for a part: of a known form, without parameters,
// and none that would make a reader look inside (multipart, message).
func fileType(s string) string {
	t, _, err := mime.ParseMediaType(s)
	major, minor, ok := strings.Cut(t, "/")
	if err != nil || !ok || !token(major) || !token(minor) || len(t) > 100 || major == "multipart" || major == "message" {
		return "application/octet-stream"
	}
	return t
}

func token(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune(`()<>@,;:\"/[]?=`, r)
	})
}

// FileName makes any name fit to be sent as the name of a file: the last level
// of a path, no control or direction characters, no space at the ends, at most
// 200 characters with the ending kept, never empty.
func FileName(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if i := strings.LastIndexAny(s, `/\`); i >= 0 {
		s = s[i+1:]
	}
	s = strings.Map(func(r rune) rune {
		switch {
		case isBreak(r):
			return '_'
		case r >= '\u202a' && r <= '\u202e', r >= '\u2066' && r <= '\u2069', r == '\u200e', r == '\u200f', r == '\u061c':
			return -1
		}
		return r
	}, s)
	s = strings.Join(strings.Fields(s), " ")
	if s = strings.TrimRight(s, ". "); s == "" {
		return "file"
	}
	if r := []rune(s); len(r) > 200 {
		ext := []rune{}
		if i := strings.LastIndexByte(s, '.'); i > 0 {
			if e := []rune(s[i:]); len(e) <= 20 {
				ext = e
			}
		}
		s = strings.TrimSpace(string(r[:200-len(ext)])) + string(ext)
	}
	return s
}

// base64Writer encodes in lines of 76 characters (RFC 2045 section 6.8), many
// lines a Write.
type base64Writer struct {
	w    io.Writer
	rest [57]byte // octets of a line not yet full
	n    int
	out  []byte
}

const (
	lineIn  = 57 // octets of a line of 76 characters
	batchIn = lineIn * 128
)

func (b *base64Writer) Write(p []byte) (int, error) {
	total := len(p)
	if b.n > 0 {
		n := copy(b.rest[b.n:], p)
		b.n, p = b.n+n, p[n:]
		if b.n < lineIn {
			return total, nil
		}
		if err := b.lines(b.rest[:]); err != nil {
			return 0, err
		}
		b.n = 0
	}
	for len(p) >= lineIn {
		n := min(len(p)/lineIn*lineIn, batchIn)
		if err := b.lines(p[:n]); err != nil {
			return 0, err
		}
		p = p[n:]
	}
	b.n = copy(b.rest[:], p)
	return total, nil
}

func (b *base64Writer) lines(p []byte) error {
	b.out = b.out[:0]
	for len(p) > 0 {
		n := min(len(p), lineIn)
		b.out = base64.StdEncoding.AppendEncode(b.out, p[:n])
		b.out = append(b.out, '\r', '\n')
		p = p[n:]
	}
	_, err := b.w.Write(b.out)
	return err
}

func (b *base64Writer) finish() error {
	if b.n == 0 {
		return nil
	}
	return b.lines(b.rest[:b.n])
}

// messageWriter copies a message, making every line end CRLF: a lone CR or LF
// inside DATA is read as a line end by some servers and not by others (SMTP
// smuggling). It notes what the message needs.
type messageWriter struct {
	w        io.Writer
	cr       bool // the last octet was a CR whose LF is outstanding
	col      int
	eightBit bool
	unfit    bool // NUL or a line over 998 octets
	out      []byte
}

func (m *messageWriter) Write(p []byte) (int, error) {
	m.out = m.out[:0]
	for _, c := range p {
		if m.cr {
			m.out = append(m.out, '\r', '\n')
			m.cr, m.col = false, 0
			if c == '\n' {
				continue
			}
		}
		switch c {
		case '\r':
			m.cr = true
			continue
		case '\n':
			m.out = append(m.out, '\r', '\n')
			m.col = 0
			continue
		case 0:
			m.unfit = true
		}
		if c >= 0x80 {
			m.eightBit = true
		}
		if m.col++; m.col > maxLineLen {
			m.unfit = true
		}
		m.out = append(m.out, c)
	}
	if m.unfit {
		return len(p), nil // what is written is of no use any more; the caller reports it
	}
	if _, err := m.w.Write(m.out); err != nil {
		return 0, err
	}
	return len(p), nil
}

func (m *messageWriter) finish() error {
	if m.cr {
		m.cr = false
		_, err := m.w.Write([]byte("\r\n"))
		return err
	}
	return nil
}

// EncodedSize is about how many octets files make in a message: base64 in lines
// of 76, with headers. Within one percent.
func EncodedSize(files []mail.DraftFile) int64 {
	var n int64
	for _, f := range files {
		n += 300 + int64(3*len(f.Name))
		if f.Type == "message/rfc822" {
			n += max(f.Size, 0)
			continue
		}
		n += EncodedLen(f.Size)
	}
	return n
}

// EncodedLen is the octets that size octets make in base64.
func EncodedLen(size int64) int64 {
	size = max(size, 0)
	return (size+2)/3*4 + (size+lineIn-1)/lineIn*2
}

var _ creator = (*textproto.MultipartWriter)(nil)
