package mail

import (
	"io"
	"time"
)

// OutboxRow is an outgoing message as the store keeps it. Mail is sealed there
// under the operator's key, since it holds addresses and a password.
type OutboxRow struct {
	ID        string
	Account   string // Account.ID
	State     OutboxState
	Due       time.Time // when it may leave; while sending, until when its runner is taken to be alive
	Created   time.Time
	Attempts  int    // how often it was taken up; also tells one runner from the next
	LastError string // one sentence or the server's own words
	Begun     bool   // the last line of the message may have reached the server
	Blob      string // id of the finished message among the blobs, "" once it is gone
	Mail      OutboxMail
}

// OutboxMail is what sending needs to know.
type OutboxMail struct {
	Submission  Submission
	Credentials Credentials
	Subject     string
	To          string             // the recipients as shown: To, Cc and Bcc
	SentFields  string             // header fields put before the message in the Sent copy (Bcc), whole lines
	DraftFields string             // header fields put before the message when it becomes a draft again, whole lines
	Key         string             // the draft's key: names its uploads
	Kind        ComposeKind        // decides the flag for Parent
	Draft       MessageRef         // the copy in Drafts, zero when there is none
	Parent      MessageRef         // the message answered or forwarded
	Refused     []RefusedRecipient // recipients the server would not take
}

// Item is the row as its sender sees it.
func (r OutboxRow) Item() OutboxItem {
	return OutboxItem{ID: r.ID, State: r.State, Due: r.Due, Subject: r.Mail.Subject, To: r.Mail.To,
		Attempts: r.Attempts, LastError: r.LastError, Draft: r.Mail.Draft, Refused: r.Mail.Refused}
}

// BlobInfo is a file in the store: an upload or a finished message.
type BlobInfo struct {
	ID      string
	Name    string
	Type    string // media type as uploaded
	Size    int64  // octets
	Created time.Time
}

// BlobWriter takes a file in. Nothing of it can be read before Commit. One of
// Commit and Abort is called; Abort after Commit does nothing.
type BlobWriter interface {
	io.Writer
	Commit() (BlobInfo, error)
	Abort()
}
