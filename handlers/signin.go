package handlers

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"postern/mailproxy/mail"
	"postern/templates"
	"postern/templates/text"
	"postern/templates/ui"
	"postern/web"
)

// Tries that may fail before sign-in pauses.
const (
	tryWindow     = 15 * time.Minute
	triesAccount  = 10  // for one address from one client
	triesClient   = 60  // for one client, whatever the address
	maxCarryField = 300 // fields of a form carried over a sign-in
)

func (h *Handlers) signInPage(w http.ResponseWriter, r *http.Request) {
	next := r.URL.Query().Get("next")
	if web.Current(r) != nil {
		if err := h.web.SeeOther(w, r, next); err != nil {
			h.web.Fail(w, r, err)
		}
		return
	}
	if !h.site.Local(next) {
		next = ""
	}
	h.drawSignIn(w, r, http.StatusOK, templates.SignInView{Next: next})
}

// signInFirst answers a request that needs a person when there is none. A page
// asked for is shown after sign-in; a form sent is kept in the sign-in page, word
// for word, and shown again afterwards.
func (h *Handlers) signInFirst(w http.ResponseWriter, r *http.Request, why string) {
	ctx := r.Context()
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		if strings.HasSuffix(r.URL.Path, "/frame") || strings.Contains(r.URL.Path, "/part/") {
			h.web.Fail(w, r, mail.Errorf(mail.SignedOut, "You are not signed in."))
			return
		}
		if err := h.web.SeeOther(w, r, h.site.SignIn(strings.TrimSuffix(r.URL.RequestURI(), "?"))); err != nil {
			h.web.Fail(w, r, err)
		}
		return
	}
	v := templates.SignInView{Note: text.T(ctx, "Your session has ended.")}
	if why != "" {
		v.Note = why
	}
	if fields := h.carried(w, r); len(fields) > 0 && r.URL.Path == h.site.Compose("", "") {
		v.Carry, v.CarryTo = fields, r.URL.Path
		v.Carrying = text.T(ctx, "What you wrote is kept: sign in and it is here again.")
	} else if back := r.PostForm.Get("back"); h.site.Local(back) {
		v.Next = back
	}
	h.drawSignIn(w, r, http.StatusUnauthorized, v)
}

