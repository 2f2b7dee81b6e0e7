package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/term"

	"postern/mailproxy"
	"postern/mailproxy/imapconn"
	"postern/mailproxy/mail"
	"postern/mailproxy/submit"
)

type checkCmd struct {
	User     string        `help:"Address or user name to sign in with. Empty: everything up to sign-in is checked." placeholder:"NAME"`
	Password string        `name:"password-file" help:"File with the password; - or nothing asks for it." placeholder:"FILE"`
	Timeout  time.Duration `help:"For each server." default:"30s"`
}

// Run signs in to every configured server step by step. It fails when something
// that Postern needs does not work.
func (k checkCmd) Run(ctx context.Context, c *Config) error {
	servers, err := c.mailServers()
	if err != nil {
		return err
	}
	password := ""
	if k.User != "" {
		if password, err = k.readPassword(); err != nil {
			return err
		}
	}
	bad := false
	for _, s := range servers {
		if ok := k.check(ctx, os.Stdout, c, s, password); !ok {
			bad = true
		}
	}
	if bad {
		return exitError(1)
	}
	return nil
}

func (k checkCmd) readPassword() (string, error) {
	if p, ok := os.LookupEnv("POSTERN_CHECK_PASSWORD"); ok && k.Password == "" {
		return p, nil
	}
	if k.Password != "" && k.Password != "-" {
		b, err := os.ReadFile(k.Password)
		if err != nil {
			return "", settingError("password-file", k.Password, "name a file that Postern may read")
		}
		return strings.TrimRight(string(b), "\r\n"), nil
	}
	if term.IsTerminal(int(os.Stdin.Fd())) {
		fmt.Fprint(os.Stderr, "Password: ")
		b, err := term.ReadPassword(int(os.Stdin.Fd()))
		fmt.Fprintln(os.Stderr)
		return string(b), err
	}
	line, err := bufio.NewReader(io.LimitReader(os.Stdin, 4096)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	return strings.TrimRight(line, "\r\n"), nil
}

// check reports on one pair of servers and says whether Postern can work with it.
func (k checkCmd) check(ctx context.Context, w io.Writer, c *Config, s mailServer, password string) bool {
	creds := mail.Credentials{}
	if k.User != "" {
		p := mailproxy.New(mailproxy.Options{Servers: []mailproxy.Server{{Name: s.name, Domains: s.domains, IMAP: s.imap, Submit: s.smtp, Login: c.loginForm()}}})
		var err error
		if creds, err = p.Resolve(k.User, password); err != nil {
			fmt.Fprintf(w, "%s: %s\n", k.User, mail.MsgOf(err))
			return false
		}
	}
	fmt.Fprintf(w, "IMAP %s:%d\n", s.imap.Host, s.imap.Port)
	ok := k.checkIMAP(ctx, w, s, creds)
	fmt.Fprintf(w, "\nSubmission %s\n", s.smtp.Address)
	ok = k.checkSubmit(ctx, w, s, creds) && ok
	if k.User != "" && ok {
		ok = k.checkMailboxes(ctx, w, c, s, creds) && ok
	}
	fmt.Fprintln(w)
	if ok {
		fmt.Fprintln(w, "Postern can work with this server.")
	} else {
		fmt.Fprintln(w, "Postern cannot work with this server yet: see the lines marked with FAIL.")
	}
	return ok
}

func printStep(w io.Writer, name, detail string, err error, took time.Duration) {
	state := "ok  "
	if err != nil {
		state = "FAIL"
		if detail = mail.MsgOf(err); detail == "" {
			detail = err.Error()
		}
	}
	fmt.Fprintf(w, "  %s %-13s %s (%d ms)\n", state, name, detail, took.Milliseconds())
}

func (k checkCmd) checkIMAP(ctx context.Context, w io.Writer, s mailServer, creds mail.Credentials) bool {
	ctx, cancel := context.WithTimeout(ctx, k.Timeout)
	defer cancel()
	r := imapconn.Probe(ctx, s.imap, creds)
	for _, st := range r.Steps {
		printStep(w, st.Name, st.Detail, st.Err, st.Took)
	}
	if cert := r.Certificate; cert != nil {
		fmt.Fprintf(w, "       certificate   %s, from %s, until %s%s\n", cert.Subject, cert.Issuer, cert.Until.Format("2006-01-02"), expiryWords(cert.Until))
		fmt.Fprintf(w, "       to pin it     --pin-imap %s\n", cert.SHA256)
	}
	if len(r.Offered) > 0 {
		fmt.Fprintf(w, "       sign-in       %s\n", strings.Join(r.Offered, ", "))
	}
	caps := r.After
	if len(caps) == 0 {
		caps = r.Before
	}
	if len(caps) > 0 {
		for _, l := range imapVerdicts(caps) {
			fmt.Fprintln(w, "  "+l)
		}
	}
	return r.Err() == nil
}

// imapExtensions are what makes Postern better, and what it does without them.
var imapExtensions = []struct{ caps, without string }{
	{"CONDSTORE", "changes made elsewhere are found by comparing the newest messages"},
	{"MOVE", "messages are copied and then deleted"},
	{"UIDPLUS", "undo looks for messages by their Message-ID, and deleting one leaves it marked when others are marked too"},
	{"SPECIAL-USE", "Sent, Drafts, Trash and Spam are told by their names, or chosen in the settings"},
	{"LIST-STATUS", "the counts of mailboxes are asked for one by one"},
	{"LIST-EXTENDED", "subscriptions are asked for in a second question"},
	{"ESEARCH", "searches bring longer answers"},
	{"NAMESPACE", "shared mailboxes may not be recognised as such"},
}

func imapVerdicts(caps []string) []string {
	var out []string
	for _, e := range imapExtensions {
		if slices.ContainsFunc(caps, func(c string) bool { return strings.EqualFold(c, e.caps) }) {
			out = append(out, fmt.Sprintf("ok   %-13s", e.caps))
		} else {
			out = append(out, fmt.Sprintf("none %-13s %s", e.caps, e.without))
		}
	}
	return out
}

func expiryWords(until time.Time) string {
	left := time.Until(until)
	switch days := int(left.Hours() / 24); {
	case left < 0:
		return ", EXPIRED"
	case days < 21:
		return fmt.Sprintf(", only %d days left", days)
	default:
		return fmt.Sprintf(", %d days left", days)
	}
}

func (k checkCmd) checkSubmit(ctx context.Context, w io.Writer, s mailServer, creds mail.Credentials) bool {
	ctx, cancel := context.WithTimeout(ctx, k.Timeout)
	defer cancel()
	r := submit.Probe(ctx, s.smtp, creds)
	for _, st := range r.Steps {
		printStep(w, st.Name, st.Detail, st.Err, st.Took)
	}
	if c := r.Certificate; c != nil {
		fmt.Fprintf(w, "       certificate   %s, from %s, until %s%s\n", c.Subject, c.Issuer, c.NotAfter.Format("2006-01-02"), expiryWords(c.NotAfter))
	}
	if r.Size > 0 {
		fmt.Fprintf(w, "       size limit    %d MB\n", r.Size/1e6)
	}
	if len(r.Mechanisms) > 0 {
		fmt.Fprintf(w, "       mechanisms    %s\n", strings.Join(r.Mechanisms, ", "))
	}
	if len(r.Extensions) > 0 {
		fmt.Fprintf(w, "       extensions    %s\n", strings.Join(r.Extensions, ", "))
		if !slices.Contains(r.Extensions, "SMTPUTF8") {
			fmt.Fprintln(w, "  none SMTPUTF8      addresses with letters outside ASCII before the @ cannot be written to")
		}
	}
	return r.OK()
}

// neededRoles are the mailboxes Postern puts mail into, and what it does without.
var neededRoles = []struct {
	role    mail.Role
	without string
}{
	{mail.RoleSent, "it is made when the first message is sent"},
	{mail.RoleDrafts, "it is made when the first draft is saved"},
	{mail.RoleTrash, "it is made when the first message is deleted"},
	{mail.RoleJunk, "it is made when the first message is reported as spam"},
	{mail.RoleArchive, "it is made when the first message is archived"},
}

func (k checkCmd) checkMailboxes(ctx context.Context, w io.Writer, c *Config, s mailServer, creds mail.Credentials) bool {
	fmt.Fprintln(w, "\nMailboxes")
	ctx, cancel := context.WithTimeout(ctx, k.Timeout)
	defer cancel()
	p := mailproxy.New(mailproxy.Options{Servers: []mailproxy.Server{{Name: s.name, Domains: s.domains, IMAP: s.imap, Submit: s.smtp, Login: c.loginForm()}}})
	defer p.Close(ctx)
	start := time.Now()
	acct, err := p.Account(ctx, creds)
	var boxes []mail.Mailbox
	if err == nil {
		boxes, err = acct.Mailboxes(ctx)
	}
	printStep(w, "list", fmt.Sprintf("%d mailboxes", len(boxes)), err, time.Since(start))
	if err != nil {
		return false
	}
	by := map[mail.RoleSource]string{mail.RoleByServer: "told by the server", mail.RoleByName: "told by its name", mail.RoleByPerson: "chosen"}
	for _, r := range neededRoles {
		if b, ok := mail.ByRole(boxes, r.role); ok {
			fmt.Fprintf(w, "  ok   %-13s %q, %s\n", r.role, b.Name, by[b.RoleBy])
		} else {
			fmt.Fprintf(w, "  none %-13s %s\n", r.role, r.without)
		}
	}
	return true
}
