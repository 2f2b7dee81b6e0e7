package imapconn

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/emersion/go-imap/v2"
	"github.com/xdg-go/scram"

	"postern/mailproxy/mail"
)

// signer signs in over a dialogue.
type signer struct {
	d      *dialogue
	caps   imap.CapSet // as offered before sign-in
	creds  mail.Credentials
	proven string // the mechanism that worked last time, tried first; "" when none has
}

const loginCommand = "LOGIN command"

// errNext says that a mechanism did not begin, so that the next may be tried.
var errNext = errors.New("mechanism cannot be used")

// maxCredential is the longest user name or password, in octets.
const maxCredential = 4096

// check refuses what no mechanism can carry.
func check(c mail.Credentials) error {
	for _, f := range []struct{ field, value string }{{"login", c.Login}, {"password", c.Password}} {
		if f.value == "" || len(f.value) > maxCredential || strings.ContainsAny(f.value, "\r\n\x00") {
			return &mail.Error{Kind: mail.Invalid, Field: f.field, Msg: wrongPassword}
		}
	}
	return nil
}

// mechanisms are those offered that we know, the safest first; LOGIN the command
// comes last.
func (s signer) mechanisms() []string {
	var l []string
	for _, m := range []string{"SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN", "LOGIN"} {
		if s.caps.Has(imap.AuthCap(m)) {
			l = append(l, m)
		}
	}
	if !s.caps.Has(imap.CapLoginDisabled) {
		l = append(l, loginCommand)
	}
	if i := slices.Index(l, s.proven); i > 0 {
		l = slices.Insert(slices.Delete(l, i, i+1), 0, s.proven)
	}
	return l
}

// signIn tries the mechanisms in turn and returns the one that worked. A wrong
// password is tried once only: the next mechanism has its turn when the one
// before did not begin.
//
// QUIRK: Dovecot offers SCRAM to all when it is switched on, also to accounts
// whose passwords are stored in another form, and answers their first message
// with AUTHENTICATIONFAILED. That costs seconds and counts as a failed try, so
// no second SCRAM is tried then, and what worked is tried first the next time.
func (s signer) signIn() (mechanism string, err error) {
	err = mail.Errorf(mail.Refused, "The mail server offers no way of signing in that Postern knows.")
	noScram := false
	for _, m := range s.mechanisms() {
		scram := strings.HasPrefix(m, "SCRAM-")
		if scram && noScram {
			continue
		}
		e := s.try(m)
		if e == nil {
			return m, nil
		}
		err = e
		if !errors.Is(e, errNext) {
			break
		}
		noScram = noScram || scram
	}
	return "", err
}

func (s signer) try(mechanism string) error {
	s.d.caps = nil // signing in changes them (RFC 9051 section 6.2.2)
	switch mechanism {
	case "SCRAM-SHA-256":
		return s.scram(mechanism, scram.SHA256)
	case "SCRAM-SHA-1":
		return s.scram(mechanism, scram.SHA1)
	case "PLAIN":
		return s.exchange("PLAIN", "\x00"+s.creds.Login+"\x00"+s.creds.Password, nil)
	case "LOGIN":
		n := 0
		return s.exchange("LOGIN", "", func(string) (string, error) {
			switch n++; n {
			case 1:
				return s.creds.Login, nil
			case 2:
				return s.creds.Password, nil
			}
			return "", errors.New("a third challenge")
		})
	}
	return s.login()
}

// exchange runs AUTHENTICATE. initial is the initial response, "" when the
// mechanism has the server speak first; step answers each challenge after it.
func (s signer) exchange(mechanism, initial string, step func(challenge string) (string, error)) error {
	command := "AUTHENTICATE " + mechanism
	if initial != "" && s.caps.Has(imap.CapSASLIR) {
		command += " " + base64.StdEncoding.EncodeToString([]byte(initial))
		initial = ""
	}
	tag, err := s.d.send(command)
	if err != nil {
		return err
	}
	begun := initial == "" && step == nil
	for {
		a, cont, err := s.d.reply(tag)
		if err != nil {
			return err
		}
		if !cont {
			return s.outcome(a, begun)
		}
		if initial != "" {
			err = s.d.more(base64.StdEncoding.EncodeToString([]byte(initial)))
			initial = ""
			begun = step == nil
		} else if challenge, e := base64.StdEncoding.DecodeString(strings.TrimSpace(a.text)); e != nil || step == nil {
			return garbled("a challenge out of turn")
		} else {
			var response string
			response, e = step(string(challenge))
			if e != nil {
				_ = s.d.more("*") // the exchange is over either way
				return e
			}
			begun = true
			err = s.d.more(base64.StdEncoding.EncodeToString([]byte(response)))
		}
		if err != nil {
			return err
		}
	}
}

