package web

import (
	"net/http"

	"github.com/gorilla/securecookie"

	"postern/store"
)

// Toast is what the next page says about the change just made. It travels in a
// sealed cookie that the next page takes away, so that it works without scripts
// and costs the store nothing.
type Toast struct {
	Text   string
	Undo   string // token of the undo record, "" when there is none
	Bad    bool   // a failure: it stays until dismissed
	Link   string // where "View" leads, "" for none
	Outbox string // a message in its undo window: Undo and Send now act on it
}

const flashCookie = "postern_toast"

const maxToast = 1000 // characters of text kept

// SetToast has the next page of this session show t.
func (w *Web) SetToast(rw http.ResponseWriter, r *http.Request, t Toast) {
	s := Current(r)
	if s == nil {
		return
	}
	if rs := []rune(t.Text); len(rs) > maxToast {
		t.Text = string(rs[:maxToast])
	}
	value, err := s.flashCodec().Encode(flashCookie, t)
	if err != nil {
		w.Log(r.Context()).Warn("toast not kept", "err", err)
		return
	}
	http.SetCookie(rw, w.cookie(r, flashCookie, value, 60))
}

// TakeToast returns the toast set for this page, once.
func (w *Web) TakeToast(rw http.ResponseWriter, r *http.Request) (Toast, bool) {
	c, err := r.Cookie(flashCookie)
	s := Current(r)
	if err != nil || s == nil || c.Value == "" {
		return Toast{}, false
	}
	http.SetCookie(rw, w.cookie(r, flashCookie, "", -1))
	var t Toast
	if s.flashCodec().Decode(flashCookie, c.Value, &t) != nil {
		return Toast{}, false
	}
	return t, true
}

func (s *Session) flashCodec() *securecookie.SecureCookie {
	sign, seal := store.Subkey(s.key, "toast mac"), store.Subkey(s.key, "toast seal")
	return securecookie.New(sign[:], seal[:]).MaxAge(60).SetSerializer(securecookie.JSONEncoder{})
}
