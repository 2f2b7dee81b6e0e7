package mailproxy

import (
	"context"
	"io"

	"postern/mailproxy/mail"
)

// Blobs keep files outside the mail server until they are sent: uploads, by the
// draft's key, and finished messages. store.Store is one.
type Blobs interface {
	BlobCreate(ctx context.Context, accountID string, b mail.BlobInfo) (mail.BlobWriter, error)
	BlobOpen(ctx context.Context, accountID, id string) (io.ReadCloser, int64, error)
	BlobInfo(ctx context.Context, accountID, id string) (mail.BlobInfo, error)
	BlobList(ctx context.Context, accountID, group string) ([]mail.BlobInfo, error)
	BlobDelete(ctx context.Context, accountID, id string) error
	BlobDeleteGroup(ctx context.Context, accountID, group string) error
}

// Outbox keeps messages on their way. OutboxAdd schedules Proxy.RunOutbox for
// the row in its own transaction; OutboxMove is compare-and-swap by state and
// durable when it returns. store.Store is one.
type Outbox interface {
	OutboxAdd(ctx context.Context, r mail.OutboxRow) error
	OutboxMove(ctx context.Context, id string, from, to mail.OutboxState, change func(*mail.OutboxRow)) error
	OutboxGet(ctx context.Context, accountID, id string) (mail.OutboxRow, error)
	OutboxRun(ctx context.Context, id string) (mail.OutboxRow, error)
	OutboxList(ctx context.Context, accountID string) ([]mail.OutboxRow, error)
	OutboxDelete(ctx context.Context, accountID, id string) error
}

// Jobs run Proxy.RunOutbox at its time. jobs.Jobs is one.
type Jobs interface {
	// Kick runs a row now, whatever it was scheduled for.
	Kick(ctx context.Context, id string) error
}

var (
	errNoOutbox = mail.Errorf(mail.Unavailable, "Sending is not set up on this server.")
	errNoBlobs  = mail.Errorf(mail.Unavailable, "Attaching files is not set up on this server.")
)

func (a *Account) outbox() (Outbox, error) {
	if a.proxy.o.Outbox == nil {
		return nil, errNoOutbox
	}
	return a.proxy.o.Outbox, nil
}

func (a *Account) blobs() (Blobs, error) {
	if a.proxy.o.Blobs == nil {
		return nil, errNoBlobs
	}
	return a.proxy.o.Blobs, nil
}

// Outbox lists this account's messages on their way, newest first, and those
// returned that are not dismissed yet.
func (a *Account) Outbox(ctx context.Context) ([]mail.OutboxItem, error) {
	o, err := a.outbox()
	if err != nil {
		return nil, nil // nothing can be on its way
	}
	rows, err := o.OutboxList(ctx, a.id)
	if err != nil {
		return nil, err
	}
	items := make([]mail.OutboxItem, len(rows))
	for i, r := range rows {
		items[i] = r.Item()
	}
	return items, nil
}

// OutboxDraft is what the person wrote, from the outbox itself: for a message
// that was returned or cancelled and could not be saved in Drafts.
func (a *Account) OutboxDraft(ctx context.Context, id string) (mail.Draft, error) {
	o, err := a.outbox()
	if err != nil {
		return mail.Draft{}, err
	}
	r, err := o.OutboxGet(ctx, a.id, id)
	if err != nil {
		return mail.Draft{}, err
	}
	if r.State != mail.OutboxReturned && r.State != mail.OutboxCancelled {
		return mail.Draft{}, mail.Errorf(mail.Stale, "This message is on its way.")
	}
	d := r.Written
	d.Saved = r.Draft
	return d, nil
}

// SendNow ends the wait of a message: the undo window, or the pause before the
// next try. Stale when it has left.
func (a *Account) SendNow(ctx context.Context, id string) error {
	o, err := a.outbox()
	if err != nil {
		return err
	}
	if _, err := o.OutboxGet(ctx, a.id, id); err != nil {
		return err
	}
	now := a.proxy.o.Now()
	if err := o.OutboxMove(ctx, id, mail.OutboxWaiting, mail.OutboxWaiting, func(r *mail.OutboxRow) {
		if r.Due.After(now) {
			r.Due = now
		}
	}); err != nil {
		return err
	}
	if a.proxy.o.Jobs == nil {
		return nil
	}
	return a.proxy.o.Jobs.Kick(ctx, id)
}

// CancelSend takes a message back out of the outbox while it is waiting and
// returns the draft it was made from, saved in Drafts. Stale when it has left.
// When the draft cannot be saved, the message stays in the outbox as returned,
// where OutboxDraft finds it, and the error says why.
func (a *Account) CancelSend(ctx context.Context, id string) (mail.MessageRef, error) {
	o, err := a.outbox()
	if err != nil {
		return mail.MessageRef{}, err
	}
	row, err := o.OutboxGet(ctx, a.id, id)
	if err != nil {
		return mail.MessageRef{}, err
	}
	if err := o.OutboxMove(ctx, id, mail.OutboxWaiting, mail.OutboxCancelled, nil); err != nil {
		return mail.MessageRef{}, err
	}
	// From here on the message cannot leave. What follows must not be lost with
	// a request that is given up.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), saveTimeout)
	defer cancel()
	d := row.Written
	if d.Saved.IsZero() {
		d.Saved = row.Draft
	}
	ref, err := a.SaveDraft(ctx, d)
	if err != nil {
		_ = o.OutboxMove(ctx, id, mail.OutboxCancelled, mail.OutboxReturned, func(r *mail.OutboxRow) {
			r.LastError = "Sending was cancelled, but the draft could not be saved: " + sentence(err)
		})
		return mail.MessageRef{}, err
	}
	if err := o.OutboxMove(ctx, id, mail.OutboxCancelled, mail.OutboxCancelled, func(r *mail.OutboxRow) { r.Draft, r.BlobID = ref, "" }); err == nil {
		a.dropBlob(ctx, row.BlobID)
	}
	return ref, nil
}

// DismissReturned forgets the notice of a returned message; its draft stays.
func (a *Account) DismissReturned(ctx context.Context, id string) error {
	o, err := a.outbox()
	if err != nil {
		return err
	}
	row, err := o.OutboxGet(ctx, a.id, id)
	if err != nil {
		return err
	}
	if row.State != mail.OutboxReturned {
		return mail.Errorf(mail.Stale, "This message is not a returned one.")
	}
	if err := o.OutboxDelete(ctx, a.id, id); err != nil {
		return err
	}
	a.dropBlob(ctx, row.BlobID)
	return nil
}

// dropBlob forgets a finished message. One that stays behind is pruned later.
func (a *Account) dropBlob(ctx context.Context, id string) {
	if id == "" || a.proxy.o.Blobs == nil {
		return
	}
	if err := a.proxy.o.Blobs.BlobDelete(ctx, a.id, id); err != nil {
		a.proxy.o.Log.Warn("finished message stays in the store", "account", a.id, "kind", mail.KindOf(err).String())
	}
}

// sentence is what an error says to a person.
func sentence(err error) string {
	if s := mail.MsgOf(err); s != "" {
		return s
	}
	return "Something went wrong."
}
