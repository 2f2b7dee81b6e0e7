package imappool

import (
	"github.com/emersion/go-imap/v2"

	"postern/mailproxy/mail"
)

// UIDs walks a set that a server sent and returns its UIDs in ascending order.
// It fails when there are more than limit or when the set is open-ended, so that
// "1:400000000" costs nothing.
func UIDs(set imap.NumSet, limit int) ([]imap.UID, error) {
	uids, ok := set.(imap.UIDSet)
	if !ok {
		if set == nil {
			return nil, nil
		}
		return nil, mail.Errorf(mail.Internal, "not a set of UIDs: %T", set)
	}
	if imap.IsSearchRes(uids) {
		return nil, mail.Errorf(mail.Internal, "a set without numbers")
	}
	n := uint64(0)
	for _, r := range uids {
		if r.Start == 0 || r.Stop == 0 || r.Stop < r.Start {
			return nil, mail.Errorf(mail.Unavailable, "The mail server sent an answer that makes no sense.")
		}
		n += uint64(r.Stop-r.Start) + 1
		if n > uint64(limit) {
			return nil, mail.Errorf(mail.TooLarge, "More than %d messages match.", limit)
		}
	}
	out := make([]imap.UID, 0, n)
	for _, r := range uids {
		for u := uint64(r.Start); u <= uint64(r.Stop); u++ {
			out = append(out, imap.UID(u))
		}
	}
	return out, nil
}

const maxSetLen = 7000 // octets of a UID set in one command; servers take about 8 KB a line

// Split cuts a set into sets that each fit into one command. An empty set gives none.
func Split(set imap.UIDSet) []imap.UIDSet {
	var out []imap.UIDSet
	var part imap.UIDSet
	size := 0
	for _, r := range set {
		n := len(imap.UIDSet{r}.String()) + 1
		if size+n > maxSetLen && len(part) > 0 {
			out = append(out, part)
			part, size = nil, 0
		}
		part = append(part, r)
		size += n
	}
	if len(part) > 0 {
		out = append(out, part)
	}
	return out
}
