package mailproxy

import (
	"context"
	"io"
	"mime"
	"net/url"
	"path"
	"strings"

	"postern/mailproxy/compose"
	"postern/mailproxy/mail"
	"postern/mailproxy/parse"
)

const maxDraftFiles = 100 // attachments of one draft

var errNoFile = &mail.Error{Kind: mail.NotFound, Field: "files", Msg: "One of the attachments is no longer there. Add it again."}

// draftGroup is the blob group of a draft's uploads.
func draftGroup(key string) string { return "draft:" + key }

// Upload keeps a file for the draft named key. r is read to its end or to the
// limit, whichever comes first; TooLarge names the limit and what is there already.
func (a *Account) Upload(ctx context.Context, key, name, mediaType string, r io.Reader) (mail.DraftFile, error) {
	b, err := a.blobs()
	if err != nil {
		return mail.DraftFile{}, err
	}
	if !compose.ValidKey(key) {
		return mail.DraftFile{}, errBadDraft
	}
	have, err := b.BlobList(ctx, a.id, draftGroup(key))
	if err != nil {
		return mail.DraftFile{}, err
	}
	if len(have) >= maxDraftFiles {
		return mail.DraftFile{}, &mail.Error{Kind: mail.TooLarge, Field: "files", Msg: "A message can have at most 100 attachments."}
	}
	var total int64
	for _, f := range have {
		total += compose.EncodedLen(f.Size)
	}
	limit := a.proxy.o.MaxMessageSize
	room := max(limit-total, 0) / 78 * 57 // octets whose base64 still fits
	f := mail.DraftFile{Name: compose.FileName(name), Type: fileType(name, mediaType), Upload: true}
	w, err := b.BlobCreate(ctx, a.id, mail.BlobInfo{Group: draftGroup(key), Name: f.Name, Type: f.Type})
	if err != nil {
		return mail.DraftFile{}, err
	}
	defer w.Abort()
	n, err := io.CopyBuffer(onlyWriter{w}, io.LimitReader(r, room+1), make([]byte, 64<<10))
	if err != nil {
		return mail.DraftFile{}, err
	}
	if n > room {
		msg := f.Name + " is too large: a message may have " + megabytes(limit) + " as sent, a third more than its files."
		if total > 0 {
			msg = f.Name + " does not fit any more: the attachments have " + megabytes(total) + " as sent already, and a message may have " + megabytes(limit) + "."
		}
		return mail.DraftFile{}, &mail.Error{Kind: mail.TooLarge, Field: "files", Msg: msg}
	}
	if f.ID, f.Size, err = w.Commit(); err != nil {
		return mail.DraftFile{}, err
	}
	return f, nil
}

// onlyWriter hides other methods, so that a copy goes through its small buffer.
type onlyWriter struct{ io.Writer }

// fileType is the media type of an upload: as the browser says, or by the name's
// ending when it does not know.
func fileType(name, declared string) string {
	t, _, err := mime.ParseMediaType(declared)
	if err != nil || !strings.Contains(t, "/") || t == "application/octet-stream" {
		ext := strings.ToLower(path.Ext(name))
		if ext == ".eml" {
			return "message/rfc822"
		}
		if t, _, err = mime.ParseMediaType(mime.TypeByExtension(ext)); err != nil {
			return "application/octet-stream"
		}
	}
	if len(t) > 100 {
		return "application/octet-stream"
	}
	return t
}