// outcome is what the tagged answer means. begun says that the server has seen a
// proof of the password.
func (s signer) outcome(a answer, begun bool) error {
	if a.status == "OK" {
		return nil
	}
	err := refused(a, s.creds.Password, s.creds.Login)
	if a.status == "BAD" || a.status == "NO" && !begun && mail.KindOf(err) == mail.SignedOut {
		return fmt.Errorf("%w: %w", errNext, err)
	}
	return err
}

// maxIterations bounds what a server can make us compute: about 0.3 s.
const maxIterations = 600_000

func (s signer) scram(name string, hash scram.HashGeneratorFcn) error {
	client, err := hash.NewClient(s.creds.Login, s.creds.Password, "")
	if err != nil { // not allowed by SASLprep (RFC 4013)
		return fmt.Errorf("%w: %w", errNext, mail.Wrap(mail.SignedOut, errors.New("not allowed by SASLprep"), wrongPassword))
	}
	talk := client.NewConversation()
	first, err := talk.Step("")
	if err != nil {
		return err
	}
	steps := 0
	err = s.exchange(name, first, func(challenge string) (string, error) {
		steps++
		if steps == 1 {
			if n := iterations(challenge); n > maxIterations {
				return "", garbled("SCRAM with %d iterations", n)
			}
		}
		if strings.HasPrefix(challenge, "e=") {
			return "", mail.Wrap(mail.SignedOut, errors.New("the server's final message is an error"), wrongPassword)
		}
		if talk.Valid() {
			return "", nil
		}
		response, err := talk.Step(challenge)
		if err != nil {
			return "", mail.Wrap(mail.Insecure, errors.New("SCRAM: the server's message does not fit"), "The mail server could not prove that it knows the password.")
		}
		return response, nil
	})
	if err == nil && !talk.Valid() {
		return mail.Wrap(mail.Insecure, errors.New("SCRAM: OK without a proof"), "The mail server could not prove that it knows the password.")
	}
	return err
}

func iterations(serverFirst string) int {
	for _, f := range strings.Split(serverFirst, ",") {
		if v, ok := strings.CutPrefix(f, "i="); ok {
			n, err := strconv.Atoi(v)
			if err != nil {
				return maxIterations + 1
			}
			return n
		}
	}
	return 0
}

// login uses the LOGIN command, with literals for what cannot be quoted.
func (s signer) login() error {
	nonSync := s.caps.Has(imap.CapLiteralPlus) || s.caps.Has(imap.CapLiteralMinus)
	tag, rest := "", "LOGIN"
	flush := func() error {
		var err error
		if tag == "" {
			tag, err = s.d.send(rest)
		} else {
			err = s.d.more(rest)
		}
		rest = ""
		return err
	}
	for _, v := range []string{s.creds.Login, s.creds.Password} {
		rest += " "
		switch {
		case quotable(v):
			rest += string(quote(v))
		case nonSync:
			rest += "{" + strconv.Itoa(len(v)) + "+}\r\n" + v
		default:
			rest += "{" + strconv.Itoa(len(v)) + "}"
			if err := flush(); err != nil {
				return err
			}
			a, cont, err := s.d.reply(tag)
			if err != nil {
				return err
			}
			if !cont {
				return s.outcome(a, true)
			}
			rest = v
		}
	}
	if err := flush(); err != nil {
		return err
	}
	a, cont, err := s.d.reply(tag)
	if err != nil {
		return err
	}
	if cont {
		return garbled("a continuation request out of turn")
	}
	return s.outcome(a, true)
}
