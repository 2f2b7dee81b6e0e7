package compose

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"mime"
	netmail "net/mail"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-message"
	_ "github.com/emersion/go-message/charset"
	gomail "github.com/emersion/go-message/mail"

	"postern/mailproxy/mail"
)

var when = time.Date(2026, 11, 24, 10, 42, 5, 0, time.FixedZone("", 3600))

func input(d mail.Draft) Input {
	return Input{Draft: d, From: mail.Identity{ID: "1", Name: "Mira Lindqvist", Addr: "mira@postern.test"}, Date: when, MessageID: "m1@postern.test",
		Sanitise: func(s string) string { return s }, PlainText: func(string) string { return "plain form" }}
}

func file(name, typ string, data []byte) mail.Attachment {
	return mail.Attachment{Name: name, Type: typ, Size: int64(len(data)), Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil }}
}

// build builds and checks what holds for every message: CRLF only, no long line,
// headers of ASCII unless UTF-8 is asked for, sizes right.
func build(t *testing.T, in Input) (string, mail.Submission) {
	t.Helper()
	var b bytes.Buffer
	s, err := Build(&b, in)
	if err != nil {
		t.Fatal(err)
	}
	out := b.String()
	if s.Size != int64(len(out)) {
		t.Errorf("size %d, want %d", s.Size, len(out))
	}
	for i, l := range strings.Split(out, "\r\n") {
		if len(l) > maxLineLen || strings.ContainsAny(l, "\r\n\x00") {
			t.Errorf("line %d: %.200q", i, l)
		}
	}
	head, _, _ := strings.Cut(out, "\r\n\r\n")
	if !s.UTF8 && !ascii(head) {
		t.Errorf("header not ASCII: %q", head)
	}
	if !s.EightBit && !ascii(out) {
		t.Error("8-bit text without EightBit")
	}
	for _, l := range strings.Split(head, "\r\n") {
		if strings.TrimSpace(l) == "" {
			t.Errorf("blank header line in %q", head)
		}
	}
	return out, s
}

func TestBuildPlain(t *testing.T) {
	t.Parallel()
	out, s := build(t, input(mail.Draft{To: "Ama <ama@x.test>, b@x.test", Cc: `"Lee, Jo" <jo@x.test>`, Bcc: "secret@x.test, ama@x.test", Subject: "Hi", Text: "Hello\n\n-- \nMira\n", InReplyTo: "1@x.test", References: []string{"0@x.test", "1@x.test"}, Key: "abcdefgh"}))
	want := strings.ReplaceAll(`From: Mira Lindqvist <mira@postern.test>
To: Ama <ama@x.test>, b@x.test
Cc: "Lee, Jo" <jo@x.test>
Subject: Hi
Date: Tue, 24 Nov 2026 10:42:05 +0100
Message-ID: <m1@postern.test>
In-Reply-To: <1@x.test>
References: <0@x.test> <1@x.test>
MIME-Version: 1.0
Content-Type: text/plain; charset=us-ascii; format=flowed
Content-Transfer-Encoding: 7bit

Hello

-- 
Mira
`, "\n", "\r\n")
	if out != want {
		t.Errorf("got\n%s\nwant\n%s", out, want)
	}
	if strings.Join(s.Recipients, " ") != "ama@x.test b@x.test jo@x.test secret@x.test" || s.From != "mira@postern.test" || s.MessageID != "m1@postern.test" || s.UTF8 || s.EightBit {
		t.Errorf("%+v", s)
	}
}

