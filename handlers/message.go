package handlers

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-chi/chi/v5"

	"postern/mailproxy"
	"postern/mailproxy/mail"
	"postern/templates"
	"postern/templates/link"
	"postern/templates/text"
	"postern/web"
)

// message is one opened message. Opening it marks it as read, a prefetch does not.
func (h *Handlers) message(w http.ResponseWriter, r *http.Request, v *visit) error {
	ref, part, err := messageOf(r)
	if err != nil {
		return err
	}
	q := r.URL.Query()
	m, err := v.acct.Open(r.Context(), ref, mailproxy.OpenOptions{Path: part, MarkSeen: !isPrefetch(r)})
	if err != nil {
		return err
	}
	boxes, err := v.boxes(r.Context())
	if err != nil {
		return err
	}
	at := link.ParseList(q)
	if at.Mailbox == "" && at.Search == "" {
		at.Mailbox = ref.Mailbox
	}
	view := h.messageView(r, v, m, boxes, at)
	s := h.shell(w, r, v, boxes, place{title: view.Subject, mailbox: at.Mailbox, query: at.Search, starred: at.Search == "is:starred", reading: true})
	return h.web.Render(w, r, http.StatusOK, templates.MessagePage(s, view))
}

// messageOf is the message that an address names, and the enclosed message in it,
// "" for none.
func messageOf(r *http.Request) (ref mail.MessageRef, part string, err error) {
	if ref, err = mail.ParseRef(chi.URLParam(r, "ref")); err != nil {
		return ref, "", err
	}
	part, err = partPath(r.URL.Query().Get("part"), true)
	return ref, part, err
}

// isPrefetch reports whether a browser asks ahead of the person.
func isPrefetch(r *http.Request) bool {
	return strings.Contains(r.Header.Get("Sec-Purpose"), "prefetch") || r.Header.Get("Purpose") == "prefetch"
}

// partPath checks a part path such as 1.2 (RFC 9051 section 6.4.5).
func partPath(s string, mayBeEmpty bool) (string, error) {
	bad := mail.Errorf(mail.NotFound, "There is no such part in this message.")
	if s == "" {
		if mayBeEmpty {
			return "", nil
		}
		return "", bad
	}
	if len(s) > 200 {
		return "", bad
	}
	for _, n := range strings.Split(s, ".") {
		if v, err := strconv.ParseUint(n, 10, 31); err != nil || v == 0 || n[0] == '0' || n[0] == '+' {
			return "", bad
		}
	}
	return s, nil
}

// framePolicy is the Content-Security-Policy of a mail's HTML: nothing runs,
// nothing is loaded but what comes through us.
const framePolicy = "default-src 'none'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; font-src 'none'; form-action 'none'; base-uri 'none'; frame-ancestors 'self'; sandbox allow-same-origin allow-popups allow-popups-to-escape-sandbox"

// frame is the HTML body of a message, made safe, for the frame in its page.
func (h *Handlers) frame(w http.ResponseWriter, r *http.Request, v *visit) error {
	ref, err := mail.ParseRef(chi.URLParam(r, "ref"))
	if err != nil {
		return err
	}
	q := r.URL.Query()
	part, err := partPath(q.Get("part"), false)
	if err != nil {
		return err
	}
	o := mailproxy.FrameOptions{
		Path:     part,
		PartURL:  func(p string) string { return h.site.Part(ref.String(), p, "", false) },
		StyleURL: h.site.Static("letter.css"),
	}
	if h.imagesAsked(v, ref, q) && h.opt.Images != nil {
		o.Remote = true
		o.RemoteURL = func(u string) string { return h.remoteURL(v, u) }
	}
	doc, err := v.acct.Frame(r.Context(), ref, o)
	if mail.KindOf(err) == mail.SignedOut && err != nil {
		return err
	}
	hd := w.Header()
	hd.Set("Content-Security-Policy", framePolicy)
	hd.Set("X-Frame-Options", "SAMEORIGIN")
	if err != nil {
		return h.frameError(w, r, err, o.StyleURL)
	}
	hd.Set("Content-Type", "text/html; charset=utf-8")
	hd.Set("Cache-Control", "private, no-store")
	_, _ = io.WriteString(w, doc.String()) // a browser that went away is no failure of ours
	return nil
}

// frameError says within the frame why the letter is not there.
func (h *Handlers) frameError(w http.ResponseWriter, r *http.Request, err error, style string) error {
	e := web.ErrorInfo{Kind: mail.KindOf(err), Status: web.Status(mail.KindOf(err)), Msg: mail.MsgOf(err), Ref: web.Ref(r.Context())}
	h.web.LogError(r, e.Status, err)
	view := templates.LetterErrorView{StyleURL: style, Ref: e.Ref}
	view.Title, view.Text = errorWords(r, e)
	if e.Kind == mail.Unavailable || e.Kind == mail.Limited || e.Kind == mail.Internal {
		view.Retry = r.URL.RequestURI()
	}
	return h.web.Render(w, r, e.Status, templates.LetterError(view))
}

// part streams one part: as a file to save, or shown when it is of a kind that
// can do no harm.
func (h *Handlers) part(w http.ResponseWriter, r *http.Request, v *visit) error {
	ref, err := mail.ParseRef(chi.URLParam(r, "ref"))
	if err != nil {
		return err
	}
	path, err := partPath(chi.URLParam(r, "part"), false)
	if err != nil {
		return err
	}
	p, err := v.acct.Part(r.Context(), ref, path)
	if err != nil {
		return err
	}
	defer p.Body.Close()
	shown := p.File.Preview
	if r.URL.Query().Get("download") != "" {
		shown = mail.PreviewNone
	}
	return h.stream(w, r, p, shown)
}

