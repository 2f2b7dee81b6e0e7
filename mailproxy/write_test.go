package mailproxy_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/mail"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"

	"postern/mailproxy"
	"postern/mailproxy/demoserver"
	pm "postern/mailproxy/mail"
	"postern/mailproxy/submit"
	"postern/store"
)

// writing is an account on the embedded server with a real store and a clock
// that the test moves.
type writing struct {
	*mailproxy.Account
	t     *testing.T
	srv   *demoserver.Server
	proxy *mailproxy.Proxy
	store *store.Store

	options mailproxy.Options

	mu  sync.Mutex
	now time.Time
}

func (w *writing) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *writing) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

const mira, jonas = "mira@postern.test", "jonas@postern.test"

func startWriting(t *testing.T, o demoserver.Options, tune func(*mailproxy.Options)) *writing {
	t.Helper()
	w := &writing{t: t, now: time.Now()}
	srv, b := demo(t, o)
	w.srv = srv
	st, err := store.Open(t.Context(), store.Options{Dir: t.TempDir(), Key: [32]byte{1}, Now: w.clock})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	w.store = st
	b.Server.Submit = submit.Config{Address: srv.SMTPAddr(), Mode: submit.Plain, Hello: "webmail.test"}
	mo := mailproxy.Options{Servers: []mailproxy.Server{b.Server}, Now: w.clock, Blobs: st, Outbox: st, Identities: st.Identities}
	if tune != nil {
		tune(&mo)
	}
	w.options = mo
	w.proxy = mailproxy.New(mo)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = w.proxy.Close(ctx)
	})
	w.Account, err = w.proxy.SignIn(t.Context(), pm.Credentials{Login: mira, Password: "demo", Address: mira})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *writing) draft(to string) pm.Draft {
	w.t.Helper()
	d, err := w.Compose(w.t.Context(), pm.ComposeNew, pm.MessageRef{}, false)
	if err != nil {
		w.t.Fatal(err)
	}
	d.To, d.Subject, d.Text = to, "Hello", "Grüße\n"
	return d
}

func (w *writing) send(d pm.Draft) string {
	w.t.Helper()
	it, err := w.Send(w.t.Context(), d)
	if err != nil {
		w.t.Fatal(err)
	}
	return it.ID
}

// run runs a row as the job would, when it is due.
func (w *writing) run(id string) time.Duration {
	w.t.Helper()
	d, err := w.proxy.RunOutbox(w.t.Context(), id)
	if err != nil {
		w.t.Fatal(err)
	}
	return d
}

