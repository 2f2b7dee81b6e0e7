package web

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/gorilla/securecookie"
	"github.com/gorilla/sessions"

	"postern/mailproxy/mail"
	"postern/store"
)

// Session is one signed-in browser. The mail password in it exists in clear only
// while a request runs: the store has the record sealed under a key that is in
// the browser's cookie and nowhere else.
type Session struct {
	AccountID   string
	Credentials Secret
	Started     time.Time // sign-in; the absolute lifetime counts from here
	Stay        bool      // "stay signed in"
	Zone        string    // IANA name the browser told at sign-in, "" when unknown

	id  string
	key [32]byte
}

// Secret is mail.Credentials in a form that JSON keeps; it prints as nothing.
type Secret struct{ Login, Password, Address, Server string }

// String keeps secrets out of logs.
func (Secret) String() string { return "credentials(hidden)" }

// GoString keeps secrets out of %#v.
func (Secret) GoString() string { return "credentials(hidden)" }

// Mail is the secret as the mail engine takes it.
func (s Secret) Mail() mail.Credentials {
	return mail.Credentials{Login: s.Login, Password: s.Password, Address: s.Address, Server: s.Server}
}

// SecretOf keeps credentials for a session.
func SecretOf(c mail.Credentials) Secret {
	return Secret{Login: c.Login, Password: c.Password, Address: c.Address, Server: c.Server}
}

// ID names the session in the store's undo records.
func (s *Session) ID() string { return s.id }

type sessionKey struct{}

// Current is the session of the request, nil when nobody is signed in.
func Current(r *http.Request) *Session {
	s, _ := r.Context().Value(sessionKey{}).(*Session)
	return s
}

const (
	valueKey  = "session" // the one entry of a gorilla session's Values
	touchStep = 5 * time.Minute
)

// SignIn starts a session for s under a fresh id and a fresh key; the session the
// browser had before, if any, ends.
func (w *Web) SignIn(rw http.ResponseWriter, r *http.Request, s Session) error {
	if old := Current(r); old != nil {
		if err := w.opt.Store.SessionDelete(r.Context(), old.id); err != nil {
			return fmt.Errorf("end earlier session: %w", err)
		}
	}
	gs, err := w.sessions.Get(r, cookieName(w.secure(r)))
	if err != nil {
		return err
	}
	s.Started = w.Now()
	gs.ID = ""
	gs.Values[valueKey] = &s
	if err := w.sessions.Save(r, rw, gs); err != nil {
		return fmt.Errorf("save session: %w", err)
	}
	return nil
}

// SignOut ends the session of the request.
func (w *Web) SignOut(rw http.ResponseWriter, r *http.Request) error {
	http.SetCookie(rw, w.cookie(r, cookieName(w.secure(r)), "", -1))
	s := Current(r)
	if s == nil {
		return nil
	}
	return w.opt.Store.SessionDelete(r.Context(), s.id)
}

// withSession finds the session of the request once, early: gorilla's registry
// rewrites the request and must not be asked later (libraries differ in that).
func (w *Web) withSession(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, w.opt.Site.Base+"/static/") {
			next.ServeHTTP(rw, r)
			return
		}
		gs, err := w.sessions.Get(r, cookieName(w.secure(r)))
		if err != nil {
			w.Fail(rw, r, fmt.Errorf("load session: %w", err))
			return
		}
		if s, ok := gs.Values[valueKey].(*Session); ok {
			r = r.WithContext(context.WithValue(r.Context(), sessionKey{}, s))
		}
		next.ServeHTTP(rw, r)
	})
}

// sessionStore is gorilla's Store over ours. The cookie holds id and key, signed;
// the record holds the session as JSON, sealed under the key.
type sessionStore struct{ w *Web }

// Get returns the request's session, loading it once.
func (st *sessionStore) Get(r *http.Request, name string) (*sessions.Session, error) {
	return sessions.GetRegistry(r).Get(st, name)
}

// New loads the session the cookie names. A missing, forged or expired one gives
// a new session and no error; only a store that does not answer is an error.
func (st *sessionStore) New(r *http.Request, name string) (*sessions.Session, error) {
	gs := sessions.NewSession(st, name)
	gs.IsNew = true
	id, key, ok := st.readCookie(r, name)
	if !ok {
		return gs, nil
	}
	sealed, meta, err := st.w.opt.Store.SessionLoad(r.Context(), id)
	if mail.KindOf(err) == mail.NotFound && err != nil {
		return gs, nil
	}
	if err != nil {
		return gs, err
	}
	plain, err := store.Unseal(key, sealContext(id), sealed)
	if err != nil {
		return gs, nil // the record was made under another key: not this browser's
	}
	s := &Session{id: id, key: key}
	if err := json.Unmarshal(plain, s); err != nil {
		return gs, fmt.Errorf("read session: %w", err)
	}
	now := st.w.Now()
	expires := st.w.expiry(s, now)
	if !expires.After(now) {
		return gs, st.w.opt.Store.SessionDelete(r.Context(), id)
	}
	if now.Sub(meta.Seen) >= touchStep {
		if err := st.w.opt.Store.SessionTouch(r.Context(), id, ClientAddr(r.Context()).String(), expires); err != nil && mail.KindOf(err) != mail.NotFound {
			return gs, err
		}
	}
	gs.ID, gs.IsNew = id, false
	gs.Values[valueKey] = s
	return gs, nil
}

