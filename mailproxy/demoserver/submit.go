package demoserver

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

const maxKept = 1000 // submissions remembered for Received

// Submission is a message that was accepted from an account.
type Submission struct {
	Account string    // address of the account that signed in
	From    string    // MAIL FROM
	To      []string  // accepted recipients
	Raw     []byte    // as received, before trace fields were added
	UTF8    bool      // SMTPUTF8 was asked for
	Body    string    // "8BITMIME" and the like
	TLS     bool      // over TLS
	At      time.Time // by Options.Now
}

// Stage is a step of a submission.
type Stage string

const (
	StageAuth     Stage = "auth"
	StageMail     Stage = "mail"
	StageRcpt     Stage = "rcpt"
	StageData     Stage = "data"     // the content arrived and is refused
	StageAccepted Stage = "accepted" // the content was taken and delivered; the client hears otherwise
)

// Failure is one scripted answer of the submission server.
type Failure struct {
	Stage     Stage
	Recipient string        // at StageRcpt: only for this one; "" means any
	Delay     time.Duration // before the answer
	Drop      bool          // close the connection and say nothing
	Code      int           // the reply, such as 452; 0 without Drop means go on as usual
	Enhanced  [3]int        // such as 4.2.2; zero means none
	Text      string
}

// FailNext queues failures; each is used once, by the first submission that
// reaches its stage.
func (s *Server) FailNext(f ...Failure) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failures = append(s.failures, f...)
}

// Received returns what was submitted, oldest first, at most the last 1,000.
func (s *Server) Received() []Submission {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.received)
}

// failure takes the next scripted failure of a stage out of the queue.
func (s *Server) failure(stage Stage, recipient string) (Failure, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, f := range s.failures {
		if f.Stage == stage && (f.Recipient == "" || strings.EqualFold(f.Recipient, recipient)) {
			s.failures = slices.Delete(s.failures, i, i+1)
			return f, true
		}
	}
	return Failure{}, false
}

func (s *Server) newSMTP(logger smtp.Logger) *smtp.Server {
	srv := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		return &submission{s: s, conn: c}, nil
	}))
	srv.Domain = "mail.postern.test"
	srv.MaxRecipients = maxRecipients
	srv.MaxMessageBytes = maxMessageSize
	srv.MaxLineLength = 4096
	srv.ReadTimeout = 5 * time.Minute
	srv.WriteTimeout = time.Minute
	srv.TLSConfig = s.opts.TLS
	srv.AllowInsecureAuth = !s.opts.RequireTLS
	srv.EnableSMTPUTF8 = true
	srv.EnableDSN = true
	srv.ErrorLog = logger
	return srv
}

// submission is one SMTP connection.
type submission struct {
	s    *Server
	conn *smtp.Conn
	acc  *account
	from string
	to   []string
	opts smtp.MailOptions
}

var _ smtp.AuthSession = (*submission)(nil)

func (c *submission) AuthMechanisms() []string { return []string{sasl.Plain, sasl.Login} }

func (c *submission) Auth(mech string) (sasl.Server, error) {
	check := func(user, password string) error {
		if err := c.scripted(StageAuth, ""); err != nil {
			return err
		}
		acc := c.s.lookup(user)
		if acc == nil || !acc.login(password) {
			return smtp.ErrAuthFailed
		}
		c.acc = acc
		return nil
	}
	switch mech {
	case sasl.Plain:
		return sasl.NewPlainServer(func(_, user, password string) error { return check(user, password) }), nil
	case sasl.Login:
		return &loginServer{check: check}, nil
	}
	return nil, smtp.ErrAuthUnknownMechanism
}

// scripted plays the next failure of a stage.
func (c *submission) scripted(stage Stage, recipient string) error {
	f, ok := c.s.failure(stage, recipient)
	if !ok {
		return nil
	}
	if f.Delay > 0 {
		time.Sleep(f.Delay)
	}
	switch {
	case f.Drop:
		c.conn.Conn().Close()
		return io.ErrClosedPipe
	case f.Code == 0:
		return nil
	}
	enhanced := smtp.EnhancedCode(f.Enhanced)
	if f.Enhanced == [3]int{} {
		enhanced = smtp.NoEnhancedCode
	}
	return &smtp.SMTPError{Code: f.Code, EnhancedCode: enhanced, Message: f.Text}
}

