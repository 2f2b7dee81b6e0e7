package mailproxy

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-imap/v2"

	"postern/mailproxy/compose"
	"postern/mailproxy/imappool"
	"postern/mailproxy/mail"
	"postern/mailproxy/parse"
	"postern/mailproxy/sanitize"
)

const (
	saveTimeout  = 2 * time.Minute // for storing a message when the caller sets no deadline of its own
	maxKeys      = 256             // drafts of an account that are remembered
	maxInMemory  = 1 << 20         // octets of a message built in memory; more goes through the store
	maxDraftBody = 2 << 20         // octets of text or HTML of a draft
)

var errBadDraft = mail.Errorf(mail.Invalid, "This draft is not complete. Open it again.")

// drafts remembers what became of the drafts being written, so that a save knows
// the copy to replace. All of it can be found out again from the server.
type drafts struct {
	mu    sync.Mutex
	byKey map[string]*draftState
	order []string // keys, oldest first
}

type draftState struct {
	turn chan struct{} // holds one token: saves of a key are one after the other

	mu    sync.Mutex
	hash  [sha256.Size]byte // of the draft as saved last
	ref   mail.MessageRef   // its copy
	files map[string]string // part paths in that copy by DraftFile.ID
}

func (d *drafts) state(key string) *draftState {
	d.mu.Lock()
	defer d.mu.Unlock()
	if s, ok := d.byKey[key]; ok {
		return s
	}
	if d.byKey == nil {
		d.byKey = map[string]*draftState{}
	}
	if len(d.order) >= maxKeys {
		// One that is being saved stays in its saver's hands; a second saver of
		// the same key would only leave a copy more, which the next save removes.
		delete(d.byKey, d.order[0])
		d.order = d.order[1:]
	}
	s := &draftState{turn: make(chan struct{}, 1)}
	d.byKey[key] = s
	d.order = append(d.order, key)
	return s
}

func (d *drafts) forget(key string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.byKey, key)
	d.order = slices.DeleteFunc(d.order, func(k string) bool { return k == key })
}

