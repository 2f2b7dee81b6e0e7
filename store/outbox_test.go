package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"postern/mailproxy/mail"
)

func outboxRow(id, account string) mail.OutboxRow {
	return mail.OutboxRow{
		ID: id, AccountID: account, Due: time.UnixMilli(1_790_000_010_000),
		Subject: "Subject " + id, To: "to@example.org", SentMailbox: "Sent", Kind: mail.ComposeReply,
		Submission:  mail.Submission{From: "me@example.org", Recipients: []string{"to@example.org"}, MessageID: id + "@example.org", Size: 10},
		Parent:      mail.MessageRef{Mailbox: "INBOX", UIDValidity: 1, UID: 2},
		Written:     mail.Draft{Text: "Dear you", HTML: "<b>x</b>", Bcc: "secret@example.org"},
		Credentials: mail.Credentials{Login: "me", Password: "pass " + id},
	}
}

func TestOutboxLife(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store, c *clock) {
		ctx := t.Context()
		r := outboxRow("one", "acct")
		ok(t, s.OutboxAdd(ctx, r))
		got, err := s.OutboxRun(ctx, "one")
		ok(t, err)
		r.State, r.Created, r.Changed = mail.OutboxWaiting, c.now(), c.now()
		r.Refused = []mail.RefusedRecipient{}
		if !reflect.DeepEqual(got, r) {
			t.Errorf("got  %+v\nwant %+v", got, r)
		}
		if got, err := s.OutboxGet(ctx, "acct", "one"); err != nil || got.Credentials != (mail.Credentials{}) || got.Subject != r.Subject {
			t.Errorf("OutboxGet gives %+v, %v", got, err)
		}
		_, err = s.OutboxGet(ctx, "other", "one")
		wantKind(t, err, mail.NotFound)
		wantKind(t, s.OutboxAdd(ctx, r), mail.Stale)

		c.advance(time.Second)
		ok(t, s.OutboxMove(ctx, "one", mail.OutboxWaiting, mail.OutboxSending, func(r *mail.OutboxRow) { r.Attempts++ }))
		wantKind(t, s.OutboxMove(ctx, "one", mail.OutboxWaiting, mail.OutboxCancelled, nil), mail.Stale)
		wantKind(t, s.OutboxMove(ctx, "none", mail.OutboxWaiting, mail.OutboxCancelled, nil), mail.NotFound)
		ok(t, s.OutboxMove(ctx, "one", mail.OutboxSending, mail.OutboxSending, func(r *mail.OutboxRow) { r.DataBegun = true; r.AccountID = "stolen" }))
		wantKind(t, s.OutboxDelete(ctx, "acct", "one"), mail.Stale)
		open, err := s.OutboxOpen(ctx)
		ok(t, err)
		if len(open) != 1 || open[0].ID != "one" || !open[0].Due.Equal(r.Due) {
			t.Errorf("open are %+v", open)
		}
		ok(t, s.OutboxMove(ctx, "one", mail.OutboxSending, mail.OutboxReturned, func(r *mail.OutboxRow) {
			r.LastError = "550 5.1.1 no\x00 such user"
			r.Refused = []mail.RefusedRecipient{{Addr: "to@example.org", Reply: "550 no"}}
		}))
		got, err = s.OutboxRun(ctx, "one")
		ok(t, err)
		if got.State != mail.OutboxReturned || got.Attempts != 1 || !got.DataBegun || got.LastError != "550 5.1.1 no such user" ||
			len(got.Refused) != 1 || got.AccountID != "acct" || !got.Changed.Equal(c.now()) || got.Credentials != (mail.Credentials{}) {
			t.Errorf("returned row is %+v with credentials %v", got, got.Credentials != (mail.Credentials{}))
		}
		list, err := s.OutboxList(ctx, "acct")
		ok(t, err)
		if len(list) != 1 || list[0].Item().LastError != got.LastError {
			t.Errorf("list is %+v", list)
		}
		wantKind(t, s.OutboxDelete(ctx, "other", "one"), mail.NotFound)
		ok(t, s.OutboxDelete(ctx, "acct", "one"))
		wantKind(t, s.OutboxDelete(ctx, "acct", "one"), mail.NotFound)
	})
}

func TestOutboxListIsNewestFirst(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store, c *clock) {
		for i := range 5 {
			ok(t, s.OutboxAdd(t.Context(), outboxRow(fmt.Sprint("m", i), "acct")))
			c.advance(time.Second)
		}
		ok(t, s.OutboxAdd(t.Context(), outboxRow("foreign", "other")))
		ok(t, s.OutboxMove(t.Context(), "m1", mail.OutboxWaiting, mail.OutboxCancelled, nil))
		ok(t, s.OutboxMove(t.Context(), "m2", mail.OutboxWaiting, mail.OutboxDone, nil))
		list, err := s.OutboxList(t.Context(), "acct")
		ok(t, err)
		var ids []string
		for _, r := range list {
			ids = append(ids, r.ID)
		}
		if got := strings.Join(ids, " "); got != "m4 m3 m0" {
			t.Errorf("list is %s", got)
		}
	})
}

