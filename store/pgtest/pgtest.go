// Package pgtest gives tests a PostgreSQL of their own: the server that
// POSTERN_TEST_POSTGRES names (a URL whose user may make schemas), or one that
// it starts in a temporary directory and ends with the tests. Without either the
// test is skipped, and fails where CI is set.
package pgtest

import (
	"bytes"
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
)

const startTimeout = 60 * time.Second

var server struct {
	sync.Mutex
	tried bool
	url   string
	err   error
	stop  func()
}

// Main runs the tests and then ends the server, if one was started. Use it as
// func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }.
func Main(m *testing.M) int {
	defer func() {
		server.Lock()
		defer server.Unlock()
		if server.stop != nil {
			server.stop()
		}
	}()
	return m.Run()
}

// URL is the address of an empty schema, which is dropped when t ends.
func URL(t testing.TB) string {
	t.Helper()
	base, err := start()
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("no PostgreSQL to test on: %v", err)
		}
		t.Skipf("no PostgreSQL to test on: %v", err)
	}
	schema := "t_" + strings.ToLower(rand.Text())
	do := func(ctx context.Context, q string) error {
		db, err := sql.Open("pgx", base)
		if err != nil {
			return err
		}
		defer db.Close()
		_, err = db.ExecContext(ctx, q)
		return err
	}
	if err := do(t.Context(), "CREATE SCHEMA "+schema); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		do(ctx, "DROP SCHEMA "+schema+" CASCADE")
	})
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set("search_path", schema)
	u.RawQuery = q.Encode()
	return u.String()
}

func start() (string, error) {
	server.Lock()
	defer server.Unlock()
	if !server.tried {
		server.tried = true
		if server.url = os.Getenv("POSTERN_TEST_POSTGRES"); server.url == "" {
			server.url, server.stop, server.err = launch()
		}
	}
	return server.url, server.err
}

// launch makes a cluster and runs a server on a socket in it: no port, no password.
func launch() (address string, stop func(), err error) {
	bin, err := binaries()
	if err != nil {
		return "", nil, err
	}
	dir, err := os.MkdirTemp("", "pg")
	if err != nil {
		return "", nil, err
	}
	defer func() {
		if err != nil {
			os.RemoveAll(dir)
		}
	}()
	attr, err := unprivileged(dir)
	if err != nil {
		return "", nil, err
	}
	data := filepath.Join(dir, "data")
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	initdb := exec.CommandContext(ctx, filepath.Join(bin, "initdb"), "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
	initdb.SysProcAttr, initdb.Dir = attr, dir
	if out, err := initdb.CombinedOutput(); err != nil {
		return "", nil, fmt.Errorf("initdb: %w: %s", err, out)
	}
	var log bytes.Buffer
	cmd := exec.Command(filepath.Join(bin, "postgres"), "-D", data, "-k", dir, "-c", "listen_addresses=", "-c", "fsync=off",
		"-c", "max_connections=300", "-c", "shared_buffers=32MB", "-c", "autovacuum=off")
	cmd.SysProcAttr, cmd.Dir, cmd.Stderr = dieWithUs(attr), dir, &log
	started, ended := make(chan error), make(chan struct{})
	go func() {
		// Linux ends the child when the thread that started it ends, so it stays.
		runtime.LockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			cmd.Wait()
		}
		close(ended)
	}()
	if err := <-started; err != nil {
		return "", nil, err
	}
	stop = func() {
		cmd.Process.Signal(os.Interrupt) // fast shutdown
		select {
		case <-ended:
		case <-time.After(20 * time.Second):
			cmd.Process.Kill()
			<-ended
		}
		os.RemoveAll(dir)
	}
	u := url.URL{Scheme: "postgres", Path: "/postgres", RawQuery: url.Values{"host": {dir}, "user": {"postgres"}}.Encode()}
	if err := answer(ctx, u.String(), ended); err != nil {
		stop()
		return "", nil, fmt.Errorf("postgres: %w: %s", err, log.Bytes())
	}
	return u.String(), stop, nil
}

// answer waits until the server does.
func answer(ctx context.Context, address string, ended <-chan struct{}) error {
	db, err := sql.Open("pgx", address)
	if err != nil {
		return err
	}
	defer db.Close()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		if err = db.PingContext(ctx); err == nil {
			return nil
		}
		select {
		case <-ended:
			return errors.New("it ended")
		case <-ctx.Done():
			return err
		case <-tick.C:
		}
	}
}

// binaries is the directory of initdb and postgres, newest version first.
func binaries() (string, error) {
	dirs, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	sort.Sort(sort.Reverse(sort.StringSlice(dirs)))
	if p, err := exec.LookPath("initdb"); err == nil {
		dirs = append(dirs, filepath.Dir(p))
	}
	for _, d := range dirs {
		_, err1 := os.Stat(filepath.Join(d, "initdb"))
		_, err2 := os.Stat(filepath.Join(d, "postgres"))
		if err1 == nil && err2 == nil {
			return d, nil
		}
	}
	return "", errors.New("initdb and postgres are not installed and POSTERN_TEST_POSTGRES is not set")
}