// where is the place of a file in the last saved copy.
func (d *drafts) where(key, id string) (ref mail.MessageRef, path string, ok bool) {
	d.mu.Lock()
	s := d.byKey[key]
	d.mu.Unlock()
	if s == nil {
		return ref, "", false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	path = s.files[id]
	return s.ref, path, path != "" && !s.ref.IsZero()
}

// SaveDraft stores the draft in Drafts, replacing the earlier copy, and returns
// where it is. Concurrent saves of one key are one after the other; a draft that
// has not changed since is not stored again. The new copy is complete before the
// old one goes. OverQuota and Refused keep the server's words.
func (a *Account) SaveDraft(ctx context.Context, d mail.Draft) (mail.MessageRef, error) {
	if !compose.ValidKey(d.Key) {
		return mail.MessageRef{}, errBadDraft
	}
	if len(d.Text) > maxDraftBody || len(d.HTML) > maxDraftBody {
		return mail.MessageRef{}, errLongBody
	}
	st := a.drafts.state(d.Key)
	select {
	case st.turn <- struct{}{}:
		defer func() { <-st.turn }()
	case <-ctx.Done():
		return mail.MessageRef{}, mail.Wrap(mail.Unavailable, ctx.Err(), "The draft is still being saved.")
	}
	hash := draftHash(d)
	st.mu.Lock()
	last, same := st.ref, st.hash == hash
	st.mu.Unlock()
	if same && !last.IsZero() {
		return last, nil
	}
	box, err := a.ensureRole(ctx, mail.RoleDrafts)
	if err != nil {
		return mail.MessageRef{}, err
	}
	me, err := a.Identities(ctx)
	if err != nil {
		return mail.MessageRef{}, err
	}
	from, ok := identity(me, d.From)
	if !ok {
		from = compose.Default(me)
	}
	files := a.attachments(ctx, d)
	in := compose.Input{Draft: d, From: from, Date: a.now(ctx), Files: files, Unfinished: true, Sanitise: toSend, PlainText: parse.TextFromHTML}
	m, err := a.build(ctx, in, false)
	if err != nil {
		return mail.MessageRef{}, err
	}
	defer m.drop()
	ref, err := a.append(ctx, box, m, "", []imap.Flag{imap.FlagDraft, imap.FlagSeen})
	if err != nil {
		return mail.MessageRef{}, err
	}

	// Every other copy goes: the ones known, or those found by the key.
	var old []mail.MessageRef
	for _, r := range []mail.MessageRef{last, d.Saved} {
		if !r.IsZero() && mail.CanonicalName(r.Mailbox) == box {
			old = append(old, r)
		}
	}
	if ref.IsZero() || last.IsZero() {
		found, err := a.findCopies(ctx, box, d.Key)
		if err == nil {
			if ref.IsZero() && len(found) > 0 {
				ref = found[len(found)-1]
			}
			old = append(old, found...)
		}
	}
	if ref.IsZero() {
		return mail.MessageRef{}, mail.Errorf(mail.Unavailable, "The draft was saved, but the mail server does not say where.")
	}
	st.mu.Lock()
	st.hash, st.ref = hash, ref
	st.files = map[string]string{}
	for i, p := range compose.Paths(d, files) {
		st.files[d.Files[i].ID] = p
	}
	st.mu.Unlock()
	a.expungeCopies(ctx, old, ref)
	return ref, nil
}

// expungeCopies deletes copies of a draft for good, but for the one to keep. One
// that cannot be deleted now is found by the next save.
func (a *Account) expungeCopies(ctx context.Context, copies []mail.MessageRef, keep mail.MessageRef) {
	copies = slices.DeleteFunc(copies, func(r mail.MessageRef) bool { return r == keep })
	for _, g := range groupRefs(copies) {
		if _, err := a.expunge(ctx, g); err != nil && mail.KindOf(err) != mail.Stale {
			a.proxy.o.Log.Info("an old copy of a draft stays", "account", a.id, "kind", mail.KindOf(err).String())
		}
	}
}

func draftHash(d mail.Draft) [sha256.Size]byte {
	d.Saved = mail.MessageRef{}
	b, _ := json.Marshal(d)
	return sha256.Sum256(b)
}

// toSend makes HTML that a person wrote fit to leave.
func toSend(html string) string {
	return sanitize.Fragment(html, sanitize.FragmentOptions{Remote: true})
}

// findCopies finds the copies of a draft in Drafts by its key, oldest first.
func (a *Account) findCopies(ctx context.Context, box, key string) ([]mail.MessageRef, error) {
	return a.findHeader(ctx, box, compose.FieldKey, key)
}

// findHeader finds at most 100 messages with a header field of exactly that
// value or one that holds it, oldest first.
func (a *Account) findHeader(ctx context.Context, box, name, value string) ([]mail.MessageRef, error) {
	var out []mail.MessageRef
	err := a.pool.Read(ctx, box, func(s *imappool.Session) error {
		out = nil
		if err := s.Noop().Wait(); err != nil { // what was stored a moment ago is news to this connection
			return err
		}
		data, err := s.UIDSearch(&imap.SearchCriteria{
			Header:  []imap.SearchCriteriaHeaderField{{Key: name, Value: value}},
			NotFlag: []imap.Flag{imap.FlagDeleted},
		}, returnAll(s.Caps().Has(imap.CapESearch))).Wait()
		if err != nil {
			return err
		}
		sel, err := s.WaitSelected()
		if err != nil {
			return err
		}
		uids, err := newestUIDs(foundUIDs(data), 100)
		if err != nil {
			return err
		}
		for _, u := range uids {
			out = append(out, mail.MessageRef{Mailbox: mail.CanonicalName(box), UIDValidity: sel.UIDValidity, UID: u})
		}
		return nil
	})
	slices.SortFunc(out, func(x, y mail.MessageRef) int { return int(int64(x.UID) - int64(y.UID)) })
	return out, err
}

// DiscardDraft moves the saved copy to Trash, saving it before when it never was,
// so that the undo can bring it back. An empty draft just goes. The uploads are
// pruned by the store, when no undo can ask for them any more.
func (a *Account) DiscardDraft(ctx context.Context, d mail.Draft) (mail.Undo, error) {
	if !compose.ValidKey(d.Key) {
		return mail.Undo{}, errBadDraft
	}
	box, err := a.ensureRole(ctx, mail.RoleDrafts)
	if err != nil {
		return mail.Undo{}, err
	}
	var copies []mail.MessageRef
	if !emptyDraft(d) {
		// With what was typed since the last save.
		ref, err := a.SaveDraft(ctx, d)
		if err != nil {
			return mail.Undo{}, err
		}
		copies = []mail.MessageRef{ref}
	} else {
		if copies, err = a.findCopies(ctx, box, d.Key); err != nil {
			return mail.Undo{}, err
		}
		if d.Saved.Mailbox == box && !slices.Contains(copies, d.Saved) {
			copies = append(copies, d.Saved)
		}
	}
	a.drafts.forget(d.Key)
	if len(copies) == 0 {
		return mail.Undo{}, nil
	}
	m, err := a.Delete(ctx, copies)
	if err != nil && mail.KindOf(err) != mail.Stale {
		return mail.Undo{}, err
	}
	u := m.Undo
	for _, mv := range u.Moves {
		if len(mv.Messages) > 0 {
			u.Draft = mv.Messages[len(mv.Messages)-1]
		}
	}
	return u, nil
}

func emptyDraft(d mail.Draft) bool {
	return strings.TrimSpace(d.To+d.Cc+d.Bcc+d.Subject) == "" && strings.TrimSpace(d.Text) == "" && len(d.Files) == 0 &&
		strings.TrimSpace(parse.TextFromHTML(d.HTML)) == ""
}

// built is a message ready to be stored: in memory when it is small, else among
// the blobs.
type built struct {
	sub  mail.Submission
	mem  []byte
	blob string
	a    *Account
}

// build writes a message into memory or, when it grows or is to be kept, into a
// blob. Files sent as messages that cannot travel so are sent as ordinary files.
func (a *Account) build(ctx context.Context, in compose.Input, keep bool) (*built, error) {
	for range len(in.Files) + 1 {
		sp := &spool{ctx: ctx, a: a, limit: a.proxy.o.MaxMessageSize, blob: keep}
		s, err := compose.Build(sp, in)
		var unfit *compose.UnfitError
		if errors.As(err, &unfit) {
			sp.abort()
			in.Files[unfit.Index].Message = false
			continue
		}
		if err != nil {
			sp.abort()
			return nil, err
		}
		m := &built{sub: s, a: a}
		if err := sp.finish(m); err != nil {
			return nil, err
		}
		return m, nil
	}
	return nil, errors.New("a file was unfit twice")
}

// spool is the writer of build.
type spool struct {
	ctx   context.Context
	a     *Account
	limit int64
	n     int64
	mem   bytes.Buffer
	w     mail.BlobWriter
	blob  bool // go to the store at once
}

const outboxGroup = "outbox"

func (s *spool) Write(p []byte) (int, error) {
	if s.n += int64(len(p)); s.n > s.limit {
		return 0, tooLarge(s.n, s.limit)
	}
	if s.w == nil && (s.blob || s.mem.Len()+len(p) > maxInMemory) {
		b, err := s.a.blobs()
		if err != nil {
			return 0, err
		}
		if s.w, err = b.BlobCreate(s.ctx, s.a.id, mail.BlobInfo{Group: outboxGroup, Name: "message.eml", Type: "message/rfc822"}); err != nil {
			return 0, err
		}
		if _, err := s.w.Write(s.mem.Bytes()); err != nil {
			return 0, err
		}
		s.mem = bytes.Buffer{}
	}
	if s.w != nil {
		return s.w.Write(p)
	}
	return s.mem.Write(p)
}

func (s *spool) abort() {
	if s.w != nil {
		s.w.Abort()
	}
}

func (s *spool) finish(m *built) (err error) {
	if s.w == nil {
		m.mem = s.mem.Bytes()
		return nil
	}
	m.blob, _, err = s.w.Commit()
	return err
}

func (m *built) open(ctx context.Context) (io.ReadCloser, error) {
	if m.blob == "" {
		return io.NopCloser(bytes.NewReader(m.mem)), nil
	}
	b, err := m.a.blobs()
	if err != nil {
		return nil, err
	}
	rc, _, err := b.BlobOpen(ctx, m.a.id, m.blob)
	return rc, err
}

func (m *built) drop() {
	ctx, cancel := context.WithTimeout(context.Background(), closeWait)
	defer cancel()
	m.a.dropBlob(ctx, m.blob)
}

// append stores a message in a mailbox, fields (whole lines) put before it. The
// reference is zero when the server does not say where it is (no UIDPLUS).
func (a *Account) append(ctx context.Context, box string, m *built, fields string, flags []imap.Flag) (mail.MessageRef, error) {
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, saveTimeout)
		defer cancel()
	}
	var ref mail.MessageRef
	err := a.pool.Write(ctx, "", func(s *imappool.Session) error {
		body, err := m.open(ctx)
		if err != nil {
			return err
		}
		defer body.Close()
		size := m.sub.Size + int64(len(fields))
		cmd := s.Append(box, size, &imap.AppendOptions{Flags: flags, Time: a.proxy.o.Now()})
		n, err := io.CopyBuffer(onlyWriter{cmd}, io.MultiReader(strings.NewReader(fields), body), make([]byte, 64<<10))
		if err == nil && n != size {
			err = fmt.Errorf("message of %d octets, not %d", n, size)
		}
		if err != nil {
			// The literal is not complete: the connection cannot be used again.
			_ = s.Close()
			return err
		}
		if err := cmd.Close(); err != nil {
			return err
		}
		data, err := cmd.Wait()
		if err != nil {
			return err
		}
		if data.UID != 0 && data.UIDValidity != 0 {
			ref = mail.MessageRef{Mailbox: box, UIDValidity: data.UIDValidity, UID: uint32(data.UID)}
		}
		return nil
	})
	if err == nil {
		unseen := 1
		if slices.Contains(flags, imap.FlagSeen) {
			unseen = 0
		}
		a.boxes.adjust(box, 1, unseen)
		a.results.changed()
	}
	return ref, err
}

func megabytes(n int64) string {
	if n < 1_000_000 {
		return fmt.Sprintf("%d KB", (n+999)/1000)
	}
	return strings.Replace(fmt.Sprintf("%.1f MB", float64(n)/1e6), ".0 MB", " MB", 1)
}

func tooLarge(n, limit int64) error {
	return &mail.Error{Kind: mail.TooLarge, Field: "files", Msg: "The message would have more than " + megabytes(limit) + ", which is the most that can be sent. Attachments grow by a third on the way."}
}

var errLongBody = &mail.Error{Kind: mail.TooLarge, Field: "body", Msg: "The text is longer than 2 MB. Attach it as a file instead."}
