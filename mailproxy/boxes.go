package mailproxy

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"postern/mailproxy/imappool"
	"postern/mailproxy/mail"
)

// boxes is what is known of the account's mailboxes: the sidebar. It is asked
// for in the same flight as a list.
type boxes struct {
	mu   sync.Mutex
	list []mail.Mailbox // replaced, never changed in place
	at   time.Time      // when list was asked for
	cost time.Duration  // how long the answer took

	asked      bool // ns is known
	ns         namespaces
	apart      []string // prefixes that LIST "*" leaves out and that are asked for by themselves
	noStatus   bool     // LIST-STATUS is offered and yet nothing is counted
	noExtended bool     // LIST with RETURN is offered and refused
	changes    int      // counts our own changes, so that an answer from before is not taken for news
}

const (
	maxCounted  = 200                  // mailboxes that get a STATUS of their own where LIST-STATUS is missing
	freshFactor = 10                   // an answer that took t stays fresh for this many t
	maxFresh    = 30 * time.Second     // but not longer
	cheap       = 5 * time.Millisecond // an answer that took no longer is asked for every time
)

// fresh reports whether asking again can wait. A list that is dear to the server
// is asked for less often, so that the sidebar never takes more than a tenth of its time.
func (b *boxes) fresh(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.list != nil && b.cost > cheap && now.Sub(b.at) < min(freshFactor*b.cost, maxFresh)
}

// askedAt is when the list was asked for last.
func (b *boxes) askedAt() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.at
}

// known is the list as of the last answer; not to be changed.
func (b *boxes) known() []mail.Mailbox {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.list
}

// stale makes the next list ask the server.
func (b *boxes) stale() {
	b.mu.Lock()
	b.at = time.Time{}
	b.changes++
	b.mu.Unlock()
}

// adjust corrects the counts of a mailbox after a change of ours.
func (b *boxes) adjust(name string, messages, unseen int) {
	if messages == 0 && unseen == 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.changes++
	for i := range b.list {
		if b.list[i].Name == name && b.list[i].Counted {
			b.list = slices.Clone(b.list)
			m := &b.list[i]
			m.Messages = uint32(max(0, int(m.Messages)+messages))
			m.Unseen = uint32(min(max(0, int(m.Unseen)+unseen), int(m.Messages)))
			return
		}
	}
}

// asking is a question for the mailboxes under way.
type asking struct {
	a         *Account
	started   time.Time
	changes   int
	extended  bool
	list      *imapclient.ListCommand
	apart     []*imapclient.ListCommand
	namespace *imapclient.NamespaceCommand
	status    map[string]*imapclient.StatusCommand

	answered chan struct{} // closed when these are there:
	ns       *imap.NamespaceData
	found    []*imap.ListData
	counts   map[string]*imap.StatusData
	err      error // of LIST
}

// ask sends the question; it belongs into the same Session.Batch as the rest of
// the flight. The answer is read as it comes, since it may be mixed with others.
// finish must be called whatever happens.
func (a *Account) ask(s *imappool.Session) *asking {
	caps := s.Caps()
	b := &a.boxes
	b.mu.Lock()
	q := &asking{a: a, started: time.Now(), changes: b.changes, extended: caps.Has(imap.CapListExtended) && !b.noExtended}
	known, asked, apart, noStatus := b.list, b.asked, b.apart, b.noStatus
	b.mu.Unlock()

	var o *imap.ListOptions
	counted := false
	if q.extended {
		counted = caps.Has(imap.CapListStatus) && !noStatus
		o = &imap.ListOptions{ReturnSubscribed: true, ReturnChildren: true, ReturnSpecialUse: caps.Has(imap.CapSpecialUse)}
		if counted {
			o.ReturnStatus = statusOptions(caps)
		}
	}
	if !asked && caps.Has(imap.CapNamespace) {
		q.namespace = s.Namespace()
	}
	q.list = s.List("", "*", o)
	for _, p := range apart {
		q.apart = append(q.apart, s.List("", p+"*", o))
	}
	if !counted {
		// The names known so far are counted in this flight, new ones in the next.
		q.status = map[string]*imapclient.StatusCommand{}
		for i := range known {
			if m := &known[i]; m.Selectable && len(q.status) < maxCounted {
				q.status[m.Name] = s.Status(m.Name, statusOptions(caps))
			}
		}
	}
	q.answered = make(chan struct{})
	go q.read() // ends with the connection at the latest
	return q
}

