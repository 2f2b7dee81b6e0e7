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
}

const maxTyped = 100 << 10 // octets of a list kept as typed

// DraftFields are the header fields that make a message a draft again: Bcc and
// the X-Postern fields, whole lines. Put before a message that Build made they
// give what Build makes with Unfinished.
func DraftFields(d mail.Draft) string {
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
		case strings.EqualFold(h.Name, FieldState) && len(h.Value) < 8*maxTyped:
			if js, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(h.Value), "")); err == nil {
				var t state
				if json.Unmarshal(js, &t) == nil {
					s = t
				}
			}
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
	if html != "" {
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
