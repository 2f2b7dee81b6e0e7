package mailproxy

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/emersion/go-imap/v2"

	"postern/mailproxy/compose"
	"postern/mailproxy/mail"
	"postern/mailproxy/submit"
)

const (
	leaseTime  = time.Minute    // a runner that has not been heard of for so long is taken to be gone
	giveUp     = 24 * time.Hour // after which a message that could not be sent is given back
	afterwards = 30 * time.Second
)

// pauses are between tries to send; the last one repeats.
var pauses = []time.Duration{time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 30 * time.Minute}

func pause(attempts int) time.Duration {
	return pauses[min(max(attempts-1, 0), len(pauses)-1)]
}

// RunOutbox takes a message of the outbox as far as it will go now: submit it,
// store it in Sent, mark the message it answers, delete its draft. Each step is
// on disk before the next begins, so it can be run any number of times, by
// several processes, after a crash at any point: a message is never sent twice
// and never lost. retryIn > 0 asks to be run again then; an error is a fault of
// the store.
//
// While a runner works on a row, Due is how long it is to be left alone; the
// runner moves it on, and a runner that dies frees the row within a minute.
// Attempts tells one runner from the next.
func (p *Proxy) RunOutbox(ctx context.Context, id string) (retryIn time.Duration, err error) {
	o := p.o.Outbox
	if o == nil {
		return 0, errNoOutbox
	}
	row, err := o.OutboxRun(ctx, id)
	if err != nil {
		if mail.KindOf(err) == mail.NotFound {
			return 0, nil
		}
		return 0, err
	}
	if row.State.Final() {
		return 0, nil
	}
	if wait := row.Due.Sub(p.o.Now()); wait > 0 {
		return wait, nil
	}
	r := &runner{p: p, row: row}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if ok, err := r.take(ctx); !ok {
		return 0, err
	}
	defer r.keepAlive(cancel)()
	if r.row.State == mail.OutboxSubmitted {
		return r.finish(ctx)
	}
	if row.State == mail.OutboxSending && row.DataBegun {
		// A runner died, or lost the server, with the last line on its way.
		return r.doubt(ctx, "Postern was interrupted while the message was being handed over.")
	}
	return r.submit(ctx)
}

// runner works on one row.
type runner struct {
	p   *Proxy
	row mail.OutboxRow
}

var errTakenOver = errors.New("another runner took the message over")

// take claims the row: Due moves on and Attempts goes up. false without an error
// when somebody else was quicker.
func (r *runner) take(ctx context.Context) (bool, error) {
	to := r.row.State
	if to == mail.OutboxWaiting {
		to = mail.OutboxSending
	}
	due, attempts := r.row.Due, r.row.Attempts
	mine := false
	err := r.p.o.Outbox.OutboxMove(ctx, r.row.ID, r.row.State, to, func(row *mail.OutboxRow) {
		// It may run more than once; the last run counts.
		if mine = row.Attempts == attempts && row.Due.Equal(due); mine {
			row.Attempts++
			row.Due = r.p.o.Now().Add(leaseTime)
			if r.row.State == mail.OutboxWaiting {
				row.DataBegun = false
			}
		}
	})
	if err != nil {
		if k := mail.KindOf(err); k == mail.Stale || k == mail.NotFound {
			return false, nil
		}
		return false, err
	}
	r.row.State = to
	r.row.Attempts = attempts + 1
	return mine, nil
}

// still changes the row while this runner holds it; errTakenOver otherwise.
func (r *runner) still(ctx context.Context, change func(*mail.OutboxRow)) error {
	mine := false
	err := r.p.o.Outbox.OutboxMove(ctx, r.row.ID, r.row.State, r.row.State, func(row *mail.OutboxRow) {
		if mine = row.Attempts == r.row.Attempts; mine {
			row.Due = r.p.o.Now().Add(leaseTime)
			if change != nil {
				change(row)
			}
		}
	})
	if err == nil && !mine {
		err = errTakenOver
	}
	return err
}

