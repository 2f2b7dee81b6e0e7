package mailproxy

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"postern/mailproxy/imapconn"
	"postern/mailproxy/imappool"
	"postern/mailproxy/index"
	"postern/mailproxy/mail"
)

// Account is one signed-in person on one mail server. Its connections, caches
// and index are shared by all of that person's sessions and tabs in this
// process. Safe for concurrent use.
type Account struct {
	proxy  *Proxy
	server *Server
	key    accountKey
	id     string
	creds  mail.Credentials
	imap   imapconn.Config
	pool   *imappool.Pool
	index  *index.Index

	used atomic.Int64 // when it was asked for last, nanoseconds since 1970
	busy atomic.Int64 // background work under way

	ctx    context.Context // ends with close
	cancel context.CancelFunc
	work   sync.WaitGroup // background work

	boxes   boxes
	results results
	opened  opened
	drafts  drafts

	poorMu sync.Mutex
	poor   map[string]time.Time // mailboxes listed without body structures, until when

	scanMu sync.Mutex
	scans  map[string]chan struct{} // mailboxes being scanned; closed at the end
}

// accountKey names an account within this process, by its password too, so that
// a session with another password never shares its connections.
type accountKey [sha256.Size]byte

func (p *Proxy) accountKey(srv *Server, c mail.Credentials) accountKey {
	h := hmac.New(sha256.New, p.key[:])
	for _, s := range []string{srv.Name, c.Login, c.Address, c.Password} {
		h.Write([]byte(s))
		h.Write([]byte{0})
	}
	return accountKey(h.Sum(nil))
}

// accountID is the stable name of an account: 26 letters and digits.
func accountID(secret []byte, server, login string) string {
	h := hmac.New(sha256.New, secret)
	h.Write([]byte("account\x00" + server + "\x00" + strings.ToLower(login)))
	sum := h.Sum(nil)
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:16]))
}

func newAccount(p *Proxy, srv *Server, key accountKey, c mail.Credentials) *Account {
	a := &Account{
		proxy: p, server: srv, key: key, creds: c,
		id:    accountID(p.o.Secret, srv.Name, c.Login),
		imap:  srv.IMAP,
		index: index.New(p.o.CacheBytes),
	}
	a.imap.Names = new(imapconn.Names)
	a.ctx, a.cancel = context.WithCancel(context.Background())
	a.pool = imappool.New(imappool.Options{Max: p.o.MaxConns, Open: a.open})
	return a
}

// open opens a connection of the account, signed in.
func (a *Account) open(ctx context.Context) (imappool.Conn, error) {
	c, err := imapconn.Open(ctx, a.imap, a.creds)
	if err != nil {
		return nil, err // not a nil *Conn in an interface
	}
	return c, nil
}

func (a *Account) close(ctx context.Context) error {
	a.scanMu.Lock()
	a.cancel() // no scan begins after this
	a.scanMu.Unlock()
	err := a.pool.Close(ctx)
	a.work.Wait()
	return err
}

// ID is the stable key of the account in the store: a hash of server and login,
// the same in every session, holding no address.
func (a *Account) ID() string { return a.id }

// Address is the person's own address.
func (a *Account) Address() string { return a.creds.Address }

// Flights is how many IMAP round trips the account has cost, for tests and metrics.
func (a *Account) Flights() int64 { return a.pool.Flights() }
