package mailproxy

import (
	"context"

	"postern/mailproxy/mail"
)

// CheckDraft says what keeps a draft from being sent, field by field ("to",
// "cc", "bcc", "from", "files", "body"); nil when nothing does.
func (a *Account) CheckDraft(ctx context.Context, d mail.Draft) []FieldProblem { return nil }

// FieldProblem is a problem beside a form field.
type FieldProblem struct{ Field, Msg string }

// Send builds the message and puts it in the outbox, due after the undo window.
// The draft's copy in Drafts stays until the message is submitted.
func (a *Account) Send(ctx context.Context, d mail.Draft) (mail.OutboxItem, error) {
	return mail.OutboxItem{}, errNotBuilt
}

// CancelSend takes a message back out of the outbox while it is waiting and
// returns the draft it was made from, saved in Drafts. Stale when it has left.
func (a *Account) CancelSend(ctx context.Context, id string) (mail.MessageRef, error) {
	return mail.MessageRef{}, errNotBuilt
}

// SendNow ends the undo window of a waiting message.
func (a *Account) SendNow(ctx context.Context, id string) error { return errNotBuilt }

// Outbox lists this account's messages on their way, newest first, and those
// returned since dismissed is not yet said.
func (a *Account) Outbox(ctx context.Context) ([]mail.OutboxItem, error) { return nil, errNotBuilt }

// DismissReturned forgets the notice of a returned message; its draft stays.
func (a *Account) DismissReturned(ctx context.Context, id string) error { return errNotBuilt }
