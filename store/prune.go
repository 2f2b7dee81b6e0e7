package store

import (
	"context"
	"errors"
	"time"
)

const (
	keepUndo     = 24 * time.Hour      // of a session that goes on
	keepOrphan   = time.Hour           // undo put before its session was saved, blobs half written
	keepBlob     = 30 * 24 * time.Hour // uploads nobody sent or saved
	keepOutbox   = 7 * 24 * time.Hour  // done and cancelled rows
	keepTries    = 24 * time.Hour      // longer than any window in use
	keepCopies   = 24 * time.Hour
	pruneAtATime = 1000 // rows of one transaction, so that the writer is never held long
)

// Prune deletes what has expired everywhere in the store: sessions and their
// undo, finished outbox rows, half-written and forgotten blobs, counters of
// tries, copies that are gone; then it gives space back. Run it every few minutes.
func (s *Store) Prune(ctx context.Context) error {
	now := s.now()
	ago := func(d time.Duration) int64 { return now.Add(-d).UnixMilli() }
	return errors.Join(
		s.pruneRows(ctx, `DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE expires <= ? LIMIT ?)`, now.UnixMilli()),
		s.pruneRows(ctx, `DELETE FROM undos WHERE (session_id, token) IN (SELECT session_id, token FROM undos WHERE created < ? LIMIT ?)`, ago(keepUndo)),
		s.pruneRows(ctx, `DELETE FROM undos WHERE (session_id, token) IN (SELECT session_id, token FROM undos WHERE created < ?
			AND NOT EXISTS (SELECT 1 FROM sessions WHERE sessions.id = undos.session_id) LIMIT ?)`, ago(keepOrphan)),
		s.OutboxPrune(ctx, now.Add(-keepOutbox)),
		s.deleteBlobs(ctx, `whole = 0 AND touched < ?`, ago(keepOrphan)),
		s.deleteBlobs(ctx, `touched < ? AND id NOT IN (SELECT blob_id FROM outbox)`, ago(keepBlob)),
		s.pruneRows(ctx, `DELETE FROM tries WHERE (key, span, start) IN (SELECT key, span, start FROM tries WHERE start < ? LIMIT ?)`, ago(keepTries)),
		s.pruneRows(ctx, `DELETE FROM copies WHERE id IN (SELECT id FROM copies WHERE seen < ? LIMIT ?)`, ago(keepCopies)),
		s.vacuum(ctx),
	)
}

// pruneRows runs a DELETE with the parameters before and LIMIT until it finds no more.
func (s *Store) pruneRows(ctx context.Context, query string, before int64) error {
	for {
		var n int64
		err := s.tx(ctx, "prune", func(tx *tx) (err error) {
			n, err = tx.affected(query, before, pruneAtATime)
			return err
		})
		if err != nil || n < pruneAtATime {
			return err
		}
	}
}
