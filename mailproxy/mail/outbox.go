package mail

import (
	"io"
	"time"
)

// OutboxRow is a message in the outbox with all that its delivery needs: what
// the store keeps and the job works on. People see an OutboxItem.
type OutboxRow struct {
	ID        string // made by whoever adds the row: 1 to 64 of A-Z a-z 0-9 _ -, not guessable
	AccountID string
	State     OutboxState
	Due       time.Time // not before this; milliseconds
	Created   time.Time // set by the store
	Changed   time.Time // set by the store
	Attempts  int
	DataBegun bool // DATA was sent to the submission server: it may have the message

	// What follows is sealed in the store.
	LastError   string // the server's own words
	Refused     []RefusedRecipient
	Subject     string // for showing
	To          string // for showing
	Submission  Submission
	BlobID      string      // the finished message, RFC 5322 bytes
	SentMailbox string      // where the copy goes; "" when the server stores it itself
	Kind        ComposeKind // says which flag the parent gets
	Parent      MessageRef  // the message answered or forwarded, zero when new
	Draft       MessageRef  // the copy in Drafts, zero if it was never saved
	Written     Draft       // what the person wrote, to give it back

	// Credentials sign the job in. Only OutboxRun gives them out, and the store
	// forgets them when the row reaches a final state.
	Credentials Credentials
}

// Item is the row as its sender sees it.
func (r OutboxRow) Item() OutboxItem {
	return OutboxItem{
		ID: r.ID, State: r.State, Due: r.Due, Subject: r.Subject, To: r.To,
		Attempts: r.Attempts, LastError: r.LastError, Draft: r.Draft, Refused: r.Refused,
	}
}

// OutboxDue is a row that still has work to be done, and when.
type OutboxDue struct {
	ID  string
	Due time.Time
}

// Final reports whether nothing more will happen to a message in this state.
func (s OutboxState) Final() bool {
	return s == OutboxDone || s == OutboxReturned || s == OutboxCancelled
}

// BlobInfo describes a file kept by the store.
type BlobInfo struct {
	ID      string // given by the store
	Group   string // what it belongs to, for instance a draft's key; at most 200 octets
	Name    string // as shown; cleaned and cut to 255 octets
	Type    string // media type; at most 127 octets
	Size    int64  // octets
	Created time.Time
}

// BlobWriter takes the bytes of a new blob. Nobody sees the blob before Commit;
// Abort after Commit does nothing, so it can be deferred. One goroutine at a time.
type BlobWriter interface {
	io.Writer
	// Commit ends the blob and makes it visible.
	Commit() (id string, size int64, err error)
	// Abort forgets what was written.
	Abort()
}
