package remote

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"postern/mailproxy/mail"
)

// clock is a time that a test sets.
type clock struct{ now atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.now.Store(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC).UnixNano())
	return c
}

func (c *clock) Now() time.Time          { return time.Unix(0, c.now.Load()) }
func (c *clock) advance(d time.Duration) { c.now.Add(int64(d)) }

func TestRemembers(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/no" {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write(pngBytes(1, 1))
	})
	c := newClock()
	f := open(t, Options{Allow: allow(s), Now: c.Now})
	get := func(account, path string, hits int32) {
		t.Helper()
		_, err := f.Image(t.Context(), account, s.URL+path)
		if (err != nil) != (path == "/no") || s.hits.Load() != hits {
			t.Errorf("%s, %s: %v, %d requests, want %d", account, path, err, s.hits.Load(), hits)
		}
	}
	get("a", "/x", 1)
	get("a", "/x", 1)
	get("a", "/x#frag", 1)
	get("b", "/x", 2) // what others looked at is theirs
	get("a", "/no", 3)
	get("a", "/no", 3)
	c.advance(keepNo)
	get("a", "/no", 4)
	get("a", "/x", 4)
	c.advance(keepImage)
	get("a", "/x", 5)
}

func TestCacheIsBounded(t *testing.T) {
	c := cache{max: 10 * (entryCosts + 101)}
	now := time.Now()
	for i := range 100 {
		c.put(&entry{key: fmt.Sprint(i % 10), image: mail.Image{Body: make([]byte, 100)}, until: now.Add(time.Hour)})
	}
	if len(c.entries) != 10 || c.order.Len() != 10 || c.held != c.max {
		t.Fatalf("%d entries, %d in order, %d octets", len(c.entries), c.order.Len(), c.held)
	}
	c.get("0", now)
	c.put(&entry{key: "x", image: mail.Image{Body: make([]byte, 100)}, until: now.Add(time.Hour)})
	if _, ok := c.get("0", now); !ok {
		t.Error("the one just used left")
	}
	if _, ok := c.get("1", now); ok {
		t.Error("the one not used for longest stayed")
	}
	c.put(&entry{key: "big", image: mail.Image{Body: make([]byte, maxKept+1)}, until: now.Add(time.Hour)})
	if _, ok := c.get("big", now); ok || len(c.entries) != 10 {
		t.Error("an image beyond the limit was kept")
	}
	for _, k := range []string{"0", "x"} {
		if _, ok := c.get(k, now.Add(time.Hour)); ok {
			t.Error("kept for too long")
		}
	}
	if c.held != 8*(entryCosts+101) {
		t.Errorf("%d octets held", c.held)
	}
}

func TestOneFetchForAll(t *testing.T) {
	t.Parallel()
	asked, answer := make(chan struct{}, 10), make(chan struct{})
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		asked <- struct{}{}
		<-answer
		_, _ = w.Write(pngBytes(1, 1))
	})
	f := open(t, Options{Allow: allow(s)})
	// The first one leaves while others wait; they still get their image.
	ctx, leave := context.WithCancel(t.Context())
	first := make(chan error, 1)
	go func() { _, err := f.Image(ctx, "a", s.URL); first <- err }()
	soon(t, asked, "the request")
	others := make(chan error, 5)
	for range 5 {
		go func() { _, err := f.Image(t.Context(), "a", s.URL); others <- err }()
	}
	f.awaits(t, 6)
	leave()
	if err := soon(t, first, "the first leaves"); kind(err) != mail.Unavailable {
		t.Error(err)
	}
	close(answer)
	for range 5 {
		if err := soon(t, others, "an image"); err != nil {
			t.Error(err)
		}
	}
	if n := s.hits.Load(); n != 1 {
		t.Errorf("%d requests", n)
	}
}

// awaits returns once n callers wait for the one fetch there is.
func (f *Fetcher) awaits(t *testing.T, n int) {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(time.Millisecond) {
		f.mu.Lock()
		for _, fl := range f.flights {
			if fl.waiters == n {
				f.mu.Unlock()
				return
			}
		}
		f.mu.Unlock()
	}
	t.Fatalf("never %d waiting", n)
}

func TestNobodyWaitsAnyMore(t *testing.T) {
	t.Parallel()
	asked, left := make(chan struct{}, 10), make(chan struct{}, 10)
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/slow" || len(asked) > 0 {
			_, _ = w.Write(pngBytes(1, 1))
			return
		}
		asked <- struct{}{}
		<-r.Context().Done()
		left <- struct{}{}
	})
	f := open(t, Options{Allow: allow(s)})
	ctx, leave := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { _, err := f.Image(ctx, "a", s.URL+"/slow"); done <- err }()
	for end := time.Now().Add(patience); s.hits.Load() == 0 && time.Now().Before(end); time.Sleep(time.Millisecond) {
	}
	leave()
	soon(t, done, "the caller returns")
	soon(t, left, "the request ends")
	if _, err := f.Image(t.Context(), "a", s.URL+"/slow"); err != nil {
		t.Errorf("asking again: %v", err)
	}
}

