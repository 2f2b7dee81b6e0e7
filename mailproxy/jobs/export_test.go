package jobs

import "time"

// Beat shortens the signs of life for a test.
func (o *Options) Beat(every, deadAfter time.Duration) { o.beatEvery, o.deadAfter = every, deadAfter }

var Backoff, Snoozes = backoff, snoozes
