package store

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"time"
)

// tryKey hides an address or account behind a keyed hash: the table does not
// tell who tried.
func (s *Store) tryKey(key string) string {
	sub := s.keys.subkeys("tries")[0]
	m := hmac.New(sha256.New, sub[:])
	m.Write([]byte(key))
	return hex.EncodeToString(m.Sum(nil)[:16])
}

// tryWindow is the length of the window in milliseconds and the start of the one that holds now.
func (s *Store) tryWindow(window time.Duration) (span, start int64) {
	span = max(window.Milliseconds(), 1000)
	now := s.millis()
	return span, now - now%span
}

// Tries counts what AddTry noted under key in the window that holds now. All
// copies of Postern on one database count together.
func (s *Store) Tries(ctx context.Context, key string, window time.Duration) (int, error) {
	span, start := s.tryWindow(window)
	var n int64
	err := s.row(ctx, `SELECT count FROM tries WHERE key = ? AND span = ? AND start = ?`, s.tryKey(key), span, start).Scan(&n)
	if noRows(err) {
		return 0, nil
	}
	return int(n), failed("count tries", err)
}

// AddTry notes one try under key and returns the count of the window that holds
// now, this one included. Windows are fixed: they begin at multiples of window,
// which is at least a second. Only a keyed hash of key is stored.
func (s *Store) AddTry(ctx context.Context, key string, window time.Duration) (int, error) {
	span, start := s.tryWindow(window)
	var n int64
	err := s.tx(ctx, "note a try", func(tx *tx) error {
		return tx.row(`INSERT INTO tries (key, span, start, count) VALUES (?, ?, ?, 1)
			ON CONFLICT (key, span, start) DO UPDATE SET count = tries.count + 1 RETURNING count`, s.tryKey(key), span, start).Scan(&n)
	})
	return int(n), err
}

// ClearTries forgets a key, after a success.
func (s *Store) ClearTries(ctx context.Context, key string) error {
	return s.tx(ctx, "clear tries", func(tx *tx) error {
		return tx.exec(`DELETE FROM tries WHERE key = ?`, s.tryKey(key))
	})
}