func (w *writing) state(id string) pm.OutboxRow {
	w.t.Helper()
	r, err := w.store.OutboxGet(w.t.Context(), w.ID(), id)
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

func (w *writing) box(address, name string) []demoserver.Message { return w.srv.Mailbox(address, name) }

// fetchRef names a message of the inbox.
func (w *writing) inbox(raw string) pm.MessageRef {
	w.t.Helper()
	if _, err := w.srv.Append(mira, "INBOX", []byte(strings.ReplaceAll(raw, "\n", "\r\n")), time.Time{}); err != nil {
		w.t.Fatal(err)
	}
	p, err := w.List(w.t.Context(), pm.ListQuery{Mailbox: "INBOX"})
	if err != nil || len(p.Rows) == 0 {
		w.t.Fatal(err)
	}
	return p.Rows[0].Ref
}

const window = 10 * time.Second

func TestSendDelivers(t *testing.T) {
	t.Parallel()
	w := startWriting(t, demoserver.Options{}, nil)
	parent := w.inbox("From: Ama <ama@x.test>\nTo: mira@postern.test\nSubject: Depot\nMessage-ID: <1@x.test>\nContent-Type: text/plain; format=flowed\n\nHello \nthere\n\n-- \nAma\n")
	d, err := w.Compose(t.Context(), pm.ComposeReply, parent, false)
	if err != nil {
		t.Fatal(err)
	}
	if d.Subject != "Re: Depot" || d.To != "Ama <ama@x.test>" || !strings.Contains(d.Text, "> Hello there") || strings.Contains(d.Text, "> Ama") || d.InReplyTo != "1@x.test" {
		t.Errorf("%+v", d)
	}
	d.To, d.Bcc = jonas, "secret@x.test"
	if d.Saved, err = w.SaveDraft(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	id := w.send(d)

	if wait := w.run(id); wait <= 0 || wait > window {
		t.Errorf("in the undo window: wait %v", wait)
	}
	if len(w.srv.Received()) != 0 {
		t.Fatal("sent before its time")
	}
	w.pass(window)
	if wait := w.run(id); wait != 0 {
		t.Errorf("wait %v, row %+v", wait, w.state(id))
	}
	if s := w.state(id); s.State != pm.OutboxDone || s.BlobID != "" {
		t.Errorf("%+v", s)
	}
	got := w.srv.Received()
	if len(got) != 1 || !slices.Equal(got[0].To, []string{jonas, "secret@x.test"}) || bytes.Contains(got[0].Raw, []byte("secret")) || bytes.Contains(got[0].Raw, []byte("X-Postern")) {
		t.Fatalf("%+v", got)
	}
	sent := w.box(mira, "Sent")
	if len(sent) != 1 || !bytes.Equal(sent[0].Raw, append([]byte("Bcc: secret@x.test\r\n"), got[0].Raw...)) || !slices.Contains(sent[0].Flags, imap.FlagSeen) {
		t.Errorf("sent %v", sent)
	}
	if n := len(w.box(mira, "Drafts")); n != 0 {
		t.Errorf("%d drafts left", n)
	}
	if f := w.box(mira, "INBOX")[0].Flags; !slices.Contains(f, imap.FlagAnswered) {
		t.Errorf("flags %v", f)
	}
	if n := len(w.box(jonas, "INBOX")); n != 1 {
		t.Errorf("%d messages at the recipient", n)
	}
	w.run(id) // again changes nothing
	if len(w.srv.Received()) != 1 || len(w.box(mira, "Sent")) != 1 {
		t.Error("sent twice")
	}
}

func TestSendTwiceSendsOnce(t *testing.T) {
	t.Parallel()
	w := startWriting(t, demoserver.Options{}, nil)
	d := w.draft(jonas)
	id := w.send(d)
	if _, err := w.Send(t.Context(), d); pm.KindOf(err) != pm.Stale {
		t.Errorf("second press: %v", err)
	}
	w.pass(window)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() { w.proxy.RunOutbox(t.Context(), id) })
	}
	wg.Wait()
	if n := len(w.srv.Received()); n != 1 {
		t.Errorf("sent %d times", n)
	}
	if n := len(w.box(mira, "Sent")); n != 1 {
		t.Errorf("%d copies in Sent", n)
	}
}