func TestBuildHeadersReadBack(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("Ärger mit Umlauten und 山田太郎 ", 20)
	tests := []struct{ name, subject, person string }{
		{"ASCII", "Hello there", "Ama S."},
		{"umlauts", "Grüße aus Köln", "Guðrún Þorsteinsdóttir"},
		{"CJK", "会議の件について", "山田 太郎"},
		{"Arabic", "مرحبا", "ليلى الحداد"},
		{"emoji", "🎂 cake 👩‍👩‍👧‍👦", "Mum 🎈"},
		{"long", long, strings.TrimSpace(long[:200])},
		{"long ASCII", strings.TrimSpace(strings.Repeat("many words ", 40)), `a "b" \c`},
		{"one endless word", strings.Repeat("x", 2000), strings.Repeat("y", 700)},
		{"looks encoded", "=?utf-8?Q?x=0D=0ABcc:_victim?=", "=?utf-8?B?eA0KQmNjOiB2?="},
		{"specials", `a,b;c:d<e>f@g`, `Lee, Jo (x) <y@z>`},
		{"two spaces", "a  b   c", "Jo"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			subject, person := strings.TrimSpace(tt.subject), strings.Join(strings.Fields(tt.person), " ")
			in := input(mail.Draft{To: mail.Address{Name: person, Addr: "a@x.test"}.String(), Subject: tt.subject, Text: "x"})
			if tt.name == "looks encoded" {
				in.Draft.To = "a@x.test"
			}
			in.From.Name = person
			out, _ := build(t, in)
			r, err := gomail.CreateReader(strings.NewReader(out))
			if err != nil {
				t.Fatal(err)
			}
			if got, err := r.Header.Subject(); err != nil || got != subject {
				t.Errorf("subject %q (%v), want %q", got, err, subject)
			}
			m, err := netmail.ReadMessage(strings.NewReader(out))
			if err != nil {
				t.Fatal(err)
			}
			if got, _ := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject")); got != subject {
				t.Errorf("net/mail subject %q, want %q", got, subject)
			}
			from, err := m.Header.AddressList("From")
			if err != nil || len(from) != 1 || from[0].Name != person || from[0].Address != "mira@postern.test" {
				t.Errorf("from %+v (%v), want %q", from, err, person)
			}
			if d, err := m.Header.Date(); err != nil || !d.Equal(when) {
				t.Errorf("date %v %v", d, err)
			}
			for _, l := range strings.Split(out[:strings.Index(out, "\r\n\r\n")], "\r\n") {
				if len(l) > 78 && len(l) < 300 && strings.Count(l, " ") > 3 {
					t.Errorf("not folded: %q", l)
				}
			}
		})
	}
}

func TestBuildTree(t *testing.T) {
	t.Parallel()
	pdf := bytes.Repeat([]byte{0, 1, 2, 255, 13, 10}, 1000)
	png := []byte("\x89PNG not really")
	inline := file("logo.png", "image/png", png)
	inline.ContentID, inline.Inline = "logo@x", true
	tests := []struct {
		name  string
		rich  bool
		files []mail.Attachment
		want  string
		paths string
	}{
		{"text", false, nil, "text/plain", ""},
		{"text and file", false, []mail.Attachment{file("a.pdf", "application/pdf", pdf)}, "multipart/mixed(text/plain application/pdf)", "2"},
		{"html", true, nil, "multipart/alternative(text/plain text/html)", ""},
		{"html, image and file", true, []mail.Attachment{file("a.pdf", "application/pdf", pdf), inline, file("b.bin", "x/y", nil)},
			"multipart/mixed(multipart/alternative(text/plain multipart/related(text/html image/png)) application/pdf x/y)", "2 1.2.2 3"},
		{"html and image", true, []mail.Attachment{inline}, "multipart/alternative(text/plain multipart/related(text/html image/png))", "2.2"},
		{"image without html", false, []mail.Attachment{inline}, "multipart/mixed(text/plain image/png)", "2"},
		{"types that look inside become files", false, []mail.Attachment{file("a", "multipart/mixed", pdf), file("b", "message/rfc822", pdf), file("c", "nonsense", pdf), file("d", "text/html\r\nX: y", pdf)},
			"multipart/mixed(text/plain application/octet-stream application/octet-stream application/octet-stream application/octet-stream)", "2 3 4 5"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := mail.Draft{To: "a@x.test", Text: "Grüße", HTML: "<p>Grüße</p><img src=\"cid:logo@x\">", Rich: tt.rich}
			in := input(d)
			in.Files = tt.files
			out, _ := build(t, in)
			e, err := message.Read(strings.NewReader(out))
			if err != nil {
				t.Fatal(err)
			}
			if got := tree(t, e, tt.files); got != tt.want {
				t.Errorf("tree %s, want %s", got, tt.want)
			}
			if got := strings.Join(Paths(d, tt.files), " "); got != tt.paths {
				t.Errorf("paths %s, want %s", got, tt.paths)
			}
		})
	}
}

