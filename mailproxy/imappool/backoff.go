package imappool

import (
	"time"

	"postern/mailproxy/mail"
)

const (
	firstPause = 500 * time.Millisecond
	limitPause = 5 * time.Second // after [LIMIT], [INUSE] and the like
	maxPause   = 30 * time.Second
)

// backoff keeps a pool from knocking at a server that has just said no.
// Pool.mu guards it.
type backoff struct {
	until time.Time
	pause time.Duration
	last  error
}

// err is the last failure while its pause lasts, else nil.
func (b *backoff) err(now time.Time) error {
	if b.last != nil && now.Before(b.until) {
		return b.last
	}
	return nil
}

func (b *backoff) failed(now time.Time, err error) {
	switch mail.KindOf(err) {
	case mail.Limited:
		b.pause = max(b.pause*2, limitPause)
	case mail.Unavailable:
		b.pause = max(b.pause*2, firstPause)
	default:
		return
	}
	b.pause = min(b.pause, maxPause)
	b.until, b.last = now.Add(b.pause), err
}

func (b *backoff) reset() { *b = backoff{} }
