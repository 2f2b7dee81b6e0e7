package mail

import (
	"io"
	"time"
)

// ComposeKind is why a composer opens.
type ComposeKind string

const (
	ComposeNew           ComposeKind = "new"
	ComposeReply         ComposeKind = "reply"
	ComposeReplyAll      ComposeKind = "reply-all"
	ComposeForward       ComposeKind = "forward"
	ComposeForwardAttach ComposeKind = "forward-attached"
	ComposeContinue      ComposeKind = "draft" // go on with a draft
)

// Identity is an address a person sends as.
type Identity struct {
	ID        string
	Name      string
	Addr      string
	ReplyTo   string
	Signature string // plain text
	Default   bool
}

// Address is the identity as a From field.
func (i Identity) Address() Address { return Address{Name: i.Name, Addr: i.Addr} }

// Draft is what a person is writing. It travels whole in the composer's form.
type Draft struct {
	Key         string // names the draft for its uploads and its header X-Postern-Draft; random, made when the composer opens
	Kind        ComposeKind
	Parent      MessageRef // the message answered or forwarded; zero when new
	Saved       MessageRef // the copy in Drafts, zero before the first save
	From        string     // Identity.ID
	To, Cc, Bcc string     // address lists as typed
	Subject     string
	Text        string   // plain text body
	HTML        string   // HTML body when the person writes HTML, "" in plain text; hostile until sanitised
	Rich        bool     // HTML counts
	InReplyTo   string   // Message-ID without brackets
	References  []string // oldest first, without brackets
	Files       []DraftFile
}

// DraftFile is an attachment of a draft: an upload, or a part of a message on the server.
type DraftFile struct {
	ID        string // upload id, or for parts "p:" + ref + ":" + path
	Name      string
	Type      string
	Size      int64      // octets, decoded
	Upload    bool       // kept in the store's blobs under the draft's key
	Ref       MessageRef // the message holding the part
	Path      string     // part path; "" means the whole message as message/rfc822
	ContentID string     // set for inline images
}

// Attachment is a file on its way into a message. Open is called once per build,
// in order, and the reader is closed before the next is opened.
type Attachment struct {
	Name, Type string
	Size       int64 // octets, decoded; -1 when unknown
	ContentID  string
	Inline     bool
	Message    bool // a message/rfc822, copied byte for byte
	Open       func() (io.ReadCloser, error)
}

// Submission is a finished message with its SMTP envelope (RFC 5321 section 2.3.1).
type Submission struct {
	From       string   // reverse-path, an addr-spec
	Recipients []string // forward-paths, no duplicates
	MessageID  string   // without angle brackets
	UTF8       bool     // needs SMTPUTF8 (RFC 6531)
	EightBit   bool     // needs 8BITMIME (RFC 6152)
	Size       int64    // octets of the message
}

// OutboxState is where an outgoing message stands.
type OutboxState string

const (
	OutboxWaiting   OutboxState = "waiting"   // until the undo window ends
	OutboxSending   OutboxState = "sending"   // handed to the submission server, answer open
	OutboxSubmitted OutboxState = "submitted" // accepted; the Sent copy is still to be stored
	OutboxDone      OutboxState = "done"
	OutboxReturned  OutboxState = "returned"  // refused: the draft is back
	OutboxCancelled OutboxState = "cancelled" // undone by the person
)

// OutboxItem is a message in the outbox as its sender sees it.
type OutboxItem struct {
	ID        string
	State     OutboxState
	Due       time.Time
	Subject   string
	To        string
	Attempts  int
	LastError string     // the server's own words
	Draft     MessageRef // the draft it came from, if it was saved
	Refused   []RefusedRecipient
}

// RefusedRecipient is a recipient the submission server would not take.
type RefusedRecipient struct {
	Addr  string
	Reply string // the server's own words with the code
}
