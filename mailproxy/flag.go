package mailproxy

import (
	"context"

	"postern/mailproxy/mail"
)

// SetFlag sets or clears a flag on messages of any mailboxes and returns the
// inverse, which touches only those on which it changed.
func (a *Account) SetFlag(ctx context.Context, refs []mail.MessageRef, f mail.Flag, on bool) (mail.Undo, error) {
	return mail.Undo{}, errNotBuilt
}
