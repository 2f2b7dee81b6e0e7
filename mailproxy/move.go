package mailproxy

import (
	"context"

	"postern/mailproxy/mail"
)

// Moved says what became of messages that were asked to move.
type Moved struct {
	Count   int       // how many moved or were deleted
	To      string    // the mailbox they are in now, "" when deleted for good
	Gone    int       // were no longer there
	Forever bool      // deleted for good: there is no undo
	Undo    mail.Undo // empty when Forever
}

// Move moves messages to a mailbox.
func (a *Account) Move(ctx context.Context, refs []mail.MessageRef, to string) (Moved, error) {
	return Moved{}, errNotBuilt
}

// Archive moves messages to the archive, made when there is none.
func (a *Account) Archive(ctx context.Context, refs []mail.MessageRef) (Moved, error) {
	return Moved{}, errNotBuilt
}

// Delete moves messages to Trash (made when there is none); those in Trash or
// Junk already are deleted for good.
func (a *Account) Delete(ctx context.Context, refs []mail.MessageRef) (Moved, error) {
	return Moved{}, errNotBuilt
}

// Spam moves messages to Junk, or out of it to the inbox, with $Junk and
// $NotJunk (registered IMAP keywords) set for the server's filter.
func (a *Account) Spam(ctx context.Context, refs []mail.MessageRef, spam bool) (Moved, error) {
	return Moved{}, errNotBuilt
}

// Undo applies the inverse of a change.
func (a *Account) Undo(ctx context.Context, u mail.Undo) error { return errNotBuilt }
