package imappool

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/emersion/go-imap/v2"

	"postern/mailproxy/mail"
)

// Kind gives an error of an IMAP command the kind of package mail that its
// response code means (RFC 9051 section 7.1, RFC 5530) and a sentence for the
// person. Errors that have a kind keep it; nil stays nil. A plain NO is Refused
// with the server's own words.
func Kind(err error) error {
	if err == nil {
		return nil
	}
	var known *mail.Error
	if errors.As(err, &known) {
		return err
	}
	var no *imap.Error
	if errors.As(err, &no) {
		k, msg := ofCode(no)
		return mail.Wrap(k, err, msg)
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return mail.Wrap(mail.Unavailable, err, "The mail server did not answer in time.")
	case errors.Is(err, context.Canceled):
		return mail.Wrap(mail.Unavailable, err, "")
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.ErrClosedPipe), errors.Is(err, net.ErrClosed):
		return mail.Wrap(mail.Unavailable, err, "The connection to the mail server was lost.")
	}
	var n net.Error
	if errors.As(err, &n) {
		return mail.Wrap(mail.Unavailable, err, "The connection to the mail server was lost.")
	}
	return err
}

func ofCode(no *imap.Error) (mail.Kind, string) {
	switch imap.ResponseCode(strings.ToUpper(string(no.Code))) {
	case imap.ResponseCodeNonExistent, imap.ResponseCodeTryCreate:
		return mail.NotFound, "There is no such mailbox."
	case imap.ResponseCodeAuthenticationFailed, imap.ResponseCodeAuthorizationFailed:
		return mail.SignedOut, "The address or the password is not right."
	case imap.ResponseCodeExpired:
		return mail.SignedOut, "The password has expired."
	case imap.ResponseCodePrivacyRequired:
		return mail.Insecure, "The mail server wants an encrypted connection."
	case imap.ResponseCodeOverQuota:
		return mail.OverQuota, "The mailbox is full."
	case imap.ResponseCodeTooBig:
		return mail.TooLarge, "The message is larger than the mail server takes."
	case imap.ResponseCodeLimit:
		return mail.Limited, "The mail server's limit is reached. Try again in a moment."
	case imap.ResponseCodeInUse:
		return mail.Limited, "The mailbox is in use elsewhere. Try again in a moment."
	case imap.ResponseCodeUnavailable, imap.ResponseCodeServerBug, imap.ResponseCodeCorruption, imap.ResponseCodeContactAdmin:
		return mail.Unavailable, words(no.Text, "The mail server has a problem. Try again later.")
	case imap.ResponseCodeAlreadyExists:
		return mail.Invalid, "There is a mailbox of that name already."
	case imap.ResponseCodeNoPerm:
		return mail.Refused, "You may not do that in this mailbox."
	case imap.ResponseCodeHasChildren:
		return mail.Refused, "There are other mailboxes below this one."
	case imap.ResponseCodeBadCharset, imap.ResponseCodeClientBug, imap.ResponseCodeParse, imap.ResponseCodeUnknownCTE:
		return mail.Internal, ""
	}
	if no.Type == imap.StatusResponseTypeBad {
		return mail.Internal, ""
	}
	return mail.Refused, words(no.Text, "The mail server refused.")
}

const maxWords = 300 // characters of a server's own words that a person is shown

// words makes a server's text fit to be shown: valid UTF-8, one line, bounded.
func words(text, otherwise string) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
			return ' '
		}
		return r
	}, text)
	text = strings.Join(strings.Fields(text), " ")
	if text == "" {
		return otherwise
	}
	if utf8.RuneCountInString(text) > maxWords {
		r := []rune(text)
		text = strings.TrimSpace(string(r[:maxWords-1])) + "…"
	}
	return text
}
