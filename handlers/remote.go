package handlers

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"postern/mailproxy"
	"postern/mailproxy/mail"
	"postern/store"
	"postern/templates/link"
	"postern/web"
)

// ImageFetcher fetches the remote images of mails, for an account. It is the wall
// towards the network: what it is given was written by strangers.
type ImageFetcher interface {
	Image(ctx context.Context, account, address string) (mail.Image, error)
}

const maxImageSenders = 1000 // senders whose images are always shown

// showImages shows a message's remote images, once or always from its sender.
func (h *Handlers) showImages(w http.ResponseWriter, r *http.Request, v *visit) error {
	if err := h.web.ParseForm(w, r); err != nil {
		return err
	}
	ref, part, err := messageOf(r)
	if err != nil {
		return err
	}
	q := r.URL.Query()
	at := link.ParseList(q)
	back := h.site.Message(ref.String(), at)
	if part != "" {
		back = h.site.Nested(ref.String(), part, at)
	}
	if h.opt.Images == nil {
		return h.web.SeeOther(w, r, back)
	}
	if r.PostForm.Get("show") == "always" && part == "" {
		m, err := v.acct.Open(r.Context(), ref, mailproxy.OpenOptions{})
		if err != nil {
			return err
		}
		if len(m.From) == 1 && m.From[0].Addr != "" {
			addr := strings.ToLower(m.From[0].Addr)
			err = h.store.SaveSettings(r.Context(), v.acct.ID(), func(s *store.Settings) {
				if !allowed(s.ImagesFrom, addr) && len(s.ImagesFrom) < maxImageSenders {
					s.ImagesFrom = append(s.ImagesFrom, addr)
				}
			})
			if err != nil {
				return err
			}
		}
	}
	return h.web.SeeOther(w, r, with(back, "images", h.imageWord(v, ref)))
}

// remoteURL is the address under which we serve the remote image at u to the
// browser of this session, and to no other: it is no proxy for the world.
func (h *Handlers) remoteURL(v *visit, u string) string {
	return h.site.Path("/remote", url.Values{
		"u": {base64.RawURLEncoding.EncodeToString([]byte(u))},
		"s": {imageMAC(h.opt.ImageKey, v.session.ID(), u)},
	})
}

// imageMAC binds the address of an image to a session.
// imageWord is what an address says to have a message's remote images shown. It is
// this session's and this message's, so that no link from elsewhere can say it.
func (h *Handlers) imageWord(v *visit, ref mail.MessageRef) string {
	return imageMAC(h.opt.ImageKey, v.session.ID(), "show "+ref.String())
}

// imagesAsked reports whether the person asked for the remote images of a message.
func (h *Handlers) imagesAsked(v *visit, ref mail.MessageRef, q url.Values) bool {
	return hmac.Equal([]byte(q.Get("images")), []byte(h.imageWord(v, ref)))
}

func imageMAC(key []byte, session, u string) string {
	m := hmac.New(sha256.New, key)
	m.Write([]byte(session + "\x00" + u))
	return base64.RawURLEncoding.EncodeToString(m.Sum(nil)[:16])
}

// imagePolicy lets an image be an image and nothing else, opened by itself too.
const imagePolicy = "default-src 'none'; frame-ancestors 'none'; sandbox"

// remoteImage serves a remote image under a type of ours. Whatever fails is an
// empty 404: the page stands where a picture was expected.
func (h *Handlers) remoteImage(w http.ResponseWriter, r *http.Request, v *visit) error {
	hd := w.Header()
	hd.Set("Content-Security-Policy", imagePolicy)
	q := r.URL.Query()
	u, err := base64.RawURLEncoding.DecodeString(q.Get("u"))
	if err != nil || h.opt.Images == nil || !hmac.Equal([]byte(q.Get("s")), []byte(imageMAC(h.opt.ImageKey, v.session.ID(), string(u)))) {
		w.WriteHeader(http.StatusNotFound)
		return nil
	}
	img, err := h.opt.Images.Image(r.Context(), v.acct.ID(), string(u))
	if err != nil {
		h.web.Log(r.Context()).Debug("image not shown", "kind", mail.KindOf(err).String())
		w.WriteHeader(http.StatusNotFound)
		return nil
	}
	hd.Set("Content-Type", img.Type)
	hd.Set("Content-Length", strconv.Itoa(len(img.Body)))
	hd.Set("Cache-Control", "private, max-age=86400, immutable")
	hd.Set("Cross-Origin-Resource-Policy", "same-origin")
	if r.Method == http.MethodHead {
		return nil
	}
	for b := img.Body; len(b) > 0; {
		n := min(len(b), 64<<10)
		web.ExtendWrite(w)
		if _, err := w.Write(b[:n]); err != nil {
			return nil // the browser went away
		}
		b = b[n:]
	}
	return nil
}