// raw streams the message as it arrived.
func (h *Handlers) raw(w http.ResponseWriter, r *http.Request, v *visit) error {
	ref, part, err := messageOf(r)
	if err != nil {
		return err
	}
	p, err := v.acct.Raw(r.Context(), ref, part)
	if err != nil {
		return err
	}
	defer p.Body.Close()
	p.File.Type = "message/rfc822"
	if p.File.Name == "" {
		p.File.Name = "message.eml"
	}
	return h.stream(w, r, p, mail.PreviewNone)
}

// previewTypes are the media types that are shown; all else is saved. The type
// sent is ours, never the sender's.
var previewTypes = map[string]string{
	"image/png": "image/png", "image/jpeg": "image/jpeg", "image/jpg": "image/jpeg", "image/gif": "image/gif",
	"image/webp": "image/webp", "image/avif": "image/avif", "image/bmp": "image/bmp",
	"application/pdf": "application/pdf",
}

// partPolicy keeps a part that is shown from doing anything.
const partPolicy = "default-src 'none'; img-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'self'; sandbox"

// stream sends a part in pieces as the server gives them. Nothing is held whole.
func (h *Handlers) stream(w http.ResponseWriter, r *http.Request, p mail.PartStream, shown mail.Preview) error {
	hd := w.Header()
	kind, disposition := "application/octet-stream", "attachment"
	body := io.Reader(p.Body)
	switch shown {
	case mail.PreviewImage, mail.PreviewPDF:
		if t, ok := previewTypes[p.File.Type]; ok {
			head := make([]byte, 512)
			n, err := io.ReadFull(body, head)
			if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
				return fmt.Errorf("read part: %w", err)
			}
			body = io.MultiReader(strings.NewReader(string(head[:n])), body)
			if looksLike(t, head[:n]) {
				kind, disposition = t, "inline"
			}
		}
	case mail.PreviewText:
		kind, disposition = "text/plain; charset=utf-8", "inline"
	}
	hd.Set("Content-Type", kind)
	hd.Set("Content-Disposition", contentDisposition(disposition, p.File.Name))
	hd.Set("Content-Security-Policy", partPolicy)
	if kind == "application/pdf" {
		hd.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; object-src 'self'; frame-ancestors 'self'") // browsers' PDF readers do not run in a sandbox
	}
	hd.Set("X-Frame-Options", "SAMEORIGIN")
	hd.Set("Cache-Control", "private, max-age=3600")
	if p.Size >= 0 {
		hd.Set("Content-Length", strconv.FormatInt(p.Size, 10))
	}
	if r.Method == http.MethodHead {
		return nil
	}
	buf := make([]byte, 64<<10)
	for {
		n, err := body.Read(buf)
		if n > 0 {
			web.ExtendWrite(w)
			if _, werr := w.Write(buf[:n]); werr != nil {
				return nil // the browser went away
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			h.web.LogError(r, http.StatusOK, fmt.Errorf("stream part: %w", err))
			panic(http.ErrAbortHandler) // the browser must not take the piece it has for the whole
		}
	}
}

// looksLike reports whether the first bytes are of the type, so that nothing else
// can pass under its name.
func looksLike(kind string, head []byte) bool {
	switch kind {
	case "image/avif":
		return len(head) > 12 && string(head[4:8]) == "ftyp"
	default:
		return http.DetectContentType(head) == kind
	}
}

// contentDisposition names a file for the browser (RFC 6266), safely.
func contentDisposition(how, name string) string {
	if name == "" || !utf8.ValidString(name) {
		return how
	}
	name = strings.Map(func(r rune) rune {
		if r < 0x20 || r == 0x7f || r == '/' || r == '\\' {
			return '_'
		}
		return r
	}, name)
	if v := mime.FormatMediaType(how, map[string]string{"filename": name}); v != "" {
		return v
	}
	return how + "; filename*=UTF-8''" + url.PathEscape(name)
}

const maxSource = 1 << 20 // octets of a message shown as source

// source shows the message as it arrived, the beginning of it when it is long.
func (h *Handlers) source(w http.ResponseWriter, r *http.Request, v *visit) error {
	ref, part, err := messageOf(r)
	if err != nil {
		return err
	}
	p, err := v.acct.Raw(r.Context(), ref, part)
	if err != nil {
		return err
	}
	defer p.Body.Close()
	b, err := io.ReadAll(io.LimitReader(p.Body, maxSource+1))
	if err != nil {
		return fmt.Errorf("read source: %w", err)
	}
	cut := ""
	if len(b) > maxSource {
		b, cut = b[:maxSource], text.T(r.Context(), "Only the beginning is shown.")
	}
	src := strings.ToValidUTF8(strings.ReplaceAll(strings.ReplaceAll(string(b), "\r\n", "\n"), "\x00", "␀"), "\uFFFD")
	q := url.Values{}
	if part != "" {
		q.Set("part", part)
	}
	return h.web.Render(w, r, http.StatusOK, templates.SourcePage(text.T(r.Context(), "Original message"), h.site.MessageView(ref.String(), "raw", q), src, cut))
}

// printPage is the message for paper.
func (h *Handlers) printPage(w http.ResponseWriter, r *http.Request, v *visit) error {
	ref, part, err := messageOf(r)
	if err != nil {
		return err
	}
	m, err := v.acct.Open(r.Context(), ref, mailproxy.OpenOptions{Path: part})
	if err != nil {
		return err
	}
	view := h.messageView(r, v, m, nil, link.List{Mailbox: ref.Mailbox})
	view.OtherForm, view.Notes = "", nil
	if view.NoSubject {
		view.Subject = text.T(r.Context(), "(no subject)")
	}
	return h.web.Render(w, r, http.StatusOK, templates.PrintPage(view))
}
