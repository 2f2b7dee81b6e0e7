package imapconn

import (
	"bytes"
	"strconv"
)

// sender follows the syntax of what the client sends: where commands begin,
// which writes the server has to answer before the next, and mailbox names.
type sender struct {
	names       *Names
	literalPlus bool

	state   sendState
	lit     int64  // octets of the literal still to come
	sync    bool   // the literal waits for the server
	waiting bool   // the last write ended before such a literal
	quoted  []byte // a quoted string kept until it is whole; nil when names need no replacing
}

type sendState uint8

const (
	atStart sendState = iota // of a command
	inCommand
	sendQuoted
	sendEscape
	sendBrace
	sendSize // after }
	sendLiteral
)

// within reports whether the next octets go on with a command without the
// server having been asked.
func (s *sender) within() bool { return s.state != atStart && !s.waiting }

// take follows p and returns what is to be sent for it, the number of commands
// that began in it, and whether the server has to answer first.
func (s *sender) take(p []byte) (out []byte, commands int, waits bool) {
	s.waiting = false
	replace := s.quoted != nil || !s.names.empty()
	var made []byte // what is to be sent when it is not p
	from := 0       // p[from:i] is not in made yet
	whole := s.quoted == nil
	for i := 0; i < len(p); i++ {
		c := p[i]
		switch s.state {
		case sendLiteral:
			k := min(int64(len(p)-i), s.lit)
			s.lit -= k
			i += int(k) - 1
			if s.lit == 0 {
				s.state = inCommand
			}
		case atStart:
			s.state = inCommand
			if !bytes.HasPrefix(p[i:], []byte("DONE\r")) {
				commands++
			}
		case inCommand:
			switch c {
			case '\n':
				s.state = atStart
			case '{':
				s.state, s.lit, s.sync = sendBrace, 0, true
			case '"':
				s.state = sendQuoted
				if replace {
					whole = false
					made = append(made, p[from:i]...)
					s.quoted = append(s.quoted[:0], c)
					from = i + 1
				}
			}
		case sendQuoted, sendEscape:
			if s.quoted != nil {
				s.quoted = append(s.quoted, c)
				from = i + 1
			}
			switch {
			case s.state == sendEscape:
				s.state = sendQuoted
			case c == '\\':
				s.state = sendEscape
			case c == '"':
				s.state = inCommand
				if s.quoted != nil {
					made = append(made, s.replacement()...)
					s.quoted = nil
				}
			}
		case sendBrace:
			switch {
			case c >= '0' && c <= '9' && s.lit < 1<<58:
				s.lit = s.lit*10 + int64(c-'0')
			case c == '+' || c == '-':
				s.sync = false
			case c == '}':
				s.state = sendSize
			default:
				s.state = inCommand
			}
		case sendSize:
			if c == '\n' {
				s.state = sendLiteral
				s.waiting = s.sync && i == len(p)-1
				if s.lit == 0 {
					s.state = inCommand
				}
			}
		}
	}
	if whole {
		return p, commands, s.waiting
	}
	return append(made, p[from:]...), commands, s.waiting
}

// replacement is what is sent for the quoted string: the server's own spelling
// when it is a mailbox name that was replaced.
func (s *sender) replacement() []byte {
	raw, ok := s.names.original(unquote(s.quoted))
	if !ok {
		return s.quoted
	}
	for _, c := range []byte(raw) {
		if (c < 0x20 || c > 0x7e) && s.literalPlus {
			return append([]byte("{"+strconv.Itoa(len(raw))+"+}\r\n"), raw...)
		}
	}
	return quote(raw)
}

func quote(s string) []byte {
	b := make([]byte, 0, len(s)+2)
	b = append(b, '"')
	for i := range len(s) {
		if s[i] == '"' || s[i] == '\\' {
			b = append(b, '\\')
		}
		b = append(b, s[i])
	}
	return append(b, '"')
}

// unquote is the inside of a quoted string.
func unquote(b []byte) string {
	b = bytes.TrimSuffix(bytes.TrimPrefix(b, []byte{'"'}), []byte{'"'})
	if bytes.IndexByte(b, '\\') < 0 {
		return string(b)
	}
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); i++ {
		if b[i] == '\\' && i+1 < len(b) {
			i++
		}
		out = append(out, b[i])
	}
	return string(out)
}
