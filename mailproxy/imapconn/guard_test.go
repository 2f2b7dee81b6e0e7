package imapconn

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"postern/mailproxy/mail"
)

// script is a connection that receives fixed bytes, chunk octets at a time, and
// keeps what is sent.
type script struct {
	in    []byte
	chunk int
	out   bytes.Buffer
	n     int // writes
}

func (s *script) Read(p []byte) (int, error) {
	if len(s.in) == 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(len(p), max(1, s.chunk))], s.in)
	s.in = s.in[n:]
	return n, nil
}

func (s *script) Write(p []byte) (int, error)      { s.n++; return s.out.Write(p) }
func (s *script) Close() error                     { return nil }
func (s *script) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (s *script) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (s *script) SetDeadline(time.Time) error      { return nil }
func (s *script) SetReadDeadline(time.Time) error  { return nil }
func (s *script) SetWriteDeadline(time.Time) error { return nil }

// through is what a client reads of in.
func through(in string, chunk int, o GuardOptions) (string, error) {
	g := NewGuard(&script{in: []byte(in), chunk: chunk}, o)
	out, err := io.ReadAll(onlyReader{g})
	if e := g.Err(); e != io.EOF {
		return string(out), e
	}
	return string(out), err
}

type onlyReader struct{ io.Reader }

func TestGuardPassesAndRepairs(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"responses go-imap knows", "* 3 EXISTS\r\n* FLAGS (\\Seen)\r\nT1 OK [READ-WRITE] done\r\n", ""},
		{"literal with a line end and quotes", "* 1 FETCH (UID 5 BODY[] {11}\r\na\"(\r\nb* X {)\r\nT2 OK\r\n", ""},
		{"literal of nothing", "* 1 FETCH (BODY[1] {0}\r\n UID 5)\r\n", ""},
		{"two literals", "* 1 FETCH (BODY[1] {2}\r\nab BODY[2] {3}\r\ncde)\r\n* 1 EXISTS\r\n", ""},
		{"quotes in human text mean nothing", "* OK it's \"odd ((((( {12}\r\n* 1 EXISTS\r\n", ""},
		{"escaped quote", "* LIST () \"/\" \"a\\\"b\"\r\n* 2 EXISTS\r\n", ""},
		{"lone LF", "* 3 EXISTS\n* 4 EXISTS\n", ""},
		{"continuation", "+ go on\r\n+ \r\n+\r\nT1 OK\r\n", ""},
		{"unknown response", "* FROBNICATE a \"b\r\n* 3 EXISTS\r\n", "* 3 EXISTS\r\n"},
		{"unknown response with a literal", "* VANISHED {8}\r\n* 3 EXIS (x)\r\n* 4 EXISTS\r\n", "* 4 EXISTS\r\n"},
		{"unknown numbered response", "* 7 X-NEW thing\r\nT1 OK\r\n", "T1 OK\r\n"},
		{"unknown response of endless depth", "* X " + strings.Repeat("(", 5000) + "\r\n* 4 EXISTS\r\n", "* 4 EXISTS\r\n"},
		{"blank lines", "\r\n\n* 3 EXISTS\r\n\r\n", "* 3 EXISTS\r\n"},
		{"name that is not modified UTF-7", "* LIST () \"/\" \"R&D\"\r\n", "* LIST () \"/\" \"R&-D\"\r\n"},
		{"proper name", "* LIST (\\HasNoChildren) \"/\" \"R&-D\"\r\n", ""},
		{"proper name with an umlaut", "* LIST () \".\" Gr&APYA3w-e\r\n", ""},
		{"name in UTF-8", "* LIST () NIL \"Größe\"\r\n", "* LIST () NIL \"Gr&APYA3w-e\"\r\n"},
		{"name in Latin-1", "* LIST () \"/\" {5}\r\nGr\xf6\xdfe ()\r\n", "* LIST () \"/\" \"Gr&APYA3w-e\" ()\r\n"},
		{"name with a line end", "* LIST () \"/\" {3}\r\na\r\n\r\n", "* LIST () \"/\" \"a&,,3,,Q-\"\r\n"},
		{"counts of a replaced name", "* STATUS \"R&D\" (MESSAGES 5)\r\n", "* STATUS \"R&-D\" (MESSAGES 5)\r\n"},
		{"two shifts in a row", "* LIST () \"/\" \"&AOk-&AOk-\"\r\n", "* LIST () \"/\" \"&AOkA6Q-\"\r\n"},
		{"the proper name first", "* LIST () \"/\" \"R&-D\"\r\n* LIST () \"/\" \"R&D\"\r\n", "* LIST () \"/\" \"R&-D\"\r\n* LIST () \"/\" \"R&-D (2)\"\r\n"},
		{"the proper name second", "* LIST () \"/\" \"R&D\"\r\n* LIST () \"/\" \"R&-D\"\r\n", "* LIST () \"/\" \"R&-D\"\r\n* LIST () \"/\" \"R&-D (2)\"\r\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			want := tt.want
			if want == "" {
				want = tt.in
			}
			for _, chunk := range []int{1, 2, 7, 1 << 20} {
				got, err := through(tt.in, chunk, GuardOptions{})
				if err != nil || got != want {
					t.Errorf("chunks of %d: got %q, %v, want %q", chunk, got, err, want)
				}
			}
			if got, err := through(tt.in, 5, GuardOptions{Raw: true}); err != nil && !strings.Contains(tt.in, "((((") || err == nil && got != tt.in {
				t.Errorf("raw: got %q, %v, want it unchanged", got, err)
			}
		})
	}
}

