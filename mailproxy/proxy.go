package mailproxy

import (
	"context"
	"errors"

	"postern/mailproxy/mail"
)

var errNotBuilt = errors.New("not built")

// Proxy holds the accounts in use by this process. Safe for concurrent use.
type Proxy struct{}

// Account is one signed-in person on one mail server. Its connections, caches
// and index are shared by all of that person's sessions and tabs in this
// process. Safe for concurrent use.
type Account struct{}

// ID is the stable key of the account in the store: a hash of server and login,
// the same in every session, holding no address.
func (a *Account) ID() string { return "" }

// Address is the person's own address.
func (a *Account) Address() string { return "" }

// SignIn checks the credentials with the mail server and returns the account.
// Errors: SignedOut (wrong password), Unavailable, Insecure, Limited, Refused
// (sign-in disabled), each with a sentence for the person.
func (p *Proxy) SignIn(ctx context.Context, c mail.Credentials) (*Account, error) {
	return nil, errNotBuilt
}

// Account returns the account of a session that was signed in before, making it
// anew when this process does not hold it (no connection is opened yet).
func (p *Proxy) Account(ctx context.Context, c mail.Credentials) (*Account, error) {
	return nil, errNotBuilt
}

// Resolve completes what a person typed at sign-in: the server for the domain,
// the login the server wants and the person's address. Invalid names the field.
func (p *Proxy) Resolve(typed, password string) (mail.Credentials, error) {
	return mail.Credentials{}, errNotBuilt
}

// Close logs every connection out. Calls after it fail with Unavailable.
func (p *Proxy) Close(ctx context.Context) error { return nil }
