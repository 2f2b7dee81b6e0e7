package compose

import (
	"bufio"
	"crypto/rand"
	"encoding/base32"
	"errors"
	"fmt"
	"io"
	"mime/quotedprintable"
	"strings"
	"time"

	"github.com/emersion/go-message/textproto"

	"postern/mailproxy/mail"
)

// Input is what Build makes a message from.
type Input struct {
	Draft mail.Draft
	From  mail.Identity // the identity Draft.From names
	Date  time.Time     // with the zone to write; the offset shows where the sender is
	// MessageID without brackets; "" makes one with the sender's domain.
	MessageID string
	// Files in order, the same as those of Draft.Files, of which only the IDs are
	// used, and only when Unfinished.
	Files []mail.Attachment
	// Sanitise makes Draft.HTML safe to send. Needed when Draft.Rich.
	Sanitise func(html string) string
	// PlainText is the text form of a HTML body. nil uses Draft.Text.
	PlainText func(html string) string
	// Unfinished builds the copy for Drafts: Bcc and the X-Postern fields that
	// Continue reads are written, what cannot be in a header is cleaned, and
	// addresses that are not complete are kept for the person to mend.
	Unfinished bool
}

// Build writes the message and returns its envelope. Bcc is in the envelope and,
// unless Unfinished, not in the message.
//
// Errors: mail.Invalid naming the field ("to", "cc", "bcc", "from", "subject")
// for what cannot be sent; *UnfitError when a file sent as message/rfc822 cannot
// travel byte for byte; else those of w and of the files' readers. What was
// written to w is then of no use. Files cost at most some 64 KiB of memory.
func Build(w io.Writer, in Input) (mail.Submission, error) {
	cw := &counter{w: w}
	bw := bufio.NewWriterSize(cw, 32<<10)
	s, head, err := envelopeAndHeader(in)
	if err != nil {
		return mail.Submission{}, err
	}
	if _, err := bw.WriteString(head); err != nil {
		return mail.Submission{}, err
	}
	b := builder{in: in}
	if err := b.body(bw); err != nil {
		return mail.Submission{}, err
	}
	if err := bw.Flush(); err != nil {
		return mail.Submission{}, err
	}
	s.Size, s.EightBit = cw.n, b.eightBit || s.UTF8
	return s, nil
}

// UnfitError says that the file at Index, sent as message/rfc822, holds NUL or a
// line over 998 octets. Such a message may not be encoded either (RFC 2046
// section 5.2.1), so it has to go as an ordinary file.
type UnfitError struct{ Index int }

func (e *UnfitError) Error() string {
	return fmt.Sprintf("file %d cannot be sent as a message byte for byte", e.Index)
}

type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

func invalid(field, msg string) error {
	return &mail.Error{Kind: mail.Invalid, Field: field, Msg: msg}
}

// MaxRecipients is how many addresses one field may hold.
const MaxRecipients = 1000

