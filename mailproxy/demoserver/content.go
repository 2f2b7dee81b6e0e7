package demoserver

import (
	"bytes"
	"sync"
	"sync/atomic"

	"github.com/emersion/go-imap/v2"
)

// content is the bytes of a message, which never change. Copies of a message
// share it. The bytes are either kept in pieces, so that a thousand messages
// with the same attachment hold it once, or made anew whenever they are asked
// for, so that 100,000 plain messages weigh next to nothing. What late writes
// is kept from the first time on.
type content struct {
	segs [][]byte
	late func() [][]byte
	once sync.Once
	make func() []byte

	// Filled when first asked for, for kept bytes only.
	tree      atomic.Pointer[part]
	structure atomic.Pointer[imap.BodyStructure]
}

func newContent(segs ...[]byte) *content { return &content{segs: segs} }

// pieces returns the kept bytes.
func (c *content) pieces() [][]byte {
	if c.late != nil {
		c.once.Do(func() { c.segs = c.late() })
	}
	return c.segs
}

func (c *content) length() int64 {
	if c.make != nil {
		return int64(len(c.make()))
	}
	var n int64
	for _, s := range c.pieces() {
		n += int64(len(s))
	}
	return n
}

// bytes returns the message, which the caller must not change.
func (c *content) bytes() []byte {
	if c.make != nil {
		return c.make()
	}
	segs := c.pieces()
	if len(segs) == 1 {
		return segs[0]
	}
	return bytes.Join(segs, nil)
}

// slice returns the bytes [from,to), without copying where they lie in one piece.
func (c *content) slice(from, to int) []byte {
	if c.make != nil {
		b := c.make()
		return b[min(from, len(b)):min(to, len(b))]
	}
	var out []byte
	for _, s := range c.pieces() {
		n := len(s)
		if from < n && to > 0 {
			piece := s[max(from, 0):min(to, n)]
			if out == nil && to <= n {
				return piece
			}
			out = append(out, piece...)
		}
		from, to = from-n, to-n
	}
	return out
}

// parts returns the MIME structure.
func (c *content) parts() *part {
	if t := c.tree.Load(); t != nil {
		return t
	}
	t := parseMessage(c.bytes())
	if c.make == nil {
		c.tree.Store(t)
	}
	return t
}

// bodyStructure returns the answer to BODYSTRUCTURE.
func (c *content) bodyStructure() imap.BodyStructure {
	if bs := c.structure.Load(); bs != nil {
		return *bs
	}
	bs := c.parts().bodyStructure(c)
	if c.make == nil {
		c.structure.Store(&bs)
	}
	return bs
}
