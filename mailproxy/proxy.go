package mailproxy

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"sync"
	"time"

	"postern/mailproxy/compose"
	"postern/mailproxy/imapconn"
	"postern/mailproxy/imappool"
	"postern/mailproxy/mail"
	"postern/mailproxy/submit"
)

// Options say which mail servers there are and how accounts behave. Only
// Servers is needed.
type Options struct {
	Servers []Server // the first one is for those who give no domain

	// Secret keys Account.ID, so that the store holds no guessable hash of an
	// address. The same in every copy of Postern that shares a store.
	Secret []byte

	// Roles are the mailboxes that a person has chosen for a role, by name; may be nil.
	Roles func(ctx context.Context, accountID string) map[string]mail.Role
	// Identities are the addresses that a person sends as; may be nil.
	Identities func(ctx context.Context, accountID string) ([]mail.Identity, error)
	// Zone is the person's time zone for the Date of what is sent; nil, or a nil
	// location, means UTC.
	Zone func(ctx context.Context, accountID string) *time.Location
	// Words are what answers put into the text; zero means English.
	Words compose.Words

	// What writing and sending need. Without Outbox nothing can be sent, without
	// Blobs no file be attached.
	Blobs  Blobs
	Outbox Outbox
	Jobs   Jobs

	UndoWindow     time.Duration // between Send and submission; 0 means 10 s
	MaxMessageSize int64         // octets of a message as sent; 0 means 50 MiB
	AccountIdle    time.Duration // an account unused for longer is dropped from memory; 0 means 15 min
	CacheBytes     int           // list rows and body structures kept per account; 0 means 8 MiB
	MaxConns       int           // working connections per account; 0 means 2

	Now func() time.Time // 0 means time.Now
	Log *slog.Logger     // nil discards
}

func (o Options) withDefaults() Options {
	if o.UndoWindow <= 0 {
		o.UndoWindow = 10 * time.Second
	}
	if o.MaxMessageSize <= 0 {
		o.MaxMessageSize = 50 << 20
	}
	if o.AccountIdle <= 0 {
		o.AccountIdle = 15 * time.Minute
	}
	if o.CacheBytes <= 0 {
		o.CacheBytes = 8 << 20
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if len(o.Secret) == 0 {
		o.Secret = []byte("postern")
	}
	return o
}

// Server is one configured mail server.
type Server struct {
	Name    string   // unique; goes into Account.ID, so it stays when the host moves
	Domains []string // whose people it serves; the first one completes a bare user name

	IMAP   imapconn.Config
	Submit submit.Config

	Login     LoginForm
	KeepsSent bool // stores submitted mail in Sent itself, so that we must not
}

// LoginForm is what a server wants as login.
type LoginForm string

const (
	LoginAsTyped LoginForm = ""
	LoginAddress LoginForm = "address"   // the whole address
	LoginLocal   LoginForm = "localpart" // what stands before the @
)

// Proxy holds the accounts in use by this process. Safe for concurrent use.
type Proxy struct {
	o   Options
	key [32]byte // of this process: names accounts by their password without keeping it in the name

	mu       sync.Mutex
	closed   bool
	accounts map[accountKey]*Account
	sweep    *time.Timer
	closing  sync.WaitGroup
}

// New makes a proxy. It opens no connection.
func New(o Options) *Proxy {
	p := &Proxy{o: o.withDefaults(), accounts: map[accountKey]*Account{}}
	_, _ = rand.Read(p.key[:]) // never fails (crypto/rand)
	return p
}

var errShutDown = mail.Errorf(mail.Unavailable, "Postern is being restarted. Try again in a moment.")

// SignIn checks the credentials with the mail server and returns the account.
// Errors: SignedOut (wrong password), Unavailable, Insecure, Limited, Refused
// (sign-in disabled), each with a sentence for the person.
func (p *Proxy) SignIn(ctx context.Context, c mail.Credentials) (*Account, error) {
	a, known, err := p.account(c)
	if err != nil {
		return nil, err
	}
	if !known {
		// The connection that proves the password is the first one of the pool.
		if err := a.pool.Read(ctx, "", func(*imappool.Session) error { return nil }); err != nil {
			p.drop(a)
			return nil, err
		}
		return a, nil
	}
	// Connections of an earlier sign-in prove nothing about the password of today.
	conn, err := a.open(ctx)
	if err != nil {
		return nil, err
	}
	_ = conn.Close()
	return a, nil
}

// Account returns the account of a session that was signed in before, making it
// anew when this process does not hold it (no connection is opened yet).
func (p *Proxy) Account(ctx context.Context, c mail.Credentials) (*Account, error) {
	a, _, err := p.account(c)
	return a, err
}

// account finds or makes the account of c and marks it as used.
func (p *Proxy) account(c mail.Credentials) (a *Account, known bool, err error) {
	srv, ok := p.server(c.Server)
	if !ok || c.Login == "" || c.Password == "" {
		return nil, false, mail.Errorf(mail.SignedOut, "Sign in again.")
	}
	key := p.accountKey(srv, c)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, false, errShutDown
	}
	a, known = p.accounts[key]
	if !known {
		a = newAccount(p, srv, key, c)
		p.accounts[key] = a
		if p.sweep == nil {
			p.sweep = time.AfterFunc(p.o.AccountIdle/4, p.dropIdle)
		}
	}
	a.used.Store(time.Now().UnixNano())
	return a, known, nil
}

// drop forgets an account; its connections are closed behind it.
func (p *Proxy) drop(a *Account) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.accounts[a.key] == a {
		delete(p.accounts, a.key)
		p.closing.Go(func() { p.closeAccount(a) })
	}
}

const closeWait = 5 * time.Second // for an account's connections to log out

func (p *Proxy) closeAccount(a *Account) {
	ctx, cancel := context.WithTimeout(context.Background(), closeWait)
	defer cancel()
	if err := a.close(ctx); err != nil {
		p.o.Log.Debug("account closed late", "account", a.id, "error", err)
	}
}

// dropIdle forgets the accounts that nobody has used for a while.
func (p *Proxy) dropIdle() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	before := time.Now().Add(-p.o.AccountIdle).UnixNano()
	for key, a := range p.accounts {
		if a.used.Load() < before && a.busy.Load() == 0 {
			delete(p.accounts, key)
			p.closing.Go(func() { p.closeAccount(a) })
		}
	}
	p.sweep.Reset(p.o.AccountIdle / 4)
}

// Close logs every connection out. Calls after it fail with Unavailable.
func (p *Proxy) Close(ctx context.Context) error {
	p.mu.Lock()
	p.closed = true
	if p.sweep != nil {
		p.sweep.Stop()
	}
	all := make([]*Account, 0, len(p.accounts))
	for _, a := range p.accounts {
		all = append(all, a)
	}
	clear(p.accounts)
	p.mu.Unlock()

	var wg sync.WaitGroup
	errs := make([]error, len(all))
	for i, a := range all {
		wg.Go(func() { errs[i] = a.close(ctx) })
	}
	wg.Wait()
	p.closing.Wait()
	return errors.Join(errs...)
}
