package demoserver

import (
	"archive/zip"
	"bytes"
	"fmt"
	"image"
	"io"
	"math/rand/v2"
	"net/mail"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	gomessage "github.com/emersion/go-message"
)

func TestSeedIsDeterministic(t *testing.T) {
	t.Parallel()
	a, b := start(t, Options{Seed: true, Messages: 400}), start(t, Options{Seed: true, Messages: 400})
	for _, box := range a.Mailboxes(mira) {
		x, y := a.Mailbox(mira, box), b.Mailbox(mira, box)
		if len(x) != len(y) {
			t.Fatalf("%s: %d and %d messages", box, len(x), len(y))
		}
		for i := range x {
			if !bytes.Equal(x[i].Raw, y[i].Raw) || !x[i].Date.Equal(y[i].Date) || !slices.Equal(x[i].Flags, y[i].Flags) {
				t.Fatalf("%s: message %d differs", box, i+1)
			}
		}
	}
}

// TestSeedIsWellFormed reads every seeded message with another parser, and
// looks at what the demo promises.
func TestSeedIsWellFormed(t *testing.T) {
	t.Parallel()
	s := start(t, Options{Seed: true})
	types := make(map[string]int)
	ids := make(map[string]bool)
	unread, total := make(map[string]int), make(map[string]int)
	var spammed, flagged int
	for _, box := range s.Mailboxes(mira) {
		msgs := s.Mailbox(mira, box)
		for i, m := range msgs {
			total[box]++
			if !slices.Contains(m.Flags, imap.FlagSeen) {
				unread[box]++
			}
			if slices.Contains(m.Flags, imap.FlagFlagged) {
				flagged++
			}
			if i > 0 && m.Date.Before(msgs[i-1].Date) {
				t.Errorf("%s: message %d is older than the one before", box, i+1)
			}
			if m.Date.After(testNow) {
				t.Errorf("%s: message %d is from the future", box, i+1)
			}
			if err := wellFormed(m.Raw, types, ids); err != nil {
				t.Errorf("%s, message %d: %v\n%.600s", box, i+1, err, m.Raw)
			}
			if bytes.ContainsAny(m.Raw[:headerEnd(m.Raw)], "{|") {
				t.Errorf("%s, message %d: a slot was not filled\n%.900s", box, i+1, m.Raw)
			}
			c := &candidate{picked: picked{msg: &message{body: newContent(m.Raw)}}}
			if s := slotLeft.FindString(c.words()); s != "" {
				t.Errorf("%s, message %d: %q was not filled", box, i+1, s)
			}
		}
	}
	spammed = total["Junk"]
	var sum int
	for _, n := range total {
		sum += n
	}
	if sum < 1950 || sum > 2100 {
		t.Errorf("%d messages, want about 2,000: %v", sum, total)
	}
	if unread["INBOX"] != 7 || spammed != 14 || total["Drafts"] != 3 || flagged < 5 || total["Sent"] < 200 {
		t.Errorf("unread %v, starred %d, total %v", unread, flagged, total)
	}
	for _, want := range []string{
		"image/jpeg", "image/png", "image/gif", "image/svg+xml", "application/pdf", "text/calendar", "application/ics", "text/vcard",
		"application/zip", "text/csv", "message/rfc822", "audio/mpeg", "video/mp4", "text/x-patch", "message/delivery-status",
		"application/vnd.openxmlformats-officedocument.wordprocessingml.document", "application/vnd.oasis.opendocument.text",
	} {
		if types[want] == 0 {
			t.Errorf("no %s among the attachments", want)
		}
	}
	if n := len(s.Mailbox(jonas, "INBOX")); n < 100 {
		t.Errorf("jonas has %d messages", n)
	}
}

// slotLeft finds what looks like a slot; braces of patches and styles do not.
var slotLeft = regexp.MustCompile(`\{[a-z0-9_]+(=[a-z0-9]|\}|\|)|[a-z]\|[a-z]`)

