package mailproxy

import (
	"postern/mailproxy/mail"
	"postern/mailproxy/sanitize"
)

// EditableHTML is a draft's HTML as it may stand in the composer: sanitised;
// remote images keep their address for the message to be sent, and our page's policy
// keeps the browser from loading them.
func EditableHTML(src string) string {
	if src == "" {
		return ""
	}
	return sanitize.Fragment(src, sanitize.FragmentOptions{Remote: true})
}

// ForgetMailboxes makes the next list of mailboxes ask the server again: the
// person chose what one of them is used for.
func (a *Account) ForgetMailboxes() { a.boxes.stale() }

// KnownMailboxes is the list of mailboxes as of the last answer, empty before the
// first. It asks nothing: pages that only say what failed show it.
func (a *Account) KnownMailboxes() []mail.Mailbox { return a.boxes.known() }
