package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"postern/mailproxy/mail"
)

const (
	maxOutboxList = 200
	maxOutboxRow  = 16 << 20 // octets of JSON: a draft with an HTML body of several megabytes
	outboxTries   = 20
	maxServerSaid = 4000 // octets kept of a server's own words
)

// outboxSealed is the part of a row that is sealed under the operator's key.
type outboxSealed struct {
	LastError   string
	Refused     []mail.RefusedRecipient
	Subject     string
	To          string
	Submission  mail.Submission
	SentMailbox string
	Kind        mail.ComposeKind
	Parent      mail.MessageRef
	Draft       mail.MessageRef
	Written     mail.Draft
}

func outboxContext(what, account, id string) string {
	return "outbox\x00" + what + "\x00" + account + "\x00" + id
}

func (s *Store) sealOutbox(r mail.OutboxRow) ([]byte, error) {
	refused := make([]mail.RefusedRecipient, len(r.Refused))
	for i, f := range r.Refused {
		refused[i] = mail.RefusedRecipient{Addr: cleanLine(f.Addr, 500), Reply: cleanText(f.Reply, maxServerSaid)}
	}
	plain, err := pack(outboxSealed{
		LastError: cleanText(r.LastError, maxServerSaid), Refused: refused, Subject: cleanLine(r.Subject, 4000), To: cleanLine(r.To, 64000),
		Submission: r.Submission, SentMailbox: r.SentMailbox, Kind: r.Kind, Parent: r.Parent, Draft: r.Draft, Written: r.Written,
	}, maxOutboxRow)
	if err != nil {
		return nil, err
	}
	return s.keys.seal("outbox", outboxContext("row", r.AccountID, r.ID), plain)
}

func (s *Store) unsealOutbox(r *mail.OutboxRow, sealed []byte) error {
	plain, err := s.keys.unseal("outbox", outboxContext("row", r.AccountID, r.ID), sealed)
	if err != nil {
		return err
	}
	var o outboxSealed
	if err := unpack(plain, &o, maxOutboxRow); err != nil {
		return err
	}
	r.LastError, r.Refused, r.Subject, r.To = o.LastError, o.Refused, o.Subject, o.To
	r.Submission, r.SentMailbox, r.Kind, r.Parent, r.Draft, r.Written = o.Submission, o.SentMailbox, o.Kind, o.Parent, o.Draft, o.Written
	return nil
}

func (s *Store) sealCredentials(r mail.OutboxRow) ([]byte, error) {
	plain, err := json.Marshal(r.Credentials)
	if err != nil {
		return nil, err
	}
	return s.keys.seal("outbox", outboxContext("credentials", r.AccountID, r.ID), plain)
}

func (s *Store) unsealCredentials(r *mail.OutboxRow, sealed []byte) error {
	plain, err := s.keys.unseal("outbox", outboxContext("credentials", r.AccountID, r.ID), sealed)
	if err != nil {
		return err
	}
	return json.Unmarshal(plain, &r.Credentials)
}

// draftHash ties a row to its draft without telling which; NULL without a key.
func draftHash(d mail.Draft) any {
	if d.Key == "" {
		return nil
	}
	h := sha256.Sum256([]byte(d.Key))
	return hex.EncodeToString(h[:16])
}

