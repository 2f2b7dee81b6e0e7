package store

import (
	"context"
	"embed"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// migrate brings the tables up to date. Copies that start together on one
// PostgreSQL do it one after the other.
func (s *Store) migrate(ctx context.Context) error {
	files, err := fs.Sub(migrationFiles, "migrations")
	if err != nil {
		return err
	}
	dialect, opts := goose.DialectSQLite3, []goose.ProviderOption{goose.WithDisableGlobalRegistry(true)}
	if s.engine == PostgreSQL {
		locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 60))
		if err != nil {
			return err
		}
		dialect, opts = goose.DialectPostgres, append(opts, goose.WithSessionLocker(locker))
	}
	p, err := goose.NewProvider(dialect, s.write, files, opts...)
	if err != nil {
		return err
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("bring the database up to date: %w", failed("migrate", err))
	}
	newest, err := p.GetDBVersion(ctx)
	if err != nil {
		return failed("read the database's version", err)
	}
	if all := p.ListSources(); len(all) > 0 && newest > all[len(all)-1].Version {
		return fmt.Errorf("the database is of a newer Postern (version %d, this one knows %d): start that one", newest, all[len(all)-1].Version)
	}
	return nil
}