func TestOutboxEnqueuesInTheSameTransaction(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store, _ *clock) {
		boom := errors.New("queue is broken")
		s.SetEnqueue(func(context.Context, *sql.Tx, string, time.Time) error { return boom })
		if err := s.OutboxAdd(t.Context(), outboxRow("one", "acct")); !errors.Is(err, boom) {
			t.Errorf("error %v", err)
		}
		_, err := s.OutboxGet(t.Context(), "acct", "one")
		wantKind(t, err, mail.NotFound)
		var due time.Time
		s.SetEnqueue(func(ctx context.Context, tx *sql.Tx, id string, d time.Time) error {
			due = d
			var n int
			if err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM outbox`).Scan(&n); err != nil || n != 1 {
				t.Errorf("%d rows seen by the hook, %v", n, err)
			}
			return nil
		})
		r := outboxRow("one", "acct")
		ok(t, s.OutboxAdd(t.Context(), r))
		if !due.Equal(r.Due) {
			t.Errorf("scheduled for %v", due)
		}
	})
}

// Send pressed twice sends once; after the first is final the draft may go again.
func TestOutboxTakesADraftOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store, _ *clock) {
		row := func(id string) mail.OutboxRow {
			r := outboxRow(id, "acct")
			r.Written.Key = "draft key"
			return r
		}
		ok(t, s.OutboxAdd(t.Context(), row("one")))
		wantKind(t, s.OutboxAdd(t.Context(), row("two")), mail.Stale)
		other := row("three")
		other.AccountID = "other"
		ok(t, s.OutboxAdd(t.Context(), other))
		ok(t, s.OutboxMove(t.Context(), "one", mail.OutboxWaiting, mail.OutboxCancelled, nil))
		ok(t, s.OutboxAdd(t.Context(), row("two")))
		wantKind(t, s.OutboxMove(t.Context(), "one", mail.OutboxCancelled, mail.OutboxWaiting, nil), mail.Stale)
	})
}

// Of many who race for one row, one gets it, and no change is lost.
func TestOutboxMoveRace(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store, _ *clock) {
		ctx := t.Context()
		ok(t, s.OutboxAdd(ctx, outboxRow("one", "acct")))
		var won, lost atomic.Int32
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				switch err := s.OutboxMove(ctx, "one", mail.OutboxWaiting, mail.OutboxSending, nil); {
				case err == nil:
					won.Add(1)
				case mail.KindOf(err) == mail.Stale:
					lost.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if won.Load() != 1 || lost.Load() != 7 {
			t.Errorf("%d won, %d lost", won.Load(), lost.Load())
		}
		for range 8 {
			wg.Go(func() {
				if err := s.OutboxMove(ctx, "one", mail.OutboxSending, mail.OutboxSending, func(r *mail.OutboxRow) { r.Attempts++ }); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if r, err := s.OutboxGet(ctx, "acct", "one"); err != nil || r.Attempts != 8 {
			t.Errorf("%d attempts counted, %v", r.Attempts, err)
		}
	})
}

// Nothing private of an outgoing message is readable in the file.
func TestOutboxIsSealed(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store, _ *clock) {
		ctx := t.Context()
		ok(t, s.OutboxAdd(ctx, outboxRow("one", "acct")))
		ok(t, s.OutboxAdd(ctx, outboxRow("two", "acct")))
		var sealed, credentials []byte
		ok(t, s.row(ctx, `SELECT sealed, credentials FROM outbox WHERE id = 'one'`).Scan(&sealed, &credentials))
		for _, secret := range []string{"Subject", "example.org", "pass one", "Dear"} {
			if strings.Contains(string(sealed)+string(credentials), secret) {
				t.Errorf("%q can be read", secret)
			}
		}
		// One row's values do not open as another's.
		ok(t, s.tx(ctx, "", func(tx *tx) error {
			return tx.exec(`UPDATE outbox SET credentials = ? WHERE id = 'two'`, credentials)
		}))
		_, err := s.OutboxRun(ctx, "two")
		wantKind(t, err, mail.Internal)
	})
}

func TestOutboxDurability(t *testing.T) {
	t.Parallel()
	s := open(t, Options{Dir: t.TempDir()})
	sync := func(tx *tx) (n int, err error) { return n, tx.row("PRAGMA synchronous").Scan(&n) }
	check := func(run func(context.Context, string, func(*tx) error) error, want int) {
		t.Helper()
		ok(t, run(t.Context(), "", func(tx *tx) error {
			n, err := sync(tx)
			if n != want {
				t.Errorf("synchronous is %d, want %d", n, want)
			}
			return err
		}))
	}
	check(s.tx, 1)
	check(s.durableTx, 2)
	check(s.tx, 1)
	ctx, cancel := context.WithCancel(t.Context())
	err := s.durableTx(ctx, "", func(*tx) error { cancel(); return ctx.Err() })
	wantKind(t, err, mail.Unavailable)
	check(s.tx, 1)
}
