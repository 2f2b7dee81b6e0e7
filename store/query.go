package store

import (
	"context"
	"database/sql"
	"errors"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// rebound caches what rebind made; the queries are constants of this package.
var rebound sync.Map

// rebind writes ? as $1, $2 … for PostgreSQL. No query of ours holds a ? that
// is not a parameter.
func (s *Store) rebind(query string) string {
	if s.engine != PostgreSQL {
		return query
	}
	if q, ok := rebound.Load(query); ok {
		return q.(string)
	}
	parts := strings.Split(query, "?")
	var b strings.Builder
	for i, p := range parts {
		if i > 0 {
			b.WriteString("$" + strconv.Itoa(i))
		}
		b.WriteString(p)
	}
	rebound.Store(query, b.String())
	return b.String()
}

// prepared keeps a reader's statement, which on SQLite costs as much to prepare
// as to run; the PostgreSQL driver does so itself. nil means run it unprepared.
func (s *Store) prepared(ctx context.Context, query string) *sql.Stmt {
	if s.engine != SQLite {
		return nil
	}
	if st, ok := s.stmts.Load(query); ok {
		return st.(*sql.Stmt)
	}
	st, err := s.read.PrepareContext(ctx, query)
	if err != nil {
		return nil // running it will say why
	}
	if first, ok := s.stmts.LoadOrStore(query, st); ok {
		st.Close()
		return first.(*sql.Stmt)
	}
	return st
}

// row asks one of the readers for one row.
func (s *Store) row(ctx context.Context, query string, args ...any) *sql.Row {
	if st := s.prepared(ctx, query); st != nil {
		return st.QueryRowContext(ctx, args...)
	}
	return s.read.QueryRowContext(ctx, s.rebind(query), args...)
}

func (s *Store) rows(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if st := s.prepared(ctx, query); st != nil {
		return st.QueryContext(ctx, args...)
	}
	return s.read.QueryContext(ctx, s.rebind(query), args...)
}

// each asks one of the readers and calls scan for every row. No statement of
// the store may be run inside scan.
func (s *Store) each(ctx context.Context, doing, query string, args []any, scan func(*sql.Rows) error) error {
	rows, err := s.rows(ctx, query, args...)
	if err != nil {
		return failed(doing, err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return failed(doing, err)
		}
	}
	return failed(doing, rows.Err())
}

// tx is a transaction that writes.
type tx struct {
	ctx context.Context
	s   *Store
	sql *sql.Tx
}

func (t *tx) exec(query string, args ...any) error {
	_, err := t.sql.ExecContext(t.ctx, t.s.rebind(query), args...)
	return err
}

// affected runs a statement and says how many rows it changed.
func (t *tx) affected(query string, args ...any) (int64, error) {
	res, err := t.sql.ExecContext(t.ctx, t.s.rebind(query), args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

func (t *tx) row(query string, args ...any) *sql.Row {
	return t.sql.QueryRowContext(t.ctx, t.s.rebind(query), args...)
}

const txTries = 5

// tx runs f in a transaction and again when PostgreSQL found it in the way of
// another. It commits when f returns nil. On SQLite one transaction writes at a
// time, so f is short and waits for nothing.
func (s *Store) tx(ctx context.Context, doing string, f func(*tx) error) error {
	for try := 1; ; try++ {
		err := runTx(ctx, s, s.write, f)
		if err == nil || try == txTries || !inTheWay(err) {
			return failed(doing, err)
		}
		select {
		case <-ctx.Done():
			return failed(doing, err)
		case <-time.After(time.Duration(try) * 5 * time.Millisecond):
		}
	}
}

// durableTx is tx, and on disk when it returns, even if the power fails then.
// In WAL mode with synchronous NORMAL SQLite may otherwise lose the last commits
// (never their order), which is right for sessions and wrong for the outbox.
func (s *Store) durableTx(ctx context.Context, doing string, f func(*tx) error) error {
	if s.engine != SQLite {
		return s.tx(ctx, doing, f)
	}
	conn, err := s.write.Conn(ctx)
	if err != nil {
		return failed(doing, err)
	}
	defer conn.Close()
	if _, err := conn.ExecContext(ctx, "PRAGMA synchronous=FULL"); err != nil {
		return failed(doing, err)
	}
	err = runTx(ctx, s, conn, f)
	if _, e := conn.ExecContext(context.WithoutCancel(ctx), "PRAGMA synchronous=NORMAL"); err == nil {
		err = e
	}
	return failed(doing, err)
}

type beginner interface {
	BeginTx(context.Context, *sql.TxOptions) (*sql.Tx, error)
}

func runTx(ctx context.Context, s *Store, db beginner, f func(*tx) error) error {
	t, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer t.Rollback() // after Commit it does nothing
	if err := f(&tx{ctx: ctx, s: s, sql: t}); err != nil {
		return err
	}
	return t.Commit()
}

// inTheWay reports a deadlock or a serialisation failure, which goes away by
// running the transaction again.
func inTheWay(err error) bool {
	var p *pgconn.PgError
	return errors.As(err, &p) && (p.Code == "40001" || p.Code == "40P01")
}

func noRows(err error) bool { return errors.Is(err, sql.ErrNoRows) }

// unique reports that a row with this key is there already.
func unique(err error) bool {
	var p *pgconn.PgError
	if errors.As(err, &p) {
		return p.Code == "23505"
	}
	code, ok := sqliteCode(err)
	return ok && (code == sqliteConstraintPrimaryKey || code == sqliteConstraintUnique)
}