// move takes the row to another state. It is tried several times, and goes on
// when the job is being stopped: what happened must not be forgotten.
func (r *runner) move(ctx context.Context, to mail.OutboxState, change func(*mail.OutboxRow)) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), afterwards)
	defer cancel()
	var err error
	for try := range 5 {
		if try > 0 {
			select {
			case <-ctx.Done():
				return err
			case <-time.After(time.Duration(try) * 200 * time.Millisecond):
			}
		}
		if err = r.still(ctx, nil); err == nil {
			err = r.p.o.Outbox.OutboxMove(ctx, r.row.ID, r.row.State, to, change)
		}
		if err == nil {
			r.row.State = to
			return nil
		}
		if k := mail.KindOf(err); errors.Is(err, errTakenOver) || k == mail.Stale || k == mail.NotFound {
			return err
		}
	}
	return err
}

// keepAlive moves Due on until the function it returns is called. When the row
// was taken over, the work is cancelled.
func (r *runner) keepAlive(cancel context.CancelCauseFunc) (stop func()) {
	done := make(chan struct{})
	var wg sync.WaitGroup
	id, attempts := r.row.ID, r.row.Attempts
	states := []mail.OutboxState{mail.OutboxSending, mail.OutboxSubmitted}
	wg.Go(func() {
		t := time.NewTicker(leaseTime / 4)
		defer t.Stop()
		for {
			select {
			case <-done:
				return
			case <-t.C:
			}
			ctx, end := context.WithTimeout(context.Background(), leaseTime/4)
			for _, s := range states {
				lost := false
				err := r.p.o.Outbox.OutboxMove(ctx, id, s, s, func(row *mail.OutboxRow) {
					if lost = row.Attempts != attempts; !lost {
						row.Due = r.p.o.Now().Add(leaseTime)
					}
				})
				if err == nil && lost {
					cancel(errTakenOver)
				}
				if err == nil {
					break
				}
			}
			end()
		}
	})
	return func() { close(done); wg.Wait() }
}

// account is the sender's account, kept in memory while it works.
func (r *runner) account(ctx context.Context) (*Account, func(), error) {
	a, err := r.p.Account(ctx, r.row.Credentials)
	if err != nil {
		return nil, nil, err
	}
	a.busy.Add(1)
	return a, func() { a.busy.Add(-1) }, nil
}

// again puts the row back to wait and says for how long; a message that has
// waited a day is given back instead.
func (r *runner) again(ctx context.Context, to mail.OutboxState, why string, refused []mail.RefusedRecipient, soon bool) (time.Duration, error) {
	wait := pause(r.row.Attempts)
	if soon {
		wait = time.Second
	}
	err := r.move(ctx, to, func(row *mail.OutboxRow) {
		row.Due, row.LastError, row.Refused = r.p.o.Now().Add(wait), why, refused
	})
	if err != nil {
		return r.lost(err)
	}
	return wait, nil
}

// lost is the outcome when the row is no longer this runner's or cannot be
// written. In the second case the lease runs out and the next run looks again.
func (r *runner) lost(err error) (time.Duration, error) {
	if k := mail.KindOf(err); errors.Is(err, errTakenOver) || k == mail.Stale || k == mail.NotFound {
		return 0, nil
	}
	r.p.o.Log.Error("outbox cannot be written", "account", r.row.AccountID, "error", err)
	return leaseTime, nil
}

func (r *runner) old() bool { return r.p.o.Now().Sub(r.row.Created) > giveUp }

// submit hands the message in.
func (r *runner) submit(ctx context.Context) (time.Duration, error) {
	a, release, err := r.account(ctx)
	if err != nil {
		if mail.KindOf(err) == mail.SignedOut {
			return r.giveBack(ctx, nil, "Sign in again and send the message once more.", nil)
		}
		return r.again(ctx, mail.OutboxWaiting, sentence(err), nil, false)
	}
	defer release()
	body, err := a.openBlob(ctx, r.row.BlobID)
	if err != nil {
		if mail.KindOf(err) == mail.NotFound {
			return r.giveBack(ctx, a, "The message was lost from the store before it was sent. Send it again.", nil)
		}
		return r.again(ctx, mail.OutboxWaiting, sentence(err), nil, false)
	}
	defer body.Close()
	res, err := submit.Send(ctx, a.server.Submit, r.row.Credentials, r.row.Submission, body, func() error {
		return r.still(ctx, func(row *mail.OutboxRow) { row.DataBegun = true })
	})
	if err != nil {
		r.p.o.Log.Info("message not submitted", "account", a.id, "class", submit.ClassOf(err).String(), "kind", mail.KindOf(err).String(), "attempt", r.row.Attempts)
		words := sentence(err)
		switch {
		case errors.Is(context.Cause(ctx), errTakenOver) || errors.Is(err, errTakenOver):
			return 0, nil
		case submit.ClassOf(err) == submit.Ambiguous:
			return r.doubt(ctx, words)
		case submit.ClassOf(err) == submit.Permanent:
			return r.giveBack(ctx, a, words, res.Refused)
		case r.old():
			return r.giveBack(ctx, a, "It could not be sent within a day. "+words, res.Refused)
		}
		return r.again(ctx, mail.OutboxWaiting, words, res.Refused, ctx.Err() != nil)
	}
	if err := r.move(ctx, mail.OutboxSubmitted, func(row *mail.OutboxRow) {
		row.LastError, row.Refused, row.DataBegun = "", nil, true
	}); err != nil {
		return r.lost(err)
	}
	r.row.Created = r.p.o.Now() // the day for storing the copy begins now
	return r.finish(ctx)
}

