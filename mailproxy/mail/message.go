package mail

import (
	"io"
	"time"
)

// Message is one opened message: everything its page shows but the HTML body,
// which is served from an address of its own.
type Message struct {
	Ref         MessageRef
	Path        string // part path of the message/rfc822 that this is the inside of; "" for the message itself
	Subject     string
	From        []Address
	Sender      []Address // only when it differs from From
	ReplyTo     []Address // only when it differs from From
	To, Cc, Bcc []Address
	Date        time.Time // with the zone it was written in; zero when it cannot be read
	DateRaw     string    // the field as written
	Arrived     time.Time
	Size        int64
	Flags       Flags
	MessageID   string // without angle brackets
	InReplyTo   []string
	References  []string // oldest first
	ListID      string
	Unsubscribe string // List-Unsubscribe as written, "" when missing
	Header      []HeaderField

	Text         []TextBlock // the text part as blocks; nil when there is none
	HTMLPath     string      // part path of the HTML body, "" when there is none
	HTMLSize     int64
	Alternatives []Alternative // other forms of the same body (text/plain beside HTML, calendar)
	Files        []File        // attachments in order; inline images that the body shows are left out
	Inline       []File        // parts shown inside the body through cid:
	Nested       []Nested      // message/rfc822 parts, which open in place
	Report       *Report       // a delivery or disposition report, nil otherwise
	Remote       int           // resources the HTML body would load from elsewhere
	Problems     []string      // what could not be understood, one plain sentence each
}

// HeaderField is one field of the header, decoded, in order.
type HeaderField struct{ Name, Value string }

// Alternative is another form of the same body.
type Alternative struct {
	Path string
	Type string // media type
}

// File is one attachment.
type File struct {
	Path      string // part path
	Name      string // safe to show and to save: no directories, no control characters; never empty
	Type      string // media type as declared, lower case, checked for syntax
	Size      int64  // octets as decoded, estimated from the encoding
	ContentID string // without angle brackets
	Charset   string
	Encoding  string // Content-Transfer-Encoding, lower case
	Preview   Preview
	Risky     bool // a type that can run code when opened
}

// Preview is how a file may be shown in the page.
type Preview int

const (
	PreviewNone  Preview = iota
	PreviewImage         // png, jpeg, gif, webp, avif, bmp
	PreviewText
	PreviewPDF
)

// Nested is an enclosed message.
type Nested struct {
	Path    string
	Subject string
	From    []Address
	Date    time.Time
	Size    int64
}

// Report is a delivery status (RFC 3464) or disposition (RFC 8098) in words.
type Report struct {
	Kind       string // "delivery" or "disposition"
	Reporter   string
	Recipients []ReportRecipient
}

// ReportRecipient is one recipient of a report.
type ReportRecipient struct {
	Address    string
	Action     string // failed, delayed, delivered, relayed, expanded; displayed, deleted …
	Status     string // 5.1.1
	Diagnostic string // the server's own words
	RemoteMTA  string
}

// TextBlock is a run of lines of plain text at one quote depth. It is drawn by
// escaping; no part of it is HTML.
type TextBlock struct {
	Depth     int  // 0 is the writer's own text
	Signature bool // what follows "-- "
	Fixed     bool // tables, diffs, code: keep columns, use a monospaced font
	Lines     []TextLine
}

// TextLine is one line or, in flowed text, one paragraph.
type TextLine []TextSpan

// TextSpan is a piece of text, a link when URL is set (http, https, mailto, tel).
type TextSpan struct {
	Text string
	URL  string
	Diff byte // '+', '-' or '@' in a patch, else 0
}

// PartStream is a part or a message being read from the server. The caller
// closes Body; until then a connection is in use.
type PartStream struct {
	File File
	Body io.ReadCloser // decoded from its transfer encoding
	Size int64         // octets of Body if known for certain, -1 otherwise
}

// SafeHTML is a whole HTML document that has passed the sanitiser, the last step
// before output. Nothing edits it afterwards.
type SafeHTML struct{ html string }

// Sanitised marks html as having passed the sanitiser. Only mailproxy/sanitize calls it.
func Sanitised(html string) SafeHTML { return SafeHTML{html} }

// String is the document.
func (s SafeHTML) String() string { return s.html }
