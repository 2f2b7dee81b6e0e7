package index

import (
	"slices"
	"strings"

	"github.com/emersion/go-imap/v2"

	"postern/mailproxy/mail"
)

// bits are the flags of a message, and what is known of its attachments.
type bits uint16

const (
	bitSeen bits = 1 << iota
	bitFlagged
	bitAnswered
	bitForwarded
	bitDraft
	bitDeleted

	bitFilesKnown // the body structure was looked at
	bitFiles      // and has attachments

	flagBits = bitSeen | bitFlagged | bitAnswered | bitForwarded | bitDraft | bitDeleted
)

const (
	maxKeywords   = 64  // of one message; the rest is not shown
	maxKeywordLen = 100 // octets
)

// splitFlags sorts the flags of a message into bits and keywords.
func splitFlags(list []imap.Flag) (b bits, keywords []string) {
	for _, f := range list {
		if bit := flagBit(string(f)); bit != 0 {
			b |= bit
		} else if s := string(f); s != "" && s[0] != '\\' && len(s) <= maxKeywordLen && len(keywords) < maxKeywords {
			keywords = append(keywords, s)
		}
	}
	return b, keywords
}

// flagBit is the bit of a flag, whose case does not matter (RFC 9051 section 2.3.2).
func flagBit(f string) bits {
	if len(f) < 5 || len(f) > 10 || f[0] != '\\' && f[0] != '$' && f[0] != 'F' && f[0] != 'f' {
		return 0
	}
	switch strings.ToLower(f) {
	case `\seen`:
		return bitSeen
	case `\flagged`:
		return bitFlagged
	case `\answered`:
		return bitAnswered
	case "$forwarded", "forwarded":
		return bitForwarded
	case `\draft`:
		return bitDraft
	case `\deleted`:
		return bitDeleted
	}
	return 0
}

func (b bits) flags(keywords []string) mail.Flags {
	return mail.Flags{
		Seen: b&bitSeen != 0, Flagged: b&bitFlagged != 0, Answered: b&bitAnswered != 0,
		Forwarded: b&bitForwarded != 0, Draft: b&bitDraft != 0, Deleted: b&bitDeleted != 0,
		Keywords: keywords,
	}
}

// words keeps each set of keywords that messages of a mailbox have once.
type words struct {
	sets [][]string
	ids  map[string]uint16
}

// id is the number of a set; 0 is the empty one. A mailbox with more than 65,535
// different sets loses the keywords of further ones.
func (w *words) id(keywords []string) uint16 {
	if len(keywords) == 0 {
		return 0
	}
	if !slices.IsSorted(keywords) {
		keywords = slices.Clone(keywords)
		slices.Sort(keywords)
	}
	key := strings.Join(keywords, " ")
	if id, ok := w.ids[key]; ok {
		return id
	}
	if len(w.sets) >= 1<<16-1 {
		return 0
	}
	if w.ids == nil {
		w.ids = map[string]uint16{}
	}
	w.sets = append(w.sets, slices.Clone(keywords))
	id := uint16(len(w.sets))
	w.ids[key] = id
	return id
}

func (w *words) set(id uint16) []string {
	if id == 0 {
		return nil
	}
	return w.sets[id-1]
}
