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
// there is one, else the longest unused, or the last used when no mailbox is
// asked for. Dead ones are dropped on the way.
func (sl *slots) take(mailbox string) (s *Session, dead []*Session) {
	sl.idle = slices.DeleteFunc(sl.idle, func(s *Session) bool {
		if s.alive() {
			return false
		}
		sl.open--
		dead = append(dead, s)
		return true
	})
	if len(sl.idle) == 0 {
		return nil, dead
	}
	at := 0
	if mailbox == "" {
		at = len(sl.idle) - 1
	} else if i := slices.IndexFunc(sl.idle, func(s *Session) bool { return s.has(mailbox) }); i >= 0 {
		at = i
	}
	s = sl.idle[at]
	sl.idle = slices.Delete(sl.idle, at, at+1)
	return s, dead
}

// wake lets the first waiter try again.
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

// acquire returns a session that nobody else uses. The server's saying that
// there are too many connections already is an error only when there is none to
// wait for.
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
		s, dead := sl.take(mailbox)
		for _, d := range dead {
			p.forget(d)
		}
		if s != nil {
			p.mu.Unlock()
			s.renew()
			return s, nil
		}
		pause := p.backoff.err(time.Now())
		if pause != nil && sl.open == 0 {
			p.mu.Unlock()
			return nil, pause
		}
		if sl.open < sl.max && pause == nil {
			sl.open++
			p.mu.Unlock()
			s, err := p.open(ctx, sl)
			if err == nil {
				return s, nil
			}
			if mail.KindOf(err) == mail.Limited {
				continue
			}
			return nil, err
		}
		w := make(chan *Session, 1)
		sl.waiters = append(sl.waiters, w)
		p.mu.Unlock()
		select {
		case s := <-w:
			if s != nil {
				s.renew()
				return s, nil
			}
		case <-ctx.Done():
			p.leave(sl, w)
			return nil, Kind(ctx.Err())
		}
	}
}

// leave takes a waiter out of the queue and passes on what it was given in the
// same moment.
func (p *Pool) leave(sl *slots, w chan *Session) {
	p.mu.Lock()
	if i := slices.Index(sl.waiters, w); i >= 0 {
		sl.waiters = slices.Delete(sl.waiters, i, i+1)
		p.mu.Unlock()
		return
	}
	s := <-w
	if s == nil {
		sl.wake()
	}
	p.mu.Unlock()
	if s != nil {
		p.release(sl, s)
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
	p.mu.Lock()
	defer p.mu.Unlock()
	s.used = time.Now()
	switch {
	case !s.alive():
		sl.open--
		p.forget(s)
		sl.wake()
	case p.closed:
		sl.open--
		go p.logout(s)
	case len(sl.waiters) > 0:
		w := sl.waiters[0]
		sl.waiters = sl.waiters[1:]
		w <- s
	default:
		sl.idle = append(sl.idle, s)
		p.arm()
	}
}

// forget closes a session and drops it from the books. Pool.mu is held.
func (p *Pool) forget(s *Session) {
	s.kill()
	if _, ok := p.all[s]; !ok {
		return
	}
	delete(p.all, s)
	p.flights += s.conn.Flights()
	if p.empty != nil && len(p.all) == 0 {
		close(p.empty)
	}
}

const logoutWait = 2 * time.Second // for the server's answer to LOGOUT

// logout says good-bye and forgets.
func (p *Pool) logout(s *Session) {
	if s.alive() {
		t := time.AfterFunc(logoutWait, s.kill)
		_ = s.Logout().Wait() // nothing is lost when it fails
		t.Stop()
	}
	p.mu.Lock()
	p.forget(s)
	p.mu.Unlock()
}

// arm sets the reaper when there was nothing to wait for before. Pool.mu is held.
func (p *Pool) arm() {
	if p.reaper == nil {
		p.reaper = time.AfterFunc(p.o.Idle, p.reap)
	} else if len(p.working.idle)+len(p.streams.idle) == 1 {
		p.reaper.Reset(p.o.Idle)
	}
}

// reap logs out what has been idle for too long.
func (p *Pool) reap() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	now := time.Now()
	next := time.Duration(0)
	for _, sl := range []*slots{&p.working, &p.streams} {
		sl.idle = slices.DeleteFunc(sl.idle, func(s *Session) bool {
			left := p.o.Idle - now.Sub(s.used)
			if left <= 0 || !s.alive() {
				sl.open--
				go p.logout(s)
				return true
			}
			if next == 0 || left < next {
				next = left
			}
			return false
		})
	}
	if next > 0 {
		p.reaper.Reset(next)
	}
}