// carried are the text fields of a form that was sent without a session.
func (h *Handlers) carried(w http.ResponseWriter, r *http.Request) []ui.HiddenField {
	f, err := h.readCompose(w, r, nil)
	if err != nil {
		h.web.LogError(r, http.StatusUnauthorized, err)
		return nil
	}
	var out []ui.HiddenField
	for name, values := range f.Values {
		for _, v := range values {
			if len(out) < maxCarryField && len(name) <= 100 {
				out = append(out, ui.HiddenField{Name: name, Value: v})
			}
		}
	}
	slices.SortFunc(out, func(a, b ui.HiddenField) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

func (h *Handlers) signIn(w http.ResponseWriter, r *http.Request) {
	// A form carried over a sign-in is as long as the composer lets it be.
	if err := h.web.ParseLongForm(w, r, maxComposeFields); err != nil {
		h.web.Fail(w, r, err)
		return
	}
	ctx, f := r.Context(), r.PostForm
	v := templates.SignInView{
		Address: strings.TrimSpace(f.Get("email")), Stay: f.Get("stay") == "1",
		Next: f.Get("next"), CarryTo: f.Get("carry-to"),
	}
	if !h.site.Local(v.Next) {
		v.Next = ""
	}
	if v.CarryTo != h.site.Compose("", "") {
		v.CarryTo = ""
	}
	kept := url.Values{}
	if v.CarryTo != "" {
		for name, values := range f {
			if n, ok := strings.CutPrefix(name, "carry."); ok {
				kept[n] = values
				for _, s := range values {
					v.Carry = append(v.Carry, ui.HiddenField{Name: n, Value: s})
				}
			}
		}
		v.Carrying = text.T(ctx, "What you wrote is kept: sign in and it is here again.")
		v.Note = text.T(ctx, "Your session has ended.")
	}
	if v.Address == "" {
		v.Field, v.Problem = "email", text.T(ctx, "Enter your address.")
		h.drawSignIn(w, r, http.StatusUnprocessableEntity, v)
		return
	}
	if f.Get("password") == "" {
		v.Problem = text.T(ctx, "Enter your password.")
		h.drawSignIn(w, r, http.StatusUnprocessableEntity, v)
		return
	}
	acctKey, clientKey := h.tryKeys(r, v.Address)
	if wait, err := h.mustWait(ctx, acctKey, clientKey); err != nil || wait {
		if err != nil {
			h.web.LogError(r, http.StatusServiceUnavailable, err)
		}
		w.Header().Set("Retry-After", "900")
		v.Problem = text.T(ctx, "Too many tries failed. Wait 15 minutes and try again.")
		h.drawSignIn(w, r, http.StatusTooManyRequests, v)
		return
	}
	cred, err := h.proxy.Resolve(v.Address, f.Get("password"))
	if err != nil {
		v.Field, v.Problem = "email", mail.MsgOf(err)
		h.web.LogError(r, http.StatusUnprocessableEntity, err)
		h.drawSignIn(w, r, http.StatusUnprocessableEntity, v)
		return
	}
	acct, err := h.proxy.SignIn(ctx, cred)
	if err != nil {
		h.refuseSignIn(w, r, v, err, acctKey, clientKey)
		return
	}
	if err := h.store.ClearTries(ctx, acctKey); err != nil {
		h.web.LogError(r, http.StatusInternalServerError, err)
	}
	err = h.web.SignIn(w, r, web.Session{AccountID: acct.ID(), Credentials: web.SecretOf(cred), Stay: v.Stay, Zone: zoneName(f.Get("tz"))})
	if err != nil {
		h.web.Fail(w, r, err)
		return
	}
	if v.CarryTo != "" {
		err = h.resumeCompose(w, r, acct, kept)
	} else {
		err = h.web.SeeOther(w, r, v.Next)
	}
	if err != nil {
		h.web.Fail(w, r, err)
	}
}

// refuseSignIn tells why the mail server would not let the person in. Only a wrong
// password counts as a try: a server that is down must not lock anybody out.
func (h *Handlers) refuseSignIn(w http.ResponseWriter, r *http.Request, v templates.SignInView, err error, acctKey, clientKey string) {
	ctx := r.Context()
	status := http.StatusServiceUnavailable
	switch msg := mail.MsgOf(err); mail.KindOf(err) {
	case mail.SignedOut:
		status = http.StatusUnprocessableEntity
		v.Problem = msg
		if v.Problem == "" {
			v.Problem = text.T(ctx, "The address and the password do not match.")
		}
		for _, k := range []string{acctKey, clientKey} {
			if _, terr := h.store.AddTry(ctx, k, tryWindow); terr != nil {
				h.web.LogError(r, http.StatusInternalServerError, terr)
			}
		}
	case mail.Invalid:
		status = http.StatusUnprocessableEntity
		v.Field, v.Problem = "email", msg
	case mail.Internal:
		status = http.StatusInternalServerError
		v.Down = text.T(ctx, "Signing in failed for a reason of ours.")
	default:
		v.Down = msg
		if msg == "" {
			v.Down = text.T(ctx, "The mail server did not answer.")
		}
		status = web.Status(mail.KindOf(err))
		w.Header().Set("Retry-After", "60")
	}
	if status >= 500 || v.Down != "" {
		v.Ref = web.Ref(ctx)
	}
	h.web.LogError(r, status, err)
	h.drawSignIn(w, r, status, v)
}

func (h *Handlers) tryKeys(r *http.Request, address string) (acct, client string) {
	ip := web.ClientAddr(r.Context()).String()
	return "account " + strings.ToLower(address) + " " + ip, "client " + ip
}

func (h *Handlers) mustWait(ctx context.Context, acctKey, clientKey string) (bool, error) {
	n, err := h.store.Tries(ctx, acctKey, tryWindow)
	if err != nil || n >= triesAccount {
		return err == nil, err
	}
	n, err = h.store.Tries(ctx, clientKey, tryWindow)
	return err == nil && n >= triesClient, err
}

// zoneName is a time zone name a browser sent, if it is one.
func zoneName(s string) string {
	if len(s) > 64 || s == "" || s == "Local" {
		return ""
	}
	if _, err := time.LoadLocation(s); err != nil {
		return ""
	}
	return s
}

func (h *Handlers) drawSignIn(w http.ResponseWriter, r *http.Request, status int, v templates.SignInView) {
	v.Host, v.Foot, v.Demo = h.opt.Host, h.opt.Foot, h.opt.Demo
	if err := h.web.Render(w, r, status, templates.SignInPage(v)); err != nil {
		h.web.Fail(w, r, err)
	}
}

func (h *Handlers) signOut(w http.ResponseWriter, r *http.Request) {
	err := h.web.SignOut(w, r)
	if err == nil {
		err = h.web.SeeOther(w, r, h.site.SignIn(""))
	}
	if err != nil {
		h.web.Fail(w, r, err)
	}
}

// signOutEverywhere ends every session of the person, this one too.
func (h *Handlers) signOutEverywhere(w http.ResponseWriter, r *http.Request, v *visit) error {
	if _, err := h.store.SessionDeleteAccount(r.Context(), v.acct.ID(), ""); err != nil {
		return err
	}
	if err := h.web.SignOut(w, r); err != nil {
		return err
	}
	return h.web.SeeOther(w, r, h.site.SignIn(""))
}