// wellFormed reads a message strictly and counts its media types.
func wellFormed(raw []byte, types map[string]int, ids map[string]bool) error {
	for line := range bytes.Lines(raw) {
		if !bytes.HasSuffix(line, []byte("\r\n")) || len(line) > 1000 {
			return fmt.Errorf("bad line of %d bytes: %.80q", len(line), line)
		}
	}
	m, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return err
	}
	if _, err := m.Header.Date(); err != nil {
		return err
	}
	for _, f := range []string{"From", "To", "Cc"} {
		if m.Header.Get(f) != "" {
			if _, err := m.Header.AddressList(f); err != nil {
				return fmt.Errorf("%s: %w", f, err)
			}
		}
	}
	id := m.Header.Get("Message-ID")
	if id == "" || ids[id] {
		return fmt.Errorf("message id %q", id)
	}
	ids[id] = true
	e, err := gomessage.Read(bytes.NewReader(raw))
	if err != nil {
		return err
	}
	return e.Walk(func(path []int, e *gomessage.Entity, err error) error {
		if err != nil {
			return err
		}
		typ, _, err := e.Header.ContentType()
		if err != nil {
			return err
		}
		types[typ]++
		if strings.HasPrefix(typ, "multipart/") {
			return nil
		}
		b, err := io.ReadAll(e.Body)
		if err != nil {
			return fmt.Errorf("%s: %w", typ, err)
		}
		if len(b) == 0 && typ != "text/plain" {
			return fmt.Errorf("%s is empty", typ)
		}
		return nil
	})
}

// TestFiles opens the made files with what the standard library can read.
func TestFiles(t *testing.T) {
	t.Parallel()
	for ext := range fileTypes {
		raw := makeFile("Some file."+ext, ext)
		switch ext {
		case "jpg", "png", "gif":
			if _, _, err := image.Decode(bytes.NewReader(raw)); err != nil {
				t.Errorf("%s: %v", ext, err)
			}
		case "docx", "xlsx", "odt", "zip":
			z, err := zip.NewReader(bytes.NewReader(raw), int64(len(raw)))
			if err != nil || len(z.File) < 2 {
				t.Errorf("%s: %v", ext, err)
			}
		case "pdf":
			if !bytes.HasPrefix(raw, []byte("%PDF-")) || !bytes.HasSuffix(raw, []byte("%%EOF\n")) {
				t.Error("pdf has no frame")
			}
		}
		if len(raw) == 0 || !bytes.Equal(raw, makeFile("Some file."+ext, ext)) {
			t.Errorf("%s: %d bytes, or not the same twice", ext, len(raw))
		}
	}
}

func TestSpin(t *testing.T) {
	t.Parallel()
	tests := []struct{ in, want string }{
		{"plain", "plain"},
		{"{month} {year}", "October 2025"},
		{"{x=only|only} and {x}", "only and only"},
		{"{n=7-7}", "7"},
		{"{{n=7-7} here|{n=7-7} here}", "7 here"},
		{"{not a slot}", "{not a slot}"},
		{"open { brace", "open { brace"},
		{"} {", "} {"},
	}
	for _, tt := range tests {
		if got := newSpinner(rand.New(rand.NewPCG(1, 2)), testNow).text(tt.in); got != tt.want {
			t.Errorf("%q became %q, want %q", tt.in, got, tt.want)
		}
	}
}

func TestNewMailArrives(t *testing.T) {
	t.Parallel()
	s := start(t, Options{NewMailEvery: time.Millisecond})
	deadline := time.Now().Add(10 * time.Second)
	want := len(scripts("live.txt"))
	for len(s.Mailbox(mira, "INBOX")) < want {
		if time.Now().After(deadline) {
			t.Fatal("no mail arrives")
		}
		time.Sleep(time.Millisecond)
	}
	ids := make(map[string]bool)
	for _, m := range s.Mailbox(mira, "INBOX") {
		if err := wellFormed(m.Raw, make(map[string]int), ids); err != nil {
			t.Error(err)
		}
	}
}

func BenchmarkStartSeeded(b *testing.B) {
	for b.Loop() {
		s := start(b, Options{Seed: true})
		b.StopTimer()
		s.Close()
		b.StartTimer()
	}
}
