package imappool

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"postern/mailproxy/mail"
)

const (
	firstWindow   = 256 << 10   // octets: the beginning arrives soon
	fullWindow    = 2 << 20     // octets: few flights, little memory
	windowTimeout = time.Minute // for one window
)

// windows is the reader of FetchWindows and Body.
type windows struct {
	ctx     context.Context
	section imap.FetchItemBodySection
	fetch   func(ctx context.Context, sec *imap.FetchItemBodySection, buf []byte) ([]byte, error)

	offset int64
	buf    []byte // of the last window, used again
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

// WriteTo implements io.WriterTo.
func (w *windows) WriteTo(dst io.Writer) (n int64, err error) {
	for {
		if len(w.data) == 0 {
			if err := w.next(); err == io.EOF {
				return n, nil
			} else if err != nil {
				return n, err
			}
		}
		k, err := dst.Write(w.data)
		w.data = w.data[k:]
		n += int64(k)
		if err != nil {
			return n, err
		}
	}
}

// next fetches the next window into data; io.EOF when there is none.
func (w *windows) next() error {
	switch {
	case w.err != nil:
		return w.err
	case w.last:
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
	data, err := w.fetch(ctx, &sec, w.buf)
	if err != nil {
		w.err = Kind(err)
		return w.err
	}
	w.offset += int64(len(data))
	w.data, w.buf = data, data[:0]
	w.last = int64(len(data)) < size
	if len(data) == 0 || w.offset > maxOffset {
		w.err = io.EOF
		if len(data) > 0 {
			w.err = mail.Errorf(mail.TooLarge, "The message is too large to be read.")
		}
		return w.err
	}
	return nil
}

// maxOffset is what the client can read of a section: offsets have 32 bits.
const maxOffset = 1<<32 - 1 - fullWindow

var errBodyClosed = errors.New("body is closed")

func (w *windows) Close() error {
	if w.err == nil {
		w.err = errBodyClosed
	}
	w.data, w.buf = nil, nil
	return nil
}

// window fetches one window, into buf when it is large enough.
func (s *Session) window(uid imap.UID, section *imap.FetchItemBodySection, buf []byte) (data []byte, err error) {
	cmd := s.Fetch(imap.UIDSetNum(uid), &imap.FetchOptions{UID: true, BodySection: []*imap.FetchItemBodySection{section}})
	found := false
	for m := cmd.Next(); m != nil; m = cmd.Next() {
		for item := m.Next(); item != nil; item = m.Next() {
			b, ok := item.(imapclient.FetchItemDataBodySection)
			if !ok || found || b.Section.Partial == nil || b.Section.Partial.Offset != section.Partial.Offset {
				continue // its literal is drained by Next
			}
			found = true
			if b.Literal == nil {
				continue // NIL: nothing there
			}
			size := b.Literal.Size()
			if size > section.Partial.Size {
				err = mail.Errorf(mail.Unavailable, "The mail server sent more than was asked for.")
				continue
			}
			if int64(cap(buf)) < size {
				buf = make([]byte, size)
			}
			data = buf[:size]
			if _, e := io.ReadFull(b.Literal, data); e != nil && err == nil {
				err = e
			}
		}
	}
	if e := cmd.Close(); e != nil {
		return nil, e
	}
	if err == nil && !found {
		err = mail.Errorf(mail.Stale, "This message is no longer there.")
	}
	return data, err
}
