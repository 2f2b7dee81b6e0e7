package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"postern/handlers"
	"postern/mailproxy"
	"postern/mailproxy/jobs"
	"postern/mailproxy/mail"
	"postern/mailproxy/remote"
	"postern/store"
	"postern/web"
)

type serveCmd struct{}

// Run serves the configured mail servers.
func (serveCmd) Run(ctx context.Context, c *Config) error {
	servers, err := c.mailServers()
	if err != nil {
		return err
	}
	if c.Data == "" {
		c.Data = "data"
	}
	return serve(ctx, c, servers, nil)
}

const prunePause = 5 * time.Minute

// serve builds every part, answers until ctx ends and stops them in reverse
// order. d is nil but for the demo.
func serve(ctx context.Context, c *Config, servers []mailServer, d *demo) (err error) {
	log := c.logger(os.Stderr)
	proxies, err := c.proxies()
	if err != nil {
		return err
	}
	maxMessage, err := parseSize("max-message-size", c.MaxMessageSize)
	if err != nil {
		return err
	}
	ln, err := c.listen()
	if err != nil {
		return err
	}
	defer ln.Close()
	key, err := c.operatorKey()
	if err != nil {
		return err
	}
	st, err := store.Open(ctx, store.Options{Dir: c.Data, DSN: c.DatabaseURL, Key: key})
	if err != nil {
		return c.storeError(err)
	}
	defer func() { err = errors.Join(err, st.Close()) }()

	var proxy *mailproxy.Proxy
	db, engine := st.JobsDB()
	queue, err := jobs.New(ctx, jobs.Options{
		DB: db, Engine: string(engine), Log: log.With("part", "jobs"),
		Run:    func(ctx context.Context, id string) (time.Duration, error) { return proxy.RunOutbox(ctx, id) },
		Copies: copies(c, st),
		Chores: []jobs.Chore{{Name: "prune", Every: prunePause, Run: st.Prune}},
	})
	if err != nil {
		return fmt.Errorf("prepare the job queue: %w", err)
	}
	st.SetEnqueue(queue.EnqueueTx)
	proxy = mailproxy.New(c.proxyOptions(servers, st, queue, key, maxMessage, log))
	defer func() {
		stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		err = errors.Join(err, proxy.Close(stop))
	}()
	open, err := st.OutboxOpen(ctx)
	if err == nil {
		err = queue.Recover(ctx, open)
	}
	if err != nil {
		return fmt.Errorf("take up the outbox: %w", err)
	}
	// Jobs outlive ctx: what is being sent is finished, Stop waits for it.
	if err := queue.Start(context.WithoutCancel(ctx)); err != nil {
		return fmt.Errorf("start the job queue: %w", err)
	}
	defer func() {
		stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.Grace)
		defer cancel()
		err = errors.Join(err, queue.Stop(stop))
	}()

	w := web.New(web.Options{
		Site: c.site(), Secure: c.PublicHTTPS, TrustedProxies: proxies, Store: st, Key: key, Log: log,
		Sessions: web.Lifetimes{Idle: c.SessionIdle, Absolute: c.SessionMax, StayIdle: c.StaySessionIdle, StayAbsolute: c.StaySessionMax},
	})
	var images handlers.ImageFetcher
	if c.RemoteImages != "never" {
		out := remote.New(remote.Options{Log: log.With("part", "images")})
		defer out.Close()
		images = out
	}
	var says []string
	if d != nil {
		says = d.says
		if images != nil {
			images = demoImages{images}
		}
		if err := d.introduce(ctx, proxy, st); err != nil {
			return fmt.Errorf("introduce the demo's people: %w", err)
		}
	}
	var stopping atomic.Bool
	host := c.SignInHost
	if host == "" && len(servers) > 0 {
		host = servers[0].imap.Host
	}
	imageKey := store.Subkey(key, "image addresses")
	h := handlers.New(handlers.Options{
		Images: images, ImageKey: imageKey[:],
		Web: w, Proxy: proxy, Store: st, Host: host, Foot: c.SignInNote, Demo: says, MaxMessage: maxMessage,
		Ready: func() error {
			if stopping.Load() {
				return errors.New("stopping")
			}
			ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
			defer cancel()
			return st.Ping(ctx)
		},
	})
	if c.AdminListen != "" {
		stop, err := serveAdmin(c.AdminListen, log)
		if err != nil {
			return err
		}
		defer stop()
	}
	log.Info("serving", "address", ln.Addr().String(), "version", version())
	fmt.Fprintf(os.Stdout, "Postern is at http://%s%s/\n", browserAddr(ln.Addr()), c.site().Base)
	for _, line := range says {
		fmt.Fprintln(os.Stdout, "  "+line)
	}
	go func() { <-ctx.Done(); stopping.Store(true) }()
	return web.Serve(ctx, web.NewServer(h.Routes(), log), ln, c.Grace)
}