func truth(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// OutboxAdd puts a message in the outbox, due at r.Due, and schedules its
// delivery in the same transaction. Without a state it is waiting. Stale when a
// row of this id is there already or the same draft (Written.Key) is on its way:
// pressing Send twice sends once.
func (s *Store) OutboxAdd(ctx context.Context, r mail.OutboxRow) error {
	if !validKey(r.ID) || len(r.ID) > 64 || !validKey(r.AccountID) {
		return failed("add to the outbox", fmt.Errorf("id %q of account %q", r.ID, r.AccountID))
	}
	if r.State == "" {
		r.State = mail.OutboxWaiting
	}
	sealed, err := s.sealOutbox(r)
	if err != nil {
		return failed("add to the outbox", err)
	}
	credentials, err := s.sealCredentials(r)
	if err != nil {
		return failed("add to the outbox", err)
	}
	now := s.millis()
	enqueue := s.enqueueFunc()
	err = s.durableTx(ctx, "add to the outbox", func(tx *tx) error {
		if err := tx.exec(`INSERT INTO outbox (id, account_id, state, due, created, changed, version, attempts, data_begun, blob_id, draft_hash, sealed, credentials)
			VALUES (?, ?, ?, ?, ?, ?, 1, ?, ?, ?, ?, ?, ?)`,
			r.ID, r.AccountID, string(r.State), r.Due.UnixMilli(), now, now, int64(r.Attempts), truth(r.DataBegun), cleanLine(r.BlobID, 64), draftHash(r.Written), sealed, credentials); err != nil {
			return err
		}
		if enqueue == nil {
			return nil
		}
		return enqueue(tx.ctx, tx.sql, r.ID, r.Due)
	})
	if unique(err) {
		return mail.Errorf(mail.Stale, "This message is already on its way.")
	}
	return err
}

const outboxColumns = `id, account_id, state, due, created, changed, attempts, data_begun, blob_id, version, sealed`

func (s *Store) scanOutbox(scan func(...any) error, more ...any) (r mail.OutboxRow, version int64, err error) {
	var state string
	var due, created, changed, attempts, begun int64
	var sealed []byte
	err = scan(append([]any{&r.ID, &r.AccountID, &state, &due, &created, &changed, &attempts, &begun, &r.BlobID, &version, &sealed}, more...)...)
	if err != nil {
		return r, 0, err
	}
	r.State, r.Attempts, r.DataBegun = mail.OutboxState(state), int(attempts), begun != 0
	r.Due, r.Created, r.Changed = fromMillis(due), fromMillis(created), fromMillis(changed)
	return r, version, s.unsealOutbox(&r, sealed)
}

// OutboxMove takes a row from one state to another, or changes it within one
// when both are equal, and is on disk when it returns. Stale when the row is not
// in from, NotFound when it is gone. change may be nil; it sees the row without
// credentials, may run more than once, and what it does to ID, AccountID, State,
// Created, Changed and Credentials does not count. In a final state the
// credentials are forgotten.
func (s *Store) OutboxMove(ctx context.Context, id string, from, to mail.OutboxState, change func(*mail.OutboxRow)) error {
	const doing = "move in the outbox"
	id = cleanLine(id, 64)
	for range outboxTries {
		var moved bool
		err := s.durableTx(ctx, doing, func(tx *tx) error {
			r, version, err := s.scanOutbox(tx.row(`SELECT `+outboxColumns+` FROM outbox WHERE id = ?`, id).Scan)
			if noRows(err) {
				return notFound("message")
			}
			if err != nil {
				return err
			}
			if r.State != from {
				return &mail.Error{Kind: mail.Stale, Msg: staleWords(r.State), Err: fmt.Errorf("outbox row is %s, not %s", r.State, from)}
			}
			account := r.AccountID
			if change != nil {
				change(&r)
			}
			r.ID, r.AccountID = id, account
			sealed, err := s.sealOutbox(r)
			if err != nil {
				return err
			}
			forget := ""
			if to.Final() {
				forget = `, credentials = NULL`
			}
			n, err := tx.affected(`UPDATE outbox SET state = ?, due = ?, changed = ?, version = version + 1, attempts = ?, data_begun = ?, blob_id = ?, draft_hash = ?, sealed = ?`+
				forget+` WHERE id = ? AND version = ?`,
				string(to), r.Due.UnixMilli(), s.millis(), int64(r.Attempts), truth(r.DataBegun), cleanLine(r.BlobID, 64), draftHash(r.Written), sealed, id, version)
			moved = n == 1
			return err
		})
		if unique(err) { // from a final state back, while the draft is on its way again
			return mail.Errorf(mail.Stale, "This message is already on its way.")
		}
		if err != nil || moved {
			return err
		}
	}
	return mail.Errorf(mail.Unavailable, msgBusy)
}

// staleWords tells the person why it is too late.
func staleWords(now mail.OutboxState) string {
	switch now {
	case mail.OutboxWaiting:
		return "This message is still waiting to be sent."
	case mail.OutboxSending:
		return "This message is being sent right now."
	case mail.OutboxSubmitted, mail.OutboxDone:
		return "This message has already been sent."
	case mail.OutboxReturned:
		return "This message was not accepted and has come back."
	case mail.OutboxCancelled:
		return "Sending this message was cancelled."
	}
	return "This message has changed meanwhile."
}

// OutboxGet returns an account's row without credentials.
func (s *Store) OutboxGet(ctx context.Context, accountID, id string) (mail.OutboxRow, error) {
	r, _, err := s.scanOutbox(s.row(ctx, `SELECT `+outboxColumns+` FROM outbox WHERE id = ? AND account_id = ?`, cleanLine(id, 64), accountID).Scan)
	if noRows(err) {
		return mail.OutboxRow{}, notFound("message")
	}
	return r, failed("look in the outbox", err)
}

// OutboxRun returns any account's row with the credentials it still has: for the
// job only, never for a request.
func (s *Store) OutboxRun(ctx context.Context, id string) (mail.OutboxRow, error) {
	var credentials []byte
	r, _, err := s.scanOutbox(s.row(ctx, `SELECT `+outboxColumns+`, credentials FROM outbox WHERE id = ?`, cleanLine(id, 64)).Scan, &credentials)
	if noRows(err) {
		return mail.OutboxRow{}, notFound("message")
	}
	if err == nil && credentials != nil {
		err = s.unsealCredentials(&r, credentials)
	}
	return r, failed("look in the outbox", err)
}

// OutboxList lists an account's rows that are on their way or returned, newest
// first, without credentials, at most 200.
func (s *Store) OutboxList(ctx context.Context, accountID string) ([]mail.OutboxRow, error) {
	var list []mail.OutboxRow
	err := s.each(ctx, "list the outbox",
		`SELECT `+outboxColumns+` FROM outbox WHERE account_id = ? AND state NOT IN ('done', 'cancelled') ORDER BY created DESC, id LIMIT ?`,
		[]any{accountID, maxOutboxList},
		func(rows *sql.Rows) error {
			r, _, err := s.scanOutbox(rows.Scan)
			list = append(list, r)
			return err
		})
	return list, err
}

// OutboxDelete forgets a row in a final state; Stale while it is on its way.
func (s *Store) OutboxDelete(ctx context.Context, accountID, id string) error {
	id = cleanLine(id, 64)
	return s.tx(ctx, "delete from the outbox", func(tx *tx) error {
		n, err := tx.affected(`DELETE FROM outbox WHERE id = ? AND account_id = ? AND state IN ('done', 'returned', 'cancelled')`, id, accountID)
		if err != nil || n == 1 {
			return err
		}
		var state string
		err = tx.row(`SELECT state FROM outbox WHERE id = ? AND account_id = ?`, id, accountID).Scan(&state)
		if noRows(err) {
			return notFound("message")
		}
		if err == nil {
			err = mail.Errorf(mail.Stale, "%s", staleWords(mail.OutboxState(state)))
		}
		return err
	})
}

// OutboxOpen names every row that is not in a final state, for jobs.Recover.
func (s *Store) OutboxOpen(ctx context.Context) ([]mail.OutboxDue, error) {
	var open []mail.OutboxDue
	err := s.each(ctx, "look what is on its way", `SELECT id, due FROM outbox WHERE state NOT IN ('done', 'returned', 'cancelled') ORDER BY due, id`, nil,
		func(rows *sql.Rows) error {
			var d mail.OutboxDue
			var due int64
			err := rows.Scan(&d.ID, &due)
			d.Due = fromMillis(due)
			open = append(open, d)
			return err
		})
	return open, err
}

// OutboxPrune forgets rows that were done or cancelled before the time, and
// returned ones that nobody dismissed in 90 days before it.
func (s *Store) OutboxPrune(ctx context.Context, before time.Time) error {
	return s.tx(ctx, "prune the outbox", func(tx *tx) error {
		if err := tx.exec(`DELETE FROM outbox WHERE state IN ('done', 'cancelled') AND changed < ?`, before.UnixMilli()); err != nil {
			return err
		}
		return tx.exec(`DELETE FROM outbox WHERE state = 'returned' AND changed < ?`, before.AddDate(0, 0, -90).UnixMilli())
	})
}
