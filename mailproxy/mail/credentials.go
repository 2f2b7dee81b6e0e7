package mail

// Credentials are what a person signs in with. They never reach a log: the type
// prints as its user name's length only.
type Credentials struct {
	Login    string // as the mail server wants it
	Password string
	Address  string // the person's own address, for From and for showing
	Server   string // name of the configured server (Options.Servers), "" for the only one
}

// String keeps secrets out of logs.
func (c Credentials) String() string { return "credentials(hidden)" }

// GoString keeps secrets out of %#v.
func (c Credentials) GoString() string { return c.String() }
