package mail

import "time"

// Flags are the system flags we show (RFC 9051 section 2.3.2) and the keywords.
type Flags struct {
	Seen, Flagged, Answered, Forwarded, Draft, Deleted bool
	Keywords                                           []string // without the system flags, as the server spells them
}

// Flag is a flag a person can set: FlagSeen, FlagStarred, FlagAnswered, FlagForwarded.
type Flag string

const (
	FlagSeen      Flag = `\Seen`
	FlagStarred   Flag = `\Flagged`
	FlagAnswered  Flag = `\Answered`
	FlagForwarded Flag = "$Forwarded" // RFC 5788
)

// Summary is a message as a list shows it. All text is decoded, valid UTF-8 and
// without control characters.
type Summary struct {
	Ref       MessageRef
	From      []Address
	To        []Address // To, then Cc
	Subject   string
	Snippet   string    // the beginning of the text, white space folded, at most 200 characters
	Date      time.Time // the Date field; zero when it cannot be read
	Arrived   time.Time // INTERNALDATE
	Size      int64     // octets, RFC822.SIZE
	Flags     Flags
	Files     []FileName // attachments, without inline images
	MessageID string     // without angle brackets
	ListID    string
}

// FileName is an attachment in a list row.
type FileName struct {
	Name string
	Type string // media type, lower case
	Size int64  // octets as decoded, estimated
}

// When is the time a row is placed by: arrival, or the Date field when the server gives none.
func (s Summary) When() time.Time {
	if !s.Arrived.IsZero() {
		return s.Arrived
	}
	return s.Date
}

// Show is the quick filter above a list.
type Show string

const (
	ShowAll         Show = ""
	ShowUnread      Show = "unread"
	ShowStarred     Show = "starred"
	ShowAttachments Show = "attachments"
)

// ListQuery asks for one page of a list or of a search.
type ListQuery struct {
	Mailbox string // whole name; "" with Search means all mailboxes
	Show    Show
	Search  string         // the search box's text, "" for a plain list
	Page    int            // 1 is the newest
	PerPage int            // 0 means 50
	Zone    *time.Location // in which the days of a search are meant; nil means that of the server
}

// Page is one page of a list, newest first, with the sidebar as of the same moment.
type Page struct {
	Query     ListQuery // as answered: Page is clamped to what exists
	Mailbox   Mailbox   // zero when all mailboxes were searched
	Mailboxes []Mailbox
	Rows      []Summary
	Total     int      // matching messages in all
	First     int      // number of the first row, from 1; 0 when there are none
	Unread    int      // unread messages in the mailbox
	Terms     []string // words to highlight
	Problems  []string // sentences for the person, e.g. a search operator that was not understood
	Skipped   []string // mailboxes that could not be searched
}

// Last is the number of the last row, 0 when there are none.
func (p Page) Last() int {
	if len(p.Rows) == 0 {
		return 0
	}
	return p.First + len(p.Rows) - 1
}
