package parse

import (
	"strconv"
	"strings"

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

// IsHTML reports whether the part is HTML.
func (p Part) IsHTML() bool { return p.Type == "text/html" }

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

// HTMLPath names the HTML body: the path of its first HTML part, "" when there
// is none. The body may be more than that part, see HTMLSource.
func (p Plan) HTMLPath() string {
	for _, x := range p.HTML {
		if x.IsHTML() {
			return x.Path
		}
	}
	return ""
}

// maxBodies bounds the text parts shown one after the other.
const maxBodies = 50

// Choose reads a body structure, that of the message itself or, with within, of
// the message/rfc822 at that part path, and names the parts that matter. It
// stops at MaxDepth and MaxParts with a sentence in Problems.
func Choose(bs imap.BodyStructure, within string) Plan {
	if within == "" {
		return ChooseAt(bs, "")
	}
	f := Find(bs, within)
	if f.Part == nil || f.Rest != "" || f.Part.MessageRFC822 == nil || f.Opaque {
		return Plan{Problems: []string{"There is no enclosed message at this place."}}
	}
	return ChooseAt(f.Part.MessageRFC822.BodyStructure, within)
}

// ChooseAt is Choose for a structure that belongs to the message enclosed at
// prefix, as when that message was split by Parse.
func ChooseAt(bs imap.BodyStructure, prefix string) Plan {
	c := chooser{}
	if bs == nil {
		return Plan{}
	}
	base := prefix
	if _, multi := bs.(*imap.BodyStructureMultiPart); !multi {
		base = joinPath(prefix, 1)
	}
	f := c.walk(bs, base, place{root: true})
	if f.plain {
		c.plan.Text = f.text
	}
	c.plan.HTML = f.html
	if len(f.text) == 0 && len(f.html) == 0 { // an invitation alone
		c.plan.Files = append(c.plan.Files, c.calendars...)
	}
	if len(c.plan.HTML) == 0 { // nothing can show them
		c.plan.Files = append(c.plan.Files, c.plan.Inline...)
		c.plan.Inline = nil
	}
	if len(c.plan.Text) > maxBodies {
		c.plan.Text = c.plan.Text[:maxBodies]
		c.problem("This message has more text parts than can be shown.")
	}
	c.plan.HTML = c.plan.HTML[:min(len(c.plan.HTML), maxBodies)]
	return c.plan
}

func joinPath(prefix string, n int) string {
	if prefix == "" {
		return strconv.Itoa(n)
	}
	return prefix + "." + strconv.Itoa(n)
}

type chooser struct {
	plan  Plan
	parts int
	depth int
	body  bool // a text body was found

	calendars []mail.File // those that stand for the body in another form
}

// form is what a section looks like.
type form struct {
	text  []Part // plain parts, HTML standing in where there is no plain one
	html  []Part // nil when no part is HTML
	plain bool   // text holds a part that is not HTML
}

// place is where in the tree a part stands.
type place struct {
	root        bool // the message's whole body
	alternative bool
	related     bool // beside the root of a multipart/related
	report      bool
	encrypted   bool
}

func (c *chooser) problem(s string) {
	for _, p := range c.plan.Problems {
		if p == s {
			return
		}
	}
	c.plan.Problems = append(c.plan.Problems, s)
}

func (c *chooser) walk(bs imap.BodyStructure, path string, at place) form {
	if c.depth >= MaxDepth {
		c.problem("Parts nested more than " + strconv.Itoa(MaxDepth) + " deep are left out.")
		return form{}
	}
	c.depth++
	defer func() { c.depth-- }()
	switch bs := bs.(type) {
	case *imap.BodyStructureSinglePart:
		if c.parts++; c.parts > MaxParts {
			c.problem("This message has more than " + strconv.Itoa(MaxParts) + " parts. The others are left out.")
			return form{}
		}
		return c.leaf(bs, path, at)
	case *imap.BodyStructureMultiPart:
		return c.multi(bs, path, at)
	}
	return form{}
}

func (c *chooser) multi(bs *imap.BodyStructureMultiPart, path string, at place) form {
	if len(bs.Children) == 0 {
		return form{}
	}
	at.root = false
	switch sub := strings.ToLower(bs.Subtype); sub {
	case "alternative":
		return c.alternative(bs, path, at)
	case "related":
		root := relatedRoot(bs)
		out := c.walk(bs.Children[root], joinPath(path, root+1), place{alternative: at.alternative})
		rest := place{related: len(out.html) > 0}
		for i, ch := range bs.Children {
			if i != root && c.parts <= MaxParts {
				out = out.then(c.walk(ch, joinPath(path, i+1), rest))
			}
		}
		return out
	case "encrypted":
		c.plan.Encrypted = "OpenPGP"
		at.encrypted = true
		return c.sequence(bs, path, at)
	case "report":
		at.report = true
		return c.sequence(bs, path, at)
	default: // mixed, signed, digest, parallel, form-data, unknown ones (RFC 2046 section 5.1.7)
		at.related = at.related && sub != "mixed"
		at.alternative = false
		return c.sequence(bs, path, at)
	}
}

func (c *chooser) sequence(bs *imap.BodyStructureMultiPart, path string, at place) form {
	var out form
	for i, ch := range bs.Children {
		if c.parts > MaxParts {
			break
		}
		out = out.then(c.walk(ch, joinPath(path, i+1), at))
	}
	return out
}

// then puts a section behind another.
func (f form) then(g form) form {
	switch {
	case len(g.text) == 0 && len(g.html) == 0, len(f.text) > maxBodies: // ChooseAt says so
		return f
	case len(f.text) == 0 && len(f.html) == 0:
		return g
	}
	var out form
	out.text = append(f.text[:len(f.text):len(f.text)], g.text...)
	out.plain = f.plain || g.plain
	if len(f.html) > 0 || len(g.html) > 0 {
		out.html = append(out.html, f.rich()...)
		out.html = append(out.html, g.rich()...)
	}
	return out
}

func (f form) rich() []Part {
	if len(f.html) > 0 {
		return f.html
	}
	return f.text
}

// alternative takes the last HTML form and the last plain one (RFC 2046 section
// 5.1.4: the best comes last).
func (c *chooser) alternative(bs *imap.BodyStructureMultiPart, path string, at place) form {
	at.alternative = true
	had := c.body
	var out form
	for i, ch := range bs.Children {
		if c.parts > MaxParts {
			break
		}
		c.body = had
		f := c.walk(ch, joinPath(path, i+1), at)
		if len(f.html) > 0 {
			out.html = f.html
		}
		if f.plain && (!out.plain || len(f.html) == 0 && f.text[0].Type != "text/enriched" && f.text[0].Type != "text/richtext") {
			out.text, out.plain = f.text, true
		}
	}
	c.body = true
	if !out.plain {
		out.text = out.html
	}
	for _, p := range out.html {
		c.plan.Alt = append(c.plan.Alt, mail.Alternative{Path: p.Path, Type: p.Type})
	}
	if len(out.html) > 0 {
		for _, p := range out.text {
			if !p.IsHTML() {
				c.plan.Alt = append(c.plan.Alt, mail.Alternative{Path: p.Path, Type: p.Type})
			}
		}
	}
	return out
}

// relatedRoot is the part the others belong to: the one start names (RFC 2387
// section 3.2), else the first.
func relatedRoot(bs *imap.BodyStructureMultiPart) int {
	if bs.Extended == nil || bs.Extended.Params["start"] == "" {
		return 0
	}
	start := contentID(bs.Extended.Params["start"])
	for i, ch := range bs.Children {
		if s, ok := ch.(*imap.BodyStructureSinglePart); ok && contentID(s.ID) == start && start != "" {
			return i
		}
	}
	return 0
}

func contentID(s string) string {
	return strings.Trim(cleanLine(s), "<> ")
}

func (c *chooser) leaf(bs *imap.BodyStructureSinglePart, path string, at place) form {
	f := FileOf(bs, path)
	disp := ""
	if d := bs.Disposition(); d != nil {
		disp = strings.ToLower(strings.TrimSpace(d.Value))
	}
	named := rawFileName(bs) != ""
	switch f.Type {
	case "message/rfc822", "message/global":
		c.nested(bs, path, f)
		return form{}
	case "message/delivery-status", "message/global-delivery-status", "message/disposition-notification", "message/global-disposition-notification":
		if c.plan.Report.Path == "" {
			c.plan.Report = PartOf(bs, path)
			return form{}
		}
	case "message/partial":
		c.problem("This is one piece of a message that was sent in several.")
	case "message/external-body":
		c.problem("Part of this message lies on another server and is not shown.")
	case "text/x-amp-html":
		if disp != "attachment" {
			return form{}
		}
	case "text/calendar":
		if c.plan.Calendar.Path == "" {
			c.plan.Calendar = PartOf(bs, path)
		}
		if at.alternative && disp != "attachment" {
			c.plan.Alt = append(c.plan.Alt, mail.Alternative{Path: path, Type: f.Type})
			c.calendars = append(c.calendars, f)
			return form{}
		}
	case "application/pgp-signature", "application/pkcs7-signature", "application/x-pkcs7-signature":
		c.plan.Signatures = append(c.plan.Signatures, f)
		return form{}
	case "application/pgp-encrypted":
		c.plan.Encrypted = "OpenPGP"
		return form{}
	case "application/pkcs7-mime", "application/x-pkcs7-mime":
		if strings.EqualFold(bs.Params["smime-type"], "signed-data") {
			c.problem("This message is wrapped in an S/MIME signature that cannot be opened here. It is attached.")
		} else if at.root && !strings.EqualFold(bs.Params["smime-type"], "certs-only") {
			c.plan.Encrypted = "S/MIME"
		}
	}
	if bodyText(f.Type) && disp != "attachment" && !at.encrypted {
		if at.related && f.ContentID != "" { // an image's caption, a style sheet, a frame
			c.plan.Inline = append(c.plan.Inline, f)
			return form{}
		}
		if at.alternative || !named || at.root || !c.body && !at.related && disp != "inline" || !c.body && isBodyName(f.Name) {
			c.body = true
			p := PartOf(bs, path)
			out := form{text: []Part{p}}
			if p.IsHTML() {
				out.html = out.text
			} else {
				out.plain = true
			}
			return out
		}
	}
	if f.ContentID != "" && strings.HasPrefix(f.Type, "image/") && (at.related || disp == "inline") {
		c.plan.Inline = append(c.plan.Inline, f)
	} else {
		c.plan.Files = append(c.plan.Files, f)
	}
	return form{}
}

// isBodyName are the names some software gives the text itself.
func isBodyName(name string) bool {
	n := strings.ToLower(name)
	return strings.HasPrefix(n, "message.") || strings.HasPrefix(n, "body.") || strings.HasPrefix(n, "msg.") || strings.HasPrefix(n, "text.") || strings.HasPrefix(n, "mail.")
}

// bodyText are the types read as text of the message itself. Those that are
// files by nature, and everything that is not text, are attachments.
func bodyText(t string) bool {
	if !strings.HasPrefix(t, "text/") {
		return false
	}
	switch t {
	case "text/csv", "text/vcard", "text/x-vcard", "text/directory", "text/calendar", "text/x-vcalendar", "text/css", "text/javascript", "text/xml", "text/rtf",
		"text/rfc822-headers", "text/x-amp-html", "text/vtt", "text/cache-manifest", "text/tab-separated-values", "text/x-moz-deleted":
		return false
	}
	return true
}

func (c *chooser) nested(bs *imap.BodyStructureSinglePart, path string, f mail.File) {
	n := mail.Nested{Path: path, Size: f.Size}
	if bs.MessageRFC822 != nil && bs.MessageRFC822.Envelope != nil && !opaque(bs) {
		e := bs.MessageRFC822.Envelope
		n.Subject = clip(decodeField([]byte(e.Subject), ""), 1000)
		n.Date = e.Date
		for _, a := range e.From[:min(len(e.From), 20)] {
			if m := (mail.Address{Name: name(rawText([]byte(a.Name), "")), Addr: addrSpec(a.Addr())}); m.Addr != "" || m.Name != "" {
				n.From = append(n.From, m)
			}
		}
	}
	if n.Subject == "" && rawFileName(bs) != "" {
		n.Subject = strings.TrimSuffix(f.Name, ".eml")
	}
	c.plan.Nested = append(c.plan.Nested, n)
}

// PartOf describes a part as text.
func PartOf(bs *imap.BodyStructureSinglePart, path string) Part {
	return Part{
		Path: path, Type: cleanType(bs.MediaType()), Charset: param(bs.Params, "charset"), Encoding: Encoding(bs.Encoding), Size: int64(bs.Size),
		Flowed: strings.EqualFold(bs.Params["format"], "flowed"), DelSp: strings.EqualFold(bs.Params["delsp"], "yes"),
	}
}

// FileOf describes a part as a file.
func FileOf(bs *imap.BodyStructureSinglePart, path string) mail.File {
	t := cleanType(bs.MediaType())
	raw := rawFileName(bs)
	f := mail.File{
		Path: path, Type: t, Name: SafeName(raw, t), Size: DecodedSize(int64(bs.Size), bs.Encoding), ContentID: contentID(bs.ID),
		Charset: charsetName(param(bs.Params, "charset")), Encoding: Encoding(bs.Encoding),
	}
	if (t == "message/rfc822" || t == "message/global") && raw == "" && bs.MessageRFC822 != nil && bs.MessageRFC822.Envelope != nil {
		if s := cleanLine(DecodeWords(bs.MessageRFC822.Envelope.Subject)); s != "" {
			f.Name = SafeName(strings.NewReplacer("/", "-", `\`, "-").Replace(clip(s, 100))+".eml", t)
		}
	}
	f.Preview = previewOf(f.Name, t)
	f.Risky = risky(f.Name, t)
	return f
}

func rawFileName(bs *imap.BodyStructureSinglePart) string {
	if d := bs.Disposition(); d != nil {
		if n := param(d.Params, "filename"); strings.TrimSpace(n) != "" {
			return n
		}
		if n := param(d.Params, "name"); strings.TrimSpace(n) != "" {
			return n
		}
	}
	if n := param(bs.Params, "name"); strings.TrimSpace(n) != "" {
		return n
	}
	return param(bs.Params, "filename")
}

// cleanType checks a media type for syntax: what is none is octet-stream.
func cleanType(t string) string {
	t = strings.ToLower(strings.TrimSpace(t))
	slash := false
	for i := 0; i < len(t); i++ {
		c := t[i]
		if c == '/' {
			if slash || i == 0 || i == len(t)-1 {
				return "application/octet-stream"
			}
			slash = true
			continue
		}
		if !('a' <= c && c <= 'z' || '0' <= c && c <= '9' || strings.IndexByte("!#$&-^_.+*'`~%", c) >= 0) {
			return "application/octet-stream"
		}
	}
	if !slash || len(t) > 127 {
		return "application/octet-stream"
	}
	return t
}

// DecodedSize estimates the octets behind a transfer encoding.
func DecodedSize(n int64, encoding string) int64 {
	switch Encoding(encoding) {
	case "base64": // lines of 76 and CRLF
		return max(0, (n-2*(n/78))*3/4)
	case "uuencode":
		return n * 45 / 63
	}
	return n
}

// opaque reports whether an enclosed message is hidden from the server by its
// transfer encoding (which RFC 2046 section 5.2.1 forbids).
func opaque(bs *imap.BodyStructureSinglePart) bool {
	if t := cleanType(bs.MediaType()); t != "message/rfc822" && t != "message/global" {
		return false
	}
	switch Encoding(bs.Encoding) {
	case "base64", "quoted-printable", "uuencode":
		return true
	}
	return bs.MessageRFC822 == nil || bs.MessageRFC822.BodyStructure == nil
}

// Found is where a part path leads.
type Found struct {
	Part   *imap.BodyStructureSinglePart // nil when there is no such leaf
	Path   string                        // path of Part
	Opaque bool                          // Part is an enclosed message whose inside only Parse can see
	Rest   string                        // what of the path lies inside it, "" when it is Part itself
}

// Find follows a part path through a body structure, into enclosed messages
// too. It never looks at more than MaxDepth levels.
func Find(bs imap.BodyStructure, path string) Found {
	cur := bs
	rest := path
	walked := ""
	for depth := 0; depth < MaxDepth && rest != ""; depth++ {
		step, more, _ := strings.Cut(rest, ".")
		n, err := strconv.Atoi(step)
		if err != nil || n < 1 || n > 1<<20 || step[0] == '+' {
			return Found{}
		}
		switch p := cur.(type) {
		case *imap.BodyStructureMultiPart:
			if n > len(p.Children) {
				return Found{}
			}
			cur = p.Children[n-1]
		case *imap.BodyStructureSinglePart:
			if n != 1 {
				return Found{}
			}
		default:
			return Found{}
		}
		walked, rest = joinPath(walked, n), more
		s, ok := cur.(*imap.BodyStructureSinglePart)
		if !ok {
			continue
		}
		op := opaque(s)
		if rest == "" || op {
			return Found{Part: s, Path: walked, Opaque: op, Rest: rest}
		}
		if s.MessageRFC822 == nil {
			return Found{}
		}
		cur = s.MessageRFC822.BodyStructure
	}
	return Found{}
}
