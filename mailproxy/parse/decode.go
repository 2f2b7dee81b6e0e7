package parse

import (
	"bufio"
	"bytes"
	"io"
	"strings"
)

// Decode undoes a Content-Transfer-Encoding (base64, quoted-printable, uuencode;
// anything else passes unchanged). It streams and never fails on rubbish: what
// cannot be decoded is skipped. Errors are those of r alone.
func Decode(r io.Reader, encoding string) io.Reader {
	d := newDecoder(encoding)
	if d == nil {
		return r
	}
	return &lineReader{br: bufio.NewReaderSize(r, maxPiece), d: d}
}

func newDecoder(encoding string) decoder {
	switch Encoding(encoding) {
	case "base64":
		return &base64Decoder{}
	case "quoted-printable":
		return qpDecoder{}
	case "uuencode":
		return &uuDecoder{}
	}
	return nil
}

// DecodeBytes is Decode for what is in memory.
func DecodeBytes(b []byte, encoding string) []byte {
	d := newDecoder(encoding)
	if d == nil || len(b) == 0 {
		return b
	}
	out := make([]byte, 0, DecodedSize(int64(len(b)), encoding)+16)
	for len(b) > 0 {
		line, whole := b, false
		if i := bytes.IndexByte(b, '\n'); i >= 0 {
			line, whole = b[:i+1], i < maxPiece
		}
		b = b[len(line):]
		var done bool
		if out, _, done = d.line(out, line, whole, len(b) == 0 && line[len(line)-1] != '\n'); done {
			return out
		}
	}
	out, _, _ = d.line(out, nil, false, true)
	return out
}

const maxPiece = 8192 // octets of a long line decoded at a time

// Encoding is the plain name of a transfer encoding as written in mail: lower
// case, aliases resolved. Unknown names come back as they are.
func Encoding(s string) string {
	s = strings.ToLower(strings.Trim(s, " \t\r\n\"';"))
	if i := strings.IndexAny(s, " \t;("); i >= 0 {
		s = s[:i]
	}
	switch s {
	case "base64", "b", "base-64":
		return "base64"
	case "quoted-printable", "q", "qp", "quoted_printable", "quotedprintable", "quoted-printeable":
		return "quoted-printable"
	case "uuencode", "x-uuencode", "x-uue", "uue":
		return "uuencode"
	}
	return s
}

// A decoder turns one line, or one piece of a long line, into bytes appended to
// dst. whole says that line starts at the beginning of a line and ends it. rest
// is how many bytes at the end of line it wants to see again with what follows.
type decoder interface {
	line(dst, line []byte, whole, eof bool) (out []byte, rest int, done bool)
}

type lineReader struct {
	br   *bufio.Reader
	d    decoder
	out  []byte // decoded, unread
	off  int
	hold []byte // undecoded end of the last piece
	mid  bool   // the last piece did not end its line
	err  error
}

func (l *lineReader) Read(p []byte) (int, error) {
	for l.off == len(l.out) {
		if l.err != nil {
			return 0, l.err
		}
		l.fill()
	}
	n := copy(p, l.out[l.off:])
	l.off += n
	return n, nil
}

func (l *lineReader) fill() {
	piece, err := l.br.ReadSlice('\n')
	l.out, l.off = l.out[:0], 0
	if err != nil && err != bufio.ErrBufferFull {
		l.err = err
	}
	whole := !l.mid && err == nil
	l.mid = err == bufio.ErrBufferFull
	if len(l.hold) > 0 {
		piece = append(l.hold, piece...)
	}
	eof := l.err != nil
	var rest int
	var done bool
	l.out, rest, done = l.d.line(l.out, piece, whole, eof)
	if rest > 0 && !eof {
		l.hold = append([]byte(nil), piece[len(piece)-rest:]...)
	} else {
		l.hold = nil
	}
	if done {
		l.err = io.EOF
	}
}

var base64Value = func() (t [256]byte) {
	for i := range t {
		t[i] = 0xff
	}
	for i, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") {
		t[c] = byte(i)
	}
	return
}()

// base64Decoder reads across line ends, skips what is not of the alphabet, and
// goes on behind padding, since files are sent as several encodings in a row.
// A line of words behind the padding (a list's footer) ends it.
type base64Decoder struct {
	acc   uint32
	n     int // sextets in acc
	ended bool
}

