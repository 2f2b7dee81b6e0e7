package imappool

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

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
		s, err := p.acquire(open, &p.streams, mailbox)
		if err != nil {
			return nil, err
		}
		var body io.ReadCloser
		stop := context.AfterFunc(open, s.kill)
		if mailbox != "" {
			err = s.Ensure(mailbox)()
		}
		if err == nil {
			body, err = fn(s)
		}
		if !stop() || err != nil && s.conn.Pending() > 0 {
			s.kill()
		}
		err = s.explain(err)
		if err == nil {
			b := &lentBody{body: body, pool: p, s: s}
			b.stop = context.AfterFunc(ctx, s.kill)
			return b, nil
		}
		again := try == 0 && s.dropped() && !s.fresh && open.Err() == nil
		p.release(&p.streams, s)
		if !again {
			return nil, Kind(err)
		}
	}
}

// lentBody gives the connection back when it is closed.
type lentBody struct {
	body io.ReadCloser
	pool *Pool
	s    *Session
	stop func() bool
	once sync.Once
	err  error
}

func (b *lentBody) Read(p []byte) (int, error) {
	n, err := b.body.Read(p)
	if err != nil && err != io.EOF {
		err = Kind(b.s.explain(err))
	}
	return n, err
}

func (b *lentBody) Close() error {
	b.once.Do(func() {
		b.err = b.body.Close()
		if !b.stop() || b.s.conn.Pending() > 0 {
			b.s.kill()
		}
		b.pool.release(&b.pool.streams, b.s)
	})
	return b.err
}

const (
	firstWindow   = 256 << 10        // octets: the beginning arrives soon
	fullWindow    = 2 << 20          // octets: few flights, little memory
	windowTimeout = 60 * time.Second // for one window
)

// FetchWindows reads a section of a message in windows, so that a slow reader
// never keeps a literal open. The next command on s may be issued only when the
// reader has been closed or read to its end. Stale when the message is gone.
func (s *Session) FetchWindows(ctx context.Context, uid imap.UID, section imap.FetchItemBodySection) io.ReadCloser {
	return &windows{ctx: ctx, section: section, fetch: func(ctx context.Context, sec *imap.FetchItemBodySection) ([]byte, error) {
		stop := context.AfterFunc(ctx, s.kill)
		defer stop()
		return s.window(uid, sec)
	}}
}

// Body reads a section of a message in windows like FetchWindows, taking the
// streaming connection for each window only, so that any number of bodies can
// be open at once. It returns when the first window is there: Stale when the
// message is gone or UIDVALIDITY has changed.
func (p *Pool) Body(ctx context.Context, ref mail.MessageRef, section imap.FetchItemBodySection) (io.ReadCloser, error) {
	w := &windows{ctx: ctx, section: section}
	w.fetch = func(ctx context.Context, sec *imap.FetchItemBodySection) (data []byte, err error) {
		for try := 0; ; try++ {
			s, err := p.acquire(ctx, &p.streams, ref.Mailbox)
			if err != nil {
				return nil, err
			}
			err = p.run(ctx, s, ref.Mailbox, false, func(s *Session) error {
				data, err = s.window(imap.UID(ref.UID), sec)
				sel, selErr := s.WaitSelected()
				if selErr == nil && sel.UIDValidity != ref.UIDValidity {
					return mail.Errorf(mail.Stale, "This mailbox was made anew. Load the page again.")
				}
				return err
			})
			again := err != nil && try == 0 && s.dropped() && !s.fresh && ctx.Err() == nil
			p.release(&p.streams, s)
			if !again {
				return data, Kind(err)
			}
		}
	}
	if err := w.next(); err != nil && err != io.EOF {
		return nil, err
	}
	return w, nil
}

// window fetches one window whole.
func (s *Session) window(uid imap.UID, section *imap.FetchItemBodySection) ([]byte, error) {
	var set imap.UIDSet
	set.AddNum(uid)
	cmd := s.Fetch(set, &imap.FetchOptions{UID: true, BodySection: []*imap.FetchItemBodySection{section}})
	msgs, err := cmd.Collect()
	if err != nil {
		return nil, err
	}
	for _, m := range msgs {
		for _, b := range m.BodySection {
			if b.Section.Partial != nil && b.Section.Partial.Offset == section.Partial.Offset {
				if int64(len(b.Bytes)) > section.Partial.Size {
					return nil, mail.Errorf(mail.Unavailable, "The mail server sent more than was asked for.")
				}
				return b.Bytes, nil
			}
		}
	}
	return nil, mail.Errorf(mail.Stale, "This message is no longer there.")
}

// windows is the reader of FetchWindows and Body.
type windows struct {
	ctx     context.Context
	section imap.FetchItemBodySection
	fetch   func(context.Context, *imap.FetchItemBodySection) ([]byte, error)

	offset int64
	data   []byte // read and not yet handed on
	last   bool   // the section ended within data
	err    error
}

func (w *windows) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for len(w.data) == 0 {
		if err := w.next(); err != nil {
			return 0, err
		}
	}
	n := copy(p, w.data)
	w.data = w.data[n:]
	return n, nil
}

// next fetches the next window into data; io.EOF when there is none.
func (w *windows) next() error {
	if w.err != nil {
		return w.err
	}
	if w.last {
		w.err = io.EOF
		return w.err
	}
	size := int64(fullWindow)
	if w.offset == 0 {
		size = firstWindow
	}
	sec := w.section
	sec.Peek = true
	sec.Partial = &imap.SectionPartial{Offset: w.offset, Size: size}
	ctx, cancel := context.WithTimeout(w.ctx, windowTimeout)
	defer cancel()
	data, err := w.fetch(ctx, &sec)
	if err != nil {
		w.err = err
		return err
	}
	w.offset += int64(len(data))
	w.data = data
	w.last = int64(len(data)) < size
	if len(data) == 0 {
		w.err = io.EOF
		return io.EOF
	}
	return nil
}

var errBodyClosed = errors.New("body is closed")

func (w *windows) Close() error {
	if w.err == nil {
		w.err = errBodyClosed
	}
	w.data = nil
	return nil
}