// copies keeps track of other copies of Postern where there can be any.
func copies(c *Config, st *store.Store) jobs.Copies {
	if c.DatabaseURL == "" {
		return nil
	}
	return st
}

func (c *Config) proxyOptions(servers []mailServer, st *store.Store, queue *jobs.Jobs, key [32]byte, maxMessage int64, log *slog.Logger) mailproxy.Options {
	secret := store.Subkey(key, "account ids")
	o := mailproxy.Options{
		Secret: secret[:], Blobs: st, Outbox: st, Jobs: queue, MaxMessageSize: maxMessage, Log: log.With("part", "mail"),
		Identities: st.Identities,
		Roles: func(ctx context.Context, id string) map[string]mail.Role {
			roles, err := st.Roles(ctx, id)
			if err != nil {
				log.Warn("roles not read", "account", id, "err", err)
			}
			return roles
		},
		Zone: func(ctx context.Context, id string) *time.Location {
			s, err := st.Settings(ctx, id)
			if err != nil {
				return nil
			}
			l, err := time.LoadLocation(cmp.Or(s.TimeZone, s.BrowserZone, "UTC"))
			if err != nil {
				return nil
			}
			return l
		},
	}
	for _, s := range servers {
		o.Servers = append(o.Servers, mailproxy.Server{Name: s.name, Domains: s.domains, IMAP: s.imap, Submit: s.smtp, Login: c.loginForm(), KeepsSent: c.ServerSavesSent})
	}
	return o
}

// listen opens the address for browsers, early: a taken port is told at once.
func (c *Config) listen() (net.Listener, error) {
	if err := checkListen("listen", c.Listen); err != nil {
		return nil, err
	}
	ln, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return nil, settingError("listen", c.Listen, "the address cannot be used ("+reason(err)+"); choose another")
	}
	return ln, nil
}

func reason(err error) string {
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Err.Error()
	}
	return err.Error()
}

// operatorKey is the configured key, or the one in the data folder.
func (c *Config) operatorKey() ([32]byte, error) {
	if c.Key != "" {
		k, err := store.ParseKey(c.Key)
		if err != nil {
			return k, secretError("key", "write 64 hex digits, as 'openssl rand -hex 32' prints")
		}
		return k, nil
	}
	k, err := store.LoadOrCreateKey(c.Data)
	if err != nil {
		return k, settingError("data", c.Data, "the key cannot be kept there ("+err.Error()+"); name a folder that Postern may write to")
	}
	return k, nil
}

func (c *Config) storeError(err error) error {
	if c.DatabaseURL != "" {
		return secretError("database-url", "the database cannot be opened: "+err.Error())
	}
	return settingError("data", c.Data, "the database in it cannot be opened: "+err.Error())
}

func (c *Config) logger(w io.Writer) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(c.LogLevel)) // kong checked it
	o := &slog.HandlerOptions{Level: level}
	if c.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, o))
	}
	return slog.New(slog.NewTextHandler(w, o))
}

// browserAddr is the address as one types it into a browser on this machine.
func browserAddr(a net.Addr) string {
	host, port, err := net.SplitHostPort(a.String())
	if err != nil {
		return a.String()
	}
	if ip := net.ParseIP(host); ip != nil && (ip.IsUnspecified() || ip.IsLoopback()) {
		host = "localhost"
	}
	return strings.TrimSuffix(net.JoinHostPort(host, port), ":80")
}

// serveAdmin answers metrics and profiling on an address of its own.
func serveAdmin(addr string, log *slog.Logger) (stop func(), err error) {
	if err := checkListen("admin-listen", addr); err != nil {
		return nil, err
	}
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, settingError("admin-listen", addr, "the address cannot be used ("+reason(err)+"); choose another")
	}
	srv := &http.Server{Handler: adminRoutes(), ReadHeaderTimeout: 10 * time.Second}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := srv.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			log.Error("admin server", "err", err)
		}
	}()
	return func() { _ = srv.Close(); <-done }, nil
}
