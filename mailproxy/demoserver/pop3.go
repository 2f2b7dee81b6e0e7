package demoserver

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"
)

const (
	maxPOP3Line    = 512              // bytes of a command (RFC 2449 section 4 says 255)
	pop3Idle       = 10 * time.Minute // RFC 1939 section 3
	maxPOP3Errors  = 20
	pop3Capability = "TOP\r\nUSER\r\nUIDL\r\nRESP-CODES\r\nAUTH-RESP-CODE\r\nPIPELINING\r\nIMPLEMENTATION Postern-demo\r\n.\r\n"
)

// servePOP3 offers the INBOX of every account by POP3 (RFC 1939).
func (s *Server) servePOP3(ln net.Listener) error {
	for {
		c, err := ln.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return nil
			}
			return err
		}
		s.mu.Lock()
		if s.closed {
			s.mu.Unlock()
			c.Close()
			continue
		}
		s.work.Go(func() {
			defer c.Close()
			p := &pop3{s: s, conn: c, r: bufio.NewReaderSize(c, maxPOP3Line), w: bufio.NewWriter(c)}
			p.serve()
		})
		s.mu.Unlock()
	}
}

// pop3 is one POP3 connection.
type pop3 struct {
	s    *Server
	conn net.Conn
	r    *bufio.Reader
	w    *bufio.Writer
	user string
	acc  *account
	msgs []*message
	gone map[int]bool // marked by DELE
}

func (p *pop3) serve() {
	p.ok("Postern demo POP3 server ready")
	for failed := 0; failed < maxPOP3Errors; {
		if p.r.Buffered() == 0 {
			if p.w.Flush() != nil {
				return
			}
		}
		p.conn.SetReadDeadline(time.Now().Add(pop3Idle))
		line, err := p.r.ReadSlice('\n')
		if err != nil {
			return
		}
		verb, arg, _ := strings.Cut(strings.TrimRight(string(line), "\r\n"), " ")
		if strings.EqualFold(verb, "QUIT") {
			p.quit()
			p.w.Flush()
			return
		}
		if !p.command(strings.ToUpper(verb), arg) {
			failed++
		}
	}
	p.w.Flush()
}

func (p *pop3) ok(format string, args ...any) bool {
	fmt.Fprintf(p.w, "+OK "+format+"\r\n", args...)
	return true
}

func (p *pop3) err(text string) bool {
	fmt.Fprintf(p.w, "-ERR %s\r\n", text)
	return false
}

func (p *pop3) command(verb, arg string) bool {
	switch verb {
	case "CAPA":
		p.ok("Capabilities follow")
		p.w.WriteString(pop3Capability)
		return true
	case "NOOP":
		return p.ok("")
	}
	if p.acc == nil {
		switch verb {
		case "USER":
			p.user = arg
			return p.ok("")
		case "PASS":
			return p.pass(arg)
		}
		return p.err("Sign in first")
	}
	switch verb {
	case "STAT":
		n, size := 0, int64(0)
		for i, m := range p.msgs {
			if !p.gone[i] {
				n, size = n+1, size+m.body.length()
			}
		}
		return p.ok("%d %d", n, size)
	case "LIST":
		return p.list(arg, func(m *message) string { return strconv.FormatInt(m.body.length(), 10) })
	case "UIDL":
		return p.list(arg, func(m *message) string { return fmt.Sprintf("%08x", uint32(m.uid)) })
	case "RETR":
		if m := p.message(arg); m != nil {
			p.ok("%d octets", m.body.length())
			p.send(m.body.bytes(), -1)
			return true
		}
		return p.err("No such message")
	case "TOP":
		num, lines, _ := strings.Cut(arg, " ")
		n, err := strconv.Atoi(lines)
		if m := p.message(num); m != nil && err == nil && n >= 0 {
			p.ok("")
			p.send(m.body.bytes(), n)
			return true
		}
		return p.err("No such message")
	case "DELE":
		if p.message(arg) == nil {
			return p.err("No such message")
		}
		n, _ := strconv.Atoi(arg)
		p.gone[n-1] = true
		return p.ok("")
	case "RSET":
		clear(p.gone)
		return p.ok("")
	}
	return p.err("Unknown command")
}

func (p *pop3) pass(password string) bool {
	acc := p.s.lookup(p.user)
	if acc == nil || !acc.login(password) {
		return p.err("[AUTH] Wrong user name or password")
	}
	acc.mu.Lock()
	defer acc.mu.Unlock()
	p.acc, p.gone = acc, make(map[int]bool)
	p.msgs = append(p.msgs, acc.boxes["INBOX"].msgs...)
	return p.ok("%d messages", len(p.msgs))
}

// message finds a message by its number, nil if there is none.
func (p *pop3) message(num string) *message {
	n, err := strconv.Atoi(num)
	if err != nil || n < 1 || n > len(p.msgs) || p.gone[n-1] {
		return nil
	}
	return p.msgs[n-1]
}

func (p *pop3) list(arg string, value func(*message) string) bool {
	if arg != "" {
		if m := p.message(arg); m != nil {
			return p.ok("%s %s", arg, value(m))
		}
		return p.err("No such message")
	}
	p.ok("")
	for i, m := range p.msgs {
		if !p.gone[i] {
			fmt.Fprintf(p.w, "%d %s\r\n", i+1, value(m))
		}
	}
	p.w.WriteString(".\r\n")
	return true
}

// send writes a message, dots doubled (RFC 1939 section 3), and after its
// header at most so many lines; all for a negative number.
func (p *pop3) send(b []byte, lines int) {
	header := headerEnd(b)
	for i := 0; i < len(b); {
		if i >= header {
			if lines == 0 {
				break
			}
			lines--
		}
		n := bytes.IndexByte(b[i:], '\n')
		next := i + n + 1
		if n < 0 {
			next = len(b)
		}
		if b[i] == '.' {
			p.w.WriteByte('.')
		}
		p.w.Write(bytes.TrimRight(b[i:next], "\r\n"))
		p.w.WriteString("\r\n")
		i = next
	}
	p.w.WriteString(".\r\n")
}

// quit removes what was marked, if someone is signed in.
func (p *pop3) quit() {
	if p.acc != nil && len(p.gone) > 0 {
		p.acc.mu.Lock()
		var remove []*message
		for i := range p.gone {
			remove = append(remove, p.msgs[i])
		}
		p.acc.boxes["INBOX"].remove(remove)
		p.acc.mu.Unlock()
	}
	p.ok("Bye")
}