func envelopeAndHeader(in Input) (mail.Submission, string, error) {
	d := in.Draft
	var s mail.Submission
	fail := func(field, msg string) (mail.Submission, string, error) {
		return mail.Submission{}, "", invalid(field, msg)
	}
	if msg := mail.CheckAddr(in.From.Addr); msg != "" || unfit(in.From.Addr) {
		return fail("from", "The sender's address cannot be used.")
	}
	if unfit(in.From.Name) && !in.Unfinished {
		return fail("from", "The sender's name holds characters that cannot be in a header.")
	}
	subject := strings.TrimSpace(strings.ReplaceAll(d.Subject, "\t", " "))
	if unfit(subject) {
		if !in.Unfinished {
			return fail("subject", "The subject holds characters that cannot be in a header, such as line breaks.")
		}
		subject = strings.TrimSpace(clean(subject))
	}
	to, badTo := mail.ParseAddresses(d.To, MaxRecipients)
	cc, badCc := mail.ParseAddresses(d.Cc, MaxRecipients)
	bcc, badBcc := mail.ParseAddresses(d.Bcc, MaxRecipients)
	if !in.Unfinished {
		for _, f := range []struct {
			name string
			bad  []mail.AddressProblem
		}{{"to", badTo}, {"cc", badCc}, {"bcc", badBcc}} {
			if len(f.bad) > 0 {
				return fail(f.name, fmt.Sprintf("%q: %s", f.bad[0].Entry, f.bad[0].Msg))
			}
		}
		if len(to)+len(cc)+len(bcc) == 0 {
			return fail("to", "Add at least one recipient.")
		}
	}

	var h fields
	field := func(name string, list []mail.Address) {
		chunks, u := addressList(list)
		s.UTF8 = s.UTF8 || u
		h.add(name, chunks)
	}
	if in.Unfinished {
		h.b.WriteString(draftFields(d, Paths(d, in.Files)))
	}
	field("From", []mail.Address{{Name: in.From.Name, Addr: in.From.Addr}})
	field("To", to)
	if len(to)+len(cc) == 0 && !in.Unfinished {
		h.raw("To", "undisclosed-recipients:;")
	}
	field("Cc", cc)
	if r, bad := mail.ParseAddresses(in.From.ReplyTo, 10); len(r) > 0 && len(bad) == 0 {
		field("Reply-To", r)
	}
	h.add("Subject", text("Subject", subject))
	h.raw("Date", in.Date.Format("Mon, 2 Jan 2006 15:04:05 -0700"))
	s.From, _ = wireAddr(in.From.Addr)
	s.MessageID = in.MessageID
	if s.MessageID == "" {
		s.MessageID = NewMessageID(in.From.Addr)
	}
	if !ValidMessageID(s.MessageID) {
		return fail("", "")
	}
	h.raw("Message-ID", "<"+s.MessageID+">")
	if d.InReplyTo != "" {
		h.add("In-Reply-To", messageIDs([]string{d.InReplyTo}))
	}
	refs := d.References
	if len(refs) > keepReferences+1 {
		refs = append(refs[:1:1], refs[len(refs)-keepReferences:]...)
	}
	h.add("References", messageIDs(refs))
	h.raw("MIME-Version", "1.0")
	s.Recipients = envelope(to, cc, bcc)
	for _, r := range s.Recipients {
		s.UTF8 = s.UTF8 || !ascii(r)
	}
	return s, h.b.String(), nil
}

// BccField is the Bcc field of a list as typed, a whole line, "" for none. Put
// before a message it makes the sender's own copy.
func BccField(typed string) string {
	list, _ := mail.ParseAddresses(typed, MaxRecipients)
	chunks, _ := addressList(list)
	var h fields
	h.add("Bcc", chunks)
	return h.b.String()
}

// NewMessageID makes a Message-ID that tells nothing but the sender's domain.
func NewMessageID(sender string) string {
	var b [15]byte
	rand.Read(b[:])
	w, _ := wireAddr(sender)
	domain := strings.Trim(w[strings.LastIndexByte(w, '@')+1:], "[]")
	if !ValidMessageID(domain) {
		domain = "localhost.invalid"
	}
	return strings.ToLower(base32.StdEncoding.EncodeToString(b[:])) + "@" + domain
}

// builder writes the body: text alone, or with its HTML form (alternative), the
// images inside that (related) and the other files (mixed) around it.
type builder struct {
	in       Input
	eightBit bool
}

var errNoSanitiser = errors.New("HTML without a sanitiser")

func (b *builder) body(w io.Writer) error {
	var inline, attached []int
	for i, f := range b.in.Files {
		if isInline(b.in.Draft, f) {
			inline = append(inline, i)
		} else {
			attached = append(attached, i)
		}
	}
	if len(attached) == 0 {
		return b.content(root{w}, inline)
	}
	return multipart(root{w}, "mixed", nil, func(mixed creator) error {
		if err := b.content(mixed, inline); err != nil {
			return err
		}
		for _, i := range attached {
			if err := b.file(mixed, i); err != nil {
				return err
			}
		}
		return nil
	})
}