func TestTurns(t *testing.T) {
	t.Parallel()
	var now, most atomic.Int32
	full := make(chan struct{})
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		n := now.Add(1)
		defer now.Add(-1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		if n == 2 {
			select {
			case <-full:
			default:
				close(full)
			}
		}
		<-full // until two are here at once
		_, _ = w.Write(pngBytes(1, 1))
	})
	f := open(t, Options{Allow: allow(s), Concurrent: 2, InAll: 3})
	var wg sync.WaitGroup
	for i := range 12 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			if _, err := f.Image(t.Context(), "a", fmt.Sprint(s.URL, "/", i)); err != nil {
				t.Error(err)
			}
		}()
	}
	wg.Wait()
	if n := most.Load(); n != 2 {
		t.Errorf("%d at once", n)
	}
}

func TestRate(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(pngBytes(1, 1)) })
	c := newClock()
	f := open(t, Options{Allow: allow(s), PerMinute: 3, Now: c.Now})
	n := 0
	get := func(account string) mail.Kind {
		n++
		_, err := f.Image(t.Context(), account, fmt.Sprint(s.URL, "/", n))
		return kind(err)
	}
	for i, want := range []mail.Kind{-1, -1, -1, mail.Limited, mail.Limited} {
		if got := get("a"); got != want {
			t.Errorf("fetch %d: %v, want %v", i, got, want)
		}
	}
	if got := get("b"); got != -1 {
		t.Errorf("another account: %v", got)
	}
	c.advance(20 * time.Second)
	if a, b := get("a"), get("a"); a != -1 || b != mail.Limited {
		t.Errorf("later: %v, %v", a, b)
	}
}

func TestGateForgets(t *testing.T) {
	c := newClock()
	g := &gate{perAccount: 1, perMinute: 2, now: c.Now, all: make(chan struct{}, 1), lanes: map[string]*lane{}}
	for i := range 3 * maxLanes {
		leave, err := g.enter(t.Context(), fmt.Sprint(i))
		if err != nil {
			t.Fatal(err)
		}
		leave()
		c.advance(time.Second)
	}
	if len(g.lanes) > maxLanes {
		t.Errorf("%d accounts remembered", len(g.lanes))
	}
	leave, err := g.enter(t.Context(), "x")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, account := range []string{"x", "y"} { // its own turn, everybody's turn
		if _, err := g.enter(ctx, account); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", account, err)
		}
	}
	leave()
	if g.lanes["x"].users != 0 || g.lanes["y"].users != 0 || len(g.all) != 0 {
		t.Error("somebody is still reckoned to be there")
	}
}

func TestHostThatIsDown(t *testing.T) {
	t.Parallel()
	s := serve(t, func(http.ResponseWriter, *http.Request) {})
	s.Close()
	var dials atomic.Int32
	c := newClock()
	f := open(t, Options{Now: c.Now, Allow: func(a netip.AddrPort) bool { dials.Add(1); return a == s.at }})
	for i, want := range []int32{2, 3, 4, 5} { // the look at the address counts once each, the dial once in all
		if _, err := f.Image(t.Context(), "a", fmt.Sprint(s.URL, "/", i)); kind(err) != mail.Unavailable || dials.Load() != want {
			t.Errorf("%d: %v, %d looks", i, err, dials.Load())
		}
	}
	c.advance(keepDown)
	if _, _ = f.Image(t.Context(), "a", s.URL+"/x"); dials.Load() != 7 {
		t.Errorf("not tried again later: %d looks", dials.Load())
	}
}

func TestTooMuchBeingRead(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(pngBytes(1, 1)) })
	f := open(t, Options{Allow: allow(s), MaxReading: 10})
	if _, err := f.Image(t.Context(), "a", s.URL); kind(err) != mail.Limited {
		t.Error(err)
	}
}

func TestClose(t *testing.T) {
	t.Parallel()
	asked := make(chan struct{}, 1)
	s := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		<-r.Context().Done()
	})
	f := New(Options{Allow: allow(s)})
	done := make(chan error, 1)
	go func() { _, err := f.Image(t.Context(), "a", s.URL); done <- err }()
	soon(t, asked, "the request")
	f.Close()
	if err := soon(t, done, "the caller returns"); kind(err) != mail.Unavailable {
		t.Error(err)
	}
	if _, err := f.Image(t.Context(), "a", s.URL); kind(err) != mail.Unavailable {
		t.Errorf("after Close: %v", err)
	}
	f.Close()
}
