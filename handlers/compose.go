package handlers

import (
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"

	"postern/mailproxy"
	"postern/mailproxy/mail"
	"postern/templates"
	"postern/templates/link"
	"postern/templates/text"
	"postern/web"
)

// Bounds of the composer's form, beside the message size.
const (
	maxComposeField  = 4 << 20 // octets of one field: the text, say
	maxComposeFields = 20 << 20
	maxComposeParts  = 2000
)

// composeForm is the composer's form as it arrived. Files are uploads by then.
type composeForm struct {
	url.Values
	uploadErr error // of the first file that was not taken
}

// readCompose reads the composer's form as a stream: files go to the store piece by
// piece, and only text is held. Without an account files are read over.
func (h *Handlers) readCompose(w http.ResponseWriter, r *http.Request, acct *mailproxy.Account) (composeForm, error) {
	f := composeForm{Values: url.Values{}}
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/form-data" {
		if err := h.web.ParseForm(w, r); err != nil {
			return f, err
		}
		f.Values = r.PostForm
		return f, nil
	}
	r.Body = http.MaxBytesReader(w, r.Body, h.opt.MaxMessage+maxComposeFields)
	mr, err := r.MultipartReader()
	if err != nil {
		return f, web.FormError(err, r)
	}
	total := 0
	for n := 0; ; n++ {
		p, err := mr.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return f, web.FormError(err, r)
		}
		if n == maxComposeParts {
			return f, mail.Errorf(mail.TooLarge, "This form has too many fields.")
		}
		web.ExtendRead(w)
		if p.FileName() != "" || p.FormName() == "file" {
			h.takeFile(w, r, acct, p, &f)
			continue
		}
		b, err := io.ReadAll(io.LimitReader(p, maxComposeField+1))
		if err != nil {
			return f, web.FormError(err, r)
		}
		total += len(b)
		if len(b) > maxComposeField || total > maxComposeFields {
			return f, mail.Errorf(mail.TooLarge, "The text is longer than a message can be.")
		}
		f.Add(p.FormName(), string(b))
	}
	r.Form, r.PostForm = f.Values, f.Values
	return f, web.FormError(nil, r)
}

// slowReader gives the browser more time with every piece that arrives.
type slowReader struct {
	io.Reader
	w http.ResponseWriter
}

func (s slowReader) Read(p []byte) (int, error) {
	web.ExtendRead(s.w)
	web.ExtendWrite(s.w)
	return s.Reader.Read(p)
}

func (h *Handlers) takeFile(w http.ResponseWriter, r *http.Request, acct *mailproxy.Account, p *multipart.Part, f *composeForm) {
	if p.FileName() == "" || acct == nil { // an empty file field, or nobody to keep it for
		_, _ = io.Copy(io.Discard, slowReader{p, w})
		return
	}
	file, err := acct.Upload(r.Context(), f.Get("key"), p.FileName(), p.Header.Get("Content-Type"), slowReader{p, w})
	if err != nil {
		if f.uploadErr == nil {
			f.uploadErr = err
		}
		_, _ = io.Copy(io.Discard, slowReader{p, w})
		return
	}
	f.Add("files", file.ID)
}

// draft is what the form holds, its attachments looked up through the account.
func (h *Handlers) draft(r *http.Request, acct *mailproxy.Account, f composeForm) (mail.Draft, error) {
	d := mail.Draft{
		Key: f.Get("key"), Kind: mail.ComposeKind(f.Get("kind")), From: f.Get("from"),
		To: f.Get("to"), Cc: f.Get("cc"), Bcc: f.Get("bcc"), Subject: f.Get("subject"),
		Text: strings.ReplaceAll(f.Get("text"), "\r\n", "\n"), HTML: h.unpark(f.Get("html")), Rich: f.Get("mode") == "html",
		InReplyTo: f.Get("in-reply-to"), References: strings.Fields(f.Get("references")),
	}
	for field, ref := range map[string]*mail.MessageRef{"parent": &d.Parent, "saved": &d.Saved} {
		if s := f.Get(field); s != "" {
			m, err := mail.ParseRef(s)
			if err != nil {
				return d, err
			}
			*ref = m
		}
	}
	files, err := acct.Files(r.Context(), d.Key, f.Values["files"])
	d.Files = files
	return d, err
}

