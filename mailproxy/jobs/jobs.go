// Package jobs runs durable work at its time: the delivery of the outbox and
// pruning. It is River over the store's database, so a job is added in the same
// transaction as the row it works on.
//
// Jobs run at least once: Run must find out for itself how far a message has come.
package jobs

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"time"

	"postern/mailproxy/mail"
)

var errNotBuilt = errors.New("not built")

// Options say what to run and where the queue lives.
type Options struct {
	DB     *sql.DB
	Engine string // "sqlite" or "postgres"
	Log    *slog.Logger
	Now    func() time.Time
	// Run delivers one outbox row. retryIn > 0 asks to be run again that much
	// later; an error without it is retried with growing pauses.
	Run func(ctx context.Context, outboxID string) (retryIn time.Duration, err error)
	// Periodic work, run once at the start and then every Every.
	Periodic []Periodic
}

// Periodic is work done again and again.
type Periodic struct {
	Name  string
	Every time.Duration
	Run   func(ctx context.Context) error
}

// Jobs is the queue. Safe for concurrent use.
type Jobs struct{}

// New brings the queue's tables up to date. Nothing runs before Start.
func New(ctx context.Context, o Options) (*Jobs, error) { return nil, errNotBuilt }

// Start begins to run jobs.
func (j *Jobs) Start(ctx context.Context) error { return errNotBuilt }

// Stop takes no more jobs and waits for those that run until ctx ends, then
// cancels them.
func (j *Jobs) Stop(ctx context.Context) error { return nil }

// EnqueueTx schedules a row in tx: fits store.Options.Enqueue. A row that is
// scheduled already stays as it is.
func (j *Jobs) EnqueueTx(ctx context.Context, tx *sql.Tx, id string, due time.Time) error {
	return errNotBuilt
}

// Enqueue is EnqueueTx in a transaction of its own.
func (j *Jobs) Enqueue(ctx context.Context, id string, due time.Time) error { return errNotBuilt }

// Kick runs a row now, whatever it was scheduled for.
func (j *Jobs) Kick(ctx context.Context, id string) error { return errNotBuilt }

// Recover schedules what the last process left, to be called once before Start.
func (j *Jobs) Recover(ctx context.Context, open []mail.OutboxDue) error { return errNotBuilt }