// tree names the parts and compares the files' octets.
func tree(t *testing.T, e *message.Entity, files []mail.Attachment) string {
	typ, _, err := e.Header.ContentType()
	if err != nil {
		t.Error(err)
	}
	if r := e.MultipartReader(); r != nil {
		var parts []string
		for {
			p, err := r.NextPart()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			parts = append(parts, tree(t, p, files))
		}
		return typ + "(" + strings.Join(parts, " ") + ")"
	}
	b, err := io.ReadAll(e.Body)
	if err != nil {
		t.Error(err)
	}
	_, params, _ := e.Header.ContentDisposition()
	for _, f := range files {
		if f.Name == params["filename"] {
			rc, _ := f.Open()
			want, _ := io.ReadAll(rc)
			if !bytes.Equal(b, want) {
				t.Errorf("%s: octets differ", f.Name)
			}
		}
	}
	if params["filename"] == "" && strings.HasPrefix(typ, "text/") && !strings.Contains(string(b), "Grüße") && string(b) != "plain form\r\n" {
		t.Errorf("text %q", b)
	}
	return typ
}

func TestFileNames(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, want string }{
		{"plan.pdf", "plan.pdf"},
		{"naïve plan.txt", "naïve plan.txt"},
		{`x";filename="y.html`, `x";filename="y.html`},
		{"../../etc/passwd", "passwd"},
		{`..\..\x.exe`, "x.exe"},
		{"x.pdf\r\nContent-Type: text/html", "html"},
		{"invoice\u202efdp.exe", "invoicefdp.exe"},
		{"x.pdf\x00.exe", "x.pdf_.exe"},
		{"", "file"}, {"...", "file"}, {" ", "file"},
		{strings.Repeat("é", 300) + ".png", strings.Repeat("é", 196) + ".png"},
		{"=?utf-8?B?Li4vLi4veA==?=", "=?utf-8?B?Li4vLi4veA==?="},
		{"utf-8''%2e%2e%2fx", "utf-8''%2e%2e%2fx"},
		{"山田.png", "山田.png"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in := input(mail.Draft{To: "a@x.test", Text: "x"})
			in.Files = []mail.Attachment{file(tt.name, "application/pdf", []byte("x"))}
			out, _ := build(t, in)
			e, err := message.Read(strings.NewReader(out))
			if err != nil {
				t.Fatal(err)
			}
			r := e.MultipartReader()
			r.NextPart()
			p, err := r.NextPart()
			if err != nil {
				t.Fatal(err)
			}
			disp, params, err := mime.ParseMediaType(p.Header.Get("Content-Disposition"))
			if err != nil || disp != "attachment" || params["filename"] != tt.want {
				t.Errorf("%q: %q %v (%v), want %q", tt.name, disp, params, err, tt.want)
			}
			if p.Header.Len() > 4 {
				t.Errorf("%d fields", p.Header.Len())
			}
		})
	}
}

func TestBuildEnclosedMessage(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, in, want  string
		unfit, eightBit bool
	}{
		{"as it is", "Subject: x\r\n\r\nbody  \r\n.\r\n", "Subject: x\r\n\r\nbody  \r\n.\r\n", false, false},
		{"bare line ends", "a: b\n\nx\r.\rMAIL FROM:<a@leak.test>\r\r\n", "a: b\r\n\r\nx\r\n.\r\nMAIL FROM:<a@leak.test>\r\n\r\n", false, false},
		{"ends in CR", "a: b\r", "a: b\r\n", false, false},
		{"8-bit", "Subject: ü\r\n\r\nx\r\n", "Subject: ü\r\n\r\nx\r\n", false, true},
		{"NUL", "a\x00b", "", true, false},
		{"long line", strings.Repeat("x", 999), "", true, false},
		{"just not long", strings.Repeat("x", 998), strings.Repeat("x", 998), false, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in := input(mail.Draft{To: "a@x.test", Text: "x"})
			f := file("m.eml", "message/rfc822", []byte(tt.in))
			f.Message = true
			in.Files = []mail.Attachment{file("first", "x/y", nil), f}
			if tt.unfit {
				_, err := Build(io.Discard, in)
				var u *UnfitError
				if !errors.As(err, &u) || u.Index != 1 {
					t.Errorf("error %v", err)
				}
				return
			}
			out, s := build(t, in)
			if s.EightBit != tt.eightBit {
				t.Errorf("EightBit %v", s.EightBit)
			}
			if !strings.Contains(out, "Content-Type: message/rfc822; name=m.eml\r\nContent-Transfer-Encoding: 8bit\r\n") || !strings.Contains(out, "\r\n\r\n"+tt.want+"\r\n--") {
				t.Errorf("%q", out)
			}
		})
	}
}