func (c *submission) Mail(from string, opts *smtp.MailOptions) error {
	if c.acc == nil {
		return &smtp.SMTPError{Code: 530, EnhancedCode: smtp.EnhancedCode{5, 7, 0}, Message: "Authentication required"}
	}
	if err := c.scripted(StageMail, ""); err != nil {
		return err
	}
	if c.s.opts.RequireSender && !strings.EqualFold(from, c.acc.Address) {
		return &smtp.SMTPError{Code: 553, EnhancedCode: smtp.EnhancedCode{5, 7, 1}, Message: "Sender address rejected: not owned by " + c.acc.Address}
	}
	c.from, c.to, c.opts = from, nil, smtp.MailOptions{}
	if opts != nil {
		c.opts = *opts
	}
	return nil
}

func (c *submission) Rcpt(to string, _ *smtp.RcptOptions) error {
	if err := c.scripted(StageRcpt, to); err != nil {
		return err
	}
	if acc, local := c.s.localAccount(to); local && acc == nil {
		return &smtp.SMTPError{
			Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1},
			Message: fmt.Sprintf("<%s>: Recipient address rejected: User unknown in local recipient table", to),
		}
	}
	c.to = append(c.to, to)
	return nil
}

func (c *submission) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if err := c.scripted(StageData, ""); err != nil {
		return err
	}
	_, secure := c.conn.TLSConnectionState()
	c.s.accept(Submission{
		Account: c.acc.Address, From: c.from, To: slices.Clone(c.to), Raw: raw,
		UTF8: c.opts.UTF8, Body: string(c.opts.Body), TLS: secure, At: c.s.opts.Now(),
	})
	return c.scripted(StageAccepted, "")
}

func (c *submission) Reset() { c.from, c.to = "", nil }

func (c *submission) Logout() error { return nil }

// localAccount finds whose mail an address is, "mira+list@…" included; local
// is false for other domains.
func (s *Server) localAccount(address string) (acc *account, local bool) {
	i := strings.LastIndexByte(address, '@')
	if i < 0 || !s.domains[strings.ToLower(address[i+1:])] {
		return nil, false
	}
	user, _, _ := strings.Cut(address[:i], "+")
	for _, a := range s.accounts {
		if strings.EqualFold(a.Address, user+address[i:]) {
			return a, true
		}
	}
	return nil, true
}

// accept keeps a submission and delivers it to the local recipients.
func (s *Server) accept(sub Submission) {
	s.mu.Lock()
	s.received = append(s.received, sub)
	if len(s.received) > maxKept {
		s.received = slices.Delete(s.received, 0, len(s.received)-maxKept)
	}
	s.mu.Unlock()
	done := make(map[*account]bool)
	for _, to := range sub.To {
		if acc, _ := s.localAccount(to); acc != nil && !done[acc] {
			done[acc] = true
			s.deliver(acc, to, sub)
		} else if local, _, _ := strings.Cut(to, "@"); strings.EqualFold(local, "bounce") {
			s.bounceLater(to, sub)
		}
	}
}

