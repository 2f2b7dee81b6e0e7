// Package jobs runs durable work at its time: the delivery of the outbox, and
// chores such as pruning. It is River over the store's database, so a job is
// added in the same transaction as the row it works on.
//
// A job names an outbox row and nothing else. It runs at least once, and on one
// copy of Postern at a time as far as that can be known: what it works on has to
// say how far it came. River sees no error texts, which may hold addresses.
package jobs

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riverdatabasesql"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivertype"

	"postern/mailproxy/mail"
)

// Options say what to run and where the queue lives.
type Options struct {
	// DB is the store's pool, see its JobsDB. On SQLite it has one connection.
	DB     *sql.DB
	Engine string       // "sqlite" or "postgres"
	Log    *slog.Logger // nil logs nothing
	// Now is the clock that due times are of; nil means time.Now. Waiting is
	// done by the machine's own clock.
	Now func() time.Time
	// Run delivers one outbox row, for at most ten minutes. retryIn > 0 asks to
	// be run again that much later, whatever err is; an error without it is run
	// again after pauses that grow from 10 s to 30 min. Neither ends the job.
	Run func(ctx context.Context, outboxID string) (retryIn time.Duration, err error)
	// Chores run at the start and then again and again, on one copy.
	Chores []Chore
	// Copies finds out which copies of Postern on one PostgreSQL are alive; nil
	// means this is the only one.
	Copies Copies
	// Workers is how many rows are delivered at once; 0 means 20.
	Workers int

	beatEvery, deadAfter time.Duration // for tests
}

// Chore is work done again and again. A run that fails or panics is logged.
type Chore struct {
	Name  string // short, unique
	Every time.Duration
	Run   func(ctx context.Context) error // for at most ten minutes
}

// Copies keeps signs of life of the copies of Postern that share a database.
type Copies interface {
	CopyBeat(ctx context.Context, id string) error
	CopyGone(ctx context.Context, id string) error
	CopiesAlive(ctx context.Context, within time.Duration) ([]string, error)
}

const (
	pollEvery    = 500 * time.Millisecond // a due job starts at most this late
	choresEvery  = 5 * time.Second
	runTimeout   = 10 * time.Minute
	rescueAfter  = 15 * time.Minute // River's own net below takeOver; has to be over runTimeout
	beatEvery    = 15 * time.Second
	deadAfter    = 60 * time.Second // a copy without a sign of life for so long is gone
	keepFinished = time.Hour        // of jobs that ran, for looking at
	migrateTries = 5

	// A job due this soon gets a timer of ours. River's own scheduler looks
	// every 5 s, in one copy, which may still be being elected.
	timerWithin = time.Minute
	maxTimers   = 10_000

	outboxQueue = river.QueueDefault
	choresQueue = "chores"
)

// Jobs is the queue. Safe for concurrent use.
type Jobs struct {
	o      Options
	id     string
	log    *slog.Logger
	client *river.Client[*sql.Tx]
	driver riverdriver.Driver[*sql.Tx]

	mu      sync.Mutex
	timers  map[int64]*time.Timer
	stopped bool
	cancel  context.CancelFunc // of the loop, nil before Start
	done    chan struct{}      // closed when the loop ended
}

// New brings the queue's tables up to date. Nothing runs before Start, but rows
// can be scheduled.
func New(ctx context.Context, o Options) (*Jobs, error) {
	j := &Jobs{o: o, id: "postern-" + rand.Text(), log: o.Log, timers: map[int64]*time.Timer{}}
	if j.log == nil {
		j.log = slog.New(slog.DiscardHandler)
	}
	if j.o.Now == nil {
		j.o.Now = time.Now
	}
	if j.o.Workers <= 0 {
		j.o.Workers = 20
	}
	if j.o.beatEvery <= 0 {
		j.o.beatEvery, j.o.deadAfter = beatEvery, deadAfter
	}
	switch o.Engine {
	case "sqlite":
		j.driver = riversqlite.New(o.DB)
	case "postgres":
		j.driver = riverdatabasesql.New(o.DB)
	default:
		return nil, fmt.Errorf("jobs: unknown engine %q", o.Engine)
	}
	if err := j.migrate(ctx); err != nil {
		return nil, err
	}
	workers := river.NewWorkers()
	river.AddWorker(workers, &deliverWorker{j: j})
	river.AddWorker(workers, &choreWorker{j: j})
	client, err := river.NewClient(j.driver, &river.Config{
		ID:     j.id,
		Logger: slog.New(warnings{j.log.Handler()}),
		Queues: map[string]river.QueueConfig{
			outboxQueue: {MaxWorkers: j.o.Workers},
			choresQueue: {MaxWorkers: 1, FetchPollInterval: choresEvery},
		},
		Workers:                     workers,
		PeriodicJobs:                periodic(o.Chores),
		PollOnly:                    true, // SQLite would poll for notifications besides
		FetchPollInterval:           pollEvery,
		JobTimeout:                  runTimeout,
		RescueStuckJobsAfter:        rescueAfter,
		CompletedJobRetentionPeriod: keepFinished,
		CancelledJobRetentionPeriod: keepFinished,
	})
	if err != nil {
		return nil, fmt.Errorf("jobs: %w", err)
	}
	j.client = client
	return j, nil
}

