package imapconn

import (
	"bytes"
	"fmt"
)

// scanner follows the syntax of a response (RFC 9051 section 9): where quoted
// strings, literals and lists begin and end, and so where the response ends.
// It reads as leniently as go-imap's decoder, so that both see the same borders.
type scanner struct {
	lim   Limits
	state scanState
	loose bool // the response is left out: a line end ends it even within quotes

	depth  int
	line   int64 // octets of the response so far, body literals left out
	quoted int64 // octets of the quoted string so far
	lit    int64 // octets of the literal still to come
	digits int   // of the literal's size
	last   byte  // last octet before the brace that is neither space nor ~
}

type scanState uint8

const (
	inData    scanState = iota
	inText              // human text: nothing but the line end counts
	inQuoted            // after "
	inEscape            // after \ within quotes
	inBrace             // after {
	afterSize           // after }: a line end makes it a literal
	inLiteral
)

// begin starts a new response.
func (s *scanner) begin(state scanState, loose bool) {
	*s = scanner{lim: s.lim, state: state, loose: loose}
}

// scan reads on and returns how many octets belong to the current response and
// whether it ended with the last of them.
func (s *scanner) scan(b []byte) (n int, end bool, err error) {
	for n < len(b) {
		switch s.state {
		case inLiteral:
			k := min(int64(len(b)-n), s.lit)
			n += int(k)
			s.lit -= k
			if s.lit == 0 {
				s.state, s.last = inData, 0
			}
			continue
		case inText:
			i := bytes.IndexByte(b[n:], '\n')
			if i < 0 {
				s.line += int64(len(b) - n)
				n = len(b)
				return n, false, s.checkLine()
			}
			s.line += int64(i + 1)
			return n + i + 1, true, s.checkLine()
		case inData: // what means nothing is passed over at once
			k := n
			for k < len(b) && !means[b[k]] {
				k++
			}
			for i := k - 1; i >= n; i-- {
				if b[i] != ' ' && b[i] != '~' {
					s.last = b[i]
					break
				}
			}
			s.line += int64(k - n)
			n = k
		case inQuoted:
			k := n
			for k < len(b) && b[k] != '"' && b[k] != '\\' && b[k] != '\n' {
				k++
			}
			s.line += int64(k - n)
			s.quoted += int64(k - n)
			n = k
		}
		if n == len(b) || s.quoted > s.lim.String || s.line > s.lim.Line {
			break
		}
		c := b[n]
		n++
		s.line++
		switch s.state {
		case inData:
			switch c {
			case '\n':
				return n, true, s.checkLine()
			case '"':
				s.state, s.quoted = inQuoted, 0
			case '(':
				s.depth++
				if s.depth > s.lim.Depth && !s.loose {
					return n, false, fmt.Errorf("lists nested over %d deep", s.lim.Depth)
				}
			case ')':
				s.depth = max(s.depth-1, 0)
			case '{':
				s.state, s.lit, s.digits = inBrace, 0, 0
			}
			if c != '{' {
				s.last = c
			}
		case inQuoted:
			s.quoted++
			switch {
			case c == '"':
				s.state, s.last = inData, c
			case c == '\\':
				s.state = inEscape
			case c == '\n' && s.loose:
				return n, true, nil
			}
		case inEscape:
			s.quoted++
			s.state = inQuoted
		case inBrace:
			switch {
			case c >= '0' && c <= '9':
				if s.digits++; s.digits > 19 || s.lit > (1<<62)/10 {
					return n, false, fmt.Errorf("a literal's size of %d digits", s.digits)
				}
				s.lit = s.lit*10 + int64(c-'0')
			case c == '}' && s.digits > 0:
				s.state = afterSize
			case c == '+' && s.digits > 0: // a client's form: harmless here
			default:
				s.state = inData
				n--
				s.line--
			}
		case afterSize:
			switch c {
			case ' ', '\r':
			case '\n':
				if err := s.checkLiteral(); err != nil {
					return n, false, err
				}
				s.state = inLiteral
				if s.lit == 0 {
					s.state, s.last = inData, 0
				}
			default:
				s.state = inData
				n--
				s.line--
			}
		}
	}
	if s.quoted > s.lim.String {
		return n, false, fmt.Errorf("a quoted string over %d octets", s.lim.String)
	}
	return n, false, s.checkLine()
}

// means are the octets that are more than themselves in data.
var means = [256]bool{'\n': true, '"': true, '(': true, ')': true, '{': true}

func (s *scanner) checkLine() error {
	if s.line > s.lim.Line {
		return fmt.Errorf("a response over %d octets", s.lim.Line)
	}
	return nil
}

// checkLiteral tells a body section, `BODY[1]<0> {n}` at the first level of a
// FETCH list, which the client reads as a stream, from a string, which it keeps.
func (s *scanner) checkLiteral() error {
	if s.depth == 1 && (s.last == ']' || s.last == '>') {
		if s.lit > s.lim.Body {
			return fmt.Errorf("a body literal of %d octets", s.lit)
		}
		return nil
	}
	if s.lit > s.lim.String {
		return fmt.Errorf("a literal of %d octets", s.lit)
	}
	s.line += s.lit
	return s.checkLine()
}