func TestCancelSend(t *testing.T) {
	t.Parallel()
	w := startWriting(t, demoserver.Options{}, nil)
	d := w.draft("jonas@postern.test")
	d.Bcc = "b@x.test"
	id := w.send(d)
	ref, err := w.CancelSend(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	w.pass(window)
	w.run(id)
	if len(w.srv.Received()) != 0 {
		t.Error("sent all the same")
	}
	back, err := w.Compose(t.Context(), pm.ComposeContinue, ref, false)
	if err != nil {
		t.Fatal(err)
	}
	if back.To != d.To || back.Bcc != d.Bcc || back.Subject != d.Subject || back.Text != strings.TrimSuffix(d.Text, "\n") || back.Key != d.Key || back.Saved != ref {
		t.Errorf("got  %+v\nwant %+v", back, d)
	}
	if _, err := w.CancelSend(t.Context(), id); pm.KindOf(err) != pm.Stale {
		t.Errorf("second time: %v", err)
	}
	if _, err := w.Account.CancelSend(t.Context(), "nobody"); pm.KindOf(err) != pm.NotFound {
		t.Errorf("unknown: %v", err)
	}
	// The same draft can be sent now.
	back.Text += " again"
	id = w.send(back)
	w.pass(window)
	w.run(id)
	if len(w.srv.Received()) != 1 || len(w.box(mira, "Drafts")) != 0 {
		t.Errorf("%d sent, %d drafts", len(w.srv.Received()), len(w.box(mira, "Drafts")))
	}
}

func TestCancelAfterSubmission(t *testing.T) {
	t.Parallel()
	w := startWriting(t, demoserver.Options{}, nil)
	id := w.send(w.draft(jonas))
	w.pass(window)
	w.run(id)
	if _, err := w.CancelSend(t.Context(), id); pm.KindOf(err) != pm.Stale {
		t.Error(err)
	}
}

func TestSubmissionFailures(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		failure demoserver.Failure
		state   pm.OutboxState
		words   string
		refused int
		sent    int // messages the server took
		drafts  int
	}{
		{"recipient refused", demoserver.Failure{Stage: demoserver.StageRcpt, Recipient: jonas, Code: 550, Enhanced: [3]int{5, 1, 1}, Text: "No such user here"}, pm.OutboxReturned, "No such user here", 1, 0, 1},
		{"content refused", demoserver.Failure{Stage: demoserver.StageData, Code: 554, Text: "Looks like spam"}, pm.OutboxReturned, "Looks like spam", 0, 0, 1},
		{"sender refused", demoserver.Failure{Stage: demoserver.StageMail, Code: 553, Text: "Not your address"}, pm.OutboxReturned, "Not your address", 0, 0, 1},
		{"password refused", demoserver.Failure{Stage: demoserver.StageAuth, Code: 535, Text: "no"}, pm.OutboxReturned, "name or the password", 0, 0, 1},
		{"greylisted", demoserver.Failure{Stage: demoserver.StageRcpt, Code: 451, Text: "Come back later"}, pm.OutboxWaiting, "Come back later", 1, 0, 0},
		{"content for later", demoserver.Failure{Stage: demoserver.StageData, Code: 452, Text: "Disk full"}, pm.OutboxWaiting, "Disk full", 0, 0, 0},
		{"dropped before the content", demoserver.Failure{Stage: demoserver.StageMail, Drop: true}, pm.OutboxWaiting, "closed the connection", 0, 0, 0},
		{"dropped after acceptance", demoserver.Failure{Stage: demoserver.StageAccepted, Drop: true}, pm.OutboxReturned, "It may have been sent", 0, 1, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := startWriting(t, demoserver.Options{}, nil)
			w.srv.FailNext(tt.failure)
			id := w.send(w.draft(jonas + ", a@x.test"))
			w.pass(window)
			wait := w.run(id)
			row := w.state(id)
			if row.State != tt.state || !strings.Contains(row.LastError, tt.words) || len(row.Refused) != tt.refused {
				t.Errorf("%s, %q, %v", row.State, row.LastError, row.Refused)
			}
			if (wait > 0) != (tt.state == pm.OutboxWaiting) {
				t.Errorf("wait %v", wait)
			}
			if n := len(w.srv.Received()); n != tt.sent {
				t.Errorf("%d received, want %d", n, tt.sent)
			}
			drafts := w.box(mira, "Drafts")
			if len(drafts) != tt.drafts {
				t.Fatalf("%d drafts, want %d", len(drafts), tt.drafts)
			}
			items, err := w.Outbox(t.Context())
			if err != nil || len(items) != 1 || items[0].LastError != row.LastError {
				t.Errorf("%+v %v", items, err)
			}
			switch tt.state {
			case pm.OutboxWaiting:
				w.pass(wait)
				if w.run(id) != 0 || w.state(id).State != pm.OutboxDone || len(w.srv.Received()) != 1 || len(w.box(mira, "Sent")) != 1 {
					t.Errorf("second try: %+v", w.state(id))
				}
			case pm.OutboxReturned:
				w.pass(48 * time.Hour)
				w.run(id)
				if n := len(w.srv.Received()); n != tt.sent {
					t.Error("sent again")
				}
				d, err := w.Compose(t.Context(), pm.ComposeContinue, items[0].Draft, false)
				if err != nil || d.To != jonas+", a@x.test" {
					t.Errorf("%+v %v", d, err)
				}
				if err := w.DismissReturned(t.Context(), id); err != nil {
					t.Error(err)
				}
				if items, _ := w.Outbox(t.Context()); len(items) != 0 {
					t.Errorf("%+v", items)
				}
			}
		})
	}
}

