package mailproxy

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"postern/mailproxy/imapconn"
	"postern/mailproxy/mail"
)

// oddServer is an IMAP server that treats its second message in the way of
// servers met in the wild.
type oddServer struct {
	net.Listener
	quirk string
	n     int // messages
}

func startOdd(t *testing.T, quirk string, n int) *Account {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &oddServer{ln, quirk, n}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go s.serve(c)
		}
	}()
	port := ln.Addr().(*net.TCPAddr).Port
	p := New(Options{Servers: []Server{{Name: "odd", IMAP: imapconn.Config{Host: "127.0.0.1", Port: port, Security: imapconn.None, AllowPlaintext: true}}}})
	t.Cleanup(func() {
		_ = p.Close(t.Context())
		_ = ln.Close()
		<-done
	})
	a, err := p.SignIn(t.Context(), mail.Credentials{Login: "a", Password: "b", Address: "a@example.org"})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

var (
	fetchSet = regexp.MustCompile(`^(UID )?FETCH (\S+) \((.*)\)`)
	tagAndOp = regexp.MustCompile(`^(\S+) (.*)$`)
)

func (s *oddServer) serve(c net.Conn) {
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(30 * time.Second))
	fmt.Fprint(c, "* OK [CAPABILITY IMAP4rev1 ESEARCH UIDPLUS] ready\r\n")
	in := bufio.NewReader(c)
	var mu sync.Mutex // one line at a time
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		m := tagAndOp.FindStringSubmatch(strings.TrimSpace(line))
		if m == nil {
			return
		}
		tag, cmd := m[1], m[2]
		word, _, _ := strings.Cut(cmd, " ")
		reply := "OK done"
		switch {
		case word == "CAPABILITY":
			fmt.Fprint(c, "* CAPABILITY IMAP4rev1 ESEARCH UIDPLUS\r\n")
		case word == "LIST":
			fmt.Fprint(c, "* LIST (\\HasNoChildren) \"/\" INBOX\r\n")
		case word == "STATUS":
			fmt.Fprintf(c, "* STATUS INBOX (MESSAGES %d UNSEEN %d UIDNEXT %d UIDVALIDITY 9)\r\n", s.n, s.n, s.n+1)
		case word == "SELECT":
			fmt.Fprintf(c, "* FLAGS (\\Seen)\r\n* %d EXISTS\r\n* OK [UIDVALIDITY 9] ok\r\n* OK [UIDNEXT %d] ok\r\n", s.n, s.n+1)
			reply = "OK [READ-WRITE] done"
		case strings.HasPrefix(cmd, "UID SEARCH"):
			fmt.Fprintf(c, "* ESEARCH (TAG \"%s\") UID ALL 1:%d\r\n", tag, s.n)
		case s.quirk == "mixes its answers" && fetchSet.MatchString(cmd):
			go func() {
				s.fetch(lockedWriter{&mu, c}, fetchSet.FindStringSubmatch(cmd))
				fmt.Fprintf(lockedWriter{&mu, c}, "%s OK done\r\n", tag)
			}()
			continue
		case fetchSet.MatchString(cmd):
			reply = s.fetch(c, fetchSet.FindStringSubmatch(cmd))
			if reply == "" {
				return
			}
		}
		fmt.Fprintf(lockedWriter{&mu, c}, "%s %s\r\n", tag, reply)
		if word == "LOGOUT" {
			return
		}
	}
}

func inSet(set string, n int) bool {
	for part := range strings.SplitSeq(set, ",") {
		lo, hi, isRange := strings.Cut(part, ":")
		a, _ := strconv.Atoi(lo)
		b := a
		if isRange {
			if b, _ = strconv.Atoi(hi); hi == "*" {
				b = 1 << 30
			}
		}
		if n >= a && n <= b {
			return true
		}
	}
	return false
}

type lockedWriter struct {
	mu *sync.Mutex
	io.Writer
}

func (w lockedWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.Writer.Write(p)
}

func (s *oddServer) fetch(c io.Writer, m []string) (reply string) {
	set, items := m[2], m[3]
	body := strings.Contains(items, "BODY")
	structure := strings.Contains(items, "BODYSTRUCTURE")
	for uid := 1; uid <= s.n; uid++ {
		if !inSet(set, uid) {
			continue
		}
		if uid == 2 && body {
			switch s.quirk {
			case "leaves it out":
				continue
			case "says UNAVAILABLE":
				return "NO [UNAVAILABLE] UID FETCH Server error while fetching messages"
			case "says BAD":
				return "BAD Command Error"
			}
		}
		out := fmt.Sprintf("* %d FETCH (UID %d FLAGS () INTERNALDATE \"01-Mar-2026 %02d:%02d:00 +0000\" RFC822.SIZE 100", uid, uid, uid/60, uid%60)
		if structure {
			bs := `("TEXT" "PLAIN" ("CHARSET" "utf-8") NIL NIL "7BIT" 5 1)`
			if uid == 2 && s.quirk == "has a broken structure" {
				bs = `(NIL NIL)`
			}
			out += " BODYSTRUCTURE " + bs
		}
		if body {
			h := fmt.Sprintf("From: a@example.org\r\nSubject: number %d\r\n\r\n", uid)
			fields := items[strings.Index(items, "BODY.PEEK[HEADER"):]
			fields = strings.Replace(fields[:strings.Index(fields, "]")+1], ".PEEK", "", 1)
			out += fmt.Sprintf(" %s {%d}\r\n%s", fields, len(h), h)
			if strings.Contains(items, "[TEXT]") {
				out += " BODY[TEXT]<0> {5}\r\nhello"
			}
		}
		fmt.Fprint(c, out+")\r\n")
	}
	return "OK done"
}

// One message that the server does not give keeps its row and takes no other
// with it (Exchange, Yahoo, and structures that the library cannot read).
func TestUnreadableMessageHasARow(t *testing.T) {
	for _, tt := range []struct{ quirk, want string }{
		{"none", "number 3, number 2, number 1"},
		{"leaves it out", "number 3, This message could not be read, number 1"},
		{"says UNAVAILABLE", "number 3, This message could not be read, number 1"},
		{"says BAD", "number 3, This message could not be read, number 1"},
		{"has a broken structure", "number 3, number 2, number 1"},
	} {
		t.Run(tt.quirk, func(t *testing.T) {
			t.Parallel()
			a := startOdd(t, tt.quirk, 3)
			for range 2 {
				p, err := a.List(t.Context(), mail.ListQuery{Mailbox: "INBOX"})
				if err != nil {
					t.Fatal(err)
				}
				var got []string
				for _, r := range p.Rows {
					got = append(got, r.Subject)
					if r.When().IsZero() || r.Size != 100 {
						t.Errorf("%q: arrived %v, %d octets", r.Subject, r.When(), r.Size)
					}
				}
				if s := strings.Join(got, ", "); s != tt.want {
					t.Errorf("rows %q, want %q", s, tt.want)
				}
			}
		})
	}
}

// A server may answer commands that came together all at once, line by line.
func TestMixedAnswers(t *testing.T) {
	a := startOdd(t, "mixes its answers", 1000)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for page := range 3 {
		p, err := a.List(ctx, mail.ListQuery{Mailbox: "INBOX", Page: page + 1})
		if err != nil {
			t.Fatal(err)
		}
		want := fmt.Sprintf("number %d", 1000-50*page)
		if len(p.Rows) != 50 || p.Total != 1000 || p.Rows[0].Subject != want {
			t.Errorf("page %d: %d rows of %d, first %q, want %q", page+1, len(p.Rows), p.Total, p.Rows[0].Subject, want)
		}
	}
}
