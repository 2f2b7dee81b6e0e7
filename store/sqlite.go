package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"
)

const (
	dbFile   = "postern.db"
	lockFile = "postern.lock"
	lockWait = 10 * time.Second

	sqliteReaders = 4 // WAL lets them read beside the writer
)

// Every transaction that writes begins IMMEDIATE: one that reads first and then
// writes would otherwise fail as busy when another wrote in between, whatever
// busy_timeout says.
const (
	sqliteCommon = "&_pragma=busy_timeout(10000)&_pragma=foreign_keys(1)&_pragma=temp_store(MEMORY)"
	sqliteWriter = "?_txlock=immediate&_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)" +
		"&_pragma=journal_size_limit(67108864)" + sqliteCommon
	sqliteReader = "?_pragma=query_only(1)" + sqliteCommon
)

// openSQLite opens the two pools on the file in dir: a writer of one connection
// and readers.
func (s *Store) openSQLite(ctx context.Context, dir string) error {
	s.engine = SQLite
	if dir == "" {
		return errors.New("the data directory is not set")
	}
	if err := privateDir(dir); err != nil {
		return err
	}
	unlock, err := lockDir(ctx, filepath.Join(dir, lockFile), lockWait)
	if err != nil {
		return fmt.Errorf("data directory %s: %w", dir, err)
	}
	s.unlock = unlock
	file := filepath.Join(dir, dbFile)
	if err := privateFile(file); err != nil {
		return err
	}
	uri := "file:" + strings.NewReplacer("%", "%25", "?", "%3f", "#", "%23").Replace(file)
	if err := layOut(ctx, uri); err != nil {
		return fmt.Errorf("database %s: %w", file, failed("open", err))
	}
	if s.write, err = sql.Open("sqlite", uri+sqliteWriter); err != nil {
		return failed("open the database", err)
	}
	s.write.SetMaxOpenConns(1)
	s.write.SetMaxIdleConns(1)
	if err := s.write.PingContext(ctx); err != nil {
		return fmt.Errorf("database %s: %w", file, failed("open", err))
	}
	if s.read, err = sql.Open("sqlite", uri+sqliteReader); err != nil {
		return failed("open the database", err)
	}
	s.read.SetMaxOpenConns(sqliteReaders)
	s.read.SetMaxIdleConns(sqliteReaders)
	return nil
}

// layOut sets what counts before the first write only; on a database that exists
// it changes nothing. The driver sorts pragmas in its address, so they come by hand.
func layOut(ctx context.Context, uri string) error {
	db, err := sql.Open("sqlite", uri)
	if err != nil {
		return err
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	for _, p := range []string{"busy_timeout = 10000", "page_size = 16384", "auto_vacuum = INCREMENTAL", "journal_mode = WAL"} {
		if _, err := db.ExecContext(ctx, "PRAGMA "+p); err != nil {
			return err
		}
	}
	return nil
}

// privateDir makes dir with mode 0700. The mode of one that exists is the operator's business.
func privateDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("data directory %s cannot be made: %w", dir, cause(err))
	}
	return nil
}

// privateFile makes file with mode 0600, and takes the rights of others from
// one that exists; SQLite gives its -wal and -shm files the same mode.
func privateFile(file string) error {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("%s cannot be opened for writing: %w", file, cause(err))
	}
	defer f.Close()
	if fi, err := f.Stat(); err == nil && fi.Mode().Perm()&0o077 != 0 {
		if err := f.Chmod(0o600); err != nil {
			return fmt.Errorf("%s can be read by others and that cannot be changed: %w", file, cause(err))
		}
	}
	return nil
}

// cause drops the path and the system call that a sentence has named already.
func cause(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// vacuum gives a bounded number of free pages back to the file system.
func (s *Store) vacuum(ctx context.Context) error {
	if s.engine != SQLite {
		return nil
	}
	rows, err := s.write.QueryContext(ctx, "PRAGMA incremental_vacuum(1024)") // 16 MiB
	if err != nil {
		return failed("give space back", err)
	}
	defer rows.Close()
	for rows.Next() {
	}
	return failed("give space back", rows.Err())
}
