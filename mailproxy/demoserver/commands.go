package demoserver

import (
	"bytes"
	"strconv"
	"strings"
	"sync/atomic"
)

const (
	maxLogLine    = 64 << 10 // bytes of a command kept for the log
	maxLogLiteral = 4 << 10  // larger literals appear as "{n}"
)

// commandReader splits what an IMAP client sends into commands.
type commandReader struct {
	emit    func(line string, counts bool)
	account atomic.Value // string, set at sign-in

	off     bool // after STARTTLS there is nothing to read
	line    []byte
	literal int64  // octets of a literal still to come
	kept    []byte // the literal as far as it is kept
	keep    bool
}

func (r *commandReader) feed(p []byte) {
	for len(p) > 0 && !r.off {
		if r.literal > 0 {
			n := min(int64(len(p)), r.literal)
			if r.keep {
				r.kept = append(r.kept, p[:n]...)
			}
			p = p[n:]
			if r.literal -= n; r.literal == 0 {
				r.endLiteral()
			}
			continue
		}
		i := bytes.IndexByte(p, '\n')
		if i < 0 {
			r.add(p)
			return
		}
		r.add(p[:i])
		p = p[i+1:]
		r.endLine()
	}
}

func (r *commandReader) add(p []byte) {
	r.line = append(r.line, p[:min(len(p), max(0, maxLogLine-len(r.line)))]...)
}

// endLine handles a line, which may end in the announcement of a literal.
func (r *commandReader) endLine() {
	r.line = bytes.TrimSuffix(r.line, []byte("\r"))
	if n, start, ok := literalSize(r.line); ok && n <= maxMessageSize {
		r.keep = n <= maxLogLiteral
		if r.keep {
			r.line = r.line[:start]
		}
		if r.literal = n; n == 0 {
			r.endLiteral()
		}
		return
	}
	line := string(r.line)
	r.line = r.line[:0]
	_, command, tagged := strings.Cut(line, " ")
	if !tagged {
		// The end of IDLE, or an answer in a sign-in dialogue, which is secret.
		if strings.EqualFold(line, "DONE") {
			r.emit("DONE", false)
		}
		return
	}
	verb, rest, _ := strings.Cut(command, " ")
	switch strings.ToUpper(verb) {
	case "LOGIN":
		command = verb
	case "AUTHENTICATE":
		mech, _, _ := strings.Cut(rest, " ")
		command = verb + " " + mech
	case "STARTTLS":
		r.off = true
	}
	r.emit(command, true)
}

func (r *commandReader) endLiteral() {
	if r.keep {
		r.add([]byte(strconv.Quote(string(r.kept))))
	}
	r.kept = r.kept[:0]
}

// literalSize finds "{n}" or "{n+}" at the end of a line (RFC 9051 section 4.3).
func literalSize(line []byte) (n int64, start int, ok bool) {
	if !bytes.HasSuffix(line, []byte("}")) {
		return 0, 0, false
	}
	start = bytes.LastIndexByte(line, '{')
	if start < 0 {
		return 0, 0, false
	}
	digits := strings.TrimRight(string(line[start+1:len(line)-1]), "+-")
	n, err := strconv.ParseInt(digits, 10, 64)
	return n, start, err == nil && n >= 0
}