func TestGuardRefuses(t *testing.T) {
	small := Limits{Body: 300 << 10, String: 100 << 10, Line: 200 << 10, Budget: 400 << 10}
	tests := []struct {
		name, in string
		lim      Limits
	}{
		{"depth", "* 1 FETCH (BODYSTRUCTURE " + strings.Repeat("(", 200) + "\r\n", Limits{}},
		{"8 MB of depth", "* 1 FETCH (BODYSTRUCTURE " + strings.Repeat("(", 8<<20), Limits{}},
		{"literal in an envelope", "* 1 FETCH (ENVELOPE ({1048577}\r\n", Limits{}},
		{"literal in an envelope after a bracket", "* 1 FETCH (ENVELOPE (x] {1048577}\r\n", Limits{}},
		{"body literal over the limit", "* 1 FETCH (BODY[] {16777217}\r\n", Limits{}},
		{"literal of 2^64 octets", "* 1 FETCH (BODY[] {18446744073709551617}\r\n", Limits{}},
		{"mailbox name", "* LIST () \"/\" \"" + strings.Repeat("x", 100<<10) + "\"\r\n", Limits{}},
		{"quoted string", "* 1 FETCH (ENVELOPE (\"" + strings.Repeat("x", 150<<10), small},
		{"quoted string of escapes", "* 1 FETCH (ENVELOPE (\"" + strings.Repeat(`\x`, 60<<10), small},
		{"line of text", "* OK " + strings.Repeat("x", 300<<10), small},
		{"line of data", "* SEARCH" + strings.Repeat(" 1", 150<<10), small},
		{"many strings in one response", "* 1 FETCH (ENVELOPE (" + strings.Repeat("{50000}\r\n"+strings.Repeat("x", 50000)+" ", 6), small},
		{"budget", strings.Repeat("* 1 EXISTS\r\n", 50<<10), small},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := through(tt.in, 64<<10, GuardOptions{Limits: tt.lim})
			if !errors.Is(err, errUnreadable) || mail.KindOf(err) != mail.Unavailable {
				t.Errorf("got %v, want it refused as Unavailable", err)
			}
		})
	}
}

func TestGuardPassesBigBodies(t *testing.T) {
	t.Parallel()
	body := strings.Repeat("0123456789abcdef", 2<<16) // 2 MiB, more than a string may have
	in := fmt.Sprintf("* 1 FETCH (UID 1 BODY[1.MIME]<0> {%d}\r\n%s BODY[2] {%d}\r\n%s)\r\nT1 OK\r\n", len(body), body, len(body), body)
	if got, err := through(in, 1<<20, GuardOptions{}); err != nil || got != in {
		t.Errorf("bodies of 2 MiB: %d octets of %d, %v", len(got), len(in), err)
	}
}

