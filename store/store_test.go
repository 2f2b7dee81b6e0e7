package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"postern/mailproxy/mail"
	"postern/store/pgtest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

var testKey = [32]byte{1, 2, 3}

// clock is a clock that tests set.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func newClock() *clock { return &clock{t: time.UnixMilli(1_790_000_000_000)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

func open(t testing.TB, o Options) *Store {
	t.Helper()
	if o.Key == [32]byte{} {
		o.Key = testKey
	}
	s, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// onBoth runs a test on SQLite and on PostgreSQL, each with a store of its own.
func onBoth(t *testing.T, f func(t *testing.T, s *Store, c *clock)) {
	t.Helper()
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		c := newClock()
		f(t, open(t, Options{Dir: t.TempDir(), Now: c.now}), c)
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		c := newClock()
		f(t, open(t, Options{DSN: pgtest.URL(t), Now: c.now}), c)
	})
}

func wantKind(t *testing.T, err error, want mail.Kind) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want %s", want)
	}
	if got := mail.KindOf(err); got != want {
		t.Fatalf("error %v is %s, want %s", err, got, want)
	}
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestPing(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store, _ *clock) {
		ok(t, s.Ping(t.Context()))
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		wantKind(t, s.Ping(ctx), mail.Unavailable)
	})
}

func TestFilesArePrivate(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "a?b%20#c", "data")
	s := open(t, Options{Dir: dir})
	ok(t, s.Ping(t.Context()))
	fi, err := os.Stat(dir)
	ok(t, err)
	if fi.Mode().Perm() != 0o700 {
		t.Errorf("%s has mode %o, want 700", dir, fi.Mode().Perm())
	}
	entries, err := os.ReadDir(dir)
	ok(t, err)
	names := map[string]bool{}
	for _, e := range entries {
		fi, err := e.Info()
		ok(t, err)
		names[e.Name()] = true
		if fi.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %o, want 600", e.Name(), fi.Mode().Perm())
		}
	}
	if !names["postern.db"] || !names["postern.db-wal"] {
		t.Errorf("files are %v", names)
	}
}

func TestPragmas(t *testing.T) {
	t.Parallel()
	s := open(t, Options{Dir: t.TempDir()})
	for pragma, want := range map[string]string{"page_size": "16384", "auto_vacuum": "2", "journal_mode": "wal", "synchronous": "1", "foreign_keys": "1", "busy_timeout": "10000"} {
		var got string
		ok(t, s.write.QueryRow("PRAGMA "+pragma).Scan(&got))
		if got != want {
			t.Errorf("%s is %s, want %s", pragma, got, want)
		}
	}
	if _, err := s.read.Exec("DELETE FROM meta"); err == nil {
		t.Error("a reader writes")
	}
	// What was deleted goes back to the file system.
	putBlob(t, s, "acct", "g", make([]byte, 8<<20))
	ok(t, s.BlobDeleteGroup(t.Context(), "acct", "g"))
	ok(t, s.Prune(t.Context()))
	var pages int
	ok(t, s.write.QueryRow("PRAGMA page_count").Scan(&pages))
	if pages > 200 {
		t.Errorf("%d pages stay", pages)
	}
}

func TestOpenFails(t *testing.T) {
	t.Parallel()
	used := t.TempDir()
	open(t, Options{Dir: used})
	file := filepath.Join(t.TempDir(), "file")
	ok(t, os.WriteFile(file, nil, 0o600))
	garbage := t.TempDir()
	ok(t, os.WriteFile(filepath.Join(garbage, "postern.db"), bytes.Repeat([]byte("garbage "), 2000), 0o600))
	other := t.TempDir()
	s, err := Open(t.Context(), Options{Dir: other, Key: testKey})
	ok(t, err)
	ok(t, s.Close())
	tests := []struct {
		name string
		o    Options
		want string
	}{
		{"no directory", Options{}, "data directory is not set"},
		{"directory in use", Options{Dir: used}, "another Postern uses it"},
		{"a file instead", Options{Dir: file}, "cannot be made"},
		{"not a database", Options{Dir: garbage}, "postern.db"},
		{"another key", Options{Dir: other, Key: [32]byte{9}}, "operator's key is not the one"},
		{"not a URL", Options{DSN: "postgres://user:secret@host:port/x"}, "not a PostgreSQL URL"},
		{"nobody listens", Options{DSN: "postgres://postgres@127.0.0.1:1/x"}, "does not answer"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			if tt.name == "directory in use" {
				ctx, cancel = context.WithTimeout(t.Context(), 100*time.Millisecond)
				defer cancel()
			}
			if tt.o.Key == [32]byte{} {
				tt.o.Key = testKey
			}
			_, err := Open(ctx, tt.o)
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "secret") {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
		})
	}
}

