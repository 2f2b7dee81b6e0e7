package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"postern/mailproxy/mail"
)

// live are the states in which a row has a job, of which it has one.
var live = []rivertype.JobState{
	rivertype.JobStateAvailable, rivertype.JobStatePending, rivertype.JobStateRetryable, rivertype.JobStateRunning, rivertype.JobStateScheduled,
}

// maxAttempts is never reached: only a killed process costs an attempt.
const maxAttempts = 10_000

// deliverArgs is the job that delivers one outbox row.
type deliverArgs struct {
	ID string `json:"id"`
}

// Kind implements river.JobArgs.
func (deliverArgs) Kind() string { return "deliver" }

// InsertOpts implements river.JobArgsWithInsertOpts.
func (deliverArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: outboxQueue, MaxAttempts: maxAttempts, UniqueOpts: river.UniqueOpts{ByArgs: true, ByState: live}}
}

type deliverWorker struct {
	river.WorkerDefaults[deliverArgs]
	j *Jobs
}

// Work implements river.Worker. It never fails a job: River would keep the text
// of the error and give up at some time.
func (w *deliverWorker) Work(ctx context.Context, job *river.Job[deliverArgs]) error {
	var retryIn time.Duration
	err := guarded(func() (err error) {
		retryIn, err = w.j.o.Run(ctx, job.Args.ID)
		return err
	})
	switch {
	case ctx.Err() != nil && err != nil:
		// Stopped, or out of time: the next start or the next minute goes on.
		w.j.log.Warn("delivery interrupted", "outbox", job.Args.ID, "kind", mail.KindOf(err).String())
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return river.JobSnooze(time.Minute)
		}
		return river.JobSnooze(0)
	case retryIn > 0:
		return river.JobSnooze(retryIn)
	case err != nil:
		pause := backoff(snoozes(job.Metadata))
		w.j.log.Error("delivery failed", "outbox", job.Args.ID, "kind", mail.KindOf(err).String(), "error", mail.Loggable(err), "again_in", pause)
		return river.JobSnooze(pause)
	}
	return nil
}

// guarded turns a panic into an error with the stack.
func guarded(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return f()
}

// backoff doubles from 10 s to 30 min.
func backoff(before int) time.Duration {
	return min(10*time.Second<<min(max(before, 0), 12), 30*time.Minute)
}

// snoozes is how often River put the job off before.
func snoozes(metadata []byte) int {
	var m struct {
		Snoozes int `json:"snoozes"`
	}
	json.Unmarshal(metadata, &m) // zero when it cannot be read
	return m.Snoozes
}

// choreArgs is one run of a chore.
type choreArgs struct {
	Name string `json:"name"`
}

// Kind implements river.JobArgs.
func (choreArgs) Kind() string { return "chore" }

// InsertOpts implements river.JobArgsWithInsertOpts.
func (choreArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: choresQueue, MaxAttempts: 2, UniqueOpts: river.UniqueOpts{ByArgs: true, ByState: live}}
}

type choreWorker struct {
	river.WorkerDefaults[choreArgs]
	j *Jobs
}

// Work implements river.Worker. What failed is tried again when its time comes.
func (w *choreWorker) Work(ctx context.Context, job *river.Job[choreArgs]) error {
	for _, c := range w.j.o.Chores {
		if c.Name != job.Args.Name {
			continue
		}
		err := guarded(func() error { return c.Run(ctx) })
		if err != nil && ctx.Err() == nil {
			w.j.log.Error("chore failed", "chore", c.Name, "error", mail.Loggable(err))
		}
	}
	return nil
}

func periodic(chores []Chore) []*river.PeriodicJob {
	var list []*river.PeriodicJob
	for _, c := range chores {
		list = append(list, river.NewPeriodicJob(river.PeriodicInterval(c.Every),
			func() (river.JobArgs, *river.InsertOpts) { return choreArgs{Name: c.Name}, nil },
			&river.PeriodicJobOpts{ID: c.Name, RunOnStart: true}))
	}
	return list
}

// warnings passes on what River logs from warnings up: below it tells of every poll.
type warnings struct{ slog.Handler }

func (w warnings) Enabled(ctx context.Context, l slog.Level) bool {
	return l >= slog.LevelWarn && w.Handler.Enabled(ctx, l)
}

func (w warnings) WithAttrs(a []slog.Attr) slog.Handler { return warnings{w.Handler.WithAttrs(a)} }

func (w warnings) WithGroup(name string) slog.Handler { return warnings{w.Handler.WithGroup(name)} }