func TestGuardHoldsWrites(t *testing.T) {
	t.Parallel()
	s := &script{}
	g := NewGuard(s, GuardOptions{})
	write := func(p string) {
		t.Helper()
		if n, err := g.Write([]byte(p)); n != len(p) || err != nil {
			t.Fatalf("Write(%q) = %d, %v", p, n, err)
		}
	}
	sent := func(want string, writes int) {
		t.Helper()
		if s.out.String() != want || s.n != writes {
			t.Errorf("sent %q in %d writes, want %q in %d", s.out.String(), s.n, want, writes)
		}
	}
	g.Hold(1)
	write("T1 SELECT x\r\n")
	sent("", 0)
	write("T2 NOOP\r\n")
	sent("T1 SELECT x\r\nT2 NOOP\r\n", 1)
	if g.Flights() != 1 || g.Pending() != 2 {
		t.Errorf("%d flights, %d pending, want 1 and 2", g.Flights(), g.Pending())
	}
	write("T3 NOOP\r\n")
	if g.Flights() != 1 {
		t.Errorf("a command sent before anything was received makes %d flights, want 1", g.Flights())
	}
	s.in = []byte("T1 OK\r\nT2 OK\r\nT3 OK\r\n")
	s.chunk = 100
	if _, err := io.ReadFull(g, make([]byte, 21)); err != nil {
		t.Fatal(err)
	}
	if g.Pending() != 0 {
		t.Errorf("%d pending after the answers, want 0", g.Pending())
	}
	s.out.Reset()
	s.n = 0
	g.Hold(100)
	write("T4 NOOP\r\n")
	write("T5 APPEND x {3}\r\n") // the server has to answer: must not be kept
	sent("T4 NOOP\r\nT5 APPEND x {3}\r\n", 1)
	write("abc")
	write("\r\n")
	g.Hold(100)
	write("T6 NOOP\r\n")
	if err := g.Flush(); err != nil {
		t.Fatal(err)
	}
	sent("T4 NOOP\r\nT5 APPEND x {3}\r\nabc\r\nT6 NOOP\r\n", 4)
	if g.Pending() != 3 || g.Flights() != 2 {
		t.Errorf("%d pending, %d flights, want 3 and 2", g.Pending(), g.Flights())
	}
}

func TestGuardGivesTheServerItsOwnSpelling(t *testing.T) {
	tests := []struct {
		name, listed, sent, want string
		plus                     bool
	}{
		{"select", `"R&D"`, "T1 SELECT \"R&-D\"\r\n", "T1 SELECT \"R&D\"\r\n", false},
		{"move", `"R&D"`, "T1 UID MOVE 1:5 \"R&-D\"\r\n", "T1 UID MOVE 1:5 \"R&D\"\r\n", false},
		{"append", `"R&D"`, "T1 APPEND \"R&-D\" (\\Seen) {8+}\r\n\"R&-D\"\r\n\r\n", "T1 APPEND \"R&D\" (\\Seen) {8+}\r\n\"R&-D\"\r\n\r\n", false},
		{"UTF-8", `"Größe"`, "T1 SELECT \"Gr&APYA3w-e\"\r\n", "T1 SELECT \"Größe\"\r\n", false},
		{"UTF-8 as a literal", `"Größe"`, "T1 SELECT \"Gr&APYA3w-e\" (CONDSTORE)\r\n", "T1 SELECT {7+}\r\nGröße (CONDSTORE)\r\n", true},
		{"others stay", `"R&D"`, "T1 SELECT \"R&-D/x\"\r\nT2 SEARCH TEXT \"a\\\"b\" \"\"\r\n", "T1 SELECT \"R&-D/x\"\r\nT2 SEARCH TEXT \"a\\\"b\" \"\"\r\n", false},
		{"with a quote", `"a\"&b"`, "T1 DELETE \"a\\\"&-b\"\r\n", "T1 DELETE \"a\\\"&b\"\r\n", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for _, chunk := range []int{1, 3, 1000} {
				s := &script{in: []byte("* LIST () \"/\" " + tt.listed + "\r\n"), chunk: 1000}
				g := NewGuard(s, GuardOptions{LiteralPlus: tt.plus})
				if _, err := g.Read(make([]byte, 100)); err != nil {
					t.Fatal(err)
				}
				for p := []byte(tt.sent); len(p) > 0; {
					n, err := g.Write(p[:min(chunk, len(p))])
					if err != nil {
						t.Fatal(err)
					}
					p = p[n:]
				}
				if got := s.out.String(); got != tt.want {
					t.Errorf("chunks of %d: sent %q, want %q", chunk, got, tt.want)
				}
			}
		})
	}
}

func TestGuardSeesReadOnly(t *testing.T) {
	t.Parallel()
	s := &script{in: []byte("T1 OK [READ-ONLY] done\r\nT2 OK [read-write] done\r\n"), chunk: 1}
	g := NewGuard(s, GuardOptions{})
	_, _ = io.ReadFull(g, make([]byte, 24))
	if !g.ReadOnly() {
		t.Error("READ-ONLY was not seen")
	}
}

