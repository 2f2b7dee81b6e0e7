package mailproxy

import (
	"context"

	"postern/mailproxy/mail"
)

// Mailboxes lists all mailboxes with roles and counts, roles first, then by name.
func (a *Account) Mailboxes(ctx context.Context) ([]mail.Mailbox, error) { return nil, errNotBuilt }

// CreateMailbox makes a mailbox below parent ("" for the top) and subscribes to
// it. leaf is as typed: any delimiter in it is refused by name. It returns the whole name.
func (a *Account) CreateMailbox(ctx context.Context, parent, leaf string) (string, error) {
	return "", errNotBuilt
}

// RenameMailbox gives a mailbox a new last level and, if parent differs, a new
// place; the mailboxes below it move along. It returns the new whole name.
func (a *Account) RenameMailbox(ctx context.Context, name, parent, leaf string) (string, error) {
	return "", errNotBuilt
}

// MailboxContents says what DeleteMailbox would delete.
func (a *Account) MailboxContents(ctx context.Context, name string) (mail.Contents, error) {
	return mail.Contents{}, errNotBuilt
}

// DeleteMailbox deletes a mailbox, its messages and the mailboxes below it, for good.
func (a *Account) DeleteMailbox(ctx context.Context, name string) error { return errNotBuilt }

// Subscribe sets or clears the subscription.
func (a *Account) Subscribe(ctx context.Context, name string, on bool) error { return errNotBuilt }

// EmptyMailbox deletes for good every message of the mailbox with the role Trash
// or Junk and returns how many there were.
func (a *Account) EmptyMailbox(ctx context.Context, name string) (int, error) { return 0, errNotBuilt }