// read collects the answer.
func (q *asking) read() {
	defer close(q.answered)
	if q.namespace != nil {
		if d, err := q.namespace.Wait(); err == nil {
			q.ns = d
		}
	}
	q.found, q.err = q.list.Collect()
	for _, c := range q.apart {
		more, _ := c.Collect() // a namespace that cannot be listed is left out
		q.found = append(q.found, more...)
	}
	q.counts = map[string]*imap.StatusData{}
	for name, c := range q.status {
		if d, err := c.Wait(); err == nil {
			q.counts[name] = d
		}
	}
}

func statusOptions(caps imap.CapSet) *imap.StatusOptions {
	return &imap.StatusOptions{NumMessages: true, NumUnseen: true, UIDNext: true, UIDValidity: true, HighestModSeq: caps.Has(imap.CapCondStore)}
}

// finish waits for the answer and keeps it. The error is that of LIST.
func (q *asking) finish(ctx context.Context, s *imappool.Session) error {
	a, b := q.a, &q.a.boxes
	<-q.answered
	var ns namespaces
	gotNS := q.namespace == nil || q.ns != nil // not offered, known, or told now
	if q.ns != nil {
		ns = namespaces{q.ns.Personal, q.ns.Other, q.ns.Shared}
	}
	list, counts, err := q.found, q.counts, q.err
	if err != nil {
		b.mu.Lock()
		defer b.mu.Unlock()
		if q.extended && !b.noExtended {
			// QUIRK: some servers offer SPECIAL-USE or LIST-EXTENDED and answer BAD
			// or NO to it (Proton Bridge). The plain LIST is asked for next.
			b.noExtended = true
			b.at = time.Time{}
			return errAskAgain
		}
		return err
	}
	if len(list) > maxMailboxes {
		list = list[:maxMailboxes]
	}
	cost := time.Since(q.started)

	b.mu.Lock()
	if !b.asked && gotNS {
		b.asked, b.ns = true, ns
	}
	ns = b.ns
	b.mu.Unlock()

	// Namespaces that "*" did not list (Courier's #shared) are asked for once.
	if apart := missing(list, ns); q.namespace != nil && len(apart) > 0 {
		var cmds []*imapclient.ListCommand
		s.Batch(func() {
			for _, p := range apart {
				cmds = append(cmds, s.List("", p+"*", nil))
			}
		})
		var found []string
		for i, c := range cmds {
			if more, err := c.Collect(); err == nil && len(more) > 0 && len(list)+len(more) <= maxMailboxes {
				list = append(list, more...)
				found = append(found, apart[i])
			}
		}
		b.mu.Lock()
		b.apart = found
		b.mu.Unlock()
	}
	q.countRest(s, list, counts)
	for _, d := range list {
		if d.Status == nil {
			d.Status = counts[mail.CanonicalName(d.Mailbox)]
		}
	}
	arranged := arrange(list, ns, a.chosenRoles(ctx), q.extended)

	b.mu.Lock()
	defer b.mu.Unlock()
	b.list, b.at, b.cost = arranged, q.started, cost
	if b.changes != q.changes {
		b.at = time.Time{} // something of ours changed meanwhile: ask again next time
	}
	return nil
}

var errAskAgain = mail.Errorf(mail.Unavailable, "The mail server did not list the mailboxes.")