func TestBuildRefuses(t *testing.T) {
	t.Parallel()
	ok := mail.Draft{To: "a@x.test", Text: "x"}
	tests := []struct {
		name   string
		change func(*Input)
		field  string
	}{
		{"nobody", func(in *Input) { in.Draft.To = " , ;" }, "to"},
		{"bad address", func(in *Input) { in.Draft.To = "a@x.test, nonsense" }, "to"},
		{"bad Cc", func(in *Input) { in.Draft.Cc = "a@" }, "cc"},
		{"bad Bcc", func(in *Input) { in.Draft.Bcc = "@x.test" }, "bcc"},
		{"sender", func(in *Input) { in.From.Addr = "mira" }, "from"},
		{"sender with CR", func(in *Input) { in.From.Addr = "mira@postern.test\r\nBcc: v@leak.test" }, "from"},
		{"name with LF", func(in *Input) { in.From.Name = "x\nBcc: v@leak.test" }, "from"},
		{"subject", func(in *Input) { in.Draft.Subject = "x\rBcc: v@leak.test" }, "subject"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in := input(ok)
			tt.change(&in)
			_, err := Build(io.Discard, in)
			var e *mail.Error
			if !errors.As(err, &e) || e.Kind != mail.Invalid || e.Field != tt.field {
				t.Errorf("error %v", err)
			}
		})
	}
	in := input(mail.Draft{To: "a@x.test", Rich: true, HTML: "<script>"})
	in.Sanitise = nil
	if _, err := Build(io.Discard, in); err == nil {
		t.Error("HTML left without a sanitiser")
	}
}

func TestBuildInternational(t *testing.T) {
	t.Parallel()
	out, s := build(t, input(mail.Draft{To: "a@ex\u00e4mple.com, b@EXÄMPLE.com", Text: "x"}))
	if strings.Join(s.Recipients, " ") != "a@xn--exmple-cua.com b@xn--exmple-cua.com" || s.UTF8 || !strings.Contains(out, "To: a@xn--exmple-cua.com, b@xn--exmple-cua.com\r\n") {
		t.Errorf("%+v\n%s", s, out)
	}
	out, s = build(t, input(mail.Draft{Bcc: "é@exämple.com", Text: "x"}))
	if s.Recipients[0] != "é@xn--exmple-cua.com" || !s.UTF8 || !s.EightBit || !strings.Contains(out, "To: undisclosed-recipients:;\r\n") || strings.Contains(out, "é") {
		t.Errorf("%+v\n%s", s, out)
	}
}

