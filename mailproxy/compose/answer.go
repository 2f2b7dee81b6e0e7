package compose

import (
	"fmt"
	"html"
	"strings"
	"time"

	"postern/mailproxy/mail"
)

// Words are the words that an answer puts into the text, so that they come from
// the caller's catalogue. Zero fields mean English.
type Words struct {
	// Wrote introduces a quotation: who as the reader should see it, when with
	// the zone it was written in (zero when unknown).
	Wrote     func(who string, when time.Time) string
	Forwarded string // "Forwarded message"
	From      string // "From"
	Date      string // "Date"
	Subject   string // "Subject"
	To        string // "To"
	Cc        string // "Cc"
}

func (w Words) orEnglish() Words {
	if w.Wrote == nil {
		w.Wrote = func(who string, when time.Time) string {
			if when.IsZero() {
				return who + " wrote:"
			}
			return fmt.Sprintf("On %s, %s wrote:", when.Format("Mon, 2 Jan 2006 at 15:04"), who)
		}
	}
	def := func(s *string, d string) {
		if *s == "" {
			*s = d
		}
	}
	def(&w.Forwarded, "Forwarded message")
	def(&w.From, "From")
	def(&w.Date, "Date")
	def(&w.Subject, "Subject")
	def(&w.To, "To")
	def(&w.Cc, "Cc")
	return w
}

// Question is what an answer or a forward is made from.
type Question struct {
	Kind   mail.ComposeKind
	Parent mail.Message
	Text   string          // the parent's text, see PlainText
	HTML   string          // the parent's HTML body as a sanitised fragment, "" when there is none
	Rich   bool            // the person writes HTML
	Me     []mail.Identity // the own identities
	Key    string          // the new draft's key
	Words  Words
}

const (
	keepReferences = 20      // Message-IDs kept in References beside the first
	maxQuote       = 1 << 20 // octets of text or HTML quoted; more is cut at a line
)

// Answer is the draft of a reply, a reply to all or a forward: recipients,
// subject, references, identity, quotation and, forwarding, the files.
func Answer(q Question) mail.Draft {
	w := q.Words.orEnglish()
	p := q.Parent
	id := Identity(p, q.Me)
	d := mail.Draft{Key: q.Key, Kind: q.Kind, Parent: p.Ref, From: id.ID, Rich: q.Rich, References: references(p)}
	text := cut(q.Text, maxQuote)
	var quoted, quotedHTML string
	switch q.Kind {
	case mail.ComposeForward:
		d.Subject = ForwardSubject(clean(p.Subject))
		quoted, quotedHTML = forwarded(w, p, text, q.HTML)
		d.Files = Parts(p, q.Rich)
	case mail.ComposeForwardAttach:
		d.Subject = ForwardSubject(clean(p.Subject))
		d.Files = []mail.DraftFile{{ID: PartID(p.Ref, p.Path), Name: messageName(p.Subject), Type: "message/rfc822", Size: p.Size, Ref: p.Ref, Path: p.Path}}
	default:
		to, cc := Recipients(p, q.Kind == mail.ComposeReplyAll, q.Me)
		d.To, d.Cc = mail.JoinAddresses(to), mail.JoinAddresses(cc)
		d.Subject = ReplySubject(clean(p.Subject))
		if ValidMessageID(p.MessageID) {
			d.InReplyTo = p.MessageID
		}
		said := clean(w.Wrote(who(p), p.Date))
		quoted = said + "\n" + Quote(text)
		quotedHTML = "<p>" + html.EscapeString(said) + "</p>\n<blockquote type=\"cite\">" + htmlOr(q.HTML, text) + "</blockquote>"
		if q.Rich {
			d.Files = inlineParts(p)
		}
	}
	d.Text, d.HTML = Begin(id, quoted, quotedHTML, q.Kind, q.Rich)
	return d
}

// Begin is the body a composer opens with: room to write, what is quoted and the
// identity's signature, which ends a reply but stands above a forwarded message,
// since everything below "-- " counts as signature.
func Begin(id mail.Identity, quoted, quotedHTML string, kind mail.ComposeKind, rich bool) (text, htm string) {
	sig := strings.TrimRight(strings.Join(lines(id.Signature), "\n"), " \n")
	var t, h strings.Builder
	h.WriteString("<p><br></p>")
	forward := kind == mail.ComposeForward
	if sig != "" && forward {
		t.WriteString("\n\n" + sig)
		h.WriteString("<p>" + textHTML(sig) + "</p>")
	}
	if quoted != "" {
		t.WriteString("\n\n" + quoted + "\n")
		h.WriteString(quotedHTML)
	}
	if sig != "" && !forward {
		t.WriteString("\n\n-- \n" + sig)
		h.WriteString("<p>-- <br>" + textHTML(sig) + "</p>")
	}
	text = t.String()
	if rich {
		htm = h.String()
	}
	return text, htm
}

