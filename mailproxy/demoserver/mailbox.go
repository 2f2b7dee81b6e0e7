package demoserver

import (
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"
)

const (
	maxFlags   = 64  // of one message
	maxFlagLen = 100 // bytes
)

// mailbox is the truth of one mailbox; every connection that selected it has a
// view. All is guarded by account.mu.
type mailbox struct {
	name     string
	use      imap.MailboxAttr // special use, or ""
	validity uint32
	next     imap.UID
	msgs     []*message  // by UID, ascending
	keywords []imap.Flag // ever used here
	unseen   int
	change   uint64 // counts changes
	views    map[*view]struct{}
	gone     bool // deleted
}

// message is one message in one mailbox. A copy shares its content.
type message struct {
	uid    imap.UID
	date   time.Time // INTERNALDATE
	body   *content
	flags  []imap.Flag // replaced on change, never written in place
	change uint64      // mailbox.change when the flags changed
	by     *view       // who changed them and knows already
	gone   bool
}

func newMailbox(name string, use imap.MailboxAttr, validity uint32) *mailbox {
	return &mailbox{name: name, use: use, validity: validity, next: 1, views: make(map[*view]struct{})}
}

// add appends a message. The flags must be clean.
func (b *mailbox) add(body *content, date time.Time, flags []imap.Flag) *message {
	m := &message{uid: b.next, date: date, body: body, flags: flags}
	b.next++
	b.msgs = append(b.msgs, m)
	if !m.has(imap.FlagSeen) {
		b.unseen++
	}
	b.learn(flags)
	b.changed()
	return m
}

// remove takes messages of b away for good.
func (b *mailbox) remove(msgs []*message) {
	if len(msgs) == 0 {
		return
	}
	for _, m := range msgs {
		if !m.gone && !m.has(imap.FlagSeen) {
			b.unseen--
		}
		m.gone = true
	}
	// A new slice: views may be copies of the old one.
	left := make([]*message, 0, max(0, len(b.msgs)-len(msgs)))
	for _, m := range b.msgs {
		if !m.gone {
			left = append(left, m)
		}
	}
	b.msgs = left
	b.changed()
}

// setFlags replaces the flags of a message. The view by, if any, is told by
// its own command and not once more.
func (b *mailbox) setFlags(m *message, flags []imap.Flag, by *view) {
	if slices.Equal(m.flags, flags) {
		return
	}
	was := m.has(imap.FlagSeen)
	if by != nil && m.change > by.known && m.by != by {
		by = nil // it has yet to hear of an earlier change by someone else
	}
	m.flags, m.by = flags, by
	switch is := m.has(imap.FlagSeen); {
	case was && !is:
		b.unseen++
	case is && !was:
		b.unseen--
	}
	b.learn(flags)
	b.changed()
	m.change = b.change
}

// learn remembers keywords for the FLAGS response.
func (b *mailbox) learn(flags []imap.Flag) {
	for _, f := range flags {
		if !strings.HasPrefix(string(f), "\\") && !slices.Contains(b.keywords, f) && len(b.keywords) < 200 {
			b.keywords = append(b.keywords, f)
		}
	}
}

// changed wakes the connections that wait for news.
func (b *mailbox) changed() {
	b.change++
	for v := range b.views {
		select {
		case v.wake <- struct{}{}:
		default:
		}
	}
}

// has reports whether the message carries a flag; letter case does not count.
func (m *message) has(flag imap.Flag) bool { return hasFlag(m.flags, flag) }

func hasFlag(flags []imap.Flag, flag imap.Flag) bool {
	for _, f := range flags {
		if strings.EqualFold(string(f), string(flag)) {
			return true
		}
	}
	return false
}

var systemFlags = []imap.Flag{
	imap.FlagAnswered, imap.FlagFlagged, imap.FlagDeleted, imap.FlagSeen, imap.FlagDraft,
}

// cleanFlags writes system flags in the usual way, drops \Recent and doubles,
// and refuses what is not a flag (RFC 9051 section 9: flag).
func cleanFlags(flags []imap.Flag) ([]imap.Flag, error) {
	var clean []imap.Flag
	for _, f := range flags {
		name := strings.TrimPrefix(string(f), "\\")
		if name == "" || len(name) > maxFlagLen || strings.ContainsFunc(name, notAtom) {
			return nil, bad("This is not a flag")
		}
		if name != string(f) {
			if strings.EqualFold(name, "Recent") {
				continue
			}
			i := slices.IndexFunc(systemFlags, func(s imap.Flag) bool { return strings.EqualFold(string(s), string(f)) })
			if i < 0 {
				return nil, bad("Unknown system flag")
			}
			f = systemFlags[i]
		}
		if !hasFlag(clean, f) {
			clean = append(clean, f)
		}
	}
	if len(clean) > maxFlags {
		return nil, no(imap.ResponseCodeLimit, "Too many flags")
	}
	return clean, nil
}

// notAtom reports runes that an atom cannot hold (RFC 9051 section 9: atom-specials).
func notAtom(r rune) bool {
	return r <= ' ' || r >= 0x7f || strings.ContainsRune(`(){%*"\]`, r)
}

// store applies STORE to a list of flags. Both must be clean.
func store(have []imap.Flag, op imap.StoreFlagsOp, flags []imap.Flag) []imap.Flag {
	switch op {
	case imap.StoreFlagsAdd:
		out := slices.Clone(have)
		for _, f := range flags {
			if !hasFlag(out, f) {
				out = append(out, f)
			}
		}
		return out[:min(len(out), maxFlags)]
	case imap.StoreFlagsDel:
		var out []imap.Flag
		for _, f := range have {
			if !hasFlag(flags, f) {
				out = append(out, f)
			}
		}
		return out
	}
	return flags
}
