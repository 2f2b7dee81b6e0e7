package jobs_test

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"postern/mailproxy/jobs"
	"postern/mailproxy/mail"
	"postern/store"
	"postern/store/pgtest"
)

func TestMain(m *testing.M) {
	if os.Getenv("JOBS_TEST_CHILD") != "" {
		child()
	}
	os.Exit(pgtest.Main(m))
}

// place is where a store lives, so that it can be opened again.
type place struct{ dir, dsn string }

func (p place) open(ctx context.Context) (*store.Store, error) {
	return store.Open(ctx, store.Options{Dir: p.dir, DSN: p.dsn, Key: [32]byte{1}})
}

func onBoth(t *testing.T, f func(t *testing.T, p place)) {
	t.Helper()
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		f(t, place{dir: t.TempDir()})
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		f(t, place{dsn: pgtest.URL(t)})
	})
}

// runs records which rows ran, and does what the test says.
type runs struct {
	mu    sync.Mutex
	count map[string]int
	ran   chan string
	do    func(ctx context.Context, id string, n int) (time.Duration, error) // nil is success; n is 1 the first time
}

func newRuns() *runs { return &runs{count: map[string]int{}, ran: make(chan string, 1000)} }

func (r *runs) run(ctx context.Context, id string) (retryIn time.Duration, err error) {
	r.mu.Lock()
	r.count[id]++
	n := r.count[id]
	r.mu.Unlock()
	r.ran <- id
	if r.do != nil {
		return r.do(ctx, id, n)
	}
	return 0, nil
}

func (r *runs) times(id string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.count[id]
}

// next waits for the next run.
func (r *runs) next(t *testing.T) string {
	t.Helper()
	select {
	case id := <-r.ran:
		return id
	case <-time.After(20 * time.Second):
		t.Fatal("nothing ran")
		return ""
	}
}

func newJobs(t *testing.T, s *store.Store, o jobs.Options) *jobs.Jobs {
	t.Helper()
	db, engine := s.JobsDB()
	o.DB, o.Engine = db, string(engine)
	o.Log = slog.New(slog.NewTextHandler(t.Output(), nil))
	j, err := jobs.New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	s.SetEnqueue(j.EnqueueTx)
	t.Cleanup(func() { stop(t, j) })
	return j
}

func stop(t *testing.T, j *jobs.Jobs) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := j.Stop(ctx); err != nil {
		t.Error(err)
	}
}

func openStore(t *testing.T, p place) *store.Store {
	t.Helper()
	s, err := p.open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func begin(t *testing.T, p place, r *runs) (*store.Store, *jobs.Jobs) {
	t.Helper()
	s := openStore(t, p)
	j := newJobs(t, s, jobs.Options{Run: r.run})
	ok(t, j.Start(t.Context()))
	return s, j
}

func row(id string, due time.Time) mail.OutboxRow {
	return mail.OutboxRow{ID: id, AccountID: "acct", Due: due}
}

func TestRunsWhenDue(t *testing.T) {
	onBoth(t, func(t *testing.T, p place) {
		r := newRuns()
		s, _ := begin(t, p, r)
		for i, wait := range []time.Duration{0, 1500 * time.Millisecond, 6 * time.Second} {
			due := time.Now().Add(wait)
			ok(t, s.OutboxAdd(t.Context(), row(fmt.Sprint("m", i), due)))
			if id := r.next(t); id != fmt.Sprint("m", i) {
				t.Errorf("%s ran", id)
			}
			late := time.Since(due)
			t.Logf("due in %v: %v late", wait, late)
			if late < -5*time.Millisecond || late > 2*time.Second { // a second is promised; machines under test are slow
				t.Errorf("due in %v: %v late", wait, late)
			}
		}
	})
}

func TestScheduledWithTheRowOrNotAtAll(t *testing.T) {
	onBoth(t, func(t *testing.T, p place) {
		r := newRuns()
		s, j := begin(t, p, r)
		boom := errors.New("boom")
		s.SetEnqueue(func(ctx context.Context, tx *sql.Tx, id string, due time.Time) error {
			return errors.Join(j.EnqueueTx(ctx, tx, id, due), boom)
		})
		if err := s.OutboxAdd(t.Context(), row("never", time.Now())); !errors.Is(err, boom) {
			t.Fatal(err)
		}
		s.SetEnqueue(j.EnqueueTx)
		ok(t, s.OutboxAdd(t.Context(), row("always", time.Now())))
		if id := r.next(t); id != "always" || r.times("never") != 0 {
			t.Errorf("%s ran", id)
		}
	})
}

func TestPutOff(t *testing.T) {
	onBoth(t, func(t *testing.T, p place) {
		r := newRuns()
		r.do = func(_ context.Context, id string, n int) (time.Duration, error) {
			switch {
			case id == "one" && n == 1:
				return 50 * time.Millisecond, nil
			case id == "one" && n == 2:
				return 50 * time.Millisecond, errors.New("said with an error")
			}
			return 0, nil
		}
		_, j := begin(t, p, r)
		ok(t, j.Enqueue(t.Context(), "one", time.Time{}))
		for range 3 {
			r.next(t)
		}
		ok(t, j.Enqueue(t.Context(), "two", time.Now()))
		if id := r.next(t); id != "two" || r.times("one") != 3 {
			t.Errorf("one ran %d times, then %s", r.times("one"), id)
		}
	})
}

// A row has one job, however often it is scheduled; kicking runs it at once,
// also after a failure or a panic, and what it was is not in the queue's tables.
func TestOneJobPerRowAndKick(t *testing.T) {
	onBoth(t, func(t *testing.T, p place) {
		r := newRuns()
		r.do = func(_ context.Context, _ string, n int) (time.Duration, error) {
			switch n {
			case 1:
				return 0, errors.New("secret@example.org is unknown")
			case 2:
				panic("secret@example.org")
			}
			return 0, nil
		}
		s, j := begin(t, p, r)
		later := time.Now().Add(time.Hour)
		for range 3 {
			ok(t, j.Enqueue(t.Context(), "one", later))
		}
		for n := 1; n <= 3; n++ {
			kickUntil(t, j, r, "one", n)
		}
		ok(t, j.Enqueue(t.Context(), "two", time.Time{}))
		for id := r.next(t); id != "two"; id = r.next(t) {
		}
		db, _ := s.JobsDB()
		rows, err := db.QueryContext(t.Context(), `SELECT CAST(errors AS TEXT), CAST(metadata AS TEXT) FROM river_job`)
		ok(t, err)
		defer rows.Close()
		for rows.Next() {
			var a, b sql.NullString
			ok(t, rows.Scan(&a, &b))
			if strings.Contains(a.String+b.String, "secret") {
				t.Errorf("the queue keeps %s %s", a.String, b.String)
			}
		}
	})
}

// kickUntil kicks a row until it has run n times: a job that is still being put
// off goes on by itself.
func kickUntil(t *testing.T, j *jobs.Jobs, r *runs, id string, n int) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for r.times(id) < n {
		ok(t, j.Kick(t.Context(), id))
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("%s ran %d times, not %d", id, r.times(id), n)
		}
	}
}

