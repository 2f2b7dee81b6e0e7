package mailproxy

import (
	"errors"
	"io"
	"sync"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"postern/mailproxy/index"
	"postern/mailproxy/mail"
	"postern/mailproxy/parse"
)

// columns asks for what the index keeps of every message. Whenever CHANGEDSINCE
// is given the server adds MODSEQ.
func columns(changedSince uint64) *imap.FetchOptions {
	return &imap.FetchOptions{UID: true, Flags: true, InternalDate: true, RFC822Size: true, ChangedSince: changedSince}
}

var (
	flagsOnly = &imap.FetchOptions{UID: true, Flags: true}

	summaryHeader = &imap.FetchItemBodySection{Specifier: imap.PartSpecifierHeader, HeaderFields: parse.SummaryFields, Peek: true}
	summaryPrefix = &imap.FetchItemBodySection{Specifier: imap.PartSpecifierText, Partial: &imap.SectionPartial{Size: parse.PrefixLen}, Peek: true}

	// summaryItems is what a list row is made of: always the same items, so that
	// the server's cache is built once.
	summaryItems = &imap.FetchOptions{
		UID: true, Flags: true, InternalDate: true, RFC822Size: true,
		BodyStructure: &imap.FetchItemBodyStructure{Extended: true},
		BodySection:   []*imap.FetchItemBodySection{summaryHeader, summaryPrefix},
	}
	// plainItems does without the body structure, for messages whose structure
	// the server or the library cannot handle.
	plainItems = &imap.FetchOptions{
		UID: true, Flags: true, InternalDate: true, RFC822Size: true,
		BodySection: []*imap.FetchItemBodySection{summaryHeader},
	}
	structureItems = &imap.FetchOptions{UID: true, BodyStructure: &imap.FetchItemBodyStructure{Extended: true}}
)

// message is one answer to a FETCH, as far as it holds what lists need.
type message struct {
	uid       imap.UID
	flags     []imap.Flag
	hasFlags  bool
	date      time.Time
	size      int64
	hasSize   bool
	modSeq    uint64
	structure imap.BodyStructure
	header    []byte
	prefix    []byte
}

const maxHeaderLen = 256 << 10 // octets of a message's list header that are read

// each reads the answers to a FETCH to the end and gives them to f one by one.
// Answers without UID, which were not asked for, are left out.
func each(cmd *imapclient.FetchCommand, f func(*message)) error {
	defer cmd.Close()
	for data := cmd.Next(); data != nil; data = cmd.Next() {
		var m message
		for item := data.Next(); item != nil; item = data.Next() {
			switch item := item.(type) {
			case imapclient.FetchItemDataUID:
				m.uid = item.UID
			case imapclient.FetchItemDataFlags:
				m.flags, m.hasFlags = item.Flags, true
			case imapclient.FetchItemDataInternalDate:
				m.date = item.Time
			case imapclient.FetchItemDataRFC822Size:
				m.size, m.hasSize = item.Size, true
			case imapclient.FetchItemDataModSeq:
				m.modSeq = item.ModSeq
			case imapclient.FetchItemDataBodyStructure:
				m.structure = item.BodyStructure
			case imapclient.FetchItemDataBodySection:
				if item.Literal == nil {
					continue
				}
				// A failed read shows in Close; what came of it is used.
				switch item.Section.Specifier {
				case imap.PartSpecifierHeader:
					m.header, _ = io.ReadAll(io.LimitReader(item.Literal, maxHeaderLen))
				case imap.PartSpecifierText:
					m.prefix, _ = io.ReadAll(io.LimitReader(item.Literal, parse.PrefixLen))
				}
			}
		}
		if m.uid != 0 {
			f(&m)
		}
	}
	return cmd.Close()
}

// together reads the answers to commands that were sent together, each as it
// comes: a server may mix them (Dovecot begins the next command while the output
// of one waits for us), and a command that is not read holds up all others. f
// gets one answer at a time; which command it came for says little, since the
// library gives an answer to the first command that fits. Nil commands are
// skipped. The errors are those of the commands, in order.
func together(f func(*message), cmds ...*imapclient.FetchCommand) []error {
	var mu sync.Mutex
	locked := func(m *message) {
		mu.Lock()
		defer mu.Unlock()
		f(m)
	}
	errs := make([]error, len(cmds))
	var wg sync.WaitGroup
	for i, c := range cmds {
		switch {
		case c == nil:
		case i == len(cmds)-1:
			errs[i] = each(c, locked)
		default:
			wg.Go(func() { errs[i] = each(c, locked) })
		}
	}
	wg.Wait()
	return errs
}

// row is the columns of a message; ok is false when its flags are missing.
func (m *message) row() (r index.Row, ok bool) {
	switch {
	case !m.hasFlags:
		return index.Row{}, false
	case !m.hasSize:
		return index.NewFlagRow(m.uid, m.flags), true
	}
	return index.NewRow(m.uid, m.flags, m.date, m.size), true
}

// rows reads the columns of all answers.
func rows(cmds ...*imapclient.FetchCommand) (list []index.Row, err error) {
	err = errors.Join(together(func(m *message) {
		if r, ok := m.row(); ok {
			list = append(list, r)
		}
	}, cmds...)...)
	return list, err
}

// keep makes a list row of an answer and keeps it with its body structure; an
// answer without header is none.
func (a *Account) keep(box *index.Mailbox, ref mail.MessageRef, m *message) bool {
	if m.header == nil {
		return false
	}
	s := parse.Summarize(parse.Fetched{
		Ref: ref, Header: m.header, Structure: m.structure, Flags: m.flags,
		Internal: m.date, Size: m.size, Prefix: m.prefix,
	})
	s.Ref = ref
	a.index.Cache.Put(ref, index.Cached{Summary: s, Structure: m.structure})
	if m.structure != nil {
		box.SetFiles(ref.UID, len(s.Files) > 0)
	}
	return true
}

// uidSet makes a set of UIDs in any order.
func uidSet(uids []uint32) imap.UIDSet {
	var set imap.UIDSet
	for _, u := range uids {
		set.AddNum(imap.UID(u))
	}
	return set
}