// doubt resolves a message of which nobody knows whether the server took it: a
// copy with its Message-ID in Sent, which servers that store submitted mail
// themselves make, proves that it did. Without proof it is given back, for the
// person to decide; it is never sent again blindly.
func (r *runner) doubt(ctx context.Context, why string) (time.Duration, error) {
	a, release, err := r.account(ctx)
	if err != nil {
		return r.giveBack(ctx, nil, maybeSent(why), nil)
	}
	defer release()
	found, err := r.inSent(ctx, a)
	switch {
	case err != nil && !r.old():
		return r.again(ctx, mail.OutboxSending, maybeSent(why), nil, false)
	case len(found) > 0:
		if err := r.move(ctx, mail.OutboxSubmitted, func(row *mail.OutboxRow) { row.LastError = "" }); err != nil {
			return r.lost(err)
		}
		return r.finish(ctx)
	}
	return r.giveBack(ctx, a, maybeSent(why), nil)
}

func maybeSent(why string) string {
	return why + " It may have been sent: ask a recipient before sending it again."
}

// inSent looks for the message in Sent.
func (r *runner) inSent(ctx context.Context, a *Account) ([]mail.MessageRef, error) {
	box, ok, err := r.sentBox(ctx, a, false)
	if err != nil || !ok {
		return nil, err
	}
	return a.findHeader(ctx, box, "Message-Id", r.row.Submission.MessageID)
}

func (r *runner) sentBox(ctx context.Context, a *Account, create bool) (string, bool, error) {
	if r.row.SentMailbox != "" {
		if _, err := a.mailbox(ctx, r.row.SentMailbox); err == nil {
			return r.row.SentMailbox, true, nil
		}
	}
	if create {
		name, err := a.ensureRole(ctx, mail.RoleSent)
		return name, err == nil, err
	}
	m, ok, err := a.byRole(ctx, mail.RoleSent)
	return m.Name, ok, err
}

// giveBack returns the message to its writer with the words that say why. The
// draft is in Drafts afterwards, or still in the row when it cannot be saved.
func (r *runner) giveBack(ctx context.Context, a *Account, words string, refused []mail.RefusedRecipient) (time.Duration, error) {
	written, blob := r.row.Written, r.row.BlobID
	if err := r.move(ctx, mail.OutboxReturned, func(row *mail.OutboxRow) {
		row.LastError, row.Refused = words, refused
	}); err != nil {
		return r.lost(err)
	}
	if a == nil {
		return 0, nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), saveTimeout)
	defer cancel()
	if written.Saved.IsZero() {
		written.Saved = r.row.Draft
	}
	ref, err := a.SaveDraft(ctx, written)
	if err != nil {
		r.p.o.Log.Info("returned message not saved in Drafts", "account", a.id, "kind", mail.KindOf(err).String())
		return 0, nil
	}
	if err := r.p.o.Outbox.OutboxMove(ctx, r.row.ID, mail.OutboxReturned, mail.OutboxReturned, func(row *mail.OutboxRow) {
		row.Draft, row.BlobID = ref, ""
	}); err == nil {
		a.dropBlob(ctx, blob)
	}
	return 0, nil
}