func TestKickOfAnUnscheduledRow(t *testing.T) {
	onBoth(t, func(t *testing.T, p place) {
		r := newRuns()
		_, j := begin(t, p, r)
		ok(t, j.Kick(t.Context(), "one"))
		r.next(t)
	})
}

func TestStopWaitsThenCancels(t *testing.T) {
	onBoth(t, func(t *testing.T, p place) {
		r := newRuns()
		release := make(chan struct{})
		r.do = func(ctx context.Context, id string, n int) (time.Duration, error) {
			if id == "finishes" {
				<-release
				return 0, ctx.Err()
			}
			if n == 1 {
				<-ctx.Done()
				return 0, ctx.Err()
			}
			return 0, nil
		}
		s, j := begin(t, p, r)
		ok(t, j.Enqueue(t.Context(), "finishes", time.Time{}))
		r.next(t)
		go close(release)
		stop(t, j)
		stop(t, j) // again does nothing
		if err := j.Start(t.Context()); err == nil {
			t.Error("started after Stop")
		}

		j = newJobs(t, s, jobs.Options{Run: r.run})
		ok(t, j.Start(t.Context()))
		ok(t, j.Enqueue(t.Context(), "hangs", time.Time{}))
		if id := r.next(t); id != "hangs" {
			t.Errorf("%s ran again", id)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		ok(t, j.Stop(ctx))

		j = newJobs(t, s, jobs.Options{Run: r.run})
		ok(t, j.Start(t.Context()))
		if id := r.next(t); id != "hangs" {
			t.Errorf("%s ran", id)
		}
	})
}

func TestRecover(t *testing.T) {
	onBoth(t, func(t *testing.T, p place) {
		r := newRuns()
		s := openStore(t, p)
		j := newJobs(t, s, jobs.Options{Run: r.run})
		ok(t, s.OutboxAdd(t.Context(), row("lost", time.Now())))
		ok(t, s.OutboxAdd(t.Context(), row("later", time.Now().Add(time.Hour))))
		db, _ := s.JobsDB()
		_, err := db.Exec(`DELETE FROM river_job`)
		ok(t, err)
		open, err := s.OutboxOpen(t.Context())
		ok(t, err)
		ok(t, j.Recover(t.Context(), open))
		ok(t, j.Start(t.Context()))
		if id := r.next(t); id != "lost" {
			t.Errorf("%s ran", id)
		}
		ok(t, j.Recover(t.Context(), open[1:]))
		var n int
		ok(t, db.QueryRow(`SELECT COUNT(*) FROM river_job WHERE kind = 'deliver'`).Scan(&n))
		if n != 2 {
			t.Errorf("%d jobs", n)
		}
	})
}

func TestChores(t *testing.T) {
	onBoth(t, func(t *testing.T, p place) {
		ran := make(chan string, 100)
		s := openStore(t, p)
		j := newJobs(t, s, jobs.Options{Chores: []jobs.Chore{
			{Name: "prune", Every: time.Hour, Run: func(ctx context.Context) error { ran <- "prune"; return s.Prune(ctx) }},
			{Name: "fails", Every: time.Second, Run: func(context.Context) error { ran <- "fails"; panic("oh") }},
		}})
		ok(t, j.Start(t.Context()))
		seen := map[string]int{}
		for seen["prune"] < 1 || seen["fails"] < 2 {
			select {
			case name := <-ran:
				seen[name]++
			case <-time.After(30 * time.Second):
				t.Fatalf("ran %v", seen)
			}
		}
	})
}

// Two copies on one PostgreSQL share the work: every row runs once, and a copy
// that starts takes nothing from one that is alive.
func TestTwoCopies(t *testing.T) {
	t.Parallel()
	p := place{dsn: pgtest.URL(t)}
	r := newRuns()
	release := make(chan struct{})
	r.do = func(_ context.Context, id string, _ int) (time.Duration, error) {
		if id == "slow" {
			<-release
		}
		return 0, nil
	}
	copyOf := func() (*store.Store, *jobs.Jobs) {
		s := openStore(t, p)
		o := jobs.Options{Run: r.run, Copies: s}
		o.Beat(100*time.Millisecond, 5*time.Second)
		j := newJobs(t, s, o)
		ok(t, j.Start(t.Context()))
		return s, j
	}
	s, a := copyOf()
	ok(t, a.Enqueue(t.Context(), "slow", time.Time{}))
	r.next(t)
	copyOf()
	const n = 60
	for i := range n {
		ok(t, s.OutboxAdd(t.Context(), row(fmt.Sprint("m", i), time.Now())))
	}
	for range n {
		r.next(t)
	}
	close(release)
	stop(t, a)
	for i := range n {
		if k := r.times(fmt.Sprint("m", i)); k != 1 {
			t.Errorf("m%d ran %d times", i, k)
		}
	}
	if r.times("slow") != 1 {
		t.Errorf("slow ran %d times", r.times("slow"))
	}
}

// A process that is killed while it delivers delays nothing for long.
func TestKilled(t *testing.T) {
	onBoth(t, func(t *testing.T, p place) {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "JOBS_TEST_CHILD=1", "JOBS_TEST_DIR="+p.dir, "JOBS_TEST_DSN="+p.dsn)
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		ok(t, err)
		ok(t, cmd.Start())
		defer cmd.Process.Kill()
		line, err := bufio.NewReader(out).ReadString('\n')
		if err != nil || line != "running\n" {
			t.Fatalf("child says %q, %v", line, err)
		}
		ok(t, cmd.Process.Kill())
		cmd.Wait()

		r := newRuns()
		s := openStore(t, p)
		o := jobs.Options{Run: r.run, Copies: s}
		o.Beat(200*time.Millisecond, time.Second)
		start := time.Now()
		j := newJobs(t, s, o)
		open, err := s.OutboxOpen(t.Context())
		ok(t, err)
		if len(open) != 2 {
			t.Errorf("open are %v", open)
		}
		ok(t, j.Recover(t.Context(), open))
		ok(t, j.Start(t.Context()))
		ran := map[string]bool{r.next(t): true, r.next(t): true}
		if !ran["killed"] || !ran["soon"] {
			t.Errorf("ran %v", ran)
		}
		t.Logf("all went on after %v", time.Since(start))
	})
}

