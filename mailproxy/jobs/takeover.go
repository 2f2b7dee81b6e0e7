package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/rivermigrate"
	"github.com/riverqueue/river/rivertype"
)

// migrate brings River's tables up to date. Copies that start together get in
// each other's way; the later ones find it done.
func (j *Jobs) migrate(ctx context.Context) error {
	m, err := rivermigrate.New(j.driver, &rivermigrate.Config{Logger: slog.New(warnings{j.log.Handler()})})
	if err != nil {
		return fmt.Errorf("jobs: migrate: %w", err)
	}
	for try := 1; ; try++ {
		_, err = m.Migrate(ctx, rivermigrate.DirectionUp, nil)
		if err == nil || try == migrateTries {
			break
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("jobs: migrate: %w", err)
		case <-time.After(time.Duration(try) * 200 * time.Millisecond):
		}
	}
	if err != nil {
		return fmt.Errorf("jobs: migrate: %w", err)
	}
	return nil
}

// copies reports whether other copies of Postern may use the database. On SQLite
// the store lets one process in.
func (j *Jobs) copies() bool { return j.o.Engine == "postgres" && j.o.Copies != nil }

// takeLead ends the leadership of a process that is gone, when this is the only
// one: otherwise nothing would be scheduled until its term ends, 15 s later.
func (j *Jobs) takeLead(ctx context.Context) error {
	if j.copies() {
		return nil
	}
	exec := j.driver.GetExecutor()
	leader, err := exec.LeaderGetElectedLeader(ctx, &riverdriver.LeaderGetElectedLeaderParams{})
	if err != nil || leader == nil {
		if errors.Is(err, rivertype.ErrNotFound) {
			return nil
		}
		return err
	}
	_, err = exec.LeaderResign(ctx, &riverdriver.LeaderResignParams{ElectedAt: leader.ElectedAt, LeaderID: leader.LeaderID, LeadershipTopic: "river_leadership"})
	return err
}

// loop gives signs of life and looks for copies that stopped giving them.
func (j *Jobs) loop(ctx context.Context) {
	defer close(j.done)
	if !j.copies() {
		return
	}
	tick := time.NewTicker(j.o.beatEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := j.beat(ctx); err != nil && ctx.Err() == nil {
			j.log.Warn("no sign of life to the other copies", "error", err)
		}
	}
}

// beat says that this copy is alive and takes over from those that are not.
func (j *Jobs) beat(ctx context.Context) error {
	alive := []string{j.id}
	if j.copies() {
		if err := j.o.Copies.CopyBeat(ctx, j.id); err != nil {
			return err
		}
		others, err := j.o.Copies.CopiesAlive(ctx, j.o.deadAfter)
		if err != nil {
			return err
		}
		alive = append(alive, others...)
	}
	return j.takeOver(ctx, alive)
}

// takeOver lets jobs run again that a process ran which is not alive.
func (j *Jobs) takeOver(ctx context.Context, alive []string) error {
	const atATime = 500
	exec := j.driver.GetExecutor()
	var after int64
	for {
		// Stuck is what began before then: everything that runs.
		horizon := time.Now().Add(24 * time.Hour)
		running, err := exec.JobGetStuck(ctx, &riverdriver.JobGetStuckParams{AfterID: after, Max: atATime, StuckHorizon: horizon})
		if err != nil {
			return err
		}
		p := riverdriver.JobRescueManyParams{StuckHorizon: horizon}
		for _, job := range running {
			after = job.ID
			by := ""
			if n := len(job.AttemptedBy); n > 0 {
				by = job.AttemptedBy[n-1]
			}
			if slices.Contains(alive, by) {
				continue
			}
			p.ID = append(p.ID, job.ID)
			p.Error = append(p.Error, []byte(`{"at":"`+time.Now().UTC().Format(time.RFC3339)+`","attempt":1,"error":"the process ended","trace":""}`))
			p.FinalizedAt = append(p.FinalizedAt, nil)
			p.ScheduledAt = append(p.ScheduledAt, time.Now().UTC())
			p.State = append(p.State, string(rivertype.JobStateAvailable))
		}
		if len(p.ID) > 0 {
			if _, err := exec.JobRescueMany(ctx, &p); err != nil {
				return err
			}
			j.log.Warn("took over jobs of a process that ended", "jobs", len(p.ID))
		}
		if len(running) < atATime {
			return nil
		}
	}
}