// Start takes over what dead processes left running and begins to run jobs. It
// goes on when ctx ends; Stop ends it.
func (j *Jobs) Start(ctx context.Context) error {
	if err := j.takeLead(ctx); err != nil {
		return fmt.Errorf("jobs: start: %w", err)
	}
	if err := j.beat(ctx); err != nil {
		return fmt.Errorf("jobs: start: %w", err)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.stopped || j.cancel != nil {
		return errors.New("jobs: started before")
	}
	ctx = context.WithoutCancel(ctx)
	if err := j.client.Start(ctx); err != nil {
		return fmt.Errorf("jobs: start: %w", err)
	}
	ctx, j.cancel = context.WithCancel(ctx)
	j.done = make(chan struct{})
	go j.loop(ctx)
	return nil
}

// Stop takes no more jobs and waits for those that run until ctx ends, then
// cancels them and waits for their end, five seconds at most. A job that was
// cancelled runs again after the next start.
func (j *Jobs) Stop(ctx context.Context) error {
	j.mu.Lock()
	j.stopped = true
	for id, t := range j.timers {
		t.Stop()
		delete(j.timers, id)
	}
	cancel := j.cancel
	j.cancel = nil
	j.mu.Unlock()
	if cancel == nil {
		return nil
	}
	err := j.client.Stop(ctx)
	last, lastCancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer lastCancel()
	if err != nil {
		err = j.client.StopAndCancel(last)
	}
	cancel()
	<-j.done
	if j.copies() {
		err = errors.Join(err, j.o.Copies.CopyGone(last, j.id))
	}
	return err
}

// EnqueueTx schedules a row in tx: it fits store.Options.Enqueue. A row that is
// scheduled or running already stays as it is.
func (j *Jobs) EnqueueTx(ctx context.Context, tx *sql.Tx, id string, due time.Time) error {
	opts, wait := j.insertOpts(due)
	res, err := j.client.InsertTx(ctx, tx, deliverArgs{ID: id}, opts)
	if err != nil {
		return fmt.Errorf("jobs: schedule: %w", err)
	}
	j.wakeIn(res.Job.ID, wait)
	return nil
}

// Enqueue is EnqueueTx in a transaction of its own. It must not be called inside
// a transaction of the store.
func (j *Jobs) Enqueue(ctx context.Context, id string, due time.Time) error {
	opts, wait := j.insertOpts(due)
	res, err := j.client.Insert(ctx, deliverArgs{ID: id}, opts)
	if err != nil {
		return unavailable("schedule", err)
	}
	j.wakeIn(res.Job.ID, wait)
	return nil
}

// Kick runs a row now, whatever it was scheduled for. One that runs already goes
// on. It must not be called inside a transaction of the store.
func (j *Jobs) Kick(ctx context.Context, id string) error {
	opts, _ := j.insertOpts(time.Time{})
	res, err := j.client.Insert(ctx, deliverArgs{ID: id}, opts)
	if err != nil {
		return unavailable("run now", err)
	}
	if res.UniqueSkippedAsDuplicate {
		return unavailable("run now", j.wake(ctx, res.Job.ID))
	}
	return nil
}

// Recover schedules those rows that have no job, which happens to none unless
// the queue's tables were lost. It is cheap and may be called at any time, best
// at the start and as a chore.
func (j *Jobs) Recover(ctx context.Context, open []mail.OutboxDue) error {
	const atATime = 500
	for len(open) > 0 {
		n := min(atATime, len(open))
		params := make([]river.InsertManyParams, n)
		waits := make([]time.Duration, n)
		for i, d := range open[:n] {
			opts, wait := j.insertOpts(d.Due)
			params[i], waits[i] = river.InsertManyParams{Args: deliverArgs{ID: d.ID}, InsertOpts: opts}, wait
		}
		res, err := j.client.InsertMany(ctx, params)
		if err != nil {
			return unavailable("recover", err)
		}
		for i, r := range res {
			j.wakeIn(r.Job.ID, waits[i])
		}
		open = open[n:]
	}
	return nil
}

// insertOpts are the options of a row due then, which is wait from now.
func (j *Jobs) insertOpts(due time.Time) (*river.InsertOpts, time.Duration) {
	opts := &river.InsertOpts{}
	if due.IsZero() {
		return opts, 0
	}
	wait := due.Sub(j.o.Now())
	if wait <= 0 {
		return opts, 0
	}
	opts.ScheduledAt = time.Now().Add(wait)
	return opts, wait
}

// wakeIn makes sure that a job that is due soon starts in time.
func (j *Jobs) wakeIn(job int64, wait time.Duration) {
	if wait <= 0 || wait > timerWithin {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.stopped || len(j.timers) >= maxTimers || j.timers[job] != nil {
		return
	}
	j.timers[job] = time.AfterFunc(wait, func() {
		j.mu.Lock()
		stopped := j.stopped
		delete(j.timers, job)
		j.mu.Unlock()
		if stopped {
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := j.wakeDue(ctx, job); err != nil {
			j.log.Warn("job not woken in time", "error", err) // River's scheduler comes to it
		}
	})
}

// wakeDue wakes a job if it is still scheduled for about now: it may have been
// kicked meanwhile and asked for a later time.
func (j *Jobs) wakeDue(ctx context.Context, job int64) error {
	row, err := j.client.JobGet(ctx, job)
	if errors.Is(err, rivertype.ErrNotFound) {
		return nil // its transaction was rolled back
	}
	if err != nil || row.State != rivertype.JobStateScheduled || time.Until(row.ScheduledAt) > time.Second {
		return err
	}
	return j.wake(ctx, job)
}

func (j *Jobs) wake(ctx context.Context, job int64) error {
	_, err := j.client.JobRetry(ctx, job)
	if errors.Is(err, rivertype.ErrNotFound) {
		return nil
	}
	return err
}

func unavailable(doing string, err error) error {
	if err == nil {
		return nil
	}
	return mail.Wrap(mail.KindOf(err), fmt.Errorf("jobs: %s: %w", doing, err), "")
}
