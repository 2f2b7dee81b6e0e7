package store

import (
	"context"
	"database/sql"
	"time"
)

// CopyBeat notes that a running copy of Postern is alive.
func (s *Store) CopyBeat(ctx context.Context, id string) error {
	now := s.millis()
	return s.tx(ctx, "say that this copy runs", func(tx *tx) error {
		return tx.exec(`INSERT INTO copies (id, seen) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET seen = excluded.seen`, cleanLine(id, 100), now)
	})
}

// CopyGone notes that a copy has ended, so that the others take over its work at once.
func (s *Store) CopyGone(ctx context.Context, id string) error {
	return s.tx(ctx, "say that this copy ended", func(tx *tx) error {
		return tx.exec(`DELETE FROM copies WHERE id = ?`, cleanLine(id, 100))
	})
}

// CopiesAlive names the copies that gave a sign of life within the time.
func (s *Store) CopiesAlive(ctx context.Context, within time.Duration) ([]string, error) {
	var ids []string
	err := s.each(ctx, "look for other copies", `SELECT id FROM copies WHERE seen > ?`, []any{s.millis() - within.Milliseconds()},
		func(rows *sql.Rows) error {
			var id string
			err := rows.Scan(&id)
			ids = append(ids, id)
			return err
		})
	return ids, err
}