// countRest asks for the counts that the answer should have had and has not.
func (q *asking) countRest(s *imappool.Session, list []*imap.ListData, counts map[string]*imap.StatusData) {
	var names []string
	counted := false
	for _, d := range list {
		counted = counted || d.Status != nil
		if d.Status == nil && counts[mail.CanonicalName(d.Mailbox)] == nil && selectable(d) && mail.ValidMailboxName(d.Mailbox) {
			if _, tried := q.status[mail.CanonicalName(d.Mailbox)]; !tried && len(q.status)+len(names) < maxCounted {
				names = append(names, mail.CanonicalName(d.Mailbox))
			}
		}
	}
	if len(names) == 0 || counted && len(names) <= len(list)/4 {
		return // a few that the server would not tell stay uncounted
	}
	if q.status == nil {
		// QUIRK: servers that send all LIST lines before all STATUS lines; the
		// library keeps only counts that follow their mailbox.
		q.a.boxes.mu.Lock()
		q.a.boxes.noStatus = true
		q.a.boxes.mu.Unlock()
	}
	cmds := make([]*imapclient.StatusCommand, len(names))
	s.Batch(func() {
		for i, n := range names {
			cmds[i] = s.Status(n, statusOptions(s.Caps()))
		}
	})
	for i, c := range cmds {
		if d, err := c.Wait(); err == nil {
			counts[names[i]] = d
		}
	}
}

func selectable(d *imap.ListData) bool {
	return !slices.ContainsFunc(d.Attrs, func(a imap.MailboxAttr) bool {
		return strings.EqualFold(string(a), `\Noselect`) || strings.EqualFold(string(a), `\NonExistent`)
	})
}

// missing are the prefixes of other people's and shared mailboxes below which
// nothing was listed.
func missing(list []*imap.ListData, ns namespaces) []string {
	var out []string
	for _, d := range append(slices.Clone(ns.other), ns.shared...) {
		if d.Prefix == "" || len(out) >= 10 || strings.ContainsAny(d.Prefix, "*%") || !mail.ValidMailboxName(d.Prefix) {
			continue
		}
		if !slices.ContainsFunc(list, func(l *imap.ListData) bool { return strings.HasPrefix(l.Mailbox, d.Prefix) }) {
			out = append(out, d.Prefix)
		}
	}
	return out
}

func (a *Account) chosenRoles(ctx context.Context) map[string]mail.Role {
	if a.proxy.o.Roles == nil {
		return nil
	}
	return a.proxy.o.Roles(ctx, a.id)
}

// mailboxes is the list, asked for when it is not fresh.
func (a *Account) mailboxes(ctx context.Context) ([]mail.Mailbox, error) {
	if a.boxes.fresh(time.Now()) {
		return a.boxes.known(), nil
	}
	return a.askMailboxes(ctx)
}

// askMailboxes asks the server for the list.
func (a *Account) askMailboxes(ctx context.Context) ([]mail.Mailbox, error) {
	err := a.pool.Read(ctx, "", func(s *imappool.Session) error {
		for {
			var q *asking
			s.Batch(func() { q = a.ask(s) })
			if err := q.finish(ctx, s); err != errAskAgain {
				return err
			}
		}
	})
	if err != nil {
		return nil, err
	}
	return a.boxes.known(), nil
}

// mailbox finds a mailbox by name in what is known, asking when nothing is.
func (a *Account) mailbox(ctx context.Context, name string) (mail.Mailbox, error) {
	list := a.boxes.known()
	if list == nil {
		var err error
		if list, err = a.askMailboxes(ctx); err != nil {
			return mail.Mailbox{}, err
		}
	}
	if m, ok := mail.ByName(list, name); ok {
		return m, nil
	}
	// It may have been made elsewhere since.
	list, err := a.askMailboxes(ctx)
	if err != nil {
		return mail.Mailbox{}, err
	}
	if m, ok := mail.ByName(list, name); ok {
		return m, nil
	}
	return mail.Mailbox{}, noMailbox()
}

func noMailbox() error { return mail.Errorf(mail.NotFound, "There is no such mailbox.") }

// byRole finds the mailbox with a role in what is known, asking when nothing is.
func (a *Account) byRole(ctx context.Context, r mail.Role) (mail.Mailbox, bool, error) {
	list := a.boxes.known()
	if list == nil {
		var err error
		if list, err = a.askMailboxes(ctx); err != nil {
			return mail.Mailbox{}, false, err
		}
	}
	m, ok := mail.ByRole(list, r)
	return m, ok, nil
}
