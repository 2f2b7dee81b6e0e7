package remote

import (
	"context"
	"sync"
	"time"

	"postern/mailproxy/mail"
)

const (
	maxQueue = 500  // fetches of one account running or waiting
	maxLanes = 1000 // accounts remembered before those at rest are forgotten
)

// gate bounds how much is fetched at once and how often, for each account and in
// all: one mail full of slow images must not keep others from theirs.
type gate struct {
	perAccount int
	perMinute  float64
	now        func() time.Time
	all        chan struct{}

	mu    sync.Mutex
	lanes map[string]*lane
}

// lane is one account's share.
type lane struct {
	slots  chan struct{}
	users  int       // running or waiting
	tokens float64   // fetches that may begin now
	at     time.Time // when tokens was reckoned
}

// enter waits for a turn; leave ends it. The error is Limited when there were too
// many before, or that of ctx.
func (g *gate) enter(ctx context.Context, account string) (leave func(), err error) {
	l, err := g.join(account)
	if err != nil {
		return nil, err
	}
	select {
	case l.slots <- struct{}{}:
	case <-ctx.Done():
		g.part(l)
		return nil, ctx.Err()
	}
	select {
	case g.all <- struct{}{}:
	case <-ctx.Done():
		<-l.slots
		g.part(l)
		return nil, ctx.Err()
	}
	return func() { <-g.all; <-l.slots; g.part(l) }, nil
}

func (g *gate) join(account string) (*lane, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.now()
	l := g.lanes[account]
	if l == nil {
		if len(g.lanes) >= maxLanes {
			g.sweep(now)
		}
		l = &lane{slots: make(chan struct{}, g.perAccount), tokens: g.perMinute, at: now}
		g.lanes[account] = l
	}
	g.refill(l, now)
	if l.tokens < 1 || l.users >= maxQueue {
		return nil, mail.Errorf(mail.Limited, "Too many images were asked for at once.")
	}
	l.tokens--
	l.users++
	return l, nil
}

func (g *gate) part(l *lane) {
	g.mu.Lock()
	defer g.mu.Unlock()
	l.users--
}

func (g *gate) refill(l *lane, now time.Time) {
	l.tokens = min(g.perMinute, l.tokens+max(0, now.Sub(l.at).Minutes())*g.perMinute)
	l.at = now
}

// sweep forgets accounts that would start afresh anyway.
func (g *gate) sweep(now time.Time) {
	for name, l := range g.lanes {
		if g.refill(l, now); l.users == 0 && l.tokens >= g.perMinute {
			delete(g.lanes, name)
		}
	}
}