// references are those of the parent and the parent itself (RFC 5322 section
// 3.6.4), the first and the last 20 of them.
func references(p mail.Message) []string {
	refs := p.References
	if len(refs) == 0 && len(p.InReplyTo) == 1 {
		refs = p.InReplyTo
	}
	var out []string
	seen := map[string]bool{}
	for _, id := range append(refs[:len(refs):len(refs)], p.MessageID) {
		if ValidMessageID(id) && !seen[id] {
			seen[id] = true
			out = append(out, id)
		}
	}
	if len(out) > keepReferences+1 {
		out = append(out[:1:1], out[len(out)-keepReferences:]...)
	}
	return out
}

func who(p mail.Message) string {
	if len(p.From) == 0 {
		return "?"
	}
	return p.From[0].Display()
}

func forwarded(w Words, p mail.Message, text, htm string) (string, string) {
	var t, h strings.Builder
	t.WriteString("---------- " + w.Forwarded + " ----------\n")
	h.WriteString("<p>---------- " + html.EscapeString(w.Forwarded) + " ----------<br>")
	line := func(name, value string) {
		if value = clean(value); value != "" {
			t.WriteString(name + ": " + value + "\n")
			h.WriteString(html.EscapeString(name) + ": " + html.EscapeString(value) + "<br>")
		}
	}
	date := p.DateRaw
	if !p.Date.IsZero() {
		date = p.Date.Format("Mon, 2 Jan 2006 15:04 -0700")
	}
	line(w.From, mail.JoinAddresses(p.From))
	line(w.Date, date)
	line(w.Subject, p.Subject)
	line(w.To, mail.JoinAddresses(p.To))
	line(w.Cc, mail.JoinAddresses(p.Cc))
	t.WriteString("\n" + strings.TrimRight(text, " \t\r\n"))
	h.WriteString("</p>\n" + htmlOr(htm, text))
	return t.String(), h.String()
}

func htmlOr(htm, text string) string {
	if htm != "" && len(htm) <= maxQuote {
		return htm
	}
	return "<p>" + textHTML(text) + "</p>"
}

// textHTML is plain text as HTML, line by line.
func textHTML(s string) string {
	s = html.EscapeString(strings.Join(lines(s), "\n"))
	s = strings.ReplaceAll(s, "\n", "<br>\n")
	return strings.ReplaceAll(s, "  ", "&nbsp; ")
}

func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	s = s[:n]
	if i := strings.LastIndexByte(s, '\n'); i > 0 {
		s = s[:i]
	}
	return strings.ToValidUTF8(s, "") + "\n[…]"
}

// PlainText is the text of an opened message as one string, quote marks before
// quoted lines, for quoting.
func PlainText(blocks []mail.TextBlock) string {
	var b strings.Builder
	signature := false
	for _, bl := range blocks {
		prefix := strings.Repeat(">", bl.Depth)
		if prefix != "" {
			prefix += " "
		}
		if bl.Signature && !signature && bl.Depth == 0 && !startsWithMark(bl) {
			b.WriteString("-- \n")
		}
		signature = bl.Signature
		for _, l := range bl.Lines {
			b.WriteString(prefix)
			for _, s := range l {
				b.WriteString(s.Text)
			}
			b.WriteByte('\n')
			if b.Len() > 2*maxQuote {
				return b.String()
			}
		}
	}
	return strings.TrimRight(b.String(), "\n")
}

func startsWithMark(b mail.TextBlock) bool {
	return len(b.Lines) > 0 && len(b.Lines[0]) > 0 && strings.TrimRight(b.Lines[0][0].Text, " ") == "--"
}

// WithoutSignature drops the signature of the text's writer, which an answer
// does not quote.
func WithoutSignature(text string) string {
	if i := strings.LastIndex("\n"+text, "\n-- \n"); i >= 0 && !strings.Contains(text[i:], "\n>") {
		return strings.TrimRight(text[:i], "\n")
	}
	return text
}
