package mailproxy

import (
	"context"

	"postern/mailproxy/mail"
)

// List answers one page of a mailbox or of a search, newest first, with the
// sidebar of the same moment. Warm it costs at most one flight. The mailbox that
// vanished is NotFound.
func (a *Account) List(ctx context.Context, q mail.ListQuery) (mail.Page, error) {
	return mail.Page{}, errNotBuilt
}

// Neighbours returns the messages before and after ref in the list it was opened
// from, and its place in it (1 is the newest), without asking the server. Zero
// values when the list is not known any more.
func (a *Account) Neighbours(q mail.ListQuery, ref mail.MessageRef) (newer, older mail.MessageRef, place, total int) {
	return
}
