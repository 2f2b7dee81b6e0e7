package imapconn

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/emersion/go-imap/v2"

	"postern/mailproxy/mail"
)

// unreachable is a server that did not answer, hung up or took too long.
func unreachable(err error) error {
	var known *mail.Error
	if err == nil || errors.As(err, &known) {
		return err
	}
	return mail.Wrap(mail.Unavailable, err, "The mail server did not answer.")
}

func (Config) lost(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) || errors.Is(err, io.ErrClosedPipe)
}

// garbled is a server that does not speak IMAP as we know it.
func garbled(format string, args ...any) error {
	return mail.Wrap(mail.Unavailable, fmt.Errorf(format, args...), "The mail server sent an answer that cannot be read.")
}

// wrongPassword is what a person is told whose credentials were not accepted.
const wrongPassword = "The address or the password is not right."

// refused says why signing in failed (RFC 5530, RFC 9051 section 7.1). secrets
// are taken out of what the server said, should it repeat them.
func refused(a answer, secrets ...string) error {
	text := words(a.text, secrets)
	cause := fmt.Errorf("server answered %s [%s]", a.status, a.code)
	wrap := func(k mail.Kind, msg string) error { return mail.Wrap(k, cause, msg) }
	switch imap.ResponseCode(a.code) {
	case imap.ResponseCodeAuthenticationFailed, imap.ResponseCodeAuthorizationFailed:
		return wrap(mail.SignedOut, wrongPassword)
	case imap.ResponseCodeExpired:
		return wrap(mail.SignedOut, "The password has expired.")
	case imap.ResponseCodePrivacyRequired:
		return wrap(mail.Refused, "The mail server allows signing in over an encrypted connection only.")
	case imap.ResponseCodeUnavailable, imap.ResponseCodeServerBug, imap.ResponseCodeCorruption:
		return wrap(mail.Limited, or(text, "The mail server cannot sign anyone in at the moment. Try again later."))
	case imap.ResponseCodeLimit, imap.ResponseCodeInUse:
		return wrap(mail.Limited, "The mail server allows no more connections to this mailbox at the moment. Try again in a few minutes.")
	case imap.ResponseCodeContactAdmin, imap.ResponseCodeNoPerm, imap.ResponseCodeCannot:
		return wrap(mail.Refused, or(text, "The mail server does not let this account sign in."))
	case "ALERT", "WEBALERT":
		return wrap(mail.SignedOut, or(text, wrongPassword))
	}
	switch a.status {
	case "BYE":
		if busy(a.text) {
			return wrap(mail.Limited, "The mail server allows no more connections at the moment. Try again in a few minutes.")
		}
		return wrap(mail.Unavailable, or(text, "The mail server closed the connection."))
	case "BAD":
		return wrap(mail.Refused, or(text, "The mail server did not understand how Postern signs in."))
	}
	// QUIRK: servers older than RFC 5530 answer a plain NO to everything.
	if busy(a.text) {
		return wrap(mail.Limited, or(text, "The mail server cannot sign anyone in at the moment. Try again later."))
	}
	return wrap(mail.SignedOut, wrongPassword)
}

// busy recognises a temporary refusal in words.
func busy(text string) bool {
	text = strings.ToLower(text)
	for _, s := range []string{"too many", "maximum number of", "temporar", "try again", "internal error", "overload"} {
		if strings.Contains(text, s) {
			return true
		}
	}
	return false
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

const (
	maxWords  = 300 // characters of a server's own words that a person is shown
	minSecret = 4   // octets; anything shorter is found in every sentence
)

// words makes a server's text fit to be shown: one line, bounded, and nothing at
// all when it repeats a secret.
func words(text string, secrets []string) string {
	for _, s := range secrets {
		if len(s) >= minSecret && strings.Contains(strings.ToLower(text), strings.ToLower(s)) {
			return ""
		}
	}
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
	text = strings.Join(strings.Fields(text), " ")
	if utf8.RuneCountInString(text) > maxWords {
		text = strings.TrimSpace(string([]rune(text)[:maxWords-1])) + "…"
	}
	return text
}
