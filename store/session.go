package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"time"

	"postern/mailproxy/mail"
)

const (
	maxSessionData = 256 << 10 // octets
	maxSessionList = 500
)

// SessionMeta is what the store knows of a web session beside its value.
type SessionMeta struct {
	AccountID string    // "" before sign-in
	Agent     string    // label of the browser, for the list of sessions; cut to 200 octets
	IP        string    // of the last request; cut to 64 octets
	Created   time.Time // first save
	Seen      time.Time // last save or touch
	Expires   time.Time // from then on the session does not exist
}

// SessionInfo is one line of a person's list of sessions.
type SessionInfo struct {
	Handle string // names the session for SessionDeleteHandle; it does not sign in
	SessionMeta
}

// SessionHandle is the Handle of the session with this id, to tell which line of
// the list is the reader's own.
func SessionHandle(id string) string {
	h := sha256.Sum256([]byte(id))
	return hex.EncodeToString(h[:])
}

const sessionColumns = `account_id, agent, ip, created, seen, expires`

func scanSession(scan func(...any) error, m *SessionMeta, more ...any) error {
	var created, seen, expires int64
	err := scan(append([]any{&m.AccountID, &m.Agent, &m.IP, &created, &seen, &expires}, more...)...)
	m.Created, m.Seen, m.Expires = fromMillis(created), fromMillis(seen), fromMillis(expires)
	return err
}

// SessionLoad returns the value of a session; NotFound when it is unknown or expired.
func (s *Store) SessionLoad(ctx context.Context, id string) ([]byte, SessionMeta, error) {
	var data []byte
	var m SessionMeta
	row := s.row(ctx, `SELECT `+sessionColumns+`, data FROM sessions WHERE id = ? AND expires > ?`, SessionHandle(id), s.millis())
	if err := scanSession(row.Scan, &m, &data); noRows(err) {
		return nil, SessionMeta{}, notFound("session")
	} else if err != nil {
		return nil, SessionMeta{}, failed("load a session", err)
	}
	return data, m, nil
}

// SessionSave makes or replaces a session. Created stays that of the first save;
// Seen becomes now. The store keeps only the SHA-256 of id, which has to be
// unguessable. data is at most 256 KiB, else TooLarge.
func (s *Store) SessionSave(ctx context.Context, id string, data []byte, m SessionMeta) error {
	if id == "" {
		return mail.Errorf(mail.Internal, "")
	}
	if len(data) > maxSessionData {
		return mail.Errorf(mail.TooLarge, "A session holds at most %d KiB.", maxSessionData>>10)
	}
	if data == nil {
		data = []byte{}
	}
	now := s.millis()
	return s.tx(ctx, "save a session", func(tx *tx) error {
		return tx.exec(`INSERT INTO sessions (id, account_id, agent, ip, created, seen, expires, data) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (id) DO UPDATE SET account_id = excluded.account_id, agent = excluded.agent, ip = excluded.ip,
			seen = excluded.seen, expires = excluded.expires, data = excluded.data`,
			SessionHandle(id), cleanLine(m.AccountID, 200), cleanLine(m.Agent, 200), cleanLine(m.IP, 64), now, now, m.Expires.UnixMilli(), data)
	})
}

// SessionTouch notes that a session is in use and until when it now lives,
// leaving its value alone. NotFound when it is gone.
func (s *Store) SessionTouch(ctx context.Context, id, ip string, expires time.Time) error {
	now := s.millis()
	return s.tx(ctx, "touch a session", func(tx *tx) error {
		n, err := tx.affected(`UPDATE sessions SET seen = ?, ip = ?, expires = ? WHERE id = ? AND expires > ?`,
			now, cleanLine(ip, 64), expires.UnixMilli(), SessionHandle(id), now)
		if err == nil && n == 0 {
			return notFound("session")
		}
		return err
	})
}

// SessionDelete forgets a session and its undo. An unknown one is no error.
func (s *Store) SessionDelete(ctx context.Context, id string) error {
	return s.tx(ctx, "delete a session", func(tx *tx) error {
		h := SessionHandle(id)
		if err := tx.exec(`DELETE FROM undos WHERE session_id = ?`, h); err != nil {
			return err
		}
		return tx.exec(`DELETE FROM sessions WHERE id = ?`, h)
	})
}

// SessionDeleteHandle ends one session of the account's list; NotFound when it
// is not one of its own.
func (s *Store) SessionDeleteHandle(ctx context.Context, accountID, handle string) error {
	return s.tx(ctx, "end a session", func(tx *tx) error {
		n, err := tx.affected(`DELETE FROM sessions WHERE id = ? AND account_id = ?`, cleanLine(handle, 64), accountID)
		if err == nil && n == 0 {
			return notFound("session")
		}
		if err != nil {
			return err
		}
		return tx.exec(`DELETE FROM undos WHERE session_id = ?`, handle)
	})
}

// SessionDeleteAccount signs the account out everywhere and says of how many
// sessions; the one with the id except stays when that is not "".
func (s *Store) SessionDeleteAccount(ctx context.Context, accountID, except string) (int, error) {
	stays := ""
	if except != "" {
		stays = SessionHandle(except)
	}
	var ended int64
	err := s.tx(ctx, "sign out everywhere", func(tx *tx) (err error) {
		if accountID == "" { // sessions before sign-in are nobody's
			return nil
		}
		if err := tx.exec(`DELETE FROM undos WHERE account_id = ? AND session_id <> ?`, accountID, stays); err != nil {
			return err
		}
		ended, err = tx.affected(`DELETE FROM sessions WHERE account_id = ? AND id <> ?`, accountID, stays)
		return err
	})
	return int(ended), err
}

// SessionList lists the account's live sessions, last seen first.
func (s *Store) SessionList(ctx context.Context, accountID string) ([]SessionInfo, error) {
	var list []SessionInfo
	err := s.each(ctx, "list sessions",
		`SELECT `+sessionColumns+`, id FROM sessions WHERE account_id = ? AND account_id <> '' AND expires > ? ORDER BY seen DESC, id LIMIT ?`,
		[]any{accountID, s.millis(), maxSessionList},
		func(rows *sql.Rows) error {
			var i SessionInfo
			err := scanSession(rows.Scan, &i.SessionMeta, &i.Handle)
			list = append(list, i)
			return err
		})
	return list, err
}