// Save writes the record and the cookie. An empty ID gets a fresh id and key.
func (st *sessionStore) Save(r *http.Request, rw http.ResponseWriter, gs *sessions.Session) error {
	s, ok := gs.Values[valueKey].(*Session)
	if !ok {
		return nil
	}
	if gs.ID == "" {
		s.id = rand.Text()
		rand.Read(s.key[:])
		gs.ID = s.id
	}
	plain, err := json.Marshal(s)
	if err != nil {
		return err
	}
	sealed, err := store.Seal(s.key, sealContext(s.id), plain)
	if err != nil {
		return err
	}
	now := st.w.Now()
	err = st.w.opt.Store.SessionSave(r.Context(), s.id, sealed, store.SessionMeta{
		AccountID: s.AccountID, Agent: agentLabel(r.UserAgent()), IP: ClientAddr(r.Context()).String(),
		Expires: st.w.expiry(s, now),
	})
	if err != nil {
		return err
	}
	value, err := securecookie.EncodeMulti(gs.Name(), s.id+"."+base64.RawURLEncoding.EncodeToString(s.key[:]), st.w.codecs...)
	if err != nil {
		return err
	}
	age := 0 // until the browser closes
	if s.Stay {
		age = int(st.w.opt.Sessions.StayAbsolute / time.Second)
	}
	http.SetCookie(rw, st.w.cookie(r, gs.Name(), value, age))
	return nil
}

func (st *sessionStore) readCookie(r *http.Request, name string) (id string, key [32]byte, ok bool) {
	c, err := r.Cookie(name)
	if err != nil {
		return "", key, false
	}
	var v string
	if securecookie.DecodeMulti(name, c.Value, &v, st.w.codecs...) != nil {
		return "", key, false
	}
	id, coded, ok := strings.Cut(v, ".")
	if !ok {
		return "", key, false
	}
	b, err := base64.RawURLEncoding.DecodeString(coded)
	if err != nil || len(b) != len(key) {
		return "", key, false
	}
	copy(key[:], b)
	return id, key, true
}

// expiry is when s ends if it is not used again: idle or absolute, what comes first.
func (w *Web) expiry(s *Session, now time.Time) time.Time {
	idle, abs := w.opt.Sessions.Idle, w.opt.Sessions.Absolute
	if s.Stay {
		idle, abs = w.opt.Sessions.StayIdle, w.opt.Sessions.StayAbsolute
	}
	end := now.Add(idle)
	if last := s.Started.Add(abs); last.Before(end) {
		return last
	}
	return end
}

func sealContext(id string) string { return "session " + id }

// secure reports whether cookies may be marked Secure: the browser speaks https.
func (w *Web) secure(r *http.Request) bool { return HTTPS(r.Context()) }

// cookieName has the __Host- prefix wherever the browser would keep such a cookie:
// it needs Secure, which browsers other than Chromium refuse on plain http, even
// from this very machine (RFC 6265bis section 4.1.3.2).
func cookieName(secure bool) string {
	if secure {
		return "__Host-postern"
	}
	return "postern"
}

// cookie is one of our cookies: HttpOnly, SameSite=Lax so that a link in another
// program still finds the person signed in, Path=/ as the prefix demands.
func (w *Web) cookie(r *http.Request, name, value string, maxAge int) *http.Cookie {
	return &http.Cookie{Name: name, Value: value, Path: "/", MaxAge: maxAge, HttpOnly: true, Secure: w.secure(r), SameSite: http.SameSiteLaxMode}
}

func newCodecs(key [32]byte) []securecookie.Codec {
	sign := store.Subkey(key, "session cookie")
	c := securecookie.New(sign[:], nil)
	c.MaxAge(0) // lifetimes are the record's
	c.SetSerializer(securecookie.JSONEncoder{})
	return []securecookie.Codec{c}
}

// agentLabel names a browser for the list of sessions, roughly.
func agentLabel(ua string) string {
	has := func(s string) bool { return strings.Contains(ua, s) }
	browser := "Browser"
	for _, b := range [][2]string{{"Edg/", "Edge"}, {"OPR/", "Opera"}, {"Firefox/", "Firefox"}, {"Chrome/", "Chrome"}, {"Safari/", "Safari"}, {"curl/", "curl"}} {
		if has(b[0]) {
			browser = b[1]
			break
		}
	}
	for _, o := range [][2]string{{"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Android", "Android"}, {"Windows", "Windows"}, {"Mac OS X", "macOS"}, {"CrOS", "ChromeOS"}, {"Linux", "Linux"}} {
		if has(o[0]) {
			return browser + ", " + o[1]
		}
	}
	return browser
}
