// Package store keeps what must outlive the process and is not mail: web
// sessions, undo, settings, identities, uploads, the outbox and sign-in tries.
//
// It is one layer over SQLite (a file, the default) and PostgreSQL (several
// copies of Postern). The SQL is the subset both understand; times are BIGINT
// Unix milliseconds, keys our own TEXT. What belongs to an account is only found
// together with the account's id. Mail content and secrets are sealed under keys
// derived from the operator's key; session values come sealed by the caller.
//
// Errors are mail.Error: NotFound, Stale, Invalid, TooLarge, Unavailable (locked,
// full, read-only or unreachable, with a sentence for the person), else Internal.
package store

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"time"
)

// Engine is which database a Store runs on.
type Engine string

const (
	SQLite     Engine = "sqlite"
	PostgreSQL Engine = "postgres"
)

// EnqueueFunc schedules the delivery of an outbox row in the transaction that
// adds the row.
type EnqueueFunc func(ctx context.Context, tx *sql.Tx, id string, due time.Time) error

// Options say where a Store lives.
type Options struct {
	// Dir holds postern.db, and is made with mode 0700. Used when DSN is empty.
	Dir string
	// DSN is a PostgreSQL URL, postgres://…; empty means SQLite in Dir.
	DSN string
	// Key is the operator's key, see LoadOrCreateKey.
	Key [32]byte
	// OldKeys still unseal what was sealed before Key was changed.
	OldKeys [][32]byte
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Enqueue schedules outbox rows; nil means nothing is scheduled, until SetEnqueue.
	Enqueue EnqueueFunc
	// BlobQuota bounds the octets of blobs one account may keep; 0 means 1 GiB.
	BlobQuota int64
}

const defaultBlobQuota = 1 << 30 // octets

// Store is the open database. Safe for concurrent use.
type Store struct {
	engine      Engine
	read, write *sql.DB // one pool on PostgreSQL
	now         func() time.Time
	keys        keyring
	quota       int64
	unlock      func()
	stmts       sync.Map // query to *sql.Stmt of read, on SQLite

	mu      sync.RWMutex
	enqueue EnqueueFunc
}

// Open opens or makes the database and brings it up to date. On SQLite it waits
// up to ten seconds for another Postern that still uses the directory. The error
// is one sentence that names what to change.
func Open(ctx context.Context, o Options) (*Store, error) {
	s := &Store{now: o.Now, keys: newKeyring(o.Key, o.OldKeys), quota: o.BlobQuota, enqueue: o.Enqueue, unlock: func() {}}
	if s.now == nil {
		s.now = time.Now
	}
	if s.quota <= 0 {
		s.quota = defaultBlobQuota
	}
	var err error
	if o.DSN == "" {
		err = s.openSQLite(ctx, o.Dir)
	} else {
		err = s.openPostgres(ctx, o.DSN)
	}
	if err == nil {
		err = s.migrate(ctx)
	}
	if err == nil {
		err = s.checkKey(ctx)
	}
	if err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// Close waits for statements under way and closes the database.
func (s *Store) Close() error {
	var err error
	s.stmts.Range(func(query, st any) bool {
		s.stmts.Delete(query)
		st.(*sql.Stmt).Close()
		return true
	})
	if s.read != nil && s.read != s.write {
		err = s.read.Close()
	}
	if s.write != nil {
		if e := s.write.Close(); err == nil {
			err = e
		}
	}
	s.unlock()
	s.unlock = func() {}
	return err
}

// Ping reports whether the database answers and can be written to.
func (s *Store) Ping(ctx context.Context) error {
	return s.tx(ctx, "ping", func(tx *tx) error {
		return tx.exec(`INSERT INTO meta (name, value) VALUES ('ping', ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value`, []byte{1})
	})
}

// JobsDB is the pool that the job queue shares with the store, so that a job is
// added in the same transaction as the row it works on. On SQLite it has one
// connection: nothing may use it inside a transaction but the transaction.
func (s *Store) JobsDB() (*sql.DB, Engine) { return s.write, s.engine }

// SetEnqueue sets Options.Enqueue when the job queue is made after the store.
func (s *Store) SetEnqueue(f EnqueueFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.enqueue = f
}

func (s *Store) enqueueFunc() EnqueueFunc {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.enqueue
}

// millis is the clock's time as it is stored.
func (s *Store) millis() int64 { return s.now().UnixMilli() }

func fromMillis(ms int64) time.Time { return time.UnixMilli(ms) }

// checkKey finds out whether the database was sealed under the operator's key,
// before anything fails in the middle of somebody's work.
func (s *Store) checkKey(ctx context.Context) error {
	const use = "key check"
	var sealed []byte
	err := s.row(ctx, `SELECT value FROM meta WHERE name = 'key'`).Scan(&sealed)
	if err != nil && !noRows(err) {
		return failed("check the key", err)
	}
	if err == nil {
		if _, err := Unseal(s.keys.subkeys(use)[0], use, sealed); err == nil {
			return nil
		}
		if _, err := s.keys.unseal(use, use, sealed); err != nil {
			return errors.New("the operator's key is not the one this database was sealed with: bring back the key it was made with")
		}
	}
	// The first start, or the first one under a new key.
	sealed, err = s.keys.seal(use, use, []byte("ok"))
	if err != nil {
		return err
	}
	return s.tx(ctx, "check the key", func(tx *tx) error {
		return tx.exec(`INSERT INTO meta (name, value) VALUES ('key', ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value`, sealed)
	})
}