// Servers that store submitted mail themselves: the copy proves that it was sent.
func TestDoubtIsResolvedBySent(t *testing.T) {
	t.Parallel()
	w := startWriting(t, demoserver.Options{}, func(o *mailproxy.Options) { o.Servers[0].KeepsSent = true })
	w.srv.FailNext(demoserver.Failure{Stage: demoserver.StageAccepted, Drop: true})
	id := w.send(w.draft(jonas))
	r, err := w.store.OutboxGet(t.Context(), w.ID(), id)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.srv.Append(mira, "Sent", []byte("Message-ID: <"+r.Submission.MessageID+">\r\n\r\nx\r\n"), time.Time{}); err != nil {
		t.Fatal(err)
	}
	w.pass(window)
	w.run(id)
	if s := w.state(id); s.State != pm.OutboxDone {
		t.Errorf("%+v", s)
	}
	if len(w.srv.Received()) != 1 || len(w.box(mira, "Sent")) != 1 {
		t.Error("twice")
	}
}

// A process that dies leaves a row in some state; the next one goes on from there.
func TestCrashes(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		leave func(w *writing, id string)
		state pm.OutboxState
		sent  int
		inbox int // copies in Sent
	}{
		{"while connecting", func(w *writing, id string) {
			w.must(w.store.OutboxMove(w.t.Context(), id, pm.OutboxWaiting, pm.OutboxSending, func(r *pm.OutboxRow) { r.Attempts++; r.Due = w.clock().Add(time.Minute) }))
		}, pm.OutboxDone, 1, 1},
		{"with the last line on its way", func(w *writing, id string) {
			w.must(w.store.OutboxMove(w.t.Context(), id, pm.OutboxWaiting, pm.OutboxSending, func(r *pm.OutboxRow) {
				r.Attempts++
				r.Due, r.DataBegun = w.clock().Add(time.Minute), true
			}))
		}, pm.OutboxReturned, 0, 0},
		{"before the copy in Sent", func(w *writing, id string) {
			w.must(w.store.OutboxMove(w.t.Context(), id, pm.OutboxWaiting, pm.OutboxSubmitted, func(r *pm.OutboxRow) { r.Attempts++; r.Due = w.clock().Add(time.Minute) }))
		}, pm.OutboxDone, 0, 1},
		{"after the copy in Sent", func(w *writing, id string) {
			r := w.state(id)
			_, err := w.srv.Append(mira, "Sent", []byte("Message-ID: <"+r.Submission.MessageID+">\r\n\r\nx\r\n"), time.Time{})
			w.must(err)
			w.must(w.store.OutboxMove(w.t.Context(), id, pm.OutboxWaiting, pm.OutboxSubmitted, func(r *pm.OutboxRow) { r.Attempts++; r.Due = w.clock().Add(time.Minute) }))
		}, pm.OutboxDone, 0, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := startWriting(t, demoserver.Options{}, nil)
			id := w.send(w.draft(jonas))
			w.pass(window)
			tt.leave(w, id)
			if wait := w.run(id); wait <= 0 || wait > time.Minute {
				t.Errorf("a runner may be alive: wait %v", wait)
			}
			w.pass(time.Minute)
			w.run(id)
			if s := w.state(id); s.State != tt.state {
				t.Errorf("%s: %q", s.State, s.LastError)
			}
			if n := len(w.srv.Received()); n != tt.sent {
				t.Errorf("sent %d times, want %d", n, tt.sent)
			}
			if n := len(w.box(mira, "Sent")); n != tt.inbox {
				t.Errorf("%d copies, want %d", n, tt.inbox)
			}
		})
	}
}

