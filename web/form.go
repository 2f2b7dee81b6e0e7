package web

import (
	"errors"
	"net/http"
	"unicode/utf8"

	"postern/mailproxy/mail"
)

// ParseForm reads an ordinary form, at most MaxForm octets of valid UTF-8.
func (w *Web) ParseForm(rw http.ResponseWriter, r *http.Request) error {
	return w.ParseLongForm(rw, r, w.opt.MaxForm)
}

// ParseLongForm is ParseForm for a form of at most max octets.
func (w *Web) ParseLongForm(rw http.ResponseWriter, r *http.Request, max int64) error {
	r.Body = http.MaxBytesReader(rw, r.Body, max)
	return FormError(r.ParseForm(), r)
}

// FormError turns what reading a form met into an error for the person, and
// refuses text that is not UTF-8 or holds NUL.
func FormError(err error, r *http.Request) error {
	var big *http.MaxBytesError
	switch {
	case errors.As(err, &big):
		return mail.Wrap(mail.TooLarge, err, "This form is larger than the server takes.")
	case err != nil:
		return mail.Wrap(mail.Invalid, err, "The form did not arrive whole. Send it again.")
	}
	for name, values := range r.Form {
		if !cleanText(name) {
			return mail.Errorf(mail.Invalid, "The form holds characters that are not text.")
		}
		for _, v := range values {
			if !cleanText(v) {
				return mail.Errorf(mail.Invalid, "The form holds characters that are not text.")
			}
		}
	}
	return nil
}

func cleanText(s string) bool {
	for i := range len(s) {
		if s[i] == 0 {
			return false
		}
	}
	return utf8.ValidString(s)
}
