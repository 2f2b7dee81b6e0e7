package remote

import (
	"context"
	"crypto/x509"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"postern/mailproxy/mail"
)

// Options configures a Fetcher. The zero value works; a zero field takes the
// value in brackets.
type Options struct {
	Now func() time.Time
	Log *slog.Logger // causes of failures, at level debug; never an address

	MaxBytes   int           // octets of one image [10 MiB]
	MaxPixels  int           // width times height of one image [25 million]
	MaxReading int           // octets of all images being read [128 MiB]
	MaxCache   int           // octets of the images kept in memory [32 MiB]
	Timeout    time.Duration // for one image, redirects included [10 s]
	Redirects  int           // followed for one image [3], none if negative
	Concurrent int           // fetches at once for one account [6]
	PerMinute  int           // fetches begun for one account [600]
	InAll      int           // fetches at once for everybody [64]

	// Allow permits addresses beside ports 80 and 443 of the public Internet.
	// For tests; nil permits none.
	Allow func(netip.AddrPort) bool
	// Resolver and Roots stand in for the system's, nil means those.
	Resolver *net.Resolver
	Roots    *x509.CertPool
}

// Fetcher fetches images. Safe for concurrent use.
type Fetcher struct {
	opt     Options
	client  *http.Client
	gate    *gate
	reading atomic.Int64 // octets of buffers of bodies being read
	ctx     context.Context
	cancel  context.CancelFunc
	running sync.WaitGroup

	mu      sync.Mutex
	closed  bool
	cache   cache
	flights map[string]*flight
}

// flight is one fetch that all who ask for the same meanwhile wait for.
type flight struct {
	done    chan struct{} // closed when image and err are set
	cancel  context.CancelFunc
	waiters int // guarded by Fetcher.mu
	image   mail.Image
	err     error
}

// New makes a Fetcher of opt. Close ends it.
func New(opt Options) *Fetcher {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	if opt.Timeout == 0 {
		opt.Timeout = 10 * time.Second
	}
	def := func(n *int, v int) {
		if *n == 0 {
			*n = v
		}
	}
	def(&opt.MaxBytes, 10<<20)
	def(&opt.MaxPixels, 25_000_000)
	def(&opt.MaxReading, 128<<20)
	def(&opt.MaxCache, 32<<20)
	def(&opt.Redirects, 3)
	def(&opt.Concurrent, 6)
	def(&opt.PerMinute, 600)
	def(&opt.InAll, 64)
	f := &Fetcher{opt: opt, cache: cache{max: opt.MaxCache}, flights: map[string]*flight{}}
	f.gate = &gate{perAccount: opt.Concurrent, perMinute: float64(opt.PerMinute), now: opt.Now, all: make(chan struct{}, opt.InAll), lanes: map[string]*lane{}}
	f.client = f.newClient()
	f.ctx, f.cancel = context.WithCancel(context.Background())
	return f
}

// Close ends what is being fetched and waits for it.
func (f *Fetcher) Close() {
	f.mu.Lock()
	f.closed = true
	f.mu.Unlock()
	f.cancel()
	f.running.Wait()
	f.client.CloseIdleConnections()
}

const maxWait = 20 * time.Second // for a turn

// Image fetches the image at an address, for an account. Those of an account who
// ask for the same at once share one fetch; an answer is remembered for a while.
//
// The error is Invalid when the address is none that is fetched, NotFound when
// there is no image, TooLarge, Limited or Unavailable.
func (f *Fetcher) Image(ctx context.Context, account, address string) (mail.Image, error) {
	u, err := f.parse(address)
	if err != nil {
		return mail.Image{}, mail.Wrap(mail.Invalid, err, "")
	}
	key := account + "\x00" + u.String()
	f.mu.Lock()
	if f.closed {
		f.mu.Unlock()
		return mail.Image{}, mail.Wrap(mail.Unavailable, errors.New("stopping"), "")
	}
	now := f.opt.Now()
	for _, k := range []string{key, hostKey(account, u)} {
		if e, ok := f.cache.get(k, now); ok {
			f.mu.Unlock()
			return e.image, e.err
		}
	}
	fl := f.flights[key]
	if fl == nil {
		fl = &flight{done: make(chan struct{})}
		var fctx context.Context
		fctx, fl.cancel = context.WithCancel(f.ctx)
		f.flights[key] = fl
		f.running.Add(1)
		go f.fly(fctx, fl, account, key, u)
	}
	fl.waiters++
	f.mu.Unlock()
	select {
	case <-fl.done:
		return fl.image, fl.err
	case <-ctx.Done():
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if fl.waiters--; fl.waiters == 0 {
		fl.cancel()
		if f.flights[key] == fl {
			delete(f.flights, key) // whoever asks next starts afresh
		}
	}
	return mail.Image{}, mail.Wrap(mail.Unavailable, ctx.Err(), "")
}

// hostKey is where the cache remembers that a host does not answer. It is no
// address, so it cannot be an image's key.
func hostKey(account string, u *url.URL) string { return account + "\x00" + u.Scheme + " " + u.Host }

// fly fetches for everybody who waits for fl.
func (f *Fetcher) fly(ctx context.Context, fl *flight, account, key string, u *url.URL) {
	defer f.running.Done()
	defer fl.cancel()
	fl.image, fl.err = f.turn(ctx, account, u)
	e := &entry{key: key, image: fl.image, err: fl.err}
	now := f.opt.Now()
	f.mu.Lock()
	defer f.mu.Unlock()
	var down *downError
	switch {
	case fl.err == nil:
		e.until = now.Add(keepImage)
	case ctx.Err() != nil || mail.KindOf(fl.err) == mail.Limited:
	case errors.As(fl.err, &down):
		e.key, e.until = hostKey(account, u), now.Add(keepDown)
	default:
		e.until = now.Add(keepNo)
	}
	if !e.until.IsZero() {
		f.cache.put(e)
	}
	if f.flights[key] == fl {
		delete(f.flights, key)
	}
	close(fl.done)
	if fl.err != nil {
		f.opt.Log.Debug("image not fetched", "account", account, "err", fl.err)
	}
}

// turn waits for a turn and fetches.
func (f *Fetcher) turn(ctx context.Context, account string, u *url.URL) (mail.Image, error) {
	wait, cancel := context.WithTimeout(ctx, maxWait)
	leave, err := f.gate.enter(wait, account)
	cancel()
	if err != nil {
		if mail.KindOf(err) != mail.Limited {
			err = mail.Wrap(mail.Limited, err, "")
		}
		return mail.Image{}, err
	}
	defer leave()
	f.mu.Lock()
	e, ok := f.cache.get(hostKey(account, u), f.opt.Now()) // what was learnt while waiting
	f.mu.Unlock()
	if ok {
		return mail.Image{}, e.err
	}
	ctx, cancel = context.WithTimeout(ctx, f.opt.Timeout)
	defer cancel()
	return f.fetch(ctx, u)
}