// TestHostileServers runs the client behind the guard against servers that end
// it, or the process, without one.
func TestHostileServers(t *testing.T) {
	listing := func(c *imapclient.Client) error { _, err := c.List("", "*", nil).Collect(); return err }
	fetch := func(c *imapclient.Client) error {
		_, err := c.Fetch(imap.UIDSetNum(1), &imap.FetchOptions{UID: true, Envelope: true, BodyStructure: &imap.FetchItemBodyStructure{Extended: true}}).Collect()
		return err
	}
	noop := func(c *imapclient.Client) error { return c.Noop().Wait() }
	tests := []struct {
		name    string
		answer  string // to the first command, whose tag is T1
		command func(*imapclient.Client) error
		ok      bool
	}{
		{"8 MB of parentheses", "* 1 FETCH (UID 1 BODYSTRUCTURE " + strings.Repeat("(", 8<<20), fetch, false},
		{"50 KB of parentheses", "* 1 FETCH (UID 1 BODYSTRUCTURE " + strings.Repeat("(", 50<<10), fetch, false},
		{"1 GB literal in an envelope", "* 1 FETCH (UID 1 ENVELOPE ({1073741824}\r\n", fetch, false},
		{"quoted string without end", "* 1 FETCH (UID 1 ENVELOPE (\"" + strings.Repeat("x", 2<<20), fetch, false},
		{"unknown FETCH item", "* 1 FETCH (UID 1 X-GM-MSGID 5)\r\nT1 OK\r\n", fetch, false},
		{"nil in lower case", "* 1 FETCH (UID 1 ENVELOPE (nil nil nil nil nil nil nil nil nil nil))\r\nT1 OK\r\n", fetch, false},
		{"multipart without parts", "* 1 FETCH (UID 1 BODYSTRUCTURE (\"mixed\"))\r\nT1 OK\r\n", fetch, false},
		{"parameter without a value", "* 1 FETCH (UID 1 BODYSTRUCTURE (\"text\" \"plain\" (\"charset\") NIL NIL \"7bit\" 1 1))\r\nT1 OK\r\n", fetch, false},
		{"number over 32 bits", "* 99999999999 EXISTS\r\nT1 OK\r\n", noop, false},
		{"continuation out of turn", "+ now what\r\nT1 OK\r\n", noop, false},
		{"unknown tag", "T99 OK\r\nT1 OK\r\n", noop, false},
		{"bracket within a code", "* OK [PERMANENTFLAGS (a]b)] text\r\nT1 OK\r\n", noop, false},
		{"threads nested over 1,000", "* THREAD " + strings.Repeat("(1 ", 2000) + "\r\nT1 OK\r\n", noop, false},
		{"set of 400 million", "* ESEARCH (TAG \"T1\") UID ALL 1:400000000\r\nT1 OK\r\n", noop, true},
		{"unknown response", "* FROBNICATED (a \"b\r\nT1 OK\r\n", noop, true},
		{"blank line", "\r\nT1 OK\r\n", noop, true},
		{"broken modified UTF-7", "* LIST () \"/\" INBOX\r\n* LIST () \"/\" \"R&D\"\r\n* LIST () \"/\" \"&&&\"\r\nT1 OK\r\n", listing, true},
		{"broken UTF-8", "* LIST () \"/\" \"\xff\xfe\"\r\nT1 OK\r\n", listing, true},
		{"8-bit text", "* OK \xff\xfe\r\nT1 OK \xff\r\n", noop, true},
		{"hangs up", "", noop, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			near, far := net.Pipe()
			go func() {
				defer far.Close()
				if _, err := far.Read(make([]byte, 4096)); err != nil {
					return
				}
				_ = far.SetWriteDeadline(time.Now().Add(20 * time.Second))
				_, _ = io.WriteString(far, tt.answer)
			}()
			g := NewGuard(near, GuardOptions{First: []byte("* PREAUTH [CAPABILITY IMAP4rev1] ready\r\n")})
			c := imapclient.New(g, nil)
			defer g.Close()
			if err := c.WaitGreeting(); err != nil {
				t.Fatal(err)
			}
			done := make(chan error, 1)
			go func() { done <- tt.command(c) }()
			select {
			case err := <-done:
				if (err == nil) != tt.ok {
					t.Errorf("got error %v, want success %v", err, tt.ok)
				}
			case <-time.After(20 * time.Second):
				t.Fatal("no end after 20 s")
			}
		})
	}
}

