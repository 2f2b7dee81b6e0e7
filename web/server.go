package web

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// NewServer is an http.Server with every time and size bounded. Pages must
// arrive and leave within a minute; uploads, downloads and event streams extend
// their own deadlines with ExtendRead and ExtendWrite as long as bytes move.
func NewServer(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       time.Minute,
		WriteTimeout:      time.Minute,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
}

// Serve answers on ln until ctx ends, then lets running requests finish for at
// most grace.
func Serve(ctx context.Context, srv *http.Server, ln net.Listener, grace time.Duration) error {
	done := make(chan error, 1)
	go func() { done <- srv.Serve(ln) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	if err := srv.Shutdown(stop); err != nil {
		_ = srv.Close()
	}
	if err := <-done; err != nil && !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

const transferStep = 30 * time.Second // a transfer that moves nothing for so long is over

// ExtendRead gives the browser another while to send the next piece.
func ExtendRead(rw http.ResponseWriter) {
	_ = http.NewResponseController(rw).SetReadDeadline(time.Now().Add(transferStep))
}

// ExtendWrite gives the browser another while to take the next piece.
func ExtendWrite(rw http.ResponseWriter) {
	_ = http.NewResponseController(rw).SetWriteDeadline(time.Now().Add(transferStep))
}
