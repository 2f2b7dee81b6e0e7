package imappool

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/emersion/go-imap/v2"

	"postern/mailproxy/mail"
)

func TestKind(t *testing.T) {
	no := func(code, text string) error {
		return &imap.Error{Type: imap.StatusResponseTypeNo, Code: imap.ResponseCode(code), Text: text}
	}
	tests := []struct {
		name string
		err  error
		kind mail.Kind
		msg  string
	}{
		{"missing", no("NONEXISTENT", "x"), mail.NotFound, "There is no such mailbox."},
		{"missing target", no("TRYCREATE", "x"), mail.NotFound, "There is no such mailbox."},
		{"lower case code", no("overquota", "x"), mail.OverQuota, "The mailbox is full."},
		{"quota", no("OVERQUOTA", "x"), mail.OverQuota, "The mailbox is full."},
		{"in use", no("INUSE", "x"), mail.Limited, "The mailbox is in use elsewhere. Try again in a moment."},
		{"unavailable", no("UNAVAILABLE", "Storage is down"), mail.Unavailable, "Storage is down"},
		{"exists", no("ALREADYEXISTS", "x"), mail.Invalid, "There is a mailbox of that name already."},
		{"forbidden", no("NOPERM", "x"), mail.Refused, "You may not do that in this mailbox."},
		{"password expired", no("EXPIRED", "x"), mail.SignedOut, "The password has expired."},
		{"cannot, own words", no("CANNOT", "  No\tslashes\r\nhere \x00\u202e "), mail.Refused, "No slashes here"},
		{"long words", no("", strings.Repeat("é", 400)), mail.Refused, strings.Repeat("é", 299) + "…"},
		{"not UTF-8", no("", "a\xffb"), mail.Refused, "a\uFFFDb"},
		{"nothing said", no("", ""), mail.Refused, "The mail server refused."},
		{"BAD", &imap.Error{Type: imap.StatusResponseTypeBad, Text: "Unknown command"}, mail.Internal, ""},
		{"end", io.ErrUnexpectedEOF, mail.Unavailable, "The connection to the mail server was lost."},
		{"closed", fmt.Errorf("x: %w", net.ErrClosed), mail.Unavailable, "The connection to the mail server was lost."},
		{"deadline", errors.Join(context.DeadlineExceeded, io.ErrUnexpectedEOF), mail.Unavailable, "The mail server did not answer in time."},
		{"known", mail.Errorf(mail.Stale, "gone"), mail.Stale, "gone"},
		{"other", errors.New("x"), mail.Internal, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := Kind(fmt.Errorf("doing: %w", tt.err))
			if mail.KindOf(got) != tt.kind || mail.MsgOf(got) != tt.msg {
				t.Errorf("got %s %q, want %s %q", mail.KindOf(got), mail.MsgOf(got), tt.kind, tt.msg)
			}
			if !errors.Is(got, tt.err) {
				t.Error("the cause is lost")
			}
		})
	}
	if Kind(nil) != nil {
		t.Error("Kind(nil) is not nil")
	}
}

func TestUIDs(t *testing.T) {
	tests := []struct {
		name string
		set  imap.NumSet
		want []imap.UID
		ok   bool
	}{
		{"none", imap.UIDSet(nil), []imap.UID{}, true},
		{"no set", nil, nil, true},
		{"ranges", imap.UIDSet{{Start: 1, Stop: 3}, {Start: 7, Stop: 7}}, []imap.UID{1, 2, 3, 7}, true},
		{"the largest", imap.UIDSet{{Start: math.MaxUint32, Stop: math.MaxUint32}}, []imap.UID{math.MaxUint32}, true},
		{"400 million", imap.UIDSet{{Start: 1, Stop: 400_000_000}}, nil, false},
		{"all there are, many times", imap.UIDSet{{Start: 1, Stop: math.MaxUint32}, {Start: 1, Stop: math.MaxUint32}}, nil, false},
		{"open-ended", imap.UIDSet{{Start: 1}}, nil, false},
		{"$", imap.SearchRes(), nil, false},
		{"sequence numbers", imap.SeqSet{{Start: 1, Stop: 2}}, nil, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := UIDs(tt.set, 1000)
			if (err == nil) != tt.ok || !slices.Equal(got, tt.want) {
				t.Errorf("got %v, %v, want %v", got, err, tt.want)
			}
		})
	}
}

func TestSplit(t *testing.T) {
	var set imap.UIDSet
	for i := range 5000 {
		set.AddNum(imap.UID(i*3 + 4_000_000_000))
	}
	var all imap.UIDSet
	for _, part := range Split(set) {
		if n := len(part.String()); n > maxSetLen || n == 0 {
			t.Errorf("a set of %d octets", n)
		}
		all = append(all, part...)
	}
	if !slices.Equal(all, set) {
		t.Error("the parts are not the whole")
	}
	if got := Split(nil); len(got) != 0 {
		t.Errorf("Split(nil) = %v", got)
	}
}
