package handlers

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/go-chi/chi/v5"

	"postern/mailproxy"
	"postern/mailproxy/mail"
	"postern/store"
	"postern/templates"
	"postern/templates/text"
)

const maxSignature = 4000 // characters

// settingsPage is one page of the settings.
func (h *Handlers) settingsPage(w http.ResponseWriter, r *http.Request, v *visit) error {
	return h.drawSettings(w, r, v, http.StatusOK, chi.URLParam(r, "page"), nil)
}

func (h *Handlers) drawSettings(w http.ResponseWriter, r *http.Request, v *visit, status int, page string, edit *templates.IdentityForm) error {
	view, err := h.settingsView(r, v, page, edit)
	if err != nil {
		return err
	}
	boxes, err := v.boxes(r.Context())
	if err != nil {
		h.web.LogError(r, http.StatusOK, err) // settings need no mail server
	}
	s := h.shell(w, r, v, boxes, place{title: view.Title})
	return h.web.Render(w, r, status, templates.SettingsPage(s, view))
}

// settingsSave keeps what a page of the settings was changed to.
func (h *Handlers) settingsSave(w http.ResponseWriter, r *http.Request, v *visit) error {
	if err := h.web.ParseForm(w, r); err != nil {
		return err
	}
	page := chi.URLParam(r, "page")
	switch page {
	case "general", "appearance", "writing", "privacy":
		if err := h.saveSettings(r, v); err != nil {
			return err
		}
		h.say(w, r, text.T(r.Context(), "Settings saved"), false)
	case "identities":
		if again, err := h.saveIdentity(r, v); err != nil {
			return err
		} else if again != nil {
			return h.drawSettings(w, r, v, http.StatusUnprocessableEntity, page, again)
		}
		h.say(w, r, text.T(r.Context(), "Settings saved"), false)
	case "security":
		if err := h.endSessions(w, r, v); err != nil {
			return err
		}
	default:
		return mail.Errorf(mail.NotFound, "There is no such page in the settings.")
	}
	if b := r.PostForm.Get("back"); h.site.Local(b) {
		return h.web.SeeOther(w, r, b)
	}
	return h.web.SeeOther(w, r, h.site.SettingsPage(page))
}

// saveSettings takes over the fields that the form has; others stay.
func (h *Handlers) saveSettings(r *http.Request, v *visit) error {
	f := r.PostForm
	choose := func(field *string, name string, allowed ...string) {
		if f.Has(name) && slices.Contains(allowed, f.Get(name)) {
			*field = f.Get(name)
		}
	}
	return h.store.SaveSettings(r.Context(), v.acct.ID(), func(s *store.Settings) {
		choose(&s.Theme, "theme", "", "light", "dark")
		choose(&s.Density, "density", "", "comfortable", "compact")
		choose(&s.Compose, "compose", "", "plain")
		if f.Has("timezone") {
			s.TimeZone = zoneName(f.Get("timezone"))
		}
		if f.Has("reply") {
			s.ReplyAll = f.Get("reply") == "all"
		}
		switch f.Get("pagesize") {
		case "25":
			s.PageSize = 25
		case "50":
			s.PageSize = 0
		case "100":
			s.PageSize = 100
		}
		if gone := f.Get("forget"); gone != "" {
			s.ImagesFrom = slices.DeleteFunc(s.ImagesFrom, func(a string) bool { return a == gone })
		}
	})
}

// saveIdentity makes, changes, deletes an identity. A form that cannot be taken
// comes back with what is wrong with it.
func (h *Handlers) saveIdentity(r *http.Request, v *visit) (*templates.IdentityForm, error) {
	ctx, f := r.Context(), r.PostForm
	list, err := h.store.Identities(ctx, v.acct.ID())
	if err != nil {
		return nil, err
	}
	id := mail.Identity{
		ID: f.Get("id"), Name: strings.TrimSpace(f.Get("name")), Addr: strings.TrimSpace(f.Get("addr")),
		ReplyTo: strings.TrimSpace(f.Get("replyto")), Signature: strings.ReplaceAll(f.Get("signature"), "\r\n", "\n"), Default: f.Get("default") == "1",
	}
	known := slices.IndexFunc(list, func(i mail.Identity) bool { return i.ID == id.ID })
	if id.ID != "" && id.ID != mailproxy.OwnIdentity && known < 0 {
		return nil, mail.Errorf(mail.NotFound, "There is no such identity.")
	}
	switch f.Get("do") {
	case "delete":
		return nil, h.store.DeleteIdentity(ctx, v.acct.ID(), id.ID)
	case "default":
		if known < 0 {
			return nil, mail.Errorf(mail.NotFound, "There is no such identity.")
		}
		list[known].Default = true
		_, err := h.store.SaveIdentity(ctx, v.acct.ID(), list[known])
		return nil, err
	}
	if id.ID == mailproxy.OwnIdentity { // the account's own address becomes an identity of the store
		id.ID = ""
	}
	form := identityForm(ctx, h.site, id)
	bad := false
	for i := range form.Fields {
		p := &form.Fields[i]
		switch p.Name {
		case "addr":
			p.Error = mail.CheckAddr(id.Addr)
		case "replyto":
			if id.ReplyTo != "" {
				p.Error = mail.CheckAddr(id.ReplyTo)
			}
		case "name":
			if len([]rune(id.Name)) > 200 || hasControl(id.Name) {
				p.Error = text.T(ctx, "The name is too long or holds characters that cannot be in a name.")
			}
		case "signature":
			if len([]rune(id.Signature)) > maxSignature {
				p.Error = text.T(ctx, "The signature is longer than %d characters.", maxSignature)
			}
		}
		bad = bad || p.Error != ""
	}
	if bad {
		return &form, nil
	}
	_, err = h.store.SaveIdentity(ctx, v.acct.ID(), id)
	return nil, err
}

func hasControl(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return r < 0x20 || r == 0x7f || r == '\u2028' || r == '\u2029' || r == '\u0085' })
}

// endSessions signs out one other session, or all others.
func (h *Handlers) endSessions(w http.ResponseWriter, r *http.Request, v *visit) error {
	ctx := r.Context()
	if handle := r.PostForm.Get("end"); handle != "" {
		if err := h.store.SessionDeleteHandle(ctx, v.acct.ID(), handle); err != nil {
			return err
		}
		h.say(w, r, text.T(ctx, "%d sessions signed out", 1), false)
		return nil
	}
	n, err := h.store.SessionDeleteAccount(ctx, v.acct.ID(), v.session.ID())
	if err != nil {
		return err
	}
	h.say(w, r, text.T(ctx, "%d sessions signed out", n), false)
	return nil
}

// clientZone is the time zone a browser told in its cookie.
func clientZone(r *http.Request) string {
	c, err := r.Cookie("postern_tz")
	if err != nil {
		return ""
	}
	name, err := url.QueryUnescape(c.Value)
	if err != nil {
		return ""
	}
	return zoneName(name)
}