func (w *writing) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// The copy in Sent is tried again by itself, and the message is not sent again.
func TestSentCopyIsRetried(t *testing.T) {
	t.Parallel()
	w := startWriting(t, demoserver.Options{}, nil)
	w.srv.FailIMAPNext(demoserver.IMAPFailure{Command: "APPEND", Mailbox: "Sent", Code: "OVERQUOTA", Text: "Mailbox is full"})
	id := w.send(w.draft(jonas))
	w.pass(window)
	wait := w.run(id)
	if s := w.state(id); s.State != pm.OutboxSubmitted || wait <= 0 || s.LastError == "" {
		t.Fatalf("%+v, wait %v", s, wait)
	}
	w.pass(wait)
	if w.run(id) != 0 || len(w.srv.Received()) != 1 || len(w.box(mira, "Sent")) != 1 || w.state(id).State != pm.OutboxDone {
		t.Errorf("%+v", w.state(id))
	}
	// Stored, but the answer was lost.
	w.srv.FailIMAPNext(demoserver.IMAPFailure{Command: "APPEND", Mailbox: "Sent", Done: true, Drop: true})
	id = w.send(w.draft(jonas))
	w.pass(window)
	for range 5 {
		wait := w.run(id)
		if wait == 0 {
			break
		}
		w.pass(wait)
	}
	if len(w.srv.Received()) != 2 || len(w.box(mira, "Sent")) != 2 || w.state(id).State != pm.OutboxDone {
		t.Errorf("%d sent, %d copies, %+v", len(w.srv.Received()), len(w.box(mira, "Sent")), w.state(id))
	}
}

func TestUnreachableForADay(t *testing.T) {
	t.Parallel()
	w := startWriting(t, demoserver.Options{}, func(o *mailproxy.Options) {
		o.Servers[0].Submit.Address = "127.0.0.1:1"
	})
	id := w.send(w.draft(jonas))
	w.pass(window)
	for i, want := range []time.Duration{time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 30 * time.Minute, 30 * time.Minute} {
		if wait := w.run(id); wait != want {
			t.Errorf("pause %d is %v, want %v", i, wait, want)
		}
		w.pass(want)
	}
	w.pass(24 * time.Hour)
	w.run(id)
	if s := w.state(id); s.State != pm.OutboxReturned || !strings.Contains(s.LastError, "within a day") {
		t.Errorf("%+v", s)
	}
	if len(w.box(mira, "Drafts")) != 1 {
		t.Error("no draft")
	}
}