func (d *base64Decoder) line(dst, line []byte, whole, eof bool) ([]byte, int, bool) {
	if whole || d.ended {
		good, bad, inner := 0, 0, 0
		t := bytes.TrimSpace(line)
		for _, c := range t {
			switch {
			case base64Value[c] != 0xff || c == '=':
				good++
			case c == ' ' || c == '\t':
				inner++
			case c == '\r' || c == '\n':
			default:
				bad++
			}
		}
		if good+bad > 0 && (bad*2 > good || inner*12 > good || d.ended && bad+inner > 0) {
			if d.ended {
				return dst, 0, true
			}
			return dst, 0, false
		}
	}
	for i, c := range line {
		v := base64Value[c]
		if v == 0xff {
			if c == '=' {
				dst = d.flush(dst)
				d.ended = true
				if bytes.ContainsAny(bytes.TrimSpace(line[i:]), " \t") { // words behind the padding
					break
				}
			}
			continue
		}
		d.ended = false
		d.acc = d.acc<<6 | uint32(v)
		if d.n++; d.n == 4 {
			dst = append(dst, byte(d.acc>>16), byte(d.acc>>8), byte(d.acc))
			d.acc, d.n = 0, 0
		}
	}
	if eof {
		dst = d.flush(dst)
	}
	return dst, 0, false
}

func (d *base64Decoder) flush(dst []byte) []byte {
	switch d.n {
	case 2:
		dst = append(dst, byte(d.acc>>4))
	case 3:
		dst = append(dst, byte(d.acc>>10), byte(d.acc>>2))
	}
	d.acc, d.n = 0, 0
	return dst
}

// qpDecoder keeps an "=" that starts no code, as written (RFC 2045 section 6.7
// leaves it to the reader).
type qpDecoder struct{}

func (qpDecoder) line(dst, line []byte, _, eof bool) ([]byte, int, bool) {
	end, nl := len(line), 0
	if end > 0 && line[end-1] == '\n' {
		nl = 1
		if end > 1 && line[end-2] == '\r' {
			nl = 2
		}
	}
	eol := line[end-nl:]
	body := line[:end-nl]
	rest := 0
	if nl > 0 || eof {
		if eof && nl == 0 && len(body) > 0 && body[len(body)-1] == '\r' {
			body = body[:len(body)-1]
		}
		body = bytes.TrimRight(body, " \t") // padding added on the way (RFC 2045 section 6.7 rule 3)
		if len(body) > 0 && body[len(body)-1] == '=' {
			body, eol = body[:len(body)-1], nil
		}
	} else {
		// a piece of a long line: what may belong to a code or to a line end waits
		keep := len(body)
		for keep > 0 && len(body)-keep < 1024 && (body[keep-1] == ' ' || body[keep-1] == '\t' || body[keep-1] == '\r') {
			keep--
		}
		if keep > 0 && body[keep-1] == '=' {
			keep--
		} else if keep == len(body) && keep > 1 && body[keep-2] == '=' {
			keep -= 2
		}
		if keep > 0 {
			rest = len(body) - keep
			body = body[:keep]
		}
	}
	for {
		i := bytes.IndexByte(body, '=')
		if i < 0 {
			break
		}
		dst = append(dst, body[:i]...)
		if i+2 < len(body) {
			hi, lo := unhex(body[i+1]), unhex(body[i+2])
			if hi < 16 && lo < 16 {
				dst = append(dst, hi<<4|lo)
				body = body[i+3:]
				continue
			}
		}
		dst = append(dst, '=')
		body = body[i+1:]
	}
	dst = append(dst, body...)
	return append(dst, eol...), rest, false
}

func unhex(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	}
	return 0xff
}

// uuDecoder decodes from the "begin" line to the "end" line. A length that
// claims more than the line holds gives what is there.
type uuDecoder struct{ begun bool }

func (d *uuDecoder) line(dst, line []byte, _, _ bool) ([]byte, int, bool) {
	line = bytes.TrimRight(line, "\r\n")
	if !d.begun {
		d.begun = bytes.HasPrefix(line, []byte("begin "))
		return dst, 0, false
	}
	if string(line) == "end" {
		return dst, 0, true
	}
	if len(line) == 0 {
		return dst, 0, false
	}
	n := int((line[0] - ' ') & 0x3f)
	line = line[1:]
	for i := 0; n > 0 && i < len(line); i += 4 {
		var q [4]byte
		for j := range q {
			if i+j < len(line) {
				q[j] = (line[i+j] - ' ') & 0x3f
			}
		}
		b := [3]byte{q[0]<<2 | q[1]>>4, q[1]<<4 | q[2]>>2, q[2]<<6 | q[3]}
		m := min(n, 3)
		dst = append(dst, b[:m]...)
		n -= m
	}
	return dst, 0, false
}
