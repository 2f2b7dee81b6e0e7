package submit

import (
	"io"
	"strconv"
)

func itoa(n int) string { return strconv.Itoa(n) }

// lineWriter makes every line end CRLF, a lone CR or LF included: servers differ
// in what they take for a line end, and with it for the end of the message (SMTP
// smuggling). Dots are doubled by the writer below.
type lineWriter struct {
	w   io.Writer
	cr  bool // a CR was held back
	out []byte
}

func (l *lineWriter) Write(p []byte) (int, error) {
	l.out = l.out[:0]
	for _, c := range p {
		if l.cr {
			l.cr = false
			l.out = append(l.out, '\r', '\n')
			if c == '\n' {
				continue
			}
		}
		switch c {
		case '\r':
			l.cr = true
		case '\n':
			l.out = append(l.out, '\r', '\n')
		case 0: // not allowed in a message (RFC 5321 section 4.1.1.4)
		default:
			l.out = append(l.out, c)
		}
	}
	if _, err := l.w.Write(l.out); err != nil {
		return 0, err
	}
	return len(p), nil
}

func (l *lineWriter) finish() error {
	if l.cr {
		l.cr = false
		_, err := l.w.Write([]byte("\r\n"))
		return err
	}
	return nil
}
