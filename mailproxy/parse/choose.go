package parse

import (
	"github.com/emersion/go-imap/v2"

	"postern/mailproxy/mail"
)

// Part is one leaf of a body structure that is wanted as text.
type Part struct {
	Path     string // part path, e.g. "1.2"
	Type     string // media type, lower case
	Charset  string // as declared
	Encoding string // Content-Transfer-Encoding, lower case
	Size     int64  // octets before decoding
	Flowed   bool   // format=flowed (RFC 3676)
	DelSp    bool   // delsp=yes
}

// Plan says which parts of a message make its page. Paths are whole part paths
// as the server knows them, whatever message Choose was asked to look within.
type Plan struct {
	Text       []Part // the plain form, in order: text/plain, and HTML where a section has no plain form; empty when no part is plain
	HTML       []Part // the HTML form, in order, plain sections included; empty when no part is HTML
	Alt        []mail.Alternative
	Inline     []mail.File // parts an HTML body may show through cid:
	Files      []mail.File // attachments in order, enclosed messages left out
	Signatures []mail.File // detached signatures and their like
	Nested     []mail.Nested
	Report     Part   // message/delivery-status or disposition-notification; zero Path when there is none
	Calendar   Part   // the first text/calendar; zero Path when there is none
	Encrypted  string // "OpenPGP" or "S/MIME" when the body cannot be read, else ""
	Problems   []string
}

// Choose reads a body structure, that of the message itself or, with within, of
// the message/rfc822 at that part path, and names the parts that matter. It
// stops at MaxDepth and MaxParts with a sentence in Problems.
func Choose(bs imap.BodyStructure, within string) Plan { return Plan{} }
