package compose

import (
	"encoding/base64"
	"encoding/json"
	"strings"

	"postern/mailproxy/mail"
)

// Header fields of a draft's copy in Drafts. A sent message has none of them.
const (
	FieldKey   = "X-Postern-Draft"   // Draft.Key, by which an old copy is found
	FieldState = "X-Postern-Compose" // what no other field holds, as base64 of JSON
)

// state is what FieldState holds.
type state struct {
	Kind   mail.ComposeKind `json:"k,omitempty"`
	Parent string           `json:"p,omitempty"` // MessageRef
	From   string           `json:"f,omitempty"` // identity
	Rich   bool             `json:"r,omitempty"`
	// Lists as typed, where they hold what an address field cannot.
	To  string `json:"t,omitempty"`
	Cc  string `json:"c,omitempty"`
	Bcc string `json:"b,omitempty"`
	// Files are the part paths of the draft's files by DraftFile.ID, so that a
	// form which still names a file of an earlier copy finds it in this one.
	Files map[string]string `json:"a,omitempty"`
}

const (
	maxTyped = 100 << 10 // octets of a list kept as typed
	maxFiles = 200       // files of a draft
	maxState = 1 << 20   // octets of FieldState
)

func parseState(value string) (s state) {
	if len(value) > maxState {
		return state{}
	}
	js, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(value), ""))
	if err != nil || json.Unmarshal(js, &s) != nil {
		return state{}
	}
	return s
}

// KeptFile is the part path that the file with DraftFile.ID id has in a copy in
// Drafts, by the value of its FieldState; "" when it is not there.
func KeptFile(value, id string) string {
	if p := parseState(value).Files[id]; ValidPath(p) {
		return p
	}
	return ""
}

// Paths are the part paths that Build gives the draft's files, in their order.
func Paths(d mail.Draft, files []mail.Attachment) []string {
	related := "2." // alternative: text, related: html, images
	for _, f := range files {
		if !isInline(d, f) {
			related = "1.2." // the same as the first part of mixed
		}
	}
	out := make([]string, len(files))
	i, a := 1, 1
	for n, f := range files {
		if isInline(d, f) {
			i++
			out[n] = related + itoa(i)
		} else {
			a++
			out[n] = itoa(a)
		}
	}
	return out
}

// isInline reports whether a file goes inside the HTML body.
func isInline(d mail.Draft, f mail.Attachment) bool {
	return d.Rich && f.Inline && f.ContentID != "" && !f.Message
}

// draftFields are the header fields that make a message a draft: Bcc and the
// X-Postern fields, whole lines. paths are those of d.Files.
func draftFields(d mail.Draft, paths []string) string {
	s := state{Kind: d.Kind, From: d.From, Rich: d.Rich}
	if !d.Parent.IsZero() {
		s.Parent = d.Parent.String()
	}
	keep := func(typed string) string {
		if _, bad := mail.ParseAddresses(typed, MaxRecipients); len(bad) > 0 {
			return cut(typed, maxTyped)
		}
		return ""
	}
	s.To, s.Cc, s.Bcc = keep(d.To), keep(d.Cc), keep(d.Bcc)
	if len(paths) == len(d.Files) && len(paths) > 0 {
		s.Files = map[string]string{}
		for i, f := range d.Files[:min(len(d.Files), maxFiles)] {
			s.Files[f.ID] = paths[i]
		}
	}
	var h fields
	if ValidKey(d.Key) {
		h.raw(FieldKey, d.Key)
	}
	js, _ := json.Marshal(s)
	b := base64.StdEncoding.EncodeToString(js)
	var chunks []string
	for len(b) > 60 {
		chunks = append(chunks, " "+b[:60])
		b = b[60:]
	}
	h.add(FieldState, append(chunks, " "+b))
	h.b.WriteString(BccField(d.Bcc))
	return h.b.String()
}

// ValidKey reports whether a draft's key is one of ours: 8 to 64 letters,
// digits, "-" and "_".
func ValidKey(s string) bool {
	return len(s) >= 8 && len(s) <= 64 && !strings.ContainsFunc(s, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '-' || r == '_')
	})
}

// Continue is the draft of an opened message: one of ours with all it had, or
// any other program's. text is the plain form, html the HTML form as a sanitised
// fragment, "" where there is none. key names the draft when the message has no
// key of ours. Nothing in the message is trusted beyond what a person could type.
func Continue(m mail.Message, text, html string, me []mail.Identity, key string) mail.Draft {
	d := mail.Draft{Key: key, Kind: mail.ComposeNew, Saved: m.Ref, Subject: clean(m.Subject), Text: text}
	d.To, d.Cc, d.Bcc = joinClean(m.To), joinClean(m.Cc), joinClean(m.Bcc)
	if len(m.InReplyTo) > 0 && ValidMessageID(m.InReplyTo[0]) {
		d.InReplyTo = m.InReplyTo[0]
	}
	for _, id := range m.References {
		if ValidMessageID(id) {
			d.References = append(d.References, id)
		}
	}
	from := Default(me)
	if i := ownIdentity(m.From, me); i != nil {
		from = *i
	}
	var s state
	for _, h := range m.Header {
		switch {
		case strings.EqualFold(h.Name, FieldKey) && ValidKey(strings.TrimSpace(h.Value)):
			d.Key = strings.TrimSpace(h.Value)
		case strings.EqualFold(h.Name, FieldState):
			s = parseState(h.Value)
		}
	}
	switch s.Kind {
	case mail.ComposeReply, mail.ComposeReplyAll, mail.ComposeForward, mail.ComposeForwardAttach:
		d.Kind = s.Kind
		if ref, err := mail.ParseRef(s.Parent); err == nil {
			d.Parent = ref
		}
	}
	for _, i := range me {
		if i.ID == s.From && i.ID != "" {
			from = i
		}
	}
	d.From = from.ID
	typed := func(dst *string, kept string) {
		if kept != "" && len(kept) <= maxTyped {
			*dst = strings.ToValidUTF8(strings.ReplaceAll(kept, "\x00", ""), "\uFFFD")
		}
	}
	typed(&d.To, s.To)
	typed(&d.Cc, s.Cc)
	typed(&d.Bcc, s.Bcc)
	if html = strings.TrimSpace(html); html != "" {
		d.HTML, d.Rich = html, true
	}
	d.Files = Parts(m, d.Rich)
	return d
}

func joinClean(list []mail.Address) string {
	var out []mail.Address
	for _, a := range list {
		if a.Addr != "" {
			a.Name, a.Addr = clean(a.Name), clean(a.Addr)
			out = append(out, a)
		}
	}
	return mail.JoinAddresses(out)
}
