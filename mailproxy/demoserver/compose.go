package demoserver

import (
	"mime"
	"strings"
)

// mailboxField writes a name and an address as a header does.
func mailboxField(name, address string) string {
	if name == "" {
		return address
	}
	if strings.ContainsFunc(name, func(r rune) bool { return r > 126 || r < ' ' }) {
		return mime.QEncoding.Encode("utf-8", name) + " <" + address + ">"
	}
	if strings.ContainsAny(name, `()<>[]:;@\,."`) {
		name = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(name) + `"`
	}
	return name + " <" + address + ">"
}
