package compose

import (
	"strings"

	"postern/mailproxy/mail"
)

// PartID is the DraftFile.ID of a part of a message on the server.
func PartID(ref mail.MessageRef, path string) string { return "p:" + ref.String() + ":" + path }

// ParsePartID reads what PartID wrote.
func ParsePartID(id string) (ref mail.MessageRef, path string, ok bool) {
	s, found := strings.CutPrefix(id, "p:")
	if !found {
		return ref, "", false
	}
	s, path, found = strings.Cut(s, ":")
	if !found || !ValidPath(path) {
		return ref, "", false
	}
	ref, err := mail.ParseRef(s)
	return ref, path, err == nil
}

// ValidPath reports whether s is a part path such as "1.2", or "" for the whole message.
func ValidPath(s string) bool {
	if s == "" {
		return true
	}
	if len(s) > 200 {
		return false
	}
	for _, n := range strings.Split(s, ".") {
		if n == "" || len(n) > 5 || n[0] == '0' || strings.Trim(n, "0123456789") != "" {
			return false
		}
	}
	return true
}

// Parts are the files of a message as files of a draft: attachments, enclosed
// messages and, when the draft is HTML, the images inside the body. In a plain
// draft those are ordinary attachments.
func Parts(m mail.Message, rich bool) []mail.DraftFile {
	var out []mail.DraftFile
	file := func(f mail.File, inline bool) {
		d := mail.DraftFile{ID: PartID(m.Ref, f.Path), Name: f.Name, Type: f.Type, Size: f.Size, Ref: m.Ref, Path: f.Path}
		if inline && rich {
			d.ContentID = f.ContentID
		}
		out = append(out, d)
	}
	for _, f := range m.Inline {
		file(f, true)
	}
	for _, f := range m.Files {
		file(f, false)
	}
	for _, n := range m.Nested {
		out = append(out, mail.DraftFile{ID: PartID(m.Ref, n.Path), Name: messageName(n.Subject), Type: "message/rfc822", Size: n.Size, Ref: m.Ref, Path: n.Path})
	}
	return out
}

// inlineParts are the images inside the body only, which an HTML reply quotes.
func inlineParts(m mail.Message) []mail.DraftFile {
	return Parts(mail.Message{Ref: m.Ref, Inline: m.Inline}, true)
}

// messageName is the file name of a message sent along.
func messageName(subject string) string {
	name := strings.Map(func(r rune) rune {
		if isBreak(r) || strings.ContainsRune(`/\:*?"<>|`, r) {
			return '_'
		}
		return r
	}, strings.TrimSpace(clean(subject)))
	if r := []rune(name); len(r) > 80 {
		name = strings.TrimSpace(string(r[:80]))
	}
	if name = strings.Trim(name, ". "); name == "" {
		name = "message"
	}
	return name + ".eml"
}
