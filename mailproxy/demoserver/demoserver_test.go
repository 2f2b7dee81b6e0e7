package demoserver

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

const (
	mira  = "mira@postern.test"
	jonas = "jonas@postern.test"
)

var testNow = time.Date(2025, 10, 14, 11, 30, 0, 0, time.FixedZone("", 2*3600))

func start(t testing.TB, opts Options) *Server {
	t.Helper()
	if opts.Now == nil {
		opts.Now = func() time.Time { return testNow }
	}
	s, err := Start(context.Background(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func dial(t testing.TB, s *Server, options *imapclient.Options) *imapclient.Client {
	t.Helper()
	c, err := imapclient.DialInsecure(s.IMAPAddr(), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// login signs in and selects a mailbox, unless its name is empty.
func login(t testing.TB, s *Server, address, mailbox string, options *imapclient.Options) *imapclient.Client {
	t.Helper()
	c := dial(t, s, options)
	if err := c.Login(address, "demo").Wait(); err != nil {
		t.Fatal(err)
	}
	if mailbox != "" {
		if _, err := c.Select(mailbox, nil).Wait(); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

const simple = "From: Ama <ama@example.org>\r\nTo: mira@postern.test\r\nSubject: Hello\r\nMessage-ID: <1@example.org>\r\nDate: Tue, 14 Oct 2025 10:00:00 +0200\r\n\r\nHello Mira\r\n"

func TestSignIn(t *testing.T) {
	t.Parallel()
	s := start(t, Options{SCRAM: true})
	tests := []struct {
		name, user, password string
		ok                   bool
	}{
		{"address", mira, "demo", true},
		{"local part", "Jonas", "demo", true},
		{"wrong password", mira, "Demo", false},
		{"unknown", "nobody@postern.test", "demo", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if err := dial(t, s, nil).Login(tt.user, tt.password).Wait(); (err == nil) != tt.ok {
				t.Errorf("LOGIN: %v", err)
			}
			if err := dial(t, s, nil).Authenticate(sasl.NewPlainClient("", tt.user, tt.password)); (err == nil) != tt.ok {
				t.Errorf("PLAIN: %v", err)
			}
			if err := dial(t, s, nil).Authenticate(sasl.NewLoginClient(tt.user, tt.password)); (err == nil) != tt.ok {
				t.Errorf("LOGIN by SASL: %v", err)
			}
		})
	}
}

func TestTLS(t *testing.T) {
	t.Parallel()
	s := start(t, Options{RequireTLS: true})
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(s.CertPEM()) {
		t.Fatal("CertPEM is not a certificate")
	}
	options := &imapclient.Options{TLSConfig: &tls.Config{RootCAs: pool, ServerName: "localhost"}}
	c, err := imapclient.DialTLS(s.IMAPSAddr(), options)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.WaitGreeting(); err != nil {
		t.Fatal(err)
	}
	before := s.RoundTrips()
	if err := c.Login(mira, "demo").Wait(); err != nil {
		t.Error(err)
	}
	if n := s.RoundTrips() - before; n != 1 {
		t.Errorf("LOGIN over TLS took %d round trips, want 1", n)
	}
	c, err = imapclient.DialStartTLS(s.IMAPAddr(), options)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Login(mira, "demo").Wait(); err != nil {
		t.Error(err)
	}
	if err := dial(t, s, nil).Login(mira, "demo").Wait(); err == nil {
		t.Error("a password was accepted without TLS")
	}
}

func TestListSpecialUseAndStatus(t *testing.T) {
	t.Parallel()
	s := start(t, Options{Messages: 9})
	c := login(t, s, mira, "", nil)
	for _, name := range []string{"Travel/København 2025", `100 % "genau" \ & R&D`, "🎂/a/b"} {
		if err := c.Create(name, nil).Wait(); err != nil {
			t.Fatalf("create %q: %v", name, err)
		}
	}
	list, err := c.List("", "*", &imap.ListOptions{
		ReturnStatus: &imap.StatusOptions{NumMessages: true, NumUnseen: true, Size: true, UIDNext: true},
	}).Collect()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, l := range list {
		line := l.Mailbox
		for _, a := range l.Attrs {
			line += " " + string(a)
		}
		if l.Status != nil {
			line += fmt.Sprintf(" %d/%d", *l.Status.NumUnseen, *l.Status.NumMessages)
		}
		got = append(got, line)
	}
	want := []string{
		`INBOX \HasNoChildren 3/9`,
		`100 % "genau" \ & R&D \HasNoChildren 0/0`,
		`Archive \HasNoChildren \Archive 0/0`,
		`Drafts \HasNoChildren \Drafts 0/0`,
		`Junk \HasNoChildren \Junk 0/0`,
		`Sent \HasNoChildren \Sent 0/0`,
		`Trash \HasNoChildren \Trash 0/0`,
		`Travel \NonExistent \Noselect \HasChildren`,
		`Travel/København 2025 \HasNoChildren 0/0`,
		`🎂 \NonExistent \Noselect \HasChildren`,
		`🎂/a \NonExistent \Noselect \HasChildren`,
		`🎂/a/b \HasNoChildren 0/0`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("LIST:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestMatchList(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, ref, pattern string
		want               bool
	}{
		{"INBOX", "", "*", true},
		{"a/b", "", "%", false},
		{"a/b", "", "*", true},
		{"a/b", "", "%/%", true},
		{"a/b", "a", "%", false}, // the reference is put in front as it is
		{"a/b", "a/", "%", true},
		{"a", "", "b", false},
		{"a%c", "", "a%c", true},
		{strings.Repeat("a", 400), "", strings.Repeat("*a", 200) + "b", false},
	}
	for _, tt := range tests {
		if got := matchList(tt.name, tt.ref, tt.pattern); got != tt.want {
			t.Errorf("matchList(%.20q, %q, %.20q) = %v", tt.name, tt.ref, tt.pattern, got)
		}
	}
}

func TestMailboxVerbs(t *testing.T) {
	t.Parallel()
	s := start(t, Options{Messages: 2})
	c := login(t, s, mira, "", nil)
	steps := []struct {
		name string
		cmd  interface{ Wait() error }
		want string // part of the error, "" for none
	}{
		{"create", c.Create("a/b", nil), ""},
		{"create again", c.Create("a/b", nil), "exists"},
		{"create under INBOX", c.Create("inbox/x", nil), ""},
		{"double delimiter", c.Create("a//b", nil), "not a mailbox name"},
		{"rename with children", c.Rename("a", "c/d", nil), ""},
		{"rename missing", c.Rename("a", "e", nil), "No such"},
		{"rename into itself", c.Rename("c", "c/x", nil), "itself"},
		{"delete INBOX", c.Delete("INBOX"), "cannot"},
		{"delete", c.Delete("c/d/b"), ""},
		{"rename INBOX", c.Rename("INBOX", "old", nil), ""},
	}
	for _, st := range steps {
		err := st.cmd.Wait()
		if st.want == "" && err != nil || st.want != "" && (err == nil || !strings.Contains(err.Error(), st.want)) {
			t.Errorf("%s: %v, want %q", st.name, err, st.want)
		}
	}
	if got := len(s.Mailbox(mira, "old")); got != 2 {
		t.Errorf("old has %d messages, want those of INBOX", got)
	}
	if got := len(s.Mailbox(mira, "INBOX")); got != 0 {
		t.Errorf("INBOX has %d messages after it was renamed", got)
	}
}

func TestFetch(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	raw := "From: =?utf-8?q?J=C3=B6rg?= <j@example.org>\r\nTo: undisclosed:;\r\nSubject: =?utf-8?q?gr=C3=BCn?=\r\n" +
		"Content-Type: multipart/mixed; boundary=xx\r\n\r\npreamble\r\n" +
		"--xx\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nHällo\r\n" +
		"--xx\r\nContent-Type: application/pdf; name*=utf-8''%e2%82%ac.pdf\r\nContent-Disposition: attachment; filename*0=a; filename*1=b\r\nContent-Transfer-Encoding: base64\r\n\r\nJVBERi0=\r\n" +
		"--xx\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\nFrom: a@b.example\r\n\r\nbody\r\n--xx--\r\n"
	if _, err := s.Append(mira, "INBOX", []byte(raw), testNow); err != nil {
		t.Fatal(err)
	}
	c := login(t, s, mira, "INBOX", nil)
	sections := []struct {
		item imap.FetchItemBodySection
		want string
	}{
		{imap.FetchItemBodySection{Part: []int{1}}, "Hällo"},
		{imap.FetchItemBodySection{Part: []int{2}}, "JVBERi0="},
		{imap.FetchItemBodySection{Part: []int{2}, Partial: &imap.SectionPartial{Offset: 2, Size: 3}}, "BER"},
		{imap.FetchItemBodySection{Part: []int{3}, Specifier: imap.PartSpecifierText}, "body"},
		{imap.FetchItemBodySection{Part: []int{3, 1}}, "body"},
		{imap.FetchItemBodySection{Part: []int{3}, Specifier: imap.PartSpecifierHeader}, "Subject: inner\r\nFrom: a@b.example\r\n\r\n"},
		{imap.FetchItemBodySection{Part: []int{1}, Specifier: imap.PartSpecifierMIME}, "Content-Type: text/plain; charset=utf-8\r\n\r\n"},
		{imap.FetchItemBodySection{Specifier: imap.PartSpecifierHeader, HeaderFields: []string{"SUBJECT", "X-None"}}, "Subject: =?utf-8?q?gr=C3=BCn?=\r\n\r\n"},
		{imap.FetchItemBodySection{Part: []int{9}}, ""},
		{imap.FetchItemBodySection{}, raw},
	}
	options := &imap.FetchOptions{
		Envelope: true, RFC822Size: true, Flags: true, InternalDate: true,
		BodyStructure: &imap.FetchItemBodyStructure{Extended: true},
		BinarySection: []*imap.FetchItemBinarySection{{Part: []int{2}, Peek: true}},
	}
	for i := range sections {
		sections[i].item.Peek = true
		options.BodySection = append(options.BodySection, &sections[i].item)
	}
	msgs, err := c.Fetch(imap.SeqSetNum(1), options).Collect()
	if err != nil || len(msgs) != 1 {
		t.Fatalf("fetch: %d messages, %v", len(msgs), err)
	}
	m := msgs[0]
	for _, sec := range sections {
		if got := string(m.FindBodySection(&sec.item)); got != sec.want {
			t.Errorf("BODY%v %v = %q, want %q", sec.item.Part, sec.item.Specifier, got, sec.want)
		}
	}
	if got := string(m.BinarySection[0].Bytes); got != "%PDF-" {
		t.Errorf("BINARY = %q", got)
	}
	if m.RFC822Size != int64(len(raw)) || !m.InternalDate.Equal(testNow) || m.Envelope.Subject != "grün" || m.Envelope.From[0].Name != "Jörg" {
		t.Errorf("wrong size, date or envelope: %+v %+v", m, m.Envelope)
	}
	multi := m.BodyStructure.(*imap.BodyStructureMultiPart)
	pdf := multi.Children[1].(*imap.BodyStructureSinglePart)
	if pdf.Params["name*"] != "utf-8''%e2%82%ac.pdf" || pdf.Disposition().Params["filename*1"] != "b" {
		t.Errorf("parameters are not as they were sent: %v %v", pdf.Params, pdf.Disposition())
	}
	if inner := multi.Children[2].(*imap.BodyStructureSinglePart); inner.MessageRFC822.Envelope.Subject != "inner" {
		t.Errorf("inner envelope: %+v", inner.MessageRFC822.Envelope)
	}
	if slices.Contains(m.Flags, imap.FlagSeen) {
		t.Error("peeking set \\Seen")
	}
	if err := c.Fetch(imap.SeqSetNum(1), &imap.FetchOptions{BodySection: []*imap.FetchItemBodySection{{}}}).Close(); err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(s.Mailbox(mira, "INBOX")[0].Flags, imap.FlagSeen) {
		t.Error("reading did not set \\Seen")
	}
}

func TestSearch(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	bodies := []string{
		simple,
		"Subject: =?utf-8?b?R3LDvMOfZQ==?=\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nK=F6ln\r\n",
		"Subject: third\r\nDate: Mon, 1 Sep 2025 10:00:00 +0200\r\nContent-Type: text/html\r\n\r\n" + strings.Repeat("x", 5000),
	}
	flags := [][]imap.Flag{{imap.FlagSeen}, {"Work", imap.FlagFlagged}, nil}
	for i, b := range bodies {
		if _, err := s.Append(mira, "INBOX", []byte(b), testNow.AddDate(0, 0, i-2), flags[i]...); err != nil {
			t.Fatal(err)
		}
	}
	c := login(t, s, mira, "INBOX", nil)
	tests := []struct {
		name string
		q    imap.SearchCriteria
		want []imap.UID
	}{
		{"all", imap.SearchCriteria{}, []imap.UID{1, 2, 3}},
		{"unseen", imap.SearchCriteria{NotFlag: []imap.Flag{imap.FlagSeen}}, []imap.UID{2, 3}},
		{"keyword", imap.SearchCriteria{Flag: []imap.Flag{"work"}}, []imap.UID{2}},
		{"encoded subject", imap.SearchCriteria{Header: []imap.SearchCriteriaHeaderField{{Key: "Subject", Value: "GRÜSS"}}}, nil},
		{"encoded subject, as written", imap.SearchCriteria{Header: []imap.SearchCriteriaHeaderField{{Key: "Subject", Value: "GRÜß"}}}, []imap.UID{2}},
		{"body in latin-1", imap.SearchCriteria{Body: []string{"köln"}}, []imap.UID{2}},
		{"text in header", imap.SearchCriteria{Text: []string{"ama@example"}}, []imap.UID{1}},
		{"larger", imap.SearchCriteria{Larger: 4000}, []imap.UID{3}},
		{"since", imap.SearchCriteria{Since: time.Date(2025, 10, 13, 0, 0, 0, 0, time.UTC)}, []imap.UID{2, 3}},
		{"before", imap.SearchCriteria{Before: time.Date(2025, 10, 13, 0, 0, 0, 0, time.UTC)}, []imap.UID{1}},
		{"sent since", imap.SearchCriteria{SentSince: time.Date(2025, 10, 1, 0, 0, 0, 0, time.UTC)}, []imap.UID{1}},
		{"or", imap.SearchCriteria{Or: [][2]imap.SearchCriteria{{{Body: []string{"hello mira"}}, {Flag: []imap.Flag{imap.FlagFlagged}}}}}, []imap.UID{1, 2}},
		{"not", imap.SearchCriteria{Not: []imap.SearchCriteria{{Flag: []imap.Flag{imap.FlagFlagged}}}}, []imap.UID{1, 3}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, opts := range []*imap.SearchOptions{nil, {ReturnAll: true, ReturnCount: true}} {
				data, err := c.UIDSearch(&tt.q, opts).Wait()
				if err != nil {
					t.Fatal(err)
				}
				if got := data.AllUIDs(); !slices.Equal(got, tt.want) {
					t.Errorf("SEARCH = %v, want %v", got, tt.want)
				}
				if opts != nil && int(data.Count) != len(tt.want) {
					t.Errorf("COUNT = %d", data.Count)
				}
			}
		})
	}
}

func TestMoveCopyAppend(t *testing.T) {
	t.Parallel()
	s := start(t, Options{Messages: 5})
	c := login(t, s, mira, "INBOX", nil)
	if err := c.Store(imap.UIDSetNum(2, 4), &imap.StoreFlags{Op: imap.StoreFlagsAdd, Flags: []imap.Flag{"Work"}}, nil).Close(); err != nil {
		t.Fatal(err)
	}
	data, err := c.Move(imap.UIDSetNum(2, 4), "Archive").Wait()
	if err != nil {
		t.Fatal(err)
	}
	if data.SourceUIDs.String() != "2,4" || data.DestUIDs.String() != "1:2" || data.UIDValidity == 0 {
		t.Errorf("COPYUID after MOVE: %+v", data)
	}
	if got := c.Mailbox().NumMessages; got != 3 {
		t.Errorf("client sees %d messages, want 3", got)
	}
	archive := s.Mailbox(mira, "Archive")
	if len(archive) != 2 || !slices.Contains(archive[0].Flags, "Work") {
		t.Errorf("Archive: %d messages", len(archive))
	}
	copied, err := c.Copy(imap.UIDSetNum(1), "Archive").Wait()
	if err != nil || copied.DestUIDs.String() != "3" {
		t.Errorf("COPY: %+v, %v", copied, err)
	}
	if _, err := c.Move(imap.UIDSetNum(1), "Nowhere").Wait(); err == nil || !strings.Contains(err.Error(), "TRYCREATE") {
		t.Errorf("MOVE to a missing mailbox: %v", err)
	}
	app := c.Append("Drafts", int64(len(simple)), &imap.AppendOptions{Flags: []imap.Flag{imap.FlagDraft}})
	io.WriteString(app, simple)
	app.Close()
	appended, err := app.Wait()
	if err != nil || appended.UID != 1 {
		t.Errorf("APPEND: %+v, %v", appended, err)
	}
	if got := s.Mailbox(mira, "Drafts"); len(got) != 1 || string(got[0].Raw) != simple || !slices.Equal(got[0].Flags, []imap.Flag{imap.FlagDraft}) {
		t.Errorf("Drafts: %+v", got)
	}
	if err := c.Store(imap.UIDSetNum(1, 3), &imap.StoreFlags{Op: imap.StoreFlagsAdd, Flags: []imap.Flag{imap.FlagDeleted}, Silent: true}, nil).Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.UIDExpunge(imap.UIDSetNum(3)).Collect(); err != nil {
		t.Fatal(err)
	}
	if got := len(s.Mailbox(mira, "INBOX")); got != 2 {
		t.Errorf("INBOX has %d messages after UID EXPUNGE, want 2", got)
	}
}

// TestIdle has one connection waiting and another changing things, many times
// over, so that a lost wake-up shows as a time-out.
func TestIdle(t *testing.T) {
	t.Parallel()
	s := start(t, Options{Messages: 1})
	exists, expunges := make(chan uint32, 1000), make(chan uint32, 1000)
	watch := login(t, s, mira, "INBOX", &imapclient.Options{UnilateralDataHandler: &imapclient.UnilateralDataHandler{
		Mailbox: func(d *imapclient.UnilateralDataMailbox) {
			if d.NumMessages != nil {
				exists <- *d.NumMessages
			}
		},
		Expunge: func(n uint32) { expunges <- n },
	}})
	for len(exists) > 0 {
		<-exists
	}
	work := login(t, s, mira, "INBOX", nil)
	wait := func(ch chan uint32, want uint32) {
		t.Helper()
		select {
		case got := <-ch:
			if got != want {
				t.Fatalf("told of %d, want %d", got, want)
			}
		case <-time.After(10 * time.Second):
			t.Fatal("the waiting connection was not told")
		}
	}
	for range 50 {
		idle, err := watch.Idle()
		if err != nil {
			t.Fatal(err)
		}
		uid, err := s.Append(mira, "INBOX", []byte(simple), testNow)
		if err != nil {
			t.Fatal(err)
		}
		wait(exists, 2)
		if err := work.Noop().Wait(); err != nil { // it learns of the message
			t.Fatal(err)
		}
		if _, err := work.Move(imap.UIDSetNum(uid), "Trash").Wait(); err != nil {
			t.Fatal(err)
		}
		wait(expunges, 2)
		if err := idle.Close(); err != nil {
			t.Fatal(err)
		}
		if err := idle.Wait(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestTwoConnections checks that sequence numbers hold until EXPUNGE is told,
// and that flag changes reach the other side and not the author.
func TestTwoConnections(t *testing.T) {
	t.Parallel()
	s := start(t, Options{Messages: 4})
	var mu sync.Mutex
	heard := 0
	a := login(t, s, mira, "INBOX", &imapclient.Options{UnilateralDataHandler: &imapclient.UnilateralDataHandler{
		Fetch: func(m *imapclient.FetchMessageData) {
			mu.Lock()
			heard++
			mu.Unlock()
			m.Collect()
		},
	}})
	b := login(t, s, mira, "INBOX", nil)
	if err := a.Store(imap.UIDSetNum(4), &imap.StoreFlags{Op: imap.StoreFlagsAdd, Flags: []imap.Flag{"Mine"}, Silent: true}, nil).Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Move(imap.UIDSetNum(2), "Trash").Wait(); err != nil {
		t.Fatal(err)
	}
	// a was not told of the move when it asks for number 3 and 4: they are still UID 3 and 4.
	msgs, err := a.Fetch(imap.SeqSetNum(2, 3, 4), &imap.FetchOptions{UID: true, Flags: true}).Collect()
	if err != nil {
		t.Fatal(err)
	}
	var uids []imap.UID
	for _, m := range msgs {
		uids = append(uids, m.UID)
	}
	if !slices.Equal(uids, []imap.UID{3, 4}) {
		t.Errorf("numbers 2 to 4 are UIDs %v, want 3 and 4", uids)
	}
	if err := a.Noop().Wait(); err != nil {
		t.Fatal(err)
	}
	if got := a.Mailbox().NumMessages; got != 3 {
		t.Errorf("after NOOP a sees %d messages, want 3", got)
	}
	mu.Lock()
	defer mu.Unlock()
	if heard != 0 {
		t.Errorf("a was told %d times of its own silent change", heard)
	}
}

func TestRoundTrips(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var lines []string
	s := start(t, Options{Messages: 50, Latency: 2 * time.Millisecond, CommandLog: func(_, line string) {
		mu.Lock()
		defer mu.Unlock()
		lines = append(lines, line)
	}})
	c := login(t, s, mira, "INBOX", nil)
	tests := []struct {
		name string
		do   func() error
		want int64
	}{
		{"NOOP", func() error { return c.Noop().Wait() }, 1},
		{"three pipelined", func() error {
			x, y := c.Noop(), c.Store(imap.UIDSetNum(1), &imap.StoreFlags{Op: imap.StoreFlagsAdd, Flags: []imap.Flag{imap.FlagSeen}}, nil)
			z := c.Move(imap.UIDSetNum(1), "Archive")
			if err := x.Wait(); err != nil {
				return err
			}
			if err := y.Close(); err != nil {
				return err
			}
			_, err := z.Wait()
			return err
		}, 1},
		{"a page", func() error {
			_, err := c.Fetch(imap.UIDSet{{Start: 1, Stop: 0}}, &imap.FetchOptions{Envelope: true, Flags: true}).Collect()
			return err
		}, 1},
		{"one after the other", func() error {
			if err := c.Noop().Wait(); err != nil {
				return err
			}
			return c.Noop().Wait()
		}, 2},
	}
	for _, tt := range tests {
		before := s.RoundTrips()
		if err := tt.do(); err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		if got := s.RoundTrips() - before; got != tt.want {
			t.Errorf("%s took %d round trips, want %d", tt.name, got, tt.want)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if int64(len(lines)) != s.Commands() {
		t.Errorf("%d lines logged, %d commands counted", len(lines), s.Commands())
	}
	for _, want := range []string{"LOGIN", `SELECT INBOX`, "NOOP", "UID MOVE 1 Archive"} {
		if !slices.ContainsFunc(lines, func(l string) bool { return strings.ReplaceAll(l, `"`, "") == want }) {
			t.Errorf("%q is not in the log %q", want, lines)
		}
	}
}

func TestCommandReader(t *testing.T) {
	t.Parallel()
	var got []string
	r := &commandReader{emit: func(line string, counts bool) { got = append(got, line) }}
	for _, b := range []byte("a1 LOGIN {4+}\r\nmira {4}\r\ndemo\r\na2 SEARCH SUBJECT {3}\r\na\r\n TEXT x\r\nDONE\r\nc2VjcmV0\r\na3 STARTTLS\r\n\x16\x03 \n") {
		r.feed([]byte{b})
	}
	want := []string{"LOGIN", `SEARCH SUBJECT "a\r\n" TEXT x`, "DONE", "STARTTLS"}
	if !slices.Equal(got, want) {
		t.Errorf("read %q, want %q", got, want)
	}
}

func sendMail(s *Server, from string, to []string, raw string) error {
	c, err := smtp.Dial(s.SMTPAddr())
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.Auth(sasl.NewPlainClient("", from, "demo")); err != nil {
		return err
	}
	return c.SendMail(from, to, strings.NewReader(raw))
}

func TestSubmission(t *testing.T) {
	t.Parallel()
	s := start(t, Options{BounceAfter: time.Nanosecond})
	c := login(t, s, jonas, "INBOX", nil)
	if err := sendMail(s, mira, []string{jonas, "else@example.org"}, simple); err != nil {
		t.Fatal(err)
	}
	if err := c.Noop().Wait(); err != nil {
		t.Fatal(err)
	}
	got := s.Mailbox(jonas, "INBOX")
	if len(got) != 1 {
		t.Fatalf("jonas has %d messages", len(got))
	}
	for _, want := range []string{"Return-Path: <" + mira + ">\r\n", "Delivered-To: " + jonas, "Authentication-Results: ", "Received: "} {
		if !bytes.Contains(got[0].Raw, []byte(want)) {
			t.Errorf("%q is missing in\n%s", want, got[0].Raw)
		}
	}
	if !bytes.HasSuffix(got[0].Raw, []byte(simple)) {
		t.Errorf("the message was changed:\n%s", got[0].Raw)
	}
	if r := s.Received(); len(r) != 1 || r[0].From != mira || !slices.Equal(r[0].To, []string{jonas, "else@example.org"}) || string(r[0].Raw) != simple {
		t.Errorf("Received: %+v", r)
	}
	err := sendMail(s, mira, []string{"nobody@postern.test"}, simple)
	if e, ok := err.(*smtp.SMTPError); !ok || e.Code != 550 || e.EnhancedCode != (smtp.EnhancedCode{5, 1, 1}) {
		t.Errorf("unknown recipient: %v", err)
	}
	idle, err := login(t, s, mira, "INBOX", nil).Idle()
	if err != nil {
		t.Fatal(err)
	}
	defer idle.Close()
	if err := sendMail(s, mira, []string{"bounce@example.org"}, simple); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(10 * time.Second)
	for len(s.Mailbox(mira, "INBOX")) == 0 {
		if time.Now().After(deadline) {
			t.Fatal("no bounce came back")
		}
		time.Sleep(time.Millisecond)
	}
	if b := s.Mailbox(mira, "INBOX")[0].Raw; parseMessage(b).sub != "report" || !bytes.Contains(b, []byte("In-Reply-To: <1@example.org>")) {
		t.Errorf("not a report:\n%s", b)
	}
}

func TestScriptedFailures(t *testing.T) {
	t.Parallel()
	s := start(t, Options{RequireSender: true})
	tests := []struct {
		name      string
		failure   Failure
		want      int // reply code, 0 for a lost connection
		delivered int
	}{
		{"recipient", Failure{Stage: StageRcpt, Recipient: jonas, Code: 452, Enhanced: [3]int{4, 2, 2}, Text: "Mailbox full"}, 452, 0},
		{"content", Failure{Stage: StageData, Code: 554, Enhanced: [3]int{5, 7, 1}, Text: "Spam"}, 554, 0},
		{"sign-in", Failure{Stage: StageAuth, Code: 535, Text: "No"}, 535, 0},
		{"sender", Failure{Stage: StageMail, Code: 451, Text: "Later"}, 451, 0},
		{"lost after accepting", Failure{Stage: StageAccepted, Drop: true}, 0, 1},
	}
	for _, tt := range tests {
		before := len(s.Received())
		s.FailNext(tt.failure)
		err := sendMail(s, mira, []string{jonas}, simple)
		e, ok := err.(*smtp.SMTPError)
		if err == nil || ok != (tt.want != 0) || ok && e.Code != tt.want {
			t.Errorf("%s: %v, want code %d", tt.name, err, tt.want)
		}
		if n := len(s.Received()) - before; n != tt.delivered {
			t.Errorf("%s: %d messages accepted, want %d", tt.name, n, tt.delivered)
		}
	}
	if err := sendMail(s, mira, []string{jonas}, simple); err != nil {
		t.Errorf("a failure was used twice: %v", err)
	}
}

func TestScriptedIMAPFailures(t *testing.T) {
	t.Parallel()
	s := start(t, Options{Messages: 2})
	s.FailIMAPNext(IMAPFailure{Command: "LOGIN", Code: imap.ResponseCodeUnavailable, Text: "Later", Times: 2})
	for i, want := range []bool{false, false, true} {
		if err := dial(t, s, nil).Login(mira, "demo").Wait(); (err == nil) != want {
			t.Errorf("sign-in %d: %v", i+1, err)
		}
	}
	add := func(c *imapclient.Client) error {
		app := c.Append("Sent", int64(len(simple)), nil)
		io.WriteString(app, simple)
		app.Close()
		_, err := app.Wait()
		return err
	}
	c := login(t, s, mira, "INBOX", nil)
	s.FailIMAPNext(IMAPFailure{Command: "APPEND", Mailbox: "Sent", Code: imap.ResponseCodeOverQuota, Text: "Full"})
	if err := add(c); err == nil || !strings.Contains(err.Error(), "OVERQUOTA") {
		t.Errorf("APPEND: %v", err)
	}
	if err := add(c); err != nil {
		t.Errorf("a failure was used twice: %v", err)
	}
	s.FailIMAPNext(IMAPFailure{Command: "APPEND", Done: true, Drop: true})
	if err := add(c); err == nil {
		t.Error("the connection was not dropped")
	}
	if n := len(s.Mailbox(mira, "Sent")); n != 2 {
		t.Errorf("Sent has %d messages, want the one that came through and the one in doubt", n)
	}
	s.FailIMAPNext(IMAPFailure{Command: "SELECT", Text: "No", Times: -1})
	c = login(t, s, mira, "", nil)
	for range 3 {
		if _, err := c.Select("INBOX", nil).Wait(); err == nil {
			t.Error("SELECT worked")
		}
	}
	s.ClearFailures()
	if _, err := c.Select("INBOX", nil).Wait(); err != nil {
		t.Error(err)
	}
}

func TestDownSilentDrop(t *testing.T) {
	t.Parallel()
	s := start(t, Options{Messages: 1})
	c := login(t, s, mira, "INBOX", nil)
	s.Drop()
	if err := c.Noop().Wait(); err == nil {
		t.Error("a dropped connection still answers")
	}
	s.SetDown(true)
	if nc, err := net.Dial("tcp", s.IMAPAddr()); err == nil {
		nc.SetReadDeadline(time.Now().Add(5 * time.Second))
		if n, err := nc.Read(make([]byte, 10)); err != io.EOF {
			t.Errorf("a server that is down sent %d bytes, %v", n, err)
		}
		nc.Close()
	}
	s.SetDown(false)
	c = login(t, s, mira, "INBOX", nil)
	s.SetSilent(true)
	answered := make(chan error, 1)
	go func() { answered <- c.Noop().Wait() }()
	select {
	case err := <-answered:
		t.Errorf("a silent server answered: %v", err)
	case <-time.After(30 * time.Millisecond):
	}
	s.SetSilent(false)
	if err := <-answered; err != nil {
		t.Error(err)
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	s := start(t, Options{Quota: 1000, MaxIMAPConnections: 1, Without: []string{"MOVE", "UIDPLUS", "SPECIAL-USE"}})
	c := login(t, s, mira, "INBOX", nil)
	if err := dial(t, s, nil).Login(mira, "demo").Wait(); err == nil || !strings.Contains(err.Error(), "LIMIT") {
		t.Errorf("second connection: %v", err)
	}
	app := c.Append("INBOX", 2000, nil)
	app.Write(make([]byte, 2000))
	app.Close()
	if _, err := app.Wait(); err == nil || !strings.Contains(err.Error(), "OVERQUOTA") {
		t.Errorf("APPEND over quota: %v", err)
	}
	for _, cap := range []imap.Cap{imap.CapMove, imap.CapUIDPlus, imap.CapSpecialUse} {
		if c.Caps().Has(cap) {
			t.Errorf("%s is offered", cap)
		}
	}
	list, err := c.List("", "Sent", nil).Collect()
	if err != nil || len(list) != 1 || slices.Contains(list[0].Attrs, imap.MailboxAttrSent) {
		t.Errorf("LIST: %+v, %v", list, err)
	}
}

func TestPOP3(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	if _, err := s.Append(mira, "INBOX", []byte("Subject: x\r\n\r\n.dot\r\ntwo\r\n"), testNow); err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("tcp", s.POP3Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	io.WriteString(c, "CAPA\r\nSTAT\r\nUSER mira\r\nPASS demo\r\nSTAT\r\nUIDL\r\nTOP 1 1\r\nRETR 1\r\nDELE 1\r\nRETR 1\r\nQUIT\r\n")
	got, err := io.ReadAll(c)
	if err != nil {
		t.Fatal(err)
	}
	want := "+OK Postern demo POP3 server ready\r\n+OK Capabilities follow\r\n" + pop3Capability +
		"-ERR Sign in first\r\n+OK \r\n+OK 1 messages\r\n+OK 1 25\r\n+OK \r\n1 00000001\r\n.\r\n" +
		"+OK \r\nSubject: x\r\n\r\n..dot\r\n.\r\n+OK 25 octets\r\nSubject: x\r\n\r\n..dot\r\ntwo\r\n.\r\n" +
		"+OK \r\n-ERR No such message\r\n+OK Bye\r\n"
	if string(got) != want {
		t.Errorf("dialogue:\n%s\nwant:\n%s", got, want)
	}
	if n := len(s.Mailbox(mira, "INBOX")); n != 0 {
		t.Errorf("%d messages left after DELE", n)
	}
}

func TestSCRAM(t *testing.T) {
	t.Parallel()
	s := start(t, Options{SCRAM: true})
	for _, password := range []string{"demo", "wrong"} {
		client, err := scramClient(password)
		if err != nil {
			t.Fatal(err)
		}
		c, err := net.Dial("tcp", s.IMAPAddr())
		if err != nil {
			t.Fatal(err)
		}
		got := scramDialogue(t, c, client)
		c.Close()
		if ok := strings.HasPrefix(got, "a OK"); ok != (password == "demo") {
			t.Errorf("password %q: %s", password, got)
		}
	}
}

func FuzzParseMessage(f *testing.F) {
	f.Add([]byte(simple))
	f.Add([]byte("Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n\r\nx\r\n--a--"))
	f.Add([]byte("Content-Type: message/rfc822\n\nContent-Type: multipart/digest; boundary=\"a\"\n\n--a\n\nSubject: x\n\ny\n--a--"))
	f.Fuzz(func(t *testing.T, b []byte) {
		c := newContent(b)
		var walk func(p *part)
		walk = func(p *part) {
			if p.header[0] < 0 || p.header[0] > p.header[1] || p.header[1] != p.body[0] || p.body[0] > p.body[1] || p.body[1] > len(b) {
				t.Fatalf("spans %v %v of %d bytes", p.header, p.body, len(b))
			}
			if p.typ == "multipart" && len(p.kids) == 0 {
				t.Fatal("a multipart without parts")
			}
			for _, k := range p.kids {
				walk(k)
			}
			if p.message != nil {
				walk(p.message)
			}
		}
		walk(c.parts())
		c.bodyStructure()
		envelope(b)
		cand := &candidate{picked: picked{msg: &message{body: c}}}
		cand.words()
		cand.inHeader("", "x")
		if whole := c.section(&imap.FetchItemBodySection{}); !bytes.Equal(whole, b) {
			t.Fatalf("BODY[] is %d bytes of %d", len(whole), len(b))
		}
	})
}

func FuzzCommandReader(f *testing.F) {
	f.Add([]byte("a LOGIN {3}\r\nabc {0}\r\n\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r := &commandReader{emit: func(line string, _ bool) {
			if len(line) > maxLogLine || strings.Contains(line, "\n") {
				t.Fatalf("line of %d bytes", len(line))
			}
		}}
		r.feed(b)
	})
}

func BenchmarkFetchPlain(b *testing.B) {
	s := start(b, Options{Messages: 10_000})
	c := login(b, s, mira, "INBOX", nil)
	for b.Loop() {
		cmd := c.Fetch(imap.SeqSet{{Start: 1, Stop: 0}}, &imap.FetchOptions{
			UID: true, Flags: true, BodySection: []*imap.FetchItemBodySection{{
				Specifier: imap.PartSpecifierHeader, HeaderFields: []string{"Message-ID", "References"}, Peek: true,
			}},
		})
		if _, err := cmd.Collect(); err != nil {
			b.Fatal(err)
		}
	}
}
