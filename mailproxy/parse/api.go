package parse

import (
	"io"
	"time"

	"github.com/emersion/go-imap/v2"

	"postern/mailproxy/mail"
)

// Decode undoes a Content-Transfer-Encoding (base64, quoted-printable, uuencode;
// anything else passes unchanged). It streams and never fails on rubbish: what
// cannot be decoded is skipped. Errors are those of r alone.
func Decode(r io.Reader, encoding string) io.Reader { return r }

// ToUTF8 converts text to valid UTF-8 without NUL and control characters other
// than TAB, CR and LF. declared is the charset parameter, as written, html
// allows a meta element to say. note is a plain sentence when a guess was made.
func ToUTF8(data []byte, declared string, html bool) (text, note string) { return string(data), "" }

// Header reads a header, or the answer to HEADER.FIELDS: unfolded, decoded, in
// order. Lines that are no field are skipped. note says so when limits cut it.
func Header(raw []byte) (fields []mail.HeaderField, note string) { return nil, "" }

// DecodeWords decodes the encoded words (RFC 2047) of a field, broken ones too.
func DecodeWords(s string) string { return s }

// AddressList reads an address field as received.
func AddressList(raw string) []mail.Address { return nil }

// Date reads a date field; zero when it cannot be read.
func Date(raw string) time.Time { return time.Time{} }

// MessageIDs reads In-Reply-To, References and the like: without brackets, in order.
func MessageIDs(raw string) []string { return nil }

// SummaryFields is the one fixed field list to ask for in lists, so that the
// server's cache is built once.
var SummaryFields = []string{
	"From", "To", "Cc", "Reply-To", "Subject", "Date", "Message-ID", "In-Reply-To", "References",
	"List-ID", "List-Unsubscribe", "List-Unsubscribe-Post", "Auto-Submitted", "Content-Type",
}

// PrefixLen is how many octets of BODY.PEEK[TEXT] make a snippet.
const PrefixLen = 2048

// Fetched is what a list fetches of one message. Any part may be missing.
type Fetched struct {
	Ref       mail.MessageRef
	Header    []byte // BODY.PEEK[HEADER.FIELDS (SummaryFields)]
	Structure imap.BodyStructure
	Flags     []imap.Flag
	Internal  time.Time
	Size      int64
	Prefix    []byte // BODY.PEEK[TEXT]<0.PrefixLen>
	Preview   string // PREVIEW (RFC 8970), preferred to Prefix
}

// Summarize makes a list row.
func Summarize(f Fetched) mail.Summary { return mail.Summary{Ref: f.Ref} }

// Flags sorts the flags of a message.
func Flags(list []imap.Flag) mail.Flags { return mail.Flags{} }

// Text cuts plain text into blocks. cut is set when it was too long to show whole.
func Text(s string, flowed, delSp bool) (blocks []mail.TextBlock, cut bool) { return nil, false }

// TextFromHTML is the text of an HTML body, for quoting, snippets and fallback.
func TextFromHTML(html string) string { return "" }

// ParseReport reads the machine's part of a report: kind is "delivery"
// (message/delivery-status) or "disposition". nil when it says nothing.
func ParseReport(b []byte, kind string) *mail.Report { return nil }

// SafeName makes a file name fit to show and to save.
func SafeName(name, mediaType string) string { return name }

// Message is the page of one message: header is its whole header as received,
// body the raw octets (still encoded) of the parts in p.Text, p.HTML and
// p.Report by path, those missing left out.
func (p Plan) Message(header []byte, body map[string][]byte) mail.Message { return mail.Message{} }

// HTMLSource is the HTML form of the message, for the sanitiser; html is "" when
// there is none.
func (p Plan) HTMLSource(body map[string][]byte) (html string, notes []string) { return "", nil }

// Entity is a whole message split by us.
type Entity struct{}

// Parse splits a message. It never fails.
func Parse(raw []byte) *Entity { return &Entity{} }

// Structure is the message as a server's BODYSTRUCTURE would give it.
func (e *Entity) Structure() imap.BodyStructure { return nil }

// Section is the header and the body of the part at a path as a server would
// give them ("" is the message itself); nil when there is no such part.
func (e *Entity) Section(path string) (header, body []byte) { return nil, nil }