// Every string of the collection of injections, in every field of the composer:
// it is refused, or the message has the fields of a harmless one.
func TestInjectionCorpus(t *testing.T) {
	t.Parallel()
	groups := corpus(t)
	harmless := input(mail.Draft{To: "a@x.test", Cc: "c@x.test", Subject: "x", Text: "x", InReplyTo: "r@x", References: []string{"r@x"}})
	harmless.From.ReplyTo = "rep@x.test"
	base, _ := build(t, harmless)
	fields := func(out string) string {
		m, err := netmail.ReadMessage(strings.NewReader(out))
		if err != nil {
			return err.Error()
		}
		var names []string
		for k, v := range m.Header {
			names = append(names, fmt.Sprint(k, len(v)))
		}
		return fmt.Sprint(len(names))
	}
	want := fields(base)
	n := 0
	for _, group := range []string{"header-injection", "recipient-fields", "smtp-command", "attachment-names", "content-types", "smtp-body-smuggling"} {
		if len(groups[group]) == 0 {
			t.Errorf("no strings in %s", group)
		}
		for _, s := range groups[group] {
			for name, set := range map[string]func(*Input){
				"subject":    func(in *Input) { in.Draft.Subject = s },
				"to":         func(in *Input) { in.Draft.To = s },
				"cc":         func(in *Input) { in.Draft.Cc = "c@x.test," + s },
				"name":       func(in *Input) { in.Draft.To = mail.Address{Name: s, Addr: "a@x.test"}.String() },
				"from name":  func(in *Input) { in.From.Name = s },
				"from":       func(in *Input) { in.From.Addr = s },
				"reply-to":   func(in *Input) { in.From.ReplyTo = "rep@x.test," + s },
				"in-reply":   func(in *Input) { in.Draft.InReplyTo = s },
				"references": func(in *Input) { in.Draft.References = []string{"r@x", s} },
				"body":       func(in *Input) { in.Draft.Text = s },
				"file": func(in *Input) {
					f := file(s, s, []byte("x"))
					f.ContentID = s
					in.Files = append(in.Files, f)
				},
				"key": func(in *Input) { in.Draft.Key = s },
			} {
				for _, unfinished := range []bool{false, true} {
					n++
					in := harmless
					in.Unfinished = unfinished
					set(&in)
					var b bytes.Buffer
					sub, err := Build(&b, in)
					if err != nil {
						if mail.KindOf(err) != mail.Invalid {
							t.Errorf("%s %q: %v", name, s, err)
						}
						continue
					}
					out := b.String()
					for _, l := range strings.Split(out, "\r\n") {
						if strings.ContainsAny(l, "\r\n\x00") || len(l) > maxLineLen {
							t.Errorf("%s %q: line %q", name, s, l)
						}
						if name != "body" && strings.HasPrefix(l, "Bcc: victim") {
							t.Errorf("%s %q: injected", name, s)
						}
					}
					got := fields(out)
					allowed := map[string]bool{want: true}
					if unfinished {
						allowed = map[string]bool{fmt.Sprint(atoi(want) + 1): true, fmt.Sprint(atoi(want) + 2): true, want: true, fmt.Sprint(atoi(want) - 1): true}
					}
					switch name {
					case "in-reply", "reply-to", "file", "to":
						allowed[fmt.Sprint(atoi(want)-1)] = true // left out, or the encoding moved to the parts
					}
					if !allowed[got] {
						t.Errorf("%s %q: %s fields, want %s\n%s", name, s, got, want, out)
					}
					for _, r := range sub.Recipients {
						if strings.ContainsAny(r, "\r\n\x00<> ") && !strings.HasPrefix(r, `"`) {
							t.Errorf("%s %q: recipient %q", name, s, r)
						}
					}
				}
			}
		}
	}
	t.Logf("%d messages", n)
}

func atoi(s string) (n int) { fmt.Sscan(s, &n); return n }

// corpus reads the collection of injections beside the checkout.
func corpus(t *testing.T) map[string][]string {
	t.Helper()
	dir := os.Getenv("POSTERN_CORPUS")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "corpus")
	}
	b, err := os.ReadFile(filepath.Join(dir, "injection", "injection.json"))
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip("the collection of injections is not here; set POSTERN_CORPUS")
	}
	var groups map[string]struct{ Strings []string }
	if err := json.Unmarshal(b, &groups); err != nil {
		t.Fatal(err)
	}
	out := map[string][]string{}
	for k, v := range groups {
		out[k] = v.Strings
	}
	return out
}

type zeros struct{ n int64 }

func (z *zeros) Read(p []byte) (int, error) {
	if z.n <= 0 {
		return 0, io.EOF
	}
	n := min(int64(len(p)), z.n)
	z.n -= n
	return int(n), nil
}
func (z *zeros) Close() error { return nil }

func big(size int64) mail.Attachment {
	return mail.Attachment{Name: "big.bin", Type: "application/zip", Size: size, Open: func() (io.ReadCloser, error) { return &zeros{size}, nil }}
}

