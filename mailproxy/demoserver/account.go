package demoserver

import (
	"crypto/subtle"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/emersion/go-imap/v2"
)

const (
	delim           = '/'
	maxMailboxName  = 500 // bytes
	maxMailboxDepth = 20  // levels of hierarchy
)

// account holds the mailboxes of one person. mu guards everything below it,
// messages and views included; it is never held while writing to a client.
type account struct {
	Account
	s *Server

	mu           sync.Mutex
	boxes        map[string]*mailbox
	subscribed   map[string]bool // by name, which need not exist (RFC 9051 section 6.3.7)
	lastValidity uint32
	sessions     int
}

// standardMailboxes are in every account.
var standardMailboxes = []struct {
	name string
	use  imap.MailboxAttr
}{
	{"INBOX", ""},
	{"Drafts", imap.MailboxAttrDrafts},
	{"Sent", imap.MailboxAttrSent},
	{"Archive", imap.MailboxAttrArchive},
	{"Junk", imap.MailboxAttrJunk},
	{"Trash", imap.MailboxAttrTrash},
}

func newAccount(s *Server, a Account) *account {
	acc := &account{
		Account: a, s: s,
		boxes:      make(map[string]*mailbox),
		subscribed: make(map[string]bool),
		// UIDVALIDITY must grow when a mailbox of the same name comes again,
		// also when it does so in the next run (RFC 9051 section 2.3.1.1).
		lastValidity: uint32(s.opts.Now().Unix()),
	}
	for _, m := range standardMailboxes {
		acc.add(m.name, m.use)
	}
	return acc
}

// add makes a mailbox that does not exist yet. a.mu is held or not yet needed.
func (a *account) add(name string, use imap.MailboxAttr) *mailbox {
	a.lastValidity++
	box := newMailbox(name, use, a.lastValidity)
	a.boxes[name] = box
	a.subscribed[name] = true
	return box
}

func (a *account) login(password string) bool {
	return subtle.ConstantTimeCompare([]byte(password), []byte(a.Password)) == 1
}

// box finds a mailbox; the error is a NO with NONEXISTENT. a.mu is held.
func (a *account) box(name string) (*mailbox, error) {
	if box := a.boxes[canonicalName(name)]; box != nil {
		return box, nil
	}
	return nil, no(imap.ResponseCodeNonExistent, "No such mailbox")
}

// target is box for APPEND, COPY and MOVE, which say TRYCREATE instead.
func (a *account) target(name string) (*mailbox, error) {
	if box := a.boxes[canonicalName(name)]; box != nil {
		return box, nil
	}
	return nil, no(imap.ResponseCodeTryCreate, "No such mailbox")
}

func (a *account) create(name string, use []imap.MailboxAttr) error {
	name = canonicalName(strings.TrimSuffix(name, string(delim)))
	if err := checkName(name); err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.boxes[name] != nil {
		return no(imap.ResponseCodeAlreadyExists, "Mailbox already exists")
	}
	if len(a.boxes) >= maxMailboxes {
		return no(imap.ResponseCodeLimit, "Too many mailboxes")
	}
	var role imap.MailboxAttr
	if len(use) > 0 {
		role = use[0]
	}
	a.add(name, role)
	return nil
}

// delete removes a mailbox. Those below it stay (RFC 9051 section 6.3.5).
func (a *account) delete(name string) error {
	name = canonicalName(name)
	a.mu.Lock()
	defer a.mu.Unlock()
	if name == "INBOX" {
		return no(imap.ResponseCodeCannot, "INBOX cannot be deleted")
	}
	box, err := a.box(name)
	if err != nil {
		return err
	}
	box.gone = true
	box.changed()
	delete(a.boxes, name)
	return nil
}

// rename moves a mailbox and those below it. Renaming INBOX moves its messages
// to a new mailbox and leaves it empty (RFC 9051 section 6.3.6).
func (a *account) rename(from, to string) error {
	from, to = canonicalName(from), canonicalName(strings.TrimSuffix(to, string(delim)))
	if err := checkName(to); err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	box := a.boxes[from]
	below := a.below(from)
	if box == nil && len(below) == 0 {
		return no(imap.ResponseCodeNonExistent, "No such mailbox")
	}
	if a.boxes[to] != nil {
		return no(imap.ResponseCodeAlreadyExists, "Mailbox already exists")
	}
	if from == "INBOX" {
		dest := a.add(to, "")
		msgs := slices.Clone(box.msgs)
		for _, m := range msgs {
			dest.add(m.body, m.date, m.flags)
		}
		box.remove(msgs)
		return nil
	}
	if strings.HasPrefix(to, from+string(delim)) {
		return no(imap.ResponseCodeCannot, "A mailbox cannot be moved into itself")
	}
	for _, name := range below {
		if a.boxes[to+strings.TrimPrefix(name, from)] != nil {
			return no(imap.ResponseCodeAlreadyExists, "Mailbox already exists")
		}
	}
	if box != nil {
		below = append(below, from)
	}
	for _, name := range below {
		b, next := a.boxes[name], to+strings.TrimPrefix(name, from)
		delete(a.boxes, name)
		a.boxes[next], b.name = b, next
		if a.subscribed[name] {
			delete(a.subscribed, name)
			a.subscribed[next] = true
		}
	}
	return nil
}

// below lists the mailboxes under name. a.mu is held.
func (a *account) below(name string) []string {
	var names []string
	for n := range a.boxes {
		if strings.HasPrefix(n, name+string(delim)) {
			names = append(names, n)
		}
	}
	return names
}

// append stores a message and returns its UID.
func (a *account) append(name string, body *content, date time.Time, flags []imap.Flag) (*mailbox, imap.UID, error) {
	flags, err := cleanFlags(flags)
	if err != nil {
		return nil, 0, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	box, err := a.target(name)
	if err != nil {
		return nil, 0, err
	}
	if q := a.s.opts.Quota; q > 0 && a.usage()+body.length() > q {
		return nil, 0, no(imap.ResponseCodeOverQuota, "Not enough space left in this account")
	}
	if date.IsZero() {
		date = a.s.opts.Now()
	}
	return box, box.add(body, date, flags).uid, nil
}

// usage is the number of bytes in all mailboxes. a.mu is held.
func (a *account) usage() int64 {
	var n int64
	for _, b := range a.boxes {
		for _, m := range b.msgs {
			n += m.body.length()
		}
	}
	return n
}

// canonicalName writes INBOX and its children as the server does: INBOX is the
// one name without letter case (RFC 9051 section 5.1).
func canonicalName(name string) string {
	if len(name) >= 5 && strings.EqualFold(name[:5], "INBOX") && (len(name) == 5 || name[5] == delim) {
		return "INBOX" + name[5:]
	}
	return name
}

func checkName(name string) error {
	switch {
	case name == "", len(name) > maxMailboxName, !utf8.ValidString(name),
		strings.HasPrefix(name, string(delim)), strings.HasSuffix(name, string(delim)),
		strings.Contains(name, string(delim)+string(delim)),
		strings.Count(name, string(delim)) >= maxMailboxDepth,
		strings.ContainsFunc(name, unicode.IsControl):
		return no(imap.ResponseCodeCannot, "This is not a mailbox name")
	}
	return nil
}

// no is a tagged NO.
func no(code imap.ResponseCode, format string, args ...any) *imap.Error {
	return &imap.Error{Type: imap.StatusResponseTypeNo, Code: code, Text: fmt.Sprintf(format, args...)}
}

// bad is a tagged BAD.
func bad(text string) *imap.Error {
	return &imap.Error{Type: imap.StatusResponseTypeBad, Text: text}
}
