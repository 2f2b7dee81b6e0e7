package imapconn

import (
	"bufio"
	"io"
	"net"
	"strconv"
	"strings"

	"github.com/emersion/go-imap/v2"
)

// dialogue speaks the few commands that come before a client takes over, one at
// a time.
type dialogue struct {
	conn net.Conn
	br   *bufio.Reader
	tag  int
	left int64       // octets the server may still send
	caps imap.CapSet // as last told, nil when not told since they changed
}

// answer is a status response (RFC 9051 section 7.1).
type answer struct {
	status string // OK NO BAD BYE PREAUTH, in capitals
	code   string // response code in capitals, without its arguments
	text   string
}

const (
	maxReply = 64 << 10 // octets of one response before sign-in is done
	maxTalk  = 1 << 20  // octets of all of them
	maxCaps  = 500
)

func newDialogue(conn net.Conn) *dialogue {
	return &dialogue{conn: conn, br: bufio.NewReaderSize(conn, 4<<10), left: maxTalk}
}

// over is the same dialogue on a connection that was made private: everything
// told before is forgotten.
func (d *dialogue) over(conn net.Conn) {
	d.conn, d.br, d.caps = conn, bufio.NewReaderSize(conn, 4<<10), nil
}

// line reads one response, the literals within it included, without its line end.
func (d *dialogue) line() (string, error) {
	var b []byte
	for {
		part, err := d.br.ReadSlice('\n')
		b = append(b, part...)
		d.left -= int64(len(part))
		if len(b) > maxReply || d.left < 0 {
			return "", garbled("over %d octets before sign-in was done", len(b))
		}
		if err == bufio.ErrBufferFull {
			continue
		}
		if err != nil {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return "", unreachable(err)
		}
		size, ok := literalAtEnd(b)
		if !ok || b[0] != '*' {
			return strings.TrimRight(string(b), "\r\n"), nil
		}
		if size > maxReply || int64(size) > d.left {
			return "", garbled("a literal of %d octets before sign-in was done", size)
		}
		lit := make([]byte, size)
		if _, err := io.ReadFull(d.br, lit); err != nil {
			return "", unreachable(err)
		}
		d.left -= int64(size)
		b = append(b, lit...)
	}
}

// literalAtEnd reports whether a line ends with the size of a literal.
func literalAtEnd(b []byte) (int, bool) {
	s := strings.TrimRight(string(b[max(0, len(b)-24):]), "\r\n")
	i := strings.LastIndexByte(s, '{')
	if i < 0 || !strings.HasSuffix(s, "}") {
		return 0, false
	}
	n, err := strconv.Atoi(s[i+1 : len(s)-1])
	return n, err == nil && n >= 0
}

// greeting reads the first line.
func (d *dialogue) greeting() (answer, error) {
	line, err := d.line()
	if err != nil {
		return answer{}, err
	}
	rest, ok := strings.CutPrefix(line, "* ")
	a, isStatus := d.status(rest)
	if !ok || !isStatus {
		return answer{}, garbled("greeting is not one of IMAP")
	}
	return a, nil
}

// send writes a command and returns its tag.
func (d *dialogue) send(command string) (tag string, err error) {
	d.tag++
	tag = "P" + strconv.Itoa(d.tag)
	_, err = io.WriteString(d.conn, tag+" "+command+"\r\n")
	return tag, unreachable(err)
}

// more writes a line that goes on with a command.
func (d *dialogue) more(s string) error {
	_, err := io.WriteString(d.conn, s+"\r\n")
	return unreachable(err)
}