func TestLargeFileStreams(t *testing.T) {
	in := input(mail.Draft{To: "a@x.test", Text: "x"})
	const size = 25 << 20
	in.Files = []mail.Attachment{big(size)}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	s, err := Build(io.Discard, in)
	runtime.ReadMemStats(&after)
	if err != nil {
		t.Fatal(err)
	}
	if n := after.TotalAlloc - before.TotalAlloc; n > 256<<10 {
		t.Errorf("%d octets allocated for a file of %d", n, size)
	}
	est := EncodedSize([]mail.DraftFile{{Name: "big.bin", Size: size}})
	if d := float64(s.Size-est) / float64(s.Size); d > 0.01 || d < -0.01 {
		t.Errorf("estimate %d, real %d", est, s.Size)
	}
}

func BenchmarkBuild25MB(b *testing.B) {
	in := input(mail.Draft{To: "a@x.test", Text: "x"})
	in.Files = []mail.Attachment{big(25 << 20)}
	b.SetBytes(25 << 20)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Build(io.Discard, in); err != nil {
			b.Fatal(err)
		}
	}
}

func TestBase64Lines(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		data := make([]byte, r.IntN(20000))
		for i := range data {
			data[i] = byte(r.Uint32())
		}
		var out bytes.Buffer
		w := &base64Writer{w: &out}
		for rest := data; len(rest) > 0; {
			n := min(1+r.IntN(300), len(rest))
			w.Write(rest[:n])
			rest = rest[n:]
		}
		w.finish()
		if int64(out.Len()) != EncodedLen(int64(len(data))) {
			t.Fatalf("%d octets, EncodedLen says %d", out.Len(), EncodedLen(int64(len(data))))
		}
		e, err := message.New(messageHeader("base64"), &out)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := io.ReadAll(e.Body); err != nil || !bytes.Equal(back, data) {
			t.Fatal("octets differ", err)
		}
	}
}

func messageHeader(enc string) message.Header {
	var h message.Header
	h.Set("Content-Transfer-Encoding", enc)
	h.Set("Content-Type", "application/octet-stream")
	return h
}

func TestFailingFileFailsTheBuild(t *testing.T) {
	t.Parallel()
	in := input(mail.Draft{To: "a@x.test", Text: "x"})
	in.Files = []mail.Attachment{{Name: "x", Open: func() (io.ReadCloser, error) { return nil, errors.New("gone") }}}
	if _, err := Build(io.Discard, in); err == nil || err.Error() != "gone" {
		t.Error(err)
	}
}

func TestMessageIDsTellNothing(t *testing.T) {
	t.Parallel()
	a, b := NewMessageID("mira@Exämple.com"), NewMessageID("mira@Exämple.com")
	if a == b || !strings.HasSuffix(a, "@xn--exmple-cua.com") || !ValidMessageID(a) || strings.Contains(a, "mira") {
		t.Errorf("%q %q", a, b)
	}
	if id := NewMessageID("a@[127.0.0.1]"); !ValidMessageID(id) {
		t.Error(id)
	}
}

func FuzzBuild(f *testing.F) {
	f.Add("a@x.test", "Subject", "Text\n> q", "file.txt", "text/plain", true)
	f.Add("\"x\" <é@ü.test>", "=?utf-8?q?x?=", "-- \nx", "../é", "message/rfc822", false)
	f.Fuzz(func(t *testing.T, to, subject, body, name, typ string, unfinished bool) {
		in := input(mail.Draft{To: to, Subject: subject, Text: body, HTML: body, Rich: len(body)%2 == 0, Key: name, InReplyTo: name, References: []string{subject}})
		in.Unfinished = unfinished
		fl := file(name, typ, []byte(body))
		fl.Message, fl.ContentID, fl.Inline = typ == "message/rfc822", subject, true
		in.Files = []mail.Attachment{fl}
		var b bytes.Buffer
		if _, err := Build(&b, in); err != nil {
			return
		}
		for _, l := range strings.Split(b.String(), "\r\n") {
			if len(l) > maxLineLen || strings.ContainsAny(l, "\r\n\x00") {
				t.Fatalf("line %q", l)
			}
		}
		if _, err := netmail.ReadMessage(&b); err != nil {
			t.Fatalf("%v\n%s", err, b.String())
		}
	})
}
