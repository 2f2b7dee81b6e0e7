package submit

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
	"github.com/xdg-go/scram"

	"postern/mailproxy/mail"
)

// mechanisms are those we know, best first. All but SCRAM need TLS, which
// connect has seen to.
var mechanisms = []string{"SCRAM-SHA-256", "SCRAM-SHA-1", sasl.Plain, sasl.Login}

func saslClient(mech string, c mail.Credentials) (sasl.Client, error) {
	switch mech {
	case "SCRAM-SHA-256":
		return newScram(mech, scram.SHA256, c)
	case "SCRAM-SHA-1":
		return newScram(mech, scram.SHA1, c)
	case sasl.Plain:
		return sasl.NewPlainClient("", c.Login, c.Password), nil
	default:
		return sasl.NewLoginClient(c.Login, c.Password), nil
	}
}

// scramClient is RFC 5802 without channel binding.
type scramClient struct {
	mech string
	conv *scram.ClientConversation
}

func newScram(mech string, h scram.HashGeneratorFcn, c mail.Credentials) (sasl.Client, error) {
	cl, err := h.NewClient(c.Login, c.Password, "")
	if err != nil {
		return nil, errors.New("SCRAM cannot use this name or password") // the cause might quote it
	}
	return &scramClient{mech, cl.WithMinIterations(minIterations).NewConversation()}, nil
}

const (
	minIterations = 4096      // RFC 7677 section 4
	maxIterations = 1_000_000 // more only burns our processor
)

func (s *scramClient) Start() (string, []byte, error) {
	r, err := s.conv.Step("")
	return s.mech, []byte(r), err
}

func (s *scramClient) Next(challenge []byte) ([]byte, error) {
	for _, f := range strings.Split(string(challenge), ",") {
		if n, ok := strings.CutPrefix(f, "i="); ok && (len(n) > 7 || len(n) == 7 && n > "1000000") {
			return nil, fmt.Errorf("more than %d iterations", maxIterations)
		}
	}
	r, err := s.conv.Step(string(challenge))
	if err != nil {
		return nil, errors.New("the server's answer does not fit")
	}
	return []byte(r), nil // never nil: an empty line answers the last challenge
}

// signIn authenticates with the best mechanism both know. A mechanism the server
// offers but does not take (504) is followed by the next; a refusal is final, so
// that one wrong password counts once.
func signIn(c *smtp.Client, creds mail.Credentials) (string, *Error) {
	ok, offered := c.Extension("AUTH")
	if !ok {
		return "", &Error{Class: Permanent, Stage: "sign-in", Kind: mail.Refused, Msg: "The submission server does not offer sign-in.", Err: errors.New("no AUTH")}
	}
	if badLogin(creds) {
		return "", &Error{Class: Permanent, Stage: "sign-in", Kind: mail.SignedOut, Msg: "The name or the password holds characters that cannot be sent.", Err: errors.New("control characters")}
	}
	list := strings.Fields(strings.ToUpper(offered))
	tried := false
	for _, m := range mechanisms {
		if !slices.Contains(list, m) {
			continue
		}
		cl, err := saslClient(m, creds)
		if err != nil {
			continue // SCRAM cannot prepare this name or password; another can
		}
		tried = true
		err = c.Auth(cl)
		var se *smtp.SMTPError
		switch {
		case err == nil:
			if s, ok := cl.(*scramClient); ok && !s.conv.Valid() {
				return "", &Error{Class: Temporary, Stage: "sign-in", Kind: mail.Insecure, Msg: "The submission server could not prove that it knows the password.", Err: errors.New("no server signature")}
			}
			return m, nil
		case errors.As(err, &se) && (se.Code == 504 || se.Code == 334):
			continue
		case errors.As(err, &se):
			e := fromReply("sign-in", err)
			if e.Class == Permanent || se.Code == 432 {
				e.Class, e.Kind = Permanent, mail.SignedOut
				e.Msg = "The submission server does not accept the name or the password."
				if se.Code == 538 {
					e.Kind, e.Msg = mail.Insecure, "The submission server wants an encrypted connection for signing in."
				}
			}
			return "", e
		case isProtocol(err):
			return "", &Error{Class: Temporary, Stage: "sign-in", Kind: mail.Unavailable, Msg: "Signing in to the submission server went wrong.", Err: err}
		default:
			return "", fromReply("sign-in", err)
		}
	}
	e := &Error{Class: Permanent, Stage: "sign-in", Kind: mail.Refused, Msg: "The submission server offers no way of signing in that Postern knows.", Err: errors.New("no common mechanism")}
	if tried {
		e.Msg = "The submission server takes none of the ways of signing in that it offers."
	}
	return "", e
}

// isProtocol reports an error of our own SASL client rather than of the connection.
func isProtocol(err error) bool {
	s := err.Error()
	return strings.HasPrefix(s, "the server's answer") || strings.HasPrefix(s, "more than")
}

// badLogin reports whether a name or password would break the SASL exchange: NUL
// separates the fields of PLAIN.
func badLogin(c mail.Credentials) bool {
	return strings.ContainsAny(c.Login, "\x00\r\n") || strings.ContainsAny(c.Password, "\x00\r\n") || c.Login == ""
}