// composePolicy lets what is written show its own style attributes, and nothing else
// more than other pages: colours and sizes of a quoted letter are kept in them.
const composePolicy = web.PagePolicy + "; style-src 'self'; style-src-attr 'unsafe-inline'"

// compose opens a composer: empty, as an answer, or with a draft.
func (h *Handlers) compose(w http.ResponseWriter, r *http.Request, v *visit) error {
	q := r.URL.Query()
	if r.Header.Get("HX-Request") != "" { // its policy is its own, so it cannot be swapped into another page
		w.Header().Set("HX-Redirect", r.URL.RequestURI())
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	kind := mail.ComposeKind(q.Get("kind"))
	var parent mail.MessageRef
	if s := q.Get("ref"); s != "" {
		var err error
		if parent, err = mail.ParseRef(s); err != nil {
			return err
		}
	}
	switch kind {
	case mail.ComposeReply, mail.ComposeReplyAll, mail.ComposeForward, mail.ComposeForwardAttach, mail.ComposeContinue:
		if parent.IsZero() {
			return mail.Errorf(mail.NotFound, "The message to answer is not named.")
		}
	default:
		kind, parent = mail.ComposeNew, mail.MessageRef{}
	}
	d, err := v.acct.Compose(r.Context(), kind, parent, v.settings.Compose != "plain")
	if err != nil {
		return err
	}
	if kind == mail.ComposeNew {
		fill := func(field *string, name string) {
			if s := q.Get(name); s != "" && len(s) <= 20_000 {
				*field = s
			}
		}
		fill(&d.To, "to")
		fill(&d.Cc, "cc")
		fill(&d.Bcc, "bcc")
		fill(&d.Subject, "subject")
		fill(&d.Text, "body")
		if q.Get("body") != "" {
			d.Rich, d.HTML = false, ""
		}
	}
	return h.drawComposer(w, r, v, http.StatusOK, d, composeSaid{})
}

// composeSaid is what a composer that is drawn again says.
type composeSaid struct {
	problems []mailproxy.FieldProblem
	note     *templates.MessageNote
	changed  bool
	files    string
}

func (h *Handlers) drawComposer(w http.ResponseWriter, r *http.Request, v *visit, status int, d mail.Draft, said composeSaid) error {
	boxes, err := v.boxes(r.Context())
	if err != nil { // the words matter more than the sidebar
		h.web.LogError(r, http.StatusOK, err)
		boxes = nil
	}
	view, err := h.composeView(r.Context(), v, d, boxes, said)
	if err != nil {
		return err
	}
	s := h.shell(w, r, v, boxes, place{title: view.Title, mailbox: view.boxName, reading: true})
	w.Header().Set("Content-Security-Policy", composePolicy)
	return h.web.Render(w, r, status, templates.ComposePage(s, view.ComposeView))
}

// composeAct sends, saves, attaches, removes or discards.
func (h *Handlers) composeAct(w http.ResponseWriter, r *http.Request, v *visit) error {
	f, err := h.readCompose(w, r, v.acct)
	if err != nil && f.Get("key") == "" {
		return err
	}
	ctx := r.Context()
	d, derr := h.draft(r, v.acct, f)
	if derr != nil {
		return derr
	}
	if err != nil { // cut off in a file, say: the words that came are kept
		return h.composeFailed(w, r, v, d, err, text.T(ctx, "The message did not arrive whole."))
	}
	back := h.composeBack(d)
	said := composeSaid{changed: true}
	if f.uploadErr != nil {
		said.files = failureWords(ctx, f.uploadErr)
		h.web.LogError(r, http.StatusUnprocessableEntity, f.uploadErr)
		return h.drawComposer(w, r, v, http.StatusUnprocessableEntity, d, said)
	}
	if id := f.Get("remove"); id != "" {
		if err := h.removeFile(r, v, &d, id); err != nil {
			return err
		}
		return h.drawComposer(w, r, v, http.StatusOK, d, said)
	}
	switch f.Get("do") {
	case "discard":
		undo, err := v.acct.DiscardDraft(ctx, d)
		if err != nil {
			return h.composeFailed(w, r, v, d, err, text.T(ctx, "The draft could not be discarded."))
		}
		h.keepUndo(w, r, v, text.T(ctx, "Draft discarded"), undo)
		return h.web.SeeOther(w, r, back)
	case "save":
		ref, err := v.acct.SaveDraft(ctx, d)
		if err != nil {
			return h.composeFailed(w, r, v, d, err, text.T(ctx, "The draft could not be saved."))
		}
		h.say(w, r, text.T(ctx, "Draft saved"), false)
		return h.web.SeeOther(w, r, h.site.Compose(string(mail.ComposeContinue), ref.String()))
	case "send":
		return h.sendDraft(w, r, v, d, back)
	}
	return h.drawComposer(w, r, v, http.StatusOK, d, said) // "attach", or the form came back for its files
}

func (h *Handlers) sendDraft(w http.ResponseWriter, r *http.Request, v *visit, d mail.Draft, back string) error {
	ctx := r.Context()
	if problems := v.acct.CheckDraft(ctx, d); len(problems) > 0 {
		return h.drawComposer(w, r, v, http.StatusUnprocessableEntity, d, composeSaid{problems: problems, changed: true})
	}
	item, err := v.acct.Send(ctx, d)
	if err != nil {
		return h.composeFailed(w, r, v, d, err, text.T(ctx, "The message was not sent."))
	}
	h.web.SetToast(w, r, web.Toast{Text: text.T(ctx, "Sending in %d seconds", int(sendWindow.Seconds())), Outbox: item.ID})
	return h.web.SeeOther(w, r, back)
}

// composeFailed draws the composer again, with every word and the reason.
func (h *Handlers) composeFailed(w http.ResponseWriter, r *http.Request, v *visit, d mail.Draft, err error, what string) error {
	kind := mail.KindOf(err)
	if kind == mail.SignedOut {
		return err
	}
	status := web.Status(kind)
	h.web.LogError(r, status, err)
	note := &templates.MessageNote{Kind: "note-bad", Icon: "triangle-alert", Title: what,
		Text: failureWords(r.Context(), err) + " " + text.T(r.Context(), "What you wrote is kept here. Reference %s.", web.Ref(r.Context()))}
	return h.drawComposer(w, r, v, status, d, composeSaid{note: note, changed: true})
}

func (h *Handlers) removeFile(r *http.Request, v *visit, d *mail.Draft, id string) error {
	for i, file := range d.Files {
		if file.ID != id {
			continue
		}
		d.Files = append(d.Files[:i:i], d.Files[i+1:]...)
		if file.Upload {
			return v.acct.RemoveUpload(r.Context(), d.Key, id)
		}
		return nil
	}
	return nil
}

// upload takes files while the message is being written and answers with the list
// of attachments.
func (h *Handlers) upload(w http.ResponseWriter, r *http.Request, v *visit) error {
	f, err := h.readCompose(w, r, v.acct)
	if err != nil {
		return err
	}
	if f.uploadErr != nil {
		return f.uploadErr
	}
	d, err := h.draft(r, v.acct, f)
	if err != nil {
		return err
	}
	view, err := h.composeView(r.Context(), v, d, nil, composeSaid{})
	if err != nil {
		return err
	}
	return h.web.Render(w, r, http.StatusOK, templates.Uploads(view.ComposeView))
}

// composeBack is where the person goes after the composer: the list of the message
// answered, or the inbox.
func (h *Handlers) composeBack(d mail.Draft) string {
	if !d.Parent.IsZero() {
		return h.site.List(link.List{Mailbox: d.Parent.Mailbox})
	}
	return h.site.Mailbox("INBOX")
}

// resumeCompose draws the composer again after a sign-in, with the words of the
// form that was sent without a session. Files must be named again.
func (h *Handlers) resumeCompose(w http.ResponseWriter, r *http.Request, acct *mailproxy.Account, kept url.Values) error {
	ctx := r.Context()
	settings, err := h.store.Settings(ctx, acct.ID())
	if err != nil {
		return err
	}
	v := &visit{acct: acct, settings: settings, now: h.web.Now().In(zone(settings.TimeZone, zoneName(r.PostForm.Get("tz"))))}
	form := composeForm{Values: kept}
	d, err := h.draft(r, acct, form)
	if err != nil { // another account, or what it referred to is gone: the words stay
		h.web.LogError(r, http.StatusOK, err)
		d.Parent, d.Saved, d.Files = mail.MessageRef{}, mail.MessageRef{}, nil
	}
	note := &templates.MessageNote{Icon: "info", Title: text.T(ctx, "You are signed in again."), Text: text.T(ctx, "Nothing was sent yet. Look it over and send it.")}
	return h.drawComposer(w, r, v, http.StatusOK, d, composeSaid{note: note, changed: true})
}