// finish does what follows a submission: the copy in Sent, the mark on the
// parent, the draft deleted. All of it may be done again.
func (r *runner) finish(ctx context.Context) (time.Duration, error) {
	a, release, err := r.account(ctx)
	if err != nil {
		return r.finishLater(ctx, err)
	}
	defer release()
	if !a.server.KeepsSent {
		if err := r.storeSent(ctx, a); err != nil {
			return r.finishLater(ctx, err)
		}
	}
	if err := r.markParent(ctx, a); err != nil {
		r.p.o.Log.Info("answered message not marked", "account", a.id, "kind", mail.KindOf(err).String())
	}
	if err := a.forgetDraft(ctx, r.row.Written, r.row.Draft); err != nil && !r.old() {
		return r.finishLater(ctx, err)
	}
	blob := r.row.BlobID
	if err := r.move(ctx, mail.OutboxDone, func(row *mail.OutboxRow) {
		row.LastError, row.BlobID = "", ""
		row.Written.Text, row.Written.HTML = "", "" // it is in Sent now
	}); err != nil {
		return r.lost(err)
	}
	a.dropBlob(ctx, blob)
	if a.proxy.o.Blobs != nil {
		_ = a.proxy.o.Blobs.BlobDeleteGroup(ctx, a.id, draftGroup(r.row.Written.Key))
	}
	a.drafts.forget(r.row.Written.Key)
	return 0, nil
}

// finishLater tries again after a pause. A copy that cannot be stored within a
// day is reported; the message itself was sent, and its draft stays.
func (r *runner) finishLater(ctx context.Context, why error) (time.Duration, error) {
	words := "The message was sent, but not everything after it is done: " + sentence(why)
	if r.old() {
		if err := r.move(ctx, mail.OutboxReturned, func(row *mail.OutboxRow) { row.LastError = words }); err != nil {
			return r.lost(err)
		}
		return 0, nil
	}
	return r.again(ctx, mail.OutboxSubmitted, words, nil, ctx.Err() != nil)
}

// storeSent puts the copy in Sent, unless it is there.
func (r *runner) storeSent(ctx context.Context, a *Account) error {
	box, _, err := r.sentBox(ctx, a, true)
	if err != nil {
		return err
	}
	found, err := a.findHeader(ctx, box, "Message-Id", r.row.Submission.MessageID)
	if err != nil || len(found) > 0 {
		return err
	}
	m := &built{a: a, sub: r.row.Submission, blob: r.row.BlobID}
	_, err = a.append(ctx, box, m, compose.BccField(r.row.Written.Bcc), []imap.Flag{imap.FlagSeen})
	return err
}

// markParent sets \Answered or $Forwarded on the message that was answered or
// forwarded, where it still is.
func (r *runner) markParent(ctx context.Context, a *Account) error {
	if r.row.Parent.IsZero() {
		return nil
	}
	flag := mail.FlagAnswered
	switch r.row.Kind {
	case mail.ComposeForward, mail.ComposeForwardAttach:
		flag = mail.FlagForwarded
	case mail.ComposeReply, mail.ComposeReplyAll:
	default:
		return nil
	}
	_, err := a.SetFlag(ctx, []mail.MessageRef{r.row.Parent}, flag, true)
	return err
}

// forgetDraft deletes the copies of a sent draft: exactly those with its key and
// the one it was continued from.
func (a *Account) forgetDraft(ctx context.Context, d mail.Draft, saved mail.MessageRef) error {
	box, ok, err := a.byRole(ctx, mail.RoleDrafts)
	if err != nil || !ok {
		return err
	}
	copies, err := a.findCopies(ctx, box.Name, d.Key)
	if err != nil {
		return err
	}
	for _, ref := range []mail.MessageRef{saved, d.Saved} {
		if !ref.IsZero() && mail.CanonicalName(ref.Mailbox) == box.Name {
			copies = append(copies, ref)
		}
	}
	for _, g := range groupRefs(copies) {
		if _, err := a.expunge(ctx, g); err != nil && mail.KindOf(err) != mail.Stale && mail.KindOf(err) != mail.NotFound {
			return err
		}
	}
	return nil
}

// openBlob reads a finished message.
func (a *Account) openBlob(ctx context.Context, id string) (io.ReadCloser, error) {
	b, err := a.blobs()
	if err != nil {
		return nil, err
	}
	rc, _, err := b.BlobOpen(ctx, a.id, id)
	return rc, err
}