func FuzzGuard(f *testing.F) {
	for _, s := range []string{
		"* LIST (\\Noselect) \"/\" \"R&D\"\r\n", "* 1 FETCH (UID 5 BODY[] {3}\r\nabc ENVELOPE (NIL {2}\r\nab))\r\n",
		"* X \"\r\n* STATUS {3}\r\na&b (MESSAGES 1)\r\n", "T1 OK [READ-ONLY]\r\n+ x\r\n\r\n* OK \"\r\n", "* LIST () {1}\r\n/ {00003 }\r\n", "* LIST () \"\\\"", "* {5+}\r\n",
	} {
		f.Add([]byte(s), uint16(3))
	}
	f.Fuzz(func(t *testing.T, in []byte, chunk uint16) {
		o := GuardOptions{Limits: Limits{Depth: 5, String: 200, Body: 300, Line: 1000, Budget: 5000}}
		whole, errWhole := through(string(in), 1<<20, o)
		parts, errParts := through(string(in), 1+int(chunk)%50, o)
		if errWhole == nil && errParts == nil && whole != parts {
			t.Errorf("%q is read as %q at once and as %q in chunks", in, whole, parts)
		}
		if (errWhole == nil) != (errParts == nil) {
			t.Errorf("%q: %v at once, %v in chunks", in, errWhole, errParts)
		}
		again, err := through(whole, 7, o)
		if errWhole == nil && err == nil && again != whole {
			t.Errorf("%q is repaired twice: %q, then %q", in, whole, again)
		}
		o.Raw = true
		// What was received of an unfinished response may be missing.
		if raw, err := through(string(in), 3, o); err == nil && (!strings.HasPrefix(string(in), raw) || len(in)-len(raw) > maxHead) {
			t.Errorf("raw: %q became %q", in, raw)
		}
	})
}

// FuzzGuardedClient states that nothing a server sends makes the client panic
// or hang.
func FuzzGuardedClient(f *testing.F) {
	f.Add([]byte("* LIST () \"/\" \"a\"\r\n* 1 FETCH (UID 1 FLAGS (\\Seen) BODY[1] {3}\r\nabc)\r\nT2 OK\r\nT1 OK\r\n"))
	f.Add([]byte("* 1 FETCH (UID 1 BODYSTRUCTURE ((\"text\" \"plain\" NIL NIL NIL \"7bit\" 1 1) \"mixed\"))\r\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		g := NewGuard(&script{in: append([]byte("* PREAUTH [CAPABILITY IMAP4rev1] ready\r\n"), in...), chunk: 100}, GuardOptions{})
		c := imapclient.New(g, nil)
		_ = c.WaitGreeting()
		l := c.List("", "*", nil)
		_, _ = l.Collect()
		_, _ = c.Fetch(imap.UIDSetNum(1, 2), &imap.FetchOptions{UID: true, Envelope: true}).Collect()
		_ = g.Close()
		<-c.Closed()
	})
}

func FuzzNames(f *testing.F) {
	for _, s := range []string{"INBOX", "R&D", "R&-D", "&AOk-", "&AOk-&AOk-", "Größe", "\xf6", "&AGEAYgBj-", "a\r\nb", "&2D0-", "😀"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		var n Names
		key, ok := n.replace(raw)
		if !ok {
			return
		}
		shown := decodeUTF7(key)
		if encodeUTF7(shown) != key {
			t.Errorf("%q is replaced by %q, which reads %q, which is not written so", raw, key, shown)
		}
		if strings.ContainsAny(shown, "\r\n\x00") {
			t.Errorf("%q reads %q", raw, shown)
		}
		if back, replaced := n.original(key); replaced && back != raw || !replaced && key != raw {
			t.Errorf("%q is replaced by %q and comes back as %q", raw, key, back)
		}
		if again, ok := n.replace(raw); !ok || again != key {
			t.Errorf("%q is replaced by %q, then by %q", raw, key, again)
		}
	})
}

func BenchmarkGuard(b *testing.B) {
	line := "* 1234 FETCH (UID 5678 FLAGS (\\Seen) INTERNALDATE \"23-Nov-2026 10:11:12 +0100\" RFC822.SIZE 12345 BODYSTRUCTURE (\"text\" \"plain\" (\"charset\" \"utf-8\") NIL NIL \"7bit\" 1234 56 NIL NIL NIL NIL) BODY[HEADER.FIELDS (FROM TO)] {40}\r\nFrom: a <a@example.org>\r\nTo: b@example\r\n)\r\n"
	in := strings.Repeat(line, 1000)
	p := make([]byte, 4096)
	b.SetBytes(int64(len(in)))
	b.ReportAllocs()
	for b.Loop() {
		g := NewGuard(&script{in: []byte(in), chunk: 1 << 20}, GuardOptions{})
		for {
			if _, err := g.Read(p); err != nil {
				break
			}
		}
	}
}