// reply reads up to the tagged answer of tag or a continuation request, whose
// text it returns with cont set. Untagged responses are looked at for
// capabilities and BYE only.
func (d *dialogue) reply(tag string) (a answer, cont bool, err error) {
	var bye *answer
	for {
		line, err := d.line()
		if err != nil {
			if bye != nil {
				return *bye, false, nil
			}
			return answer{}, false, err
		}
		switch {
		case line == "+" || strings.HasPrefix(line, "+ "):
			return answer{text: strings.TrimPrefix(line[1:], " ")}, true, nil
		case strings.HasPrefix(line, "* "):
			rest := line[2:]
			if caps, ok := cutFold(rest, "CAPABILITY "); ok {
				d.caps = parseCaps(caps)
				continue
			}
			if a, ok := d.status(rest); ok && a.status == "BYE" {
				bye = &a // the tagged answer that may follow says more
			}
		case strings.HasPrefix(line, tag+" "):
			a, ok := d.status(line[len(tag)+1:])
			if !ok {
				return answer{}, false, garbled("tagged response is not a status")
			}
			return a, false, nil
		case line == "":
		default:
			return answer{}, false, garbled("a response with an unknown tag")
		}
	}
}

// do sends a command and reads its answer; a continuation request is an error.
func (d *dialogue) do(command string) (answer, error) {
	tag, err := d.send(command)
	if err != nil {
		return answer{}, err
	}
	a, cont, err := d.reply(tag)
	if err == nil && cont {
		return answer{}, garbled("a continuation request out of turn")
	}
	return a, err
}

// capabilities returns what the server offers, asking if it has not told.
func (d *dialogue) capabilities() (imap.CapSet, error) {
	if d.caps != nil {
		return d.caps, nil
	}
	a, err := d.do("CAPABILITY")
	if err != nil {
		return nil, err
	}
	if a.status != "OK" || d.caps == nil {
		return nil, refused(a)
	}
	return d.caps, nil
}

// status parses a status response and takes note of a CAPABILITY code.
func (d *dialogue) status(s string) (answer, bool) {
	word, rest, _ := strings.Cut(s, " ")
	a := answer{status: strings.ToUpper(word)}
	switch a.status {
	case "OK", "NO", "BAD", "BYE", "PREAUTH":
	default:
		return answer{}, false
	}
	if strings.HasPrefix(rest, "[") {
		if code, text, ok := strings.Cut(rest[1:], "]"); ok {
			name, args, _ := strings.Cut(code, " ")
			a.code = strings.ToUpper(name)
			if a.code == "CAPABILITY" {
				d.caps = parseCaps(args)
			}
			rest = text
		}
	}
	a.text = strings.TrimSpace(rest)
	return a, true
}

func cutFold(s, prefix string) (string, bool) {
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return "", false
	}
	return s[len(prefix):], true
}

// parseCaps reads a list of capabilities. What is not an atom is left out, since
// the list is written out again for the client.
func parseCaps(s string) imap.CapSet {
	set := imap.CapSet{}
	for _, f := range strings.Fields(s) {
		if len(set) >= maxCaps || len(f) > 100 || strings.ContainsFunc(f, func(r rune) bool {
			return r <= 0x20 || r >= 0x7f || strings.ContainsRune(`(){%*"\]`, r)
		}) {
			continue
		}
		switch f = strings.ToUpper(f); f {
		case "IMAP4REV1":
			f = string(imap.CapIMAP4rev1)
		case "IMAP4REV2":
			f = string(imap.CapIMAP4rev2)
		}
		set[imap.Cap(f)] = struct{}{}
	}
	return set
}

// all sends commands together and reads their answers.
func (d *dialogue) all(commands []string) ([]answer, error) {
	var b strings.Builder
	first := d.tag + 1
	for _, c := range commands {
		d.tag++
		b.WriteString("P" + strconv.Itoa(d.tag) + " " + c + "\r\n")
	}
	if _, err := io.WriteString(d.conn, b.String()); err != nil {
		return nil, unreachable(err)
	}
	answers := make([]answer, len(commands))
	for i := range commands {
		a, cont, err := d.reply("P" + strconv.Itoa(first+i))
		if err != nil {
			return nil, err
		}
		if cont {
			return nil, garbled("a continuation request out of turn")
		}
		answers[i] = a
	}
	return answers, nil
}

// quotable reports whether a user name or password can be a quoted string.
func quotable(s string) bool {
	if len(s) > 1000 {
		return false
	}
	for i := range len(s) {
		if !printable(s[i]) {
			return false
		}
	}
	return true
}
