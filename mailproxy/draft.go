package mailproxy

import (
	"context"
	"io"

	"postern/mailproxy/mail"
)

// Compose starts a draft: empty, as an answer to or a forward of parent with
// quoting, headers and identity set, or going on with a draft in Drafts.
func (a *Account) Compose(ctx context.Context, kind mail.ComposeKind, parent mail.MessageRef, rich bool) (mail.Draft, error) {
	return mail.Draft{}, errNotBuilt
}

// Upload keeps a file for the draft named key. r is read to its end or to the
// limit, whichever comes first; TooLarge names the limit.
func (a *Account) Upload(ctx context.Context, key, name, mediaType string, r io.Reader) (mail.DraftFile, error) {
	return mail.DraftFile{}, errNotBuilt
}

// Files checks the attachments a form names: uploads of this account and key,
// and parts of this account's messages; unknown ones are NotFound.
func (a *Account) Files(ctx context.Context, key string, ids []string) ([]mail.DraftFile, error) {
	return nil, errNotBuilt
}

// RemoveUpload forgets an upload.
func (a *Account) RemoveUpload(ctx context.Context, key, id string) error { return errNotBuilt }

// SaveDraft stores the draft in Drafts, replacing the earlier copy, and returns
// where it is. Concurrent saves of one key are one after the other.
func (a *Account) SaveDraft(ctx context.Context, d mail.Draft) (mail.MessageRef, error) {
	return mail.MessageRef{}, errNotBuilt
}

// DiscardDraft moves the saved copy to Trash and forgets the uploads once the
// undo can no longer be asked for.
func (a *Account) DiscardDraft(ctx context.Context, d mail.Draft) (mail.Undo, error) {
	return mail.Undo{}, errNotBuilt
}