// child is the process to be killed: it delivers one row for ever and has
// another scheduled.
func child() {
	fail := func(err error) {
		if err != nil {
			fmt.Fprintln(os.Stderr, "child:", err)
			os.Exit(1)
		}
	}
	ctx := context.Background()
	s, err := place{dir: os.Getenv("JOBS_TEST_DIR"), dsn: os.Getenv("JOBS_TEST_DSN")}.open(ctx)
	fail(err)
	db, engine := s.JobsDB()
	j, err := jobs.New(ctx, jobs.Options{DB: db, Engine: string(engine), Copies: s, Run: func(context.Context, string) (time.Duration, error) {
		fmt.Println("running")
		select {}
	}})
	fail(err)
	s.SetEnqueue(j.EnqueueTx)
	fail(s.OutboxAdd(ctx, row("soon", time.Now().Add(4*time.Second))))
	fail(s.OutboxAdd(ctx, row("killed", time.Now())))
	fail(j.Start(ctx))
	time.Sleep(time.Minute) // killed before
	os.Exit(1)
}

func TestBackoff(t *testing.T) {
	t.Parallel()
	for before, want := range map[int]time.Duration{-1: 10 * time.Second, 0: 10 * time.Second, 1: 20 * time.Second, 5: 320 * time.Second, 8: 30 * time.Minute, 1 << 30: 30 * time.Minute} {
		if got := jobs.Backoff(before); got != want {
			t.Errorf("after %d: %v, want %v", before, got, want)
		}
	}
	for metadata, want := range map[string]int{`{"snoozes": 3}`: 3, `{}`: 0, ``: 0, `[`: 0} {
		if got := jobs.Snoozes([]byte(metadata)); got != want {
			t.Errorf("%s: %d, want %d", metadata, got, want)
		}
	}
}