// content is the body a reader sees.
func (b *builder) content(c creator, inline []int) error {
	d := b.in.Draft
	if !d.Rich {
		return textPart(c, "plain", Flow(d.Text), param{"format", "flowed"})
	}
	if b.in.Sanitise == nil {
		return errNoSanitiser
	}
	safe := b.in.Sanitise(d.HTML)
	plainForm := d.Text
	if b.in.PlainText != nil {
		plainForm = b.in.PlainText(safe)
	}
	return multipart(c, "alternative", nil, func(alt creator) error {
		if err := textPart(alt, "plain", Flow(plainForm), param{"format", "flowed"}); err != nil {
			return err
		}
		doc := strings.Join(lines("<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\"></head><body>\n"+safe+"\n</body></html>"), "\r\n") + "\r\n"
		if len(inline) == 0 {
			return textPart(alt, "html", doc)
		}
		return multipart(alt, "related", []param{{"type", "text/html"}}, func(rel creator) error {
			if err := textPart(rel, "html", doc); err != nil {
				return err
			}
			for _, i := range inline {
				if err := b.file(rel, i); err != nil {
					return err
				}
			}
			return nil
		})
	})
}

// creator begins parts: a multipart, or the message itself.
type creator interface {
	CreatePart(textproto.Header) (io.Writer, error)
}

// root is the message itself, whose header is open still.
type root struct{ w io.Writer }

func (r root) CreatePart(h textproto.Header) (io.Writer, error) {
	return r.w, textproto.WriteHeader(r.w, h)
}

func multipart(c creator, subtype string, params []param, parts func(creator) error) error {
	var boundary [18]byte
	rand.Read(boundary[:])
	// "=_" cannot occur in base64 or quoted-printable text.
	bound := "=_" + base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(boundary[:])
	w, err := c.CreatePart(mimeHeader(field("Content-Type", valueWithParams("multipart/"+subtype, append([]param{{"boundary", bound}}, params...)...))))
	if err != nil {
		return err
	}
	mw := textproto.NewMultipartWriter(w)
	if err := mw.SetBoundary(bound); err != nil {
		return err
	}
	if err := parts(mw); err != nil {
		return err
	}
	return mw.Close()
}

func field(name string, chunks []string) string {
	var h fields
	h.add(name, chunks)
	return h.b.String()
}

// mimeHeader holds the fields in the order given.
func mimeHeader(raw ...string) textproto.Header {
	var h textproto.Header
	for i := len(raw) - 1; i >= 0; i-- { // AddRaw puts a field on top
		if raw[i] != "" {
			h.AddRaw([]byte(raw[i]))
		}
	}
	return h
}

// textPart writes text with CRLF line ends, as it is when it is ASCII in short
// lines, else quoted-printable.
func textPart(c creator, subtype, s string, params ...param) error {
	charset, encoding := "utf-8", "quoted-printable"
	if sevenBit(s) {
		charset, encoding = "us-ascii", "7bit"
	}
	w, err := c.CreatePart(mimeHeader(
		field("Content-Type", valueWithParams("text/"+subtype, append([]param{{"charset", charset}}, params...)...)),
		field("Content-Transfer-Encoding", []string{" " + encoding})))
	if err != nil {
		return err
	}
	if encoding == "7bit" {
		_, err = io.WriteString(w, s)
		return err
	}
	q := quotedprintable.NewWriter(w)
	if _, err := io.WriteString(q, s); err != nil {
		return err
	}
	return q.Close()
}

// sevenBit reports whether s is ASCII in lines that need no encoding. A line
// beginning with "From " or holding "." alone is left to the encoding, since
// there are relays that change it.
func sevenBit(s string) bool {
	for line := range strings.SplitSeq(s, "\r\n") {
		if len(line) > maxLineLen || line == "." || strings.HasPrefix(line, "From ") {
			return false
		}
	}
	return ascii(s)
}
