package mail

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"strings"
	"unicode/utf8"
)

// MessageRef names one message for as long as its mailbox keeps its UIDVALIDITY
// (RFC 9051 section 2.3.1.1).
type MessageRef struct {
	Mailbox     string // the decoded name, UTF-8
	UIDValidity uint32
	UID         uint32
}

// IsZero reports whether the reference names nothing.
func (m MessageRef) IsZero() bool { return m.UID == 0 }

// String is the form used in addresses and forms: URL-safe, no padding. It is
// not secret; every use looks the message up through the session's own account.
func (m MessageRef) String() string {
	b := make([]byte, 0, 8+len(m.Mailbox))
	b = binary.AppendUvarint(b, uint64(m.UIDValidity))
	b = binary.AppendUvarint(b, uint64(m.UID))
	b = append(b, m.Mailbox...)
	return base64.RawURLEncoding.EncodeToString(b)
}

const maxRefLen = 2048 // characters; a mailbox name is at most about 1,000 octets on any server

var errBadRef = errors.New("not a message reference")

// ParseRef reads what String wrote. Anything else is an Invalid error.
func ParseRef(s string) (MessageRef, error) {
	fail := func() (MessageRef, error) {
		return MessageRef{}, &Error{Kind: NotFound, Msg: "This message address is not complete.", Err: errBadRef}
	}
	if s == "" || len(s) > maxRefLen {
		return fail()
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil {
		return fail()
	}
	v, n := binary.Uvarint(b)
	if n <= 0 || v > 1<<32-1 {
		return fail()
	}
	b = b[n:]
	u, n := binary.Uvarint(b)
	if n <= 0 || u == 0 || u > 1<<32-1 {
		return fail()
	}
	m := MessageRef{Mailbox: string(b[n:]), UIDValidity: uint32(v), UID: uint32(u)}
	if !ValidMailboxName(m.Mailbox) {
		return fail()
	}
	return m, nil
}

// ValidMailboxName reports whether a name may be sent to a server: not empty,
// valid UTF-8, at most 1,000 octets, no CR, LF, NUL or other control character.
func ValidMailboxName(name string) bool {
	return name != "" && len(name) <= 1000 && utf8.ValidString(name) &&
		!strings.ContainsFunc(name, func(r rune) bool { return r < 0x20 || r == 0x7f })
}