// RemoveUpload forgets an upload.
func (a *Account) RemoveUpload(ctx context.Context, key, id string) error {
	b, err := a.blobs()
	if err != nil {
		return err
	}
	info, err := b.BlobInfo(ctx, a.id, id)
	if mail.KindOf(err) == mail.NotFound && err != nil {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Group != draftGroup(key) {
		return errNoFile
	}
	return b.BlobDelete(ctx, a.id, id)
}

// Files checks the attachments a form names: uploads of this account and key,
// and parts of this account's messages; unknown ones are NotFound. A part of an
// earlier copy of the draft is found in the present one.
func (a *Account) Files(ctx context.Context, key string, ids []string) ([]mail.DraftFile, error) {
	if len(ids) > maxDraftFiles {
		return nil, &mail.Error{Kind: mail.TooLarge, Field: "files", Msg: "A message can have at most 100 attachments."}
	}
	var out []mail.DraftFile
	for _, id := range ids {
		f, err := a.file(ctx, key, id)
		if err != nil {
			return nil, err
		}
		out = append(out, f)
	}
	return out, nil
}

func (a *Account) file(ctx context.Context, key, id string) (mail.DraftFile, error) {
	ref, path, ok := compose.ParsePartID(id)
	if !ok {
		return a.uploaded(ctx, key, id)
	}
	if moved, path, ok := a.drafts.where(key, id); ok {
		if f, err := a.part(ctx, id, moved, path); err == nil {
			return f, nil
		}
	}
	f, err := a.part(ctx, id, ref, path)
	if k := mail.KindOf(err); err != nil && (k == mail.Stale || k == mail.NotFound) {
		if ref, path, ok := a.inNewestCopy(ctx, key, id); ok {
			f, err = a.part(ctx, id, ref, path)
		}
	}
	if k := mail.KindOf(err); err != nil && (k == mail.Stale || k == mail.NotFound) {
		return mail.DraftFile{}, errNoFile
	}
	return f, err
}

func (a *Account) uploaded(ctx context.Context, key, id string) (mail.DraftFile, error) {
	b, err := a.blobs()
	if err != nil {
		return mail.DraftFile{}, err
	}
	info, err := b.BlobInfo(ctx, a.id, id)
	if err == nil && info.Group == draftGroup(key) {
		return mail.DraftFile{ID: id, Name: info.Name, Type: info.Type, Size: info.Size, Upload: true}, nil
	}
	if err != nil && mail.KindOf(err) != mail.NotFound {
		return mail.DraftFile{}, err
	}
	// An upload that was pruned may be part of the saved draft.
	if ref, path, ok := a.inNewestCopy(ctx, key, id); ok {
		return a.part(ctx, id, ref, path)
	}
	return mail.DraftFile{}, errNoFile
}

// part describes a part of a message as a file of a draft; path "" is the
// message itself. id is the name the form has for it.
func (a *Account) part(ctx context.Context, id string, ref mail.MessageRef, path string) (mail.DraftFile, error) {
	r := &reader{a: a, ref: ref}
	if path == "" {
		if _, err := r.exchange(ctx, false, nil, false); err != nil { // it must be there
			return mail.DraftFile{}, err
		}
		_, size := r.arrival()
		return mail.DraftFile{ID: id, Name: r.fileName(), Type: "message/rfc822", Size: size, Ref: ref}, nil
	}
	p, err := r.learn(ctx)
	if err != nil {
		return mail.DraftFile{}, err
	}
	p, rest, err := r.descend(ctx, p, path, false)
	if err != nil {
		return mail.DraftFile{}, err
	}
	found := parse.Find(p.bs, rest)
	if found.Part == nil || found.Rest != "" {
		return mail.DraftFile{}, errNoPart
	}
	f := parse.FileOf(found.Part, path)
	return mail.DraftFile{ID: id, Name: f.Name, Type: f.Type, Size: f.Size, Ref: ref, Path: path, ContentID: f.ContentID}, nil
}

// attachments are the draft's files ready to be read, one after the other.
func (a *Account) attachments(ctx context.Context, d mail.Draft) []mail.Attachment {
	out := make([]mail.Attachment, len(d.Files))
	for i, f := range d.Files {
		out[i] = mail.Attachment{Name: f.Name, Type: f.Type, Size: f.Size, ContentID: f.ContentID, Message: f.Type == "message/rfc822",
			Inline: d.Rich && f.ContentID != "" && (strings.Contains(d.HTML, "cid:"+f.ContentID) || strings.Contains(d.HTML, "cid:"+url.PathEscape(f.ContentID))),
			Open: func() (io.ReadCloser, error) {
				rc, err := a.openFile(ctx, d.Key, f)
				if k := mail.KindOf(err); err != nil && (k == mail.Stale || k == mail.NotFound) {
					return nil, errNoFile
				}
				return rc, err
			}}
	}
	return out
}

func (a *Account) openFile(ctx context.Context, key string, f mail.DraftFile) (io.ReadCloser, error) {
	if f.Upload {
		b, err := a.blobs()
		if err != nil {
			return nil, err
		}
		rc, _, err := b.BlobOpen(ctx, a.id, f.ID)
		return rc, err
	}
	ref, path := f.Ref, f.Path
	if r, p, ok := a.drafts.where(key, f.ID); ok {
		ref, path = r, p
	}
	open := func(ref mail.MessageRef, path string) (io.ReadCloser, error) {
		if path == "" {
			s, err := a.Raw(ctx, ref, "")
			return s.Body, err
		}
		s, err := a.Part(ctx, ref, path)
		return s.Body, err
	}
	rc, err := open(ref, path)
	if k := mail.KindOf(err); err != nil && (k == mail.Stale || k == mail.NotFound) {
		if ref, path, ok := a.inNewestCopy(ctx, key, f.ID); ok {
			return open(ref, path)
		}
	}
	return rc, err
}

// inNewestCopy finds a file that a form names by its place in an earlier copy of
// the draft in the copy that is in Drafts now.
func (a *Account) inNewestCopy(ctx context.Context, key, id string) (ref mail.MessageRef, path string, ok bool) {
	if !compose.ValidKey(key) {
		return ref, "", false
	}
	box, found, err := a.byRole(ctx, mail.RoleDrafts)
	if err != nil || !found {
		return ref, "", false
	}
	copies, err := a.findCopies(ctx, box.Name, key)
	if err != nil || len(copies) == 0 {
		return ref, "", false
	}
	ref = copies[len(copies)-1]
	x, err := a.openParts(ctx, ref, OpenOptions{})
	if err != nil {
		return ref, "", false
	}
	path = compose.KeptFile(field(x.m, compose.FieldState), id)
	return ref, path, path != ""
}

func field(m mail.Message, name string) string {
	for _, h := range m.Header {
		if strings.EqualFold(h.Name, name) {
			return h.Value
		}
	}
	return ""
}
