package store

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

const (
	postgresConns    = 10 // of this copy; the job queue uses them too
	postgresIdleTime = 5 * time.Minute
)

// openPostgres opens one pool on a PostgreSQL URL.
func (s *Store) openPostgres(ctx context.Context, dsn string) error {
	s.engine = PostgreSQL
	conf, err := pgx.ParseConfig(dsn)
	if err != nil {
		// The parser's own words may quote the password.
		return errors.New("the database address is not a PostgreSQL URL like postgres://user@host:5432/postern")
	}
	if conf.ConnectTimeout == 0 {
		conf.ConnectTimeout = 10 * time.Second
	}
	db := stdlib.OpenDB(*conf)
	db.SetMaxOpenConns(postgresConns)
	db.SetMaxIdleConns(postgresConns)
	db.SetConnMaxIdleTime(postgresIdleTime)
	s.read, s.write = db, db
	if err := db.PingContext(ctx); err != nil {
		return failed("connect to the database", err)
	}
	return nil
}
