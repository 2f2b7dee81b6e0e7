package imappool

import (
	"context"
	"io"
	"sync"

	"github.com/emersion/go-imap/v2"

	"postern/mailproxy/mail"
)

// Stream lends the streaming connection to fn, with mailbox selected and its
// state known, until the body that fn returns is closed. The body may be read
// for as long as ctx lives; opening it has the deadline of Options.Timeout. The
// body is for one goroutine.
//
// While a body is open other streams wait: for a part of a message Pool.Body,
// which gives the connection back between windows, is the better choice.
func (p *Pool) Stream(ctx context.Context, mailbox string, fn func(*Session) (io.ReadCloser, error)) (io.ReadCloser, error) {
	open, cancel := p.deadline(ctx)
	defer cancel()
	for try := 0; ; try++ {
		body, s, err := p.stream(open, mailbox, fn)
		if err == nil {
			return &lentBody{body: body, pool: p, s: s, ctx: ctx, unbind: s.bind(ctx)}, nil
		}
		if s == nil || try > 0 || s.fresh || !s.dropped() || open.Err() != nil {
			return nil, Kind(err)
		}
	}
}

// stream opens a body. On success the session stays lent.
func (p *Pool) stream(ctx context.Context, mailbox string, fn func(*Session) (io.ReadCloser, error)) (body io.ReadCloser, s *Session, err error) {
	s, err = p.acquire(ctx, &p.streams, mailbox)
	if err != nil {
		return nil, nil, err
	}
	unbind := s.bind(ctx)
	opened := false
	defer func() {
		unbind()
		if !opened {
			if s.conn.Pending() > 0 {
				s.kill()
			}
			p.release(&p.streams, s)
		}
	}()
	if mailbox != "" {
		if err := s.Ensure(mailbox)(); err != nil {
			return nil, s, s.explain(ctx, err)
		}
	}
	body, err = fn(s)
	opened = err == nil
	return body, s, s.explain(ctx, err)
}

// lentBody gives the connection back when it is closed.
type lentBody struct {
	body   io.ReadCloser
	pool   *Pool
	s      *Session
	ctx    context.Context
	unbind func()
	once   sync.Once
	err    error
}

func (b *lentBody) Read(p []byte) (int, error) {
	n, err := b.body.Read(p)
	if err != nil && err != io.EOF {
		err = Kind(b.s.explain(b.ctx, err))
	}
	return n, err
}

func (b *lentBody) Close() error {
	b.once.Do(func() {
		b.err = b.body.Close()
		b.unbind()
		if b.s.conn.Pending() > 0 {
			b.s.kill()
		}
		b.pool.release(&b.pool.streams, b.s)
	})
	return b.err
}

// FetchWindows reads a section of a message in windows, so that a slow reader
// never keeps a literal open. It returns when the first window is there. Another
// command may be issued on s between reads. Stale when the message is gone.
func (s *Session) FetchWindows(ctx context.Context, uid imap.UID, section imap.FetchItemBodySection) (io.ReadCloser, error) {
	if uid == 0 {
		return nil, mail.Errorf(mail.NotFound, "There is no such message.")
	}
	w := &windows{ctx: ctx, section: section}
	w.fetch = func(ctx context.Context, sec *imap.FetchItemBodySection, buf []byte) ([]byte, error) {
		defer s.bind(ctx)()
		data, err := s.window(uid, sec, buf)
		return data, s.explain(ctx, err)
	}
	if err := w.next(); err != nil && err != io.EOF {
		return nil, err
	}
	return w, nil
}

// Body reads a section of a message in windows like FetchWindows, taking the
// streaming connection for each window only, so that any number of bodies can
// be open at once. It returns when the first window is there: Stale when the
// message is gone or UIDVALIDITY has changed. ctx bounds the whole body, each
// window has a minute.
func (p *Pool) Body(ctx context.Context, ref mail.MessageRef, section imap.FetchItemBodySection) (io.ReadCloser, error) {
	if ref.IsZero() {
		return nil, mail.Errorf(mail.NotFound, "There is no such message.")
	}
	w := &windows{ctx: ctx, section: section}
	w.fetch = func(ctx context.Context, sec *imap.FetchItemBodySection, buf []byte) (data []byte, err error) {
		fn := func(s *Session) error {
			var err error
			data, err = s.window(imap.UID(ref.UID), sec, buf)
			if sel, selErr := s.WaitSelected(); selErr == nil && sel.UIDValidity != ref.UIDValidity {
				return mail.Errorf(mail.Stale, "This mailbox was made anew. Load the page again.")
			}
			return err
		}
		err = p.use(ctx, &p.streams, ref.Mailbox, false, fn)
		if mail.KindOf(err) == mail.Limited { // no connection to spare for streaming: share
			err = p.use(ctx, &p.working, ref.Mailbox, false, fn)
		}
		return data, err
	}
	if err := w.next(); err != nil && err != io.EOF {
		return nil, err
	}
	return w, nil
}
