package imappool

import (
	"context"
	"slices"
	"time"

	"postern/mailproxy/mail"
)

// slots are the connections of one purpose. Pool.mu guards them.
type slots struct {
	max     int
	open    int             // lent out, idle or being opened
	idle    []*Session      // the longest unused first
	waiters []chan *Session // first come, first served; nil says "try again"
}

// take removes an idle session from the list: one that has mailbox selected if
// there is one, else the longest unused. Dead ones are dropped on the way.
func (sl *slots) take(mailbox string) *Session {
	sl.idle = slices.DeleteFunc(sl.idle, func(s *Session) bool {
		if !s.alive() {
			sl.open--
			return true
		}
		return false
	})
	if len(sl.idle) == 0 {
		return nil
	}
	at := 0
	if mailbox == "" {
		at = len(sl.idle) - 1
	}
	for i, s := range sl.idle {
		if mailbox != "" && s.has(mailbox) {
			at = i
		}
	}
	s := sl.idle[at]
	sl.idle = slices.Delete(sl.idle, at, at+1)
	return s
}

func (sl *slots) wake() {
	if len(sl.waiters) > 0 {
		w := sl.waiters[0]
		sl.waiters = sl.waiters[1:]
		w <- nil
	}
}

func (sl *slots) wakeAll() {
	for len(sl.waiters) > 0 {
		sl.wake()
	}
}

// acquire returns a session that nobody else uses.
func (p *Pool) acquire(ctx context.Context, sl *slots, mailbox string) (*Session, error) {
	for {
		if err := ctx.Err(); err != nil {
			return nil, Kind(err)
		}
		p.mu.Lock()
		if p.closed {
			p.mu.Unlock()
			return nil, errClosed
		}
		if s := sl.take(mailbox); s != nil {
			p.mu.Unlock()
			s.fresh = false
			return s, nil
		}
		wait := p.backoff.err(time.Now())
		if wait != nil && sl.open == 0 {
			p.mu.Unlock()
			return nil, wait
		}
		if sl.open < sl.max && wait == nil {
			sl.open++
			p.mu.Unlock()
			s, err := p.open(ctx, sl)
			if err == nil {
				return s, nil
			}
			if mail.KindOf(err) == mail.Limited {
				continue // wait for one of those we have, if there is one
			}
			return nil, err
		}
		w := make(chan *Session, 1)
		sl.waiters = append(sl.waiters, w)
		p.mu.Unlock()
		select {
		case s := <-w:
			if s != nil {
				s.fresh = false
				return s, nil
			}
		case <-ctx.Done():
			p.mu.Lock()
			if i := slices.Index(sl.waiters, w); i >= 0 {
				sl.waiters = slices.Delete(sl.waiters, i, i+1)
				p.mu.Unlock()
				return nil, Kind(ctx.Err())
			}
			p.mu.Unlock()
			if s := <-w; s != nil { // handed over in the same moment
				p.release(sl, s)
			} else {
				p.mu.Lock()
				sl.wake()
				p.mu.Unlock()
			}
			return nil, Kind(ctx.Err())
		}
	}
}

// open fills a slot that the caller has counted already.
func (p *Pool) open(ctx context.Context, sl *slots) (*Session, error) {
	conn, err := p.o.Open(ctx)
	var s *Session
	if err == nil {
		s, err = newSession(ctx, conn)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if err == nil && p.closed {
		s.kill()
		err = errClosed
	}
	if err != nil {
		err = Kind(err)
		sl.open--
		if ctx.Err() == nil {
			p.backoff.failed(time.Now(), err)
		}
		sl.wake()
		return nil, err
	}
	p.backoff.reset()
	p.all[s] = struct{}{}
	return s, nil
}

// release takes a session back. A dead one is forgotten.
func (p *Pool) release(sl *slots, s *Session) {
	s.used = time.Now()
	p.mu.Lock()
	if !s.alive() || p.closed {
		sl.open--
		sl.wake()
		p.mu.Unlock()
		if p.closed {
			p.logout(context.Background(), s)
		} else {
			p.forget(s)
		}
		return
	}
	if len(sl.waiters) > 0 {
		w := sl.waiters[0]
		sl.waiters = sl.waiters[1:]
		w <- s
		p.mu.Unlock()
		return
	}
	sl.idle = append(sl.idle, s)
	p.arm()
	p.mu.Unlock()
}

// forget drops a session from the books and makes sure it is closed.
func (p *Pool) forget(s *Session) {
	s.kill()
	p.mu.Lock()
	if _, ok := p.all[s]; ok {
		delete(p.all, s)
		p.flights += s.conn.Flights()
	}
	p.mu.Unlock()
}

const logoutWait = 2 * time.Second // for the server's answer to LOGOUT

func (p *Pool) logout(ctx context.Context, s *Session) {
	if s.alive() {
		ctx, cancel := context.WithTimeout(ctx, logoutWait)
		stop := context.AfterFunc(ctx, s.kill)
		_ = s.Logout().Wait() // nothing is lost when it fails
		stop()
		cancel()
	}
	p.forget(s)
}

// arm sets the reaper for the session that has been idle longest. Pool.mu is held.
func (p *Pool) arm() {
	if p.reaper == nil {
		p.reaper = time.AfterFunc(p.o.Idle, p.reap)
	} else if len(p.working.idle)+len(p.streams.idle) == 1 {
		p.reaper.Reset(p.o.Idle)
	}
}

// reap logs out what has been idle for too long.
func (p *Pool) reap() {
	now := time.Now()
	var old []*Session
	next := time.Duration(0)
	p.mu.Lock()
	for _, sl := range []*slots{&p.working, &p.streams} {
		sl.idle = slices.DeleteFunc(sl.idle, func(s *Session) bool {
			left := p.o.Idle - now.Sub(s.used)
			if left <= 0 || !s.alive() {
				sl.open--
				old = append(old, s)
				return true
			}
			if next == 0 || left < next {
				next = left
			}
			return false
		})
	}
	if next > 0 && !p.closed {
		p.reaper.Reset(next)
	}
	p.mu.Unlock()
	for _, s := range old {
		p.logout(context.Background(), s)
	}
}