func TestSendNow(t *testing.T) {
	t.Parallel()
	w := startWriting(t, demoserver.Options{}, nil)
	id := w.send(w.draft(jonas))
	if err := w.SendNow(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	w.run(id)
	if w.state(id).State != pm.OutboxDone {
		t.Errorf("%+v", w.state(id))
	}
	if err := w.SendNow(t.Context(), id); pm.KindOf(err) != pm.Stale {
		t.Error(err)
	}
}

func TestDraftsAreReplaced(t *testing.T) {
	t.Parallel()
	for _, without := range [][]string{nil, {"UIDPLUS"}} {
		t.Run(fmt.Sprint(without), func(t *testing.T) {
			t.Parallel()
			w := startWriting(t, demoserver.Options{Without: without}, nil)
			other := w.draft("x@x.test")
			otherRef, err := w.SaveDraft(t.Context(), other)
			if err != nil {
				t.Fatal(err)
			}
			d := w.draft("a@x.test, incompl")
			visible := func() (n int) {
				for _, m := range w.box(mira, "Drafts") {
					if !slices.Contains(m.Flags, imap.FlagDeleted) {
						n++
					}
				}
				return n
			}
			for i := range 5 {
				d.Text = fmt.Sprintf("version %d", i)
				ref, err := w.SaveDraft(t.Context(), d)
				if err != nil {
					t.Fatal(err)
				}
				if i%2 == 0 { // a form that does not learn of it
					d.Saved = ref
				}
				if n := visible(); n != 2 {
					t.Fatalf("%d drafts after save %d", n, i)
				}
			}
			before := w.box(mira, "Drafts")
			again, err := w.SaveDraft(t.Context(), d)
			if after := w.box(mira, "Drafts"); err != nil || after[len(after)-1].UID != before[len(before)-1].UID {
				t.Error("an unchanged draft was saved again")
			}
			// Many at once leave one.
			var wg sync.WaitGroup
			for i := range 6 {
				wg.Go(func() {
					e := d
					e.Text = fmt.Sprintf("at once %d", i)
					if _, err := w.SaveDraft(t.Context(), e); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			if n := visible(); n != 2 {
				t.Errorf("%d drafts", n)
			}
			_ = again
			got, err := w.Compose(t.Context(), pm.ComposeContinue, otherRef, false)
			if err != nil || got.To != "x@x.test" {
				t.Errorf("the other draft: %+v %v", got, err)
			}
		})
	}
}

// A saved draft may not take messages of other mailboxes along.
func TestSaveDraftSparesOtherMail(t *testing.T) {
	t.Parallel()
	w := startWriting(t, demoserver.Options{}, nil)
	d := w.draft("a@x.test")
	d.Saved = w.inbox("From: a@x.test\nSubject: keep\n\nx\n")
	if _, err := w.SaveDraft(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	id := w.send(d)
	w.pass(window)
	w.run(id)
	if len(w.box(mira, "INBOX")) != 1 {
		t.Error("a message of the inbox is gone")
	}
}

func TestSaveDraftOverQuota(t *testing.T) {
	t.Parallel()
	w := startWriting(t, demoserver.Options{}, nil)
	d := w.draft("a@x.test")
	first, err := w.SaveDraft(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	w.srv.FailIMAPNext(demoserver.IMAPFailure{Command: "APPEND", Code: "OVERQUOTA", Text: "Mailbox is full"})
	d.Text = "more"
	if _, err := w.SaveDraft(t.Context(), d); pm.KindOf(err) != pm.OverQuota {
		t.Errorf("%v", err)
	}
	if b := w.box(mira, "Drafts"); len(b) != 1 || uint32(b[0].UID) != first.UID {
		t.Errorf("the old copy went: %v", b)
	}
}

func TestUploadsAndFiles(t *testing.T) {
	t.Parallel()
	w := startWriting(t, demoserver.Options{}, func(o *mailproxy.Options) { o.MaxMessageSize = 1 << 20 })
	d := w.draft(jonas)
	data := bytes.Repeat([]byte("0123456789"), 30_000)
	f, err := w.Upload(t.Context(), d.Key, "../plan\r\n.pdf", "", bytes.NewReader(data))
	if err != nil || f.Size != int64(len(data)) || strings.ContainsAny(f.Name, "\r\n/") || f.Type != "application/pdf" {
		t.Fatalf("%+v %v", f, err)
	}
	if _, err := w.Upload(t.Context(), d.Key, "big.bin", "x/y", io.LimitReader(endless{}, 1<<20)); pm.KindOf(err) != pm.TooLarge || !strings.Contains(pm.MsgOf(err), "1 MB") {
		t.Errorf("%v, %q", err, pm.MsgOf(err))
	}
	if _, err := w.Upload(t.Context(), "x", "a", "x/y", strings.NewReader("x")); pm.KindOf(err) != pm.Invalid {
		t.Errorf("bad key: %v", err)
	}
	d.Files, err = w.Files(t.Context(), d.Key, []string{f.ID})
	if err != nil || len(d.Files) != 1 || d.Files[0] != f {
		t.Fatalf("%+v %v", d.Files, err)
	}
	for _, bad := range []string{"", "x", f.ID + "x", "p:x:1"} {
		if _, err := w.Files(t.Context(), d.Key, []string{bad}); pm.KindOf(err) != pm.NotFound {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if _, err := w.Files(t.Context(), "anotherkey", []string{f.ID}); pm.KindOf(err) != pm.NotFound {
		t.Errorf("another draft's file: %v", err)
	}
	if err := w.RemoveUpload(t.Context(), "anotherkey", f.ID); err == nil {
		t.Error("another draft's file was removed")
	}
	other, err := w.proxy.SignIn(t.Context(), pm.Credentials{Login: jonas, Password: "demo", Address: jonas})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.Files(t.Context(), d.Key, []string{f.ID}); pm.KindOf(err) != pm.NotFound {
		t.Errorf("another person's file: %v", err)
	}
	id := w.send(d)
	if _, err := other.CancelSend(t.Context(), id); pm.KindOf(err) != pm.NotFound {
		t.Errorf("another person's message: %v", err)
	}
	w.pass(window)
	w.run(id)
	got := w.box(jonas, "INBOX")
	if len(got) != 1 || !bytes.Contains(bytes.ReplaceAll(got[0].Raw, []byte("\r\n"), nil), []byte("MDEyMzQ1Njc4OTAxMjM0NTY3ODkw")) {
		t.Error("the file did not arrive")
	}
	if _, err := w.Files(t.Context(), d.Key, []string{f.ID}); pm.KindOf(err) != pm.NotFound {
		t.Errorf("the upload is still there: %v", err)
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// A draft with files is saved again and again; forms go on naming the files as
// they were first called.
func TestFilesOfReplacedCopies(t *testing.T) {
	t.Parallel()
	w := startWriting(t, demoserver.Options{}, nil)
	d := w.draft(jonas)
	for _, n := range []string{"one.txt", "two.txt"} {
		f, err := w.Upload(t.Context(), d.Key, n, "text/plain", strings.NewReader("content of "+n))
		if err != nil {
			t.Fatal(err)
		}
		d.Files = append(d.Files, f)
	}
	ref, err := w.SaveDraft(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	form, err := w.Compose(t.Context(), pm.ComposeContinue, ref, false)
	if err != nil || len(form.Files) != 2 || form.Files[1].Upload || form.Files[1].Name != "two.txt" {
		t.Fatalf("%+v %v", form, err)
	}
	ids := []string{form.Files[1].ID} // the first one is taken off
	save := func(acct *mailproxy.Account, text string) {
		t.Helper()
		files, err := acct.Files(t.Context(), form.Key, ids)
		if err != nil {
			t.Fatal(err)
		}
		form.Files, form.Text = files, text
		if form.Saved, err = acct.SaveDraft(t.Context(), form); err != nil {
			t.Fatal(err)
		}
	}
	save(w.Account, "a")
	save(w.Account, "b")

	// Another process, which remembers nothing.
	next := startProxy(t, w)
	save(next, "c")
	save(next, "d")
	if n := len(w.box(mira, "Drafts")); n != 1 {
		t.Errorf("%d drafts", n)
	}
	files, err := next.Files(t.Context(), form.Key, ids)
	if err != nil {
		t.Fatal(err)
	}
	form.Files = files
	if _, err := next.Send(t.Context(), form); err != nil {
		t.Fatal(err)
	}
	items, _ := next.Outbox(t.Context())
	w.pass(window)
	w.run(items[0].ID)
	got := w.box(jonas, "INBOX")
	if len(got) != 1 || !bytes.Contains(got[0].Raw, []byte("two.txt")) || bytes.Contains(got[0].Raw, []byte("one.txt")) || !bytes.Contains(got[0].Raw, []byte("Y29udGVudCBvZiB0d28udHh0")) {
		t.Errorf("%v", got)
	}
	if n := len(w.box(mira, "Drafts")); n != 0 {
		t.Errorf("%d drafts", n)
	}
}

func startProxy(t *testing.T, w *writing) *mailproxy.Account {
	t.Helper()
	p := mailproxy.New(w.options)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = p.Close(ctx)
	})
	a, err := p.SignIn(t.Context(), pm.Credentials{Login: mira, Password: "demo", Address: mira})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestForward(t *testing.T) {
	t.Parallel()
	w := startWriting(t, demoserver.Options{}, nil)
	raw := "From: Ama <ama@x.test>\nSubject: Pläne\nMessage-ID: <1@x.test>\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/html; charset=utf-8\n\n<p>Hello <b>you</b><script>alert(1)</script></p>\n--b\nContent-Type: application/pdf\nContent-Disposition: attachment; filename=plan.pdf\nContent-Transfer-Encoding: base64\n\nJVBERi0x\n--b--\n"
	ref := w.inbox(raw)

	d, err := w.Compose(t.Context(), pm.ComposeForward, ref, true)
	if err != nil {
		t.Fatal(err)
	}
	if len(d.Files) != 1 || !strings.Contains(d.HTML, "<b>you</b>") || strings.Contains(d.HTML, "script") || !strings.Contains(d.Text, "Hello you") {
		t.Errorf("%+v", d)
	}
	d.To = jonas
	id := w.send(d)
	w.pass(window)
	w.run(id)

	whole, err := w.Compose(t.Context(), pm.ComposeForwardAttach, ref, false)
	if err != nil {
		t.Fatal(err)
	}
	whole.To = jonas
	if _, err := w.Files(t.Context(), whole.Key, []string{whole.Files[0].ID}); err != nil {
		t.Error(err)
	}
	id = w.send(whole)
	w.pass(window)
	w.run(id)

	got := w.box(jonas, "INBOX")
	if len(got) != 2 {
		t.Fatalf("%d messages", len(got))
	}
	if !bytes.Contains(got[0].Raw, []byte("JVBERi0x")) || !bytes.Contains(got[0].Raw, []byte("multipart/alternative")) {
		t.Errorf("%s", got[0].Raw)
	}
	if !bytes.Contains(got[1].Raw, []byte(strings.ReplaceAll(raw, "\n", "\r\n"))) {
		t.Errorf("not byte for byte:\n%s", got[1].Raw)
	}
	if _, err := mail.ReadMessage(bytes.NewReader(got[1].Raw)); err != nil {
		t.Error(err)
	}
	if f := w.box(mira, "INBOX")[0].Flags; !slices.Contains(f, imap.Flag("$Forwarded")) {
		t.Errorf("flags %v", f)
	}
}

func TestDiscardDraft(t *testing.T) {
	t.Parallel()
	w := startWriting(t, demoserver.Options{}, nil)
	d := w.draft("a@x.test")
	u, err := w.DiscardDraft(t.Context(), d)
	if err != nil || u.Empty() {
		t.Fatalf("%+v %v", u, err)
	}
	if len(w.box(mira, "Drafts")) != 0 || len(w.box(mira, "Trash")) != 1 {
		t.Error("not moved")
	}
	if err := w.Undo(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	if len(w.box(mira, "Drafts")) != 1 {
		t.Error("not brought back")
	}
	empty, _ := w.Compose(t.Context(), pm.ComposeNew, pm.MessageRef{}, false)
	if u, err := w.DiscardDraft(t.Context(), empty); err != nil || !u.Empty() {
		t.Errorf("%+v %v", u, err)
	}
}

func TestCheckDraft(t *testing.T) {
	t.Parallel()
	w := startWriting(t, demoserver.Options{}, func(o *mailproxy.Options) { o.MaxMessageSize = 1000 })
	ok := w.draft("a@x.test")
	tests := []struct {
		name   string
		change func(*pm.Draft)
		fields string
	}{
		{"fine", func(*pm.Draft) {}, ""},
		{"nobody", func(d *pm.Draft) { d.To = "" }, "to"},
		{"bad addresses", func(d *pm.Draft) { d.To, d.Cc, d.Bcc = "a@x.test, b", "c@", "@d" }, "to cc bcc"},
		{"subject", func(d *pm.Draft) { d.Subject = "a\nb" }, "subject"},
		{"sender", func(d *pm.Draft) { d.From = "gone" }, "from"},
		{"too large", func(d *pm.Draft) { d.Files = []pm.DraftFile{{Size: 900}} }, "files"},
	}
	for _, tt := range tests {
		d := ok
		tt.change(&d)
		var fields []string
		for _, p := range w.CheckDraft(t.Context(), d) {
			fields = append(fields, p.Field)
		}
		if got := strings.Join(fields, " "); got != tt.fields {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.fields)
		}
		if _, err := w.Send(t.Context(), d); tt.fields != "" {
			var e *pm.Error
			if !errors.As(err, &e) || e.Kind != pm.Invalid || e.Field != fields[0] {
				t.Errorf("%s: %v", tt.name, err)
			}
		}
	}
}