func TestReopenKeepsEverythingAndRotatesKeys(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, err := Open(t.Context(), Options{Dir: dir, Key: testKey})
	ok(t, err)
	ok(t, s.OutboxAdd(t.Context(), outboxRow("one", "acct")))
	ok(t, s.Close())

	renewed := [32]byte{7}
	s, err = Open(t.Context(), Options{Dir: dir, Key: renewed, OldKeys: [][32]byte{testKey}})
	ok(t, err)
	r, err := s.OutboxRun(t.Context(), "one")
	ok(t, err)
	if r.Credentials.Password != "pass one" {
		t.Errorf("credentials are lost: %q", r.Credentials.Password)
	}
	ok(t, s.OutboxMove(t.Context(), "one", mail.OutboxWaiting, mail.OutboxSending, nil))
	ok(t, s.Close())
	// The row was saved under the new key; its credentials were not touched.
	s = open(t, Options{Dir: dir, Key: renewed})
	if _, err := s.OutboxGet(t.Context(), "acct", "one"); err != nil {
		t.Error(err)
	}
	if _, err := s.OutboxRun(t.Context(), "one"); err == nil {
		t.Error("credentials under the old key opened without it")
	}
}

// Copies that start together on one PostgreSQL migrate once.
func TestCopiesStartTogether(t *testing.T) {
	t.Parallel()
	dsn := pgtest.URL(t)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			s, err := Open(context.Background(), Options{DSN: dsn, Key: testKey})
			if err != nil {
				t.Error(err)
				return
			}
			defer s.Close()
			if err := s.Ping(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestDiskFullIsSaidPlainly(t *testing.T) {
	t.Parallel()
	s := open(t, Options{Dir: t.TempDir()})
	var pages int
	ok(t, s.write.QueryRow("PRAGMA page_count").Scan(&pages))
	if _, err := s.write.Exec(fmt.Sprintf("PRAGMA max_page_count=%d", pages+20)); err != nil {
		t.Fatal(err)
	}
	w, err := s.BlobCreate(t.Context(), "acct", mail.BlobInfo{})
	ok(t, err)
	_, err = w.Write(make([]byte, 3*chunkSize))
	wantKind(t, err, mail.Unavailable)
	if mail.MsgOf(err) != msgFull {
		t.Errorf("the person is told %q", mail.MsgOf(err))
	}
	// What is there can still be read, and small things still fit.
	ok(t, s.SessionSave(t.Context(), "id", []byte("x"), SessionMeta{Expires: time.Now().Add(time.Hour)}))
	var n int
	ok(t, s.row(t.Context(), `SELECT COUNT(*) FROM blobs`).Scan(&n))
	if n != 0 {
		t.Errorf("%d half-written blobs stayed", n)
	}
}

func TestReadOnlyIsSaidPlainly(t *testing.T) {
	t.Parallel()
	s := open(t, Options{Dir: t.TempDir()})
	if _, err := s.write.Exec("PRAGMA query_only=1"); err != nil {
		t.Fatal(err)
	}
	err := s.Ping(t.Context())
	wantKind(t, err, mail.Unavailable)
	if mail.MsgOf(err) != msgReadOnly {
		t.Errorf("the person is told %q", mail.MsgOf(err))
	}
	_, err = s.Settings(t.Context(), "acct")
	ok(t, err)
}

func TestPostgresRefusals(t *testing.T) {
	t.Parallel()
	s := open(t, Options{DSN: pgtest.URL(t)})
	err := s.tx(t.Context(), "write", func(tx *tx) error {
		if err := tx.exec(`SET TRANSACTION READ ONLY`); err != nil {
			return err
		}
		return tx.exec(`DELETE FROM meta`)
	})
	wantKind(t, err, mail.Unavailable)
	if mail.MsgOf(err) != msgReadOnly {
		t.Errorf("the person is told %q", mail.MsgOf(err))
	}
}

func TestRebind(t *testing.T) {
	t.Parallel()
	s := &Store{engine: PostgreSQL}
	for query, want := range map[string]string{
		`SELECT 1`:                         `SELECT 1`,
		`a = ? AND b IN (?, ?)`:            `a = $1 AND b IN ($2, $3)`,
		`?`:                                `$1`,
		`(?,?,?,?,?,?,?,?,?,?) LIMIT ?  x`: `($1,$2,$3,$4,$5,$6,$7,$8,$9,$10) LIMIT $11  x`,
	} {
		for range 2 {
			if got := s.rebind(query); got != want {
				t.Errorf("rebind(%q) = %q, want %q", query, got, want)
			}
		}
	}
}

func TestCleanText(t *testing.T) {
	t.Parallel()
	tests := []struct {
		in         string
		max        int
		text, line string
	}{
		{"plain", 100, "plain", "plain"},
		{"a\x00b", 100, "ab", "ab"},
		{"a\r\nb", 100, "a\r\nb", "a  b"},
		{" \xff\xfe!", 100, " \uFFFD!", "\uFFFD!"},
		{"äöü", 3, "ä", "ä"},
		{"a\u2028b\x1b", 100, "a\u2028b\x1b", "a b"},
		{"日本", 0, "", ""},
	}
	for _, tt := range tests {
		if got := cleanText(tt.in, tt.max); got != tt.text {
			t.Errorf("cleanText(%q, %d) = %q, want %q", tt.in, tt.max, got, tt.text)
		}
		if got := cleanLine(tt.in, tt.max); got != tt.line {
			t.Errorf("cleanLine(%q, %d) = %q, want %q", tt.in, tt.max, got, tt.line)
		}
	}
}

// Hostile text goes into every TEXT column and comes back clean on both engines.
func TestHostileText(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store, c *clock) {
		ctx := t.Context()
		const nasty = "a\x00b\xffc\r\nd'; DROP TABLE sessions; --\u0000"
		ok(t, s.SessionSave(ctx, nasty, []byte(nasty), SessionMeta{AccountID: nasty, Agent: nasty, IP: nasty, Expires: c.now().Add(time.Hour)}))
		data, m, err := s.SessionLoad(ctx, nasty)
		ok(t, err)
		if string(data) != nasty || strings.ContainsAny(m.Agent+m.IP, "\x00\r\n") {
			t.Errorf("session is %q %+v", data, m)
		}
		ok(t, s.SaveSettings(ctx, "acct", func(v *Settings) { v.Theme = nasty; v.Roles = map[string]mail.Role{nasty: "sent"} }))
		_, err = s.Settings(ctx, "acct")
		ok(t, err)
		token, err := s.UndoPut(ctx, nasty, "acct", mail.Undo{Moves: []mail.UndoMove{{From: nasty}}}, nasty)
		ok(t, err)
		_, err = s.UndoTake(ctx, nasty, "acct", token+"\x00")
		ok(t, err)
		_, err = s.SaveIdentity(ctx, "acct", mail.Identity{Name: nasty, Addr: "a@example.org", Signature: nasty})
		ok(t, err)
		w, err := s.BlobCreate(ctx, "acct", mail.BlobInfo{Group: nasty, Name: nasty, Type: nasty})
		ok(t, err)
		_, _, err = w.Commit()
		ok(t, err)
		list, err := s.BlobList(ctx, "acct", nasty)
		ok(t, err)
		if len(list) != 1 || strings.ContainsAny(list[0].Name+list[0].Type, "\x00\r\n") {
			t.Errorf("blobs are %+v", list)
		}
		r := outboxRow("x", "acct")
		r.Subject, r.LastError, r.BlobID = nasty, nasty, nasty
		ok(t, s.OutboxAdd(ctx, r))
		if _, err := s.AddTry(ctx, nasty, time.Minute); err != nil {
			t.Error(err)
		}
		for _, err := range []error{
			s.BlobDelete(ctx, "acct", nasty), s.CopyBeat(ctx, nasty),
			s.SessionTouch(ctx, nasty, nasty, c.now().Add(time.Hour)), s.SessionDelete(ctx, nasty),
		} {
			ok(t, err)
		}
		_, err = s.OutboxGet(ctx, "acct", nasty)
		wantKind(t, err, mail.NotFound)
		_, _, err = s.BlobOpen(ctx, "acct", nasty)
		wantKind(t, err, mail.NotFound)
		wantKind(t, s.SessionDeleteHandle(ctx, "acct", nasty), mail.NotFound)
	})
}

