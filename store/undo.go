package store

import (
	"bytes"
	"compress/flate"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"

	"postern/mailproxy/mail"
)

const (
	maxUndos    = 10       // kept for each session
	maxUndoSize = 32 << 20 // octets of JSON: some 300,000 messages
)

// undoEntry is what is sealed.
type undoEntry struct {
	Undo  mail.Undo
	Label string
}

// UndoPut keeps the inverse of a change for the session and returns the token
// that UndoTake wants. label says what would be undone. The last 10 of a session
// are kept, sealed, since they hold mailbox names and Message-IDs.
func (s *Store) UndoPut(ctx context.Context, sessionID, accountID string, u mail.Undo, label string) (string, error) {
	plain, err := pack(undoEntry{u, cleanLine(label, 500)}, maxUndoSize)
	if err != nil {
		return "", failed("keep an undo", err)
	}
	session, token := SessionHandle(sessionID), rand.Text()
	sealed, err := s.keys.seal("undo", undoContext(session, accountID, token), plain)
	if err != nil {
		return "", failed("keep an undo", err)
	}
	now := s.millis()
	err = s.tx(ctx, "keep an undo", func(tx *tx) error {
		if err := tx.exec(`INSERT INTO undos (session_id, token, account_id, seq, created, sealed)
			VALUES (?, ?, ?, (SELECT COALESCE(MAX(seq), 0) + 1 FROM undos WHERE session_id = ?), ?, ?)`,
			session, token, accountID, session, now, sealed); err != nil {
			return err
		}
		return tx.exec(`DELETE FROM undos WHERE session_id = ? AND token NOT IN
			(SELECT token FROM undos WHERE session_id = ? ORDER BY seq DESC, token LIMIT ?)`, session, session, maxUndos)
	})
	if err != nil {
		return "", err
	}
	return token, nil
}

// UndoTake gives an undo out, once; NotFound when it was taken, pushed out or
// never this session's.
func (s *Store) UndoTake(ctx context.Context, sessionID, accountID, token string) (mail.Undo, error) {
	session := SessionHandle(sessionID)
	token = cleanLine(token, 64)
	var sealed []byte
	err := s.tx(ctx, "take an undo", func(tx *tx) error {
		err := tx.row(`DELETE FROM undos WHERE session_id = ? AND token = ? AND account_id = ? RETURNING sealed`, session, token, accountID).Scan(&sealed)
		if noRows(err) {
			return mail.Errorf(mail.NotFound, "This can no longer be undone.")
		}
		return err
	})
	if err != nil {
		return mail.Undo{}, err
	}
	e, err := s.openUndo(session, accountID, token, sealed)
	return e.Undo, err
}

// UndoLatest names the session's newest undo and says what it would undo;
// NotFound when there is none.
func (s *Store) UndoLatest(ctx context.Context, sessionID, accountID string) (token, label string, err error) {
	session := SessionHandle(sessionID)
	var sealed []byte
	err = s.row(ctx, `SELECT token, sealed FROM undos WHERE session_id = ? AND account_id = ? ORDER BY seq DESC, token LIMIT 1`,
		session, accountID).Scan(&token, &sealed)
	if noRows(err) {
		return "", "", mail.Errorf(mail.NotFound, "There is nothing to undo.")
	}
	if err != nil {
		return "", "", failed("look for an undo", err)
	}
	e, err := s.openUndo(session, accountID, token, sealed)
	return token, e.Label, err
}

func undoContext(session, account, token string) string {
	return "undo\x00" + session + "\x00" + account + "\x00" + token
}

func (s *Store) openUndo(session, account, token string, sealed []byte) (undoEntry, error) {
	var e undoEntry
	plain, err := s.keys.unseal("undo", undoContext(session, account, token), sealed)
	if err == nil {
		err = unpack(plain, &e, maxUndoSize)
	}
	return e, failed("open an undo", err)
}

// pack writes v as compressed JSON: lists of references repeat themselves.
func pack(v any, max int) ([]byte, error) {
	plain, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	if len(plain) > max {
		return nil, mail.Errorf(mail.TooLarge, "This is more than can be kept at once (%d MB).", max>>20)
	}
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.BestSpeed)
	if err != nil {
		return nil, err
	}
	w.Write(plain) // a bytes.Buffer takes everything
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// unpack reads what pack wrote.
func unpack(packed []byte, v any, max int) error {
	r := flate.NewReader(bytes.NewReader(packed))
	defer r.Close()
	plain, err := io.ReadAll(io.LimitReader(r, int64(max)+1))
	if err != nil {
		return err
	}
	if len(plain) > max {
		return errors.New("larger than it can be")
	}
	return json.Unmarshal(plain, v)
}
