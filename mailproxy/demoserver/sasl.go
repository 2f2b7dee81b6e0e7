package demoserver

import (
	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-sasl"
	"github.com/xdg-go/scram"
)

func (s *session) AuthenticateMechanisms() []string {
	mechs := []string{"PLAIN", "LOGIN"}
	if s.s.opts.SCRAM {
		mechs = append(mechs, "SCRAM-SHA-256")
	}
	return mechs
}

func (s *session) Authenticate(mech string) (sasl.Server, error) {
	switch {
	case mech == sasl.Plain:
		return sasl.NewPlainServer(func(identity, user, password string) error {
			if identity != "" && identity != user {
				return no(imap.ResponseCodeAuthorizationFailed, "Acting for others is not supported")
			}
			return s.Login(user, password)
		}), nil
	case mech == sasl.Login:
		return &loginServer{check: s.Login}, nil
	case mech == "SCRAM-SHA-256" && s.s.opts.SCRAM:
		return newSCRAM(s.s, s.signIn)
	}
	return nil, no("", "This mechanism is not supported")
}

// loginServer is SASL LOGIN, which was never standardised: two questions.
type loginServer struct {
	check func(user, password string) error
	step  int
	user  string
}

func (l *loginServer) Next(response []byte) ([]byte, bool, error) {
	if l.step == 0 && len(response) == 0 {
		l.step = 1
		return []byte("Username:"), false, nil
	}
	if l.step < 2 {
		l.step, l.user = 2, string(response)
		return []byte("Password:"), false, nil
	}
	return nil, true, l.check(l.user, string(response))
}

// scramServer is SCRAM-SHA-256 (RFC 5802, RFC 7677).
type scramServer struct {
	conv *scram.ServerConversation
	done func(*account) error
	s    *Server
	last bool
}

func newSCRAM(s *Server, done func(*account) error) (sasl.Server, error) {
	const iterations = 4096 // the least RFC 7677 section 4 allows
	srv, err := scram.SHA256.NewServer(func(user string) (scram.StoredCredentials, error) {
		acc := s.lookup(user)
		if acc == nil {
			return scram.StoredCredentials{}, imapserver.ErrAuthFailed
		}
		client, err := scram.SHA256.NewClient(user, acc.Password, "")
		if err != nil {
			return scram.StoredCredentials{}, err
		}
		return client.GetStoredCredentialsWithError(scram.KeyFactors{Salt: "postern demo salt", Iters: iterations})
	})
	if err != nil {
		return nil, err
	}
	return &scramServer{conv: srv.NewConversation(), done: done, s: s}, nil
}

func (c *scramServer) Next(response []byte) ([]byte, bool, error) {
	if c.last {
		return nil, true, c.done(c.s.lookup(c.conv.Username()))
	}
	if response == nil {
		return []byte{}, false, nil
	}
	answer, err := c.conv.Step(string(response))
	if err != nil {
		return nil, false, imapserver.ErrAuthFailed
	}
	c.last = c.conv.Done()
	return []byte(answer), false, nil
}
