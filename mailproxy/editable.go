package mailproxy

import (
	"net/url"

	"postern/mailproxy/mail"
	"postern/mailproxy/sanitize"
)

// EditableHTML is a draft's HTML as it may stand in the composer: sanitised, and
// with nothing in it that the browser would load from elsewhere. park gives the
// address of ours that stands for a picture's own, which begins with cid:, http:
// or https:.
func EditableHTML(src string, park func(address string) string) string {
	if src == "" {
		return ""
	}
	return sanitize.Fragment(src, sanitize.FragmentOptions{
		CID:    func(id string) string { return park("cid:" + url.PathEscape(id)) },
		Remote: true, RemoteURL: park,
	})
}

// ForgetMailboxes makes the next list of mailboxes ask the server again: the
// person chose what one of them is used for.
func (a *Account) ForgetMailboxes() { a.boxes.stale() }

// KnownMailboxes is the list of mailboxes as of the last answer, empty before the
// first. It asks nothing: pages that only say what failed show it.
func (a *Account) KnownMailboxes() []mail.Mailbox { return a.boxes.known() }