func TestPrune(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store, c *clock) {
		ctx := t.Context()
		ok(t, s.SessionSave(ctx, "short", []byte("x"), SessionMeta{AccountID: "acct", Expires: c.now().Add(time.Minute)}))
		ok(t, s.SessionSave(ctx, "long", []byte("x"), SessionMeta{AccountID: "acct", Expires: c.now().Add(1000 * time.Hour)}))
		for _, id := range []string{"short", "long"} {
			_, err := s.UndoPut(ctx, id, "acct", mail.Undo{}, "")
			ok(t, err)
		}
		half, err := s.BlobCreate(ctx, "acct", mail.BlobInfo{Group: "g"})
		ok(t, err)
		whole := putBlob(t, s, "acct", "g", []byte("uploaded"))
		sent := putBlob(t, s, "acct", "g", []byte("in the outbox"))
		r := outboxRow("waits", "acct")
		r.BlobID = sent
		ok(t, s.OutboxAdd(ctx, r))
		ok(t, s.OutboxAdd(ctx, outboxRow("done", "acct")))
		ok(t, s.OutboxMove(ctx, "done", mail.OutboxWaiting, mail.OutboxDone, nil))
		_, err = s.AddTry(ctx, "k", time.Minute)
		ok(t, err)
		ok(t, s.CopyBeat(ctx, "copy"))

		counts := func() string {
			var b strings.Builder
			for _, table := range []string{"sessions", "undos", "blobs", "outbox", "tries", "copies"} {
				var n int
				ok(t, s.row(ctx, `SELECT COUNT(*) FROM `+table).Scan(&n))
				fmt.Fprintf(&b, "%s %d ", table, n)
			}
			return strings.TrimSpace(b.String())
		}
		steps := []struct {
			after time.Duration
			want  string
		}{
			{0, "sessions 2 undos 2 blobs 3 outbox 2 tries 1 copies 1"},
			{2 * time.Hour, "sessions 1 undos 1 blobs 2 outbox 2 tries 1 copies 1"},
			{23 * time.Hour, "sessions 1 undos 0 blobs 2 outbox 2 tries 0 copies 0"},
			{7 * 24 * time.Hour, "sessions 1 undos 0 blobs 2 outbox 1 tries 0 copies 0"},
			{30 * 24 * time.Hour, "sessions 1 undos 0 blobs 1 outbox 1 tries 0 copies 0"},
			{30 * 24 * time.Hour, "sessions 0 undos 0 blobs 1 outbox 1 tries 0 copies 0"},
		}
		for _, st := range steps {
			c.advance(st.after)
			ok(t, s.Prune(ctx))
			if got := counts(); got != st.want {
				t.Errorf("after %v more: %s, want %s", st.after, got, st.want)
			}
		}
		_, err = half.Write(make([]byte, 2*chunkSize))
		wantKind(t, err, mail.NotFound)
		_, _, err = s.BlobOpen(ctx, "acct", whole)
		wantKind(t, err, mail.NotFound)
		if got := getBlob(t, s, "acct", sent); string(got) != "in the outbox" {
			t.Errorf("blob of a waiting message is %q", got)
		}
	})
}

func TestClassify(t *testing.T) {
	t.Parallel()
	if err := failed("x", nil); err != nil {
		t.Error(err)
	}
	known := mail.Errorf(mail.Stale, "old")
	if err := failed("x", fmt.Errorf("deeper: %w", known)); mail.KindOf(err) != mail.Stale {
		t.Error(err)
	}
	if k := mail.KindOf(failed("x", errors.New("what"))); k != mail.Internal {
		t.Error(k)
	}
	if k := mail.KindOf(failed("x", context.DeadlineExceeded)); k != mail.Unavailable {
		t.Error(k)
	}
}