// deliver files a message in an inbox with the trace fields a server adds.
func (s *Server) deliver(acc *account, to string, sub Submission) {
	var b strings.Builder
	protocol := "ESMTPA"
	if sub.TLS {
		protocol = "ESMTPSA"
	}
	if sub.UTF8 {
		protocol = "UTF8" + strings.TrimPrefix(protocol, "E")
	}
	at := sub.At.Format(time.RFC1123Z)
	fmt.Fprintf(&b, "Return-Path: <%s>\r\nDelivered-To: %s\r\n", sub.From, acc.Address)
	fmt.Fprintf(&b, "Authentication-Results: mail.postern.test; auth=pass smtp.auth=%s;\r\n\tdkim=pass header.d=%s; spf=pass smtp.mailfrom=%s\r\n",
		sub.Account, domainOf(sub.Account), domainOf(sub.From))
	fmt.Fprintf(&b, "Received: from [127.0.0.1] (localhost [127.0.0.1])\r\n\tby mail.postern.test with %s id %08x\r\n\tfor <%s>; %s\r\n",
		protocol, uint32(sub.At.UnixNano()), to, at)
	header := sub.Raw[:headerEnd(sub.Raw)]
	if field(header, "Date") == "" {
		fmt.Fprintf(&b, "Date: %s\r\n", at)
	}
	if field(header, "Message-ID") == "" {
		fmt.Fprintf(&b, "Message-ID: <%x@mail.postern.test>\r\n", sub.At.UnixNano())
	}
	box := "INBOX"
	if d := s.opts.DeliverToJunkDomain; d != "" && strings.EqualFold(domainOf(sub.From), d) {
		box = "Junk"
	}
	if _, _, err := acc.append(box, newContent([]byte(b.String()), sub.Raw), sub.At, nil); err != nil {
		s.log.Debug("delivery failed", "error", err)
	}
}

// bounceLater returns a message to its sender after Options.BounceAfter.
func (s *Server) bounceLater(to string, sub Submission) {
	acc, _ := s.localAccount(sub.From)
	if acc == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	s.work.Go(func() {
		t := time.NewTimer(s.opts.BounceAfter)
		defer t.Stop()
		select {
		case <-t.C:
			now := s.opts.Now()
			acc.append("INBOX", newContent(bounce(acc.Account, to, sub.Raw, now)), now, nil)
		case <-s.ctx.Done():
		}
	})
}

func domainOf(address string) string {
	return address[strings.LastIndexByte(address, '@')+1:]
}

// Append stores a message as APPEND does. A zero date means now.
func (s *Server) Append(address, mailbox string, raw []byte, date time.Time, flags ...imap.Flag) (imap.UID, error) {
	acc := s.lookup(address)
	if acc == nil {
		return 0, fmt.Errorf("no account %q", address)
	}
	_, uid, err := acc.append(mailbox, newContent(raw), date, flags)
	return uid, err
}

// CreateMailbox makes a mailbox.
func (s *Server) CreateMailbox(address, mailbox string) error {
	acc := s.lookup(address)
	if acc == nil {
		return fmt.Errorf("no account %q", address)
	}
	return acc.create(mailbox, nil)
}

// Message is a message as a test looks at it.
type Message struct {
	UID   imap.UID
	Flags []imap.Flag
	Date  time.Time // INTERNALDATE
	Raw   []byte
}

// Mailbox returns the messages of a mailbox in the order of their UIDs, nil if
// there is no such mailbox.
func (s *Server) Mailbox(address, mailbox string) []Message {
	acc := s.lookup(address)
	if acc == nil {
		return nil
	}
	acc.mu.Lock()
	defer acc.mu.Unlock()
	box, err := acc.box(mailbox)
	if err != nil {
		return nil
	}
	out := make([]Message, 0, len(box.msgs))
	for _, m := range box.msgs {
		out = append(out, Message{m.uid, slices.Clone(m.flags), m.date, m.body.bytes()})
	}
	return out
}

// Mailboxes returns the names of an account's mailboxes, sorted.
func (s *Server) Mailboxes(address string) []string {
	acc := s.lookup(address)
	if acc == nil {
		return nil
	}
	acc.mu.Lock()
	defer acc.mu.Unlock()
	var names []string
	for name := range acc.boxes {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// ResetUIDs gives a mailbox a new UIDVALIDITY and its messages new UIDs, as a
// server does after a repair. Connections that have it selected are closed.
func (s *Server) ResetUIDs(address, mailbox string) error {
	acc := s.lookup(address)
	if acc == nil {
		return fmt.Errorf("no account %q", address)
	}
	acc.mu.Lock()
	box, err := acc.box(mailbox)
	if err != nil {
		acc.mu.Unlock()
		return err
	}
	acc.lastValidity++
	fresh := newMailbox(box.name, box.use, acc.lastValidity)
	for _, m := range box.msgs {
		fresh.add(m.body, m.date, m.flags)
	}
	acc.boxes[box.name] = fresh
	box.gone = true
	acc.mu.Unlock()
	s.Drop()
	return nil
}
