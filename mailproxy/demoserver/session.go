package demoserver

import (
	"context"
	"crypto/tls"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
)

// session is one IMAP connection.
type session struct {
	s    *Server
	tap  *tap
	acc  *account // nil until signed in
	view *view    // nil unless a mailbox is selected
}

var (
	_ imapserver.SessionMove        = (*session)(nil)
	_ imapserver.SessionNamespace   = (*session)(nil)
	_ imapserver.SessionAppendLimit = (*session)(nil)
	_ imapserver.SessionSASL        = (*session)(nil)
)

func (s *Server) newSession(c *imapserver.Conn) (imapserver.Session, *imapserver.GreetingData, error) {
	t := c.NetConn().(*tap)
	if tc, ok := t.Conn.(*tls.Conn); ok {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := tc.HandshakeContext(ctx); err != nil {
			return nil, nil, &imap.Error{Type: imap.StatusResponseTypeBye, Text: "TLS failed"}
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, nil, &imap.Error{Type: imap.StatusResponseTypeBye, Text: "Shutting down"}
	}
	s.work.Add(1)
	t.wire.live.Store(true)
	return scriptedSession{&session{s: s, tap: t}}, &imapserver.GreetingData{}, nil
}

func (s *session) Close() error {
	if s.acc != nil {
		s.acc.mu.Lock()
		s.acc.sessions--
		if s.view != nil {
			s.view.close()
		}
		s.acc.mu.Unlock()
	}
	s.s.work.Done()
	return nil
}

func (s *session) Login(user, password string) error {
	acc := s.s.lookup(user)
	if acc == nil || !acc.login(password) {
		return imapserver.ErrAuthFailed
	}
	return s.signIn(acc)
}

// signIn lets an account in whose password was checked.
func (s *session) signIn(acc *account) error {
	if err := s.scripted("LOGIN", "", func() error { return nil }); err != nil {
		return err
	}
	acc.mu.Lock()
	defer acc.mu.Unlock()
	if n := s.s.opts.MaxIMAPConnections; n > 0 && acc.sessions >= n {
		return no(imap.ResponseCodeLimit, "Too many connections of this account")
	}
	acc.sessions++
	s.acc = acc
	s.tap.lines.account.Store(acc.Address)
	return nil
}

func (s *session) AppendLimit() uint32 { return maxMessageSize }

func (s *session) Namespace() (*imap.NamespaceData, error) {
	return &imap.NamespaceData{Personal: []imap.NamespaceDescriptor{{Delim: delim}}}, nil
}

func (s *session) Create(name string, options *imap.CreateOptions) error {
	var use []imap.MailboxAttr
	if options != nil {
		use = options.SpecialUse
	}
	return s.acc.create(name, use)
}

func (s *session) Delete(name string) error { return s.acc.delete(name) }

func (s *session) Rename(from, to string, _ *imap.RenameOptions) error { return s.acc.rename(from, to) }

func (s *session) Subscribe(name string) error {
	s.acc.mu.Lock()
	defer s.acc.mu.Unlock()
	if _, err := s.acc.box(name); err != nil {
		return err
	}
	s.acc.subscribed[canonicalName(name)] = true
	return nil
}

func (s *session) Unsubscribe(name string) error {
	s.acc.mu.Lock()
	defer s.acc.mu.Unlock()
	delete(s.acc.subscribed, canonicalName(name))
	return nil
}

func (s *session) Append(name string, r imap.LiteralReader, options *imap.AppendOptions) (*imap.AppendData, error) {
	s.acc.mu.Lock()
	_, err := s.acc.target(name)
	s.acc.mu.Unlock()
	if err != nil {
		return nil, err
	}
	raw := make([]byte, 0, min(r.Size(), maxMessageSize))
	raw, err = readAll(raw, io.LimitReader(r, maxMessageSize))
	if err != nil {
		return nil, err
	}
	box, uid, err := s.acc.append(name, newContent(raw), options.Time, options.Flags)
	if err != nil || !s.s.has("UIDPLUS") {
		return nil, err
	}
	return &imap.AppendData{UID: uid, UIDValidity: box.validity}, nil
}

// readAll is io.ReadAll into a buffer that is large enough already.
func readAll(b []byte, r io.Reader) ([]byte, error) {
	for {
		if len(b) == cap(b) {
			b = append(b, 0)[:len(b)]
		}
		n, err := r.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if err == io.EOF {
			return b, nil
		} else if err != nil {
			return b, err
		}
	}
}

func (s *session) Select(name string, options *imap.SelectOptions) (*imap.SelectData, error) {
	s.acc.mu.Lock()
	defer s.acc.mu.Unlock()
	box, err := s.acc.box(name)
	if err != nil {
		return nil, err
	}
	s.view = box.open(options != nil && options.ReadOnly)
	data := &imap.SelectData{
		Flags:       append(slices.Clone(systemFlags), box.keywords...),
		NumMessages: uint32(len(box.msgs)),
		UIDNext:     box.next,
		UIDValidity: box.validity,
	}
	if !s.view.readOnly {
		data.PermanentFlags = append(slices.Clone(data.Flags), imap.FlagWildcard)
	}
	if box.unseen > 0 {
		for i, m := range box.msgs {
			if !m.has(imap.FlagSeen) {
				data.FirstUnseenSeqNum = uint32(i + 1)
				break
			}
		}
	}
	return data, nil
}

func (s *session) Unselect() error {
	s.acc.mu.Lock()
	defer s.acc.mu.Unlock()
	if s.view != nil {
		s.view.close()
		s.view = nil
	}
	return nil
}

func (s *session) Poll(w *imapserver.UpdateWriter, allowExpunge bool) error {
	if s.view == nil {
		return nil
	}
	s.acc.mu.Lock()
	n := s.view.news(allowExpunge)
	s.acc.mu.Unlock()
	return n.tell(w)
}

func (s *session) Idle(w *imapserver.UpdateWriter, stop <-chan struct{}) error {
	if s.view == nil {
		<-stop
		return nil
	}
	for {
		if err := s.Poll(w, true); err != nil {
			return err
		}
		select {
		case <-s.view.wake:
		case <-stop:
			return nil
		}
	}
}

// writable checks that the selected mailbox may be changed and still exists.
// account.mu is held.
func (s *session) writable() error {
	switch {
	case s.view.box.gone:
		return no(imap.ResponseCodeNonExistent, "The mailbox was deleted")
	case s.view.readOnly:
		return no(imap.ResponseCodeCannot, "The mailbox is open for reading only")
	}
	return nil
}

// Expunge removes messages with \Deleted. In a mailbox that is open for
// reading only it does nothing, since CLOSE comes here too.
func (s *session) Expunge(w *imapserver.ExpungeWriter, uids *imap.UIDSet) error {
	s.acc.mu.Lock()
	if s.view.readOnly || s.view.box.gone {
		s.acc.mu.Unlock()
		return nil
	}
	var remove []*message
	if uids != nil {
		for _, p := range s.view.pick(*uids) {
			if p.msg.has(imap.FlagDeleted) {
				remove = append(remove, p.msg)
			}
		}
	} else {
		for _, m := range s.view.box.msgs {
			if m.has(imap.FlagDeleted) {
				remove = append(remove, m)
			}
		}
	}
	s.view.box.remove(remove)
	nums := s.view.dropGone()
	s.acc.mu.Unlock()
	for _, n := range nums {
		if err := w.WriteExpunge(n); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) Store(w *imapserver.FetchWriter, set imap.NumSet, change *imap.StoreFlags, _ *imap.StoreOptions) error {
	flags, err := cleanFlags(change.Flags)
	if err != nil {
		return err
	}
	s.acc.mu.Lock()
	if err := s.writable(); err != nil {
		s.acc.mu.Unlock()
		return err
	}
	picks := s.view.pick(set)
	for i := range picks {
		m := picks[i].msg
		s.view.box.setFlags(m, store(m.flags, change.Op, flags), s.view)
		picks[i].flags = m.flags
	}
	s.acc.mu.Unlock()
	if change.Silent {
		return nil
	}
	for _, p := range picks {
		r := w.CreateMessage(p.num)
		r.WriteUID(p.msg.uid)
		r.WriteFlags(p.flags)
		if err := r.Close(); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) Copy(set imap.NumSet, dest string) (*imap.CopyData, error) {
	s.acc.mu.Lock()
	defer s.acc.mu.Unlock()
	if s.view.box.gone {
		return nil, no(imap.ResponseCodeNonExistent, "The mailbox was deleted")
	}
	data, _, err := s.copy(set, dest)
	if !s.s.has("UIDPLUS") {
		data = nil
	}
	return data, err
}

// Move copies and removes in one step, seen by others as one change.
func (s *session) Move(w *imapserver.MoveWriter, set imap.NumSet, dest string) error {
	s.acc.mu.Lock()
	if err := s.writable(); err != nil {
		s.acc.mu.Unlock()
		return err
	}
	data, picks, err := s.copy(set, dest)
	if err != nil || data == nil {
		s.acc.mu.Unlock()
		return err
	}
	msgs := make([]*message, len(picks))
	for i, p := range picks {
		msgs[i] = p.msg
	}
	s.view.box.remove(msgs)
	nums := s.view.dropGone()
	s.acc.mu.Unlock()
	if s.s.has("UIDPLUS") {
		if err := w.WriteCopyData(data); err != nil {
			return err
		}
	}
	for _, n := range nums {
		if err := w.WriteExpunge(n); err != nil {
			return err
		}
	}
	return nil
}

// copy appends messages to dest; data is nil when there was nothing to copy.
// account.mu is held.
func (s *session) copy(set imap.NumSet, dest string) (*imap.CopyData, []picked, error) {
	box, err := s.acc.target(dest)
	if err != nil {
		return nil, nil, err
	}
	picks := s.view.pick(set)
	if len(picks) == 0 {
		return nil, nil, nil
	}
	data := &imap.CopyData{UIDValidity: box.validity}
	for _, p := range picks {
		m := box.add(p.msg.body, p.msg.date, p.msg.flags)
		data.SourceUIDs.AddNum(p.msg.uid)
		data.DestUIDs.AddNum(m.uid)
	}
	return data, picks, nil
}

func (s *session) Status(name string, options *imap.StatusOptions) (*imap.StatusData, error) {
	s.acc.mu.Lock()
	defer s.acc.mu.Unlock()
	box, err := s.acc.box(name)
	if err != nil {
		return nil, err
	}
	return box.status(options), nil
}

// status answers STATUS. account.mu is held.
func (b *mailbox) status(options *imap.StatusOptions) *imap.StatusData {
	num, unseen, zero := uint32(len(b.msgs)), uint32(b.unseen), uint32(0)
	data := &imap.StatusData{
		Mailbox: b.name, NumMessages: &num, NumUnseen: &unseen, NumRecent: &zero,
		UIDNext: b.next, UIDValidity: b.validity,
	}
	limit := uint32(maxMessageSize)
	data.AppendLimit = &limit
	var deleted uint32
	var size, deletedSize int64
	if options.NumDeleted || options.Size || options.DeletedStorage {
		for _, m := range b.msgs {
			var n int64
			if options.Size || options.DeletedStorage {
				n = m.body.length()
			}
			size += n
			if m.has(imap.FlagDeleted) {
				deleted++
				deletedSize += n
			}
		}
	}
	data.NumDeleted, data.Size, data.DeletedStorage = &deleted, &size, &deletedSize
	return data
}

func (s *session) List(w *imapserver.ListWriter, ref string, patterns []string, options *imap.ListOptions) error {
	if len(patterns) == 0 { // only the delimiter is asked for (RFC 9051 section 6.3.9)
		return w.WriteList(&imap.ListData{Attrs: []imap.MailboxAttr{imap.MailboxAttrNoSelect}, Delim: delim})
	}
	for i, p := range patterns {
		patterns[i] = canonicalName(p)
	}
	for _, data := range s.acc.list(ref, patterns, options, s.s.has("SPECIAL-USE")) {
		if err := w.WriteList(&data); err != nil {
			return err
		}
	}
	return nil
}

// list returns the mailboxes that match, and the parents that do not exist but
// have mailboxes below them.
func (a *account) list(ref string, patterns []string, options *imap.ListOptions, specialUse bool) []imap.ListData {
	a.mu.Lock()
	defer a.mu.Unlock()
	parents := make(map[string]bool)
	names := make(map[string]bool, len(a.boxes))
	for name := range a.boxes {
		names[name] = true
		for i, r := range name {
			if r == delim {
				names[name[:i]], parents[name[:i]] = true, true
			}
		}
	}
	if options.SelectSubscribed {
		for name := range a.subscribed {
			names[name] = true
		}
	}
	var out []imap.ListData
	for name := range names {
		box := a.boxes[name]
		if options.SelectSubscribed && !a.subscribed[name] || options.SelectSpecialUse && (box == nil || box.use == "") {
			continue
		}
		if !slices.ContainsFunc(patterns, func(p string) bool { return matchList(name, ref, p) }) {
			continue
		}
		data := imap.ListData{Mailbox: name, Delim: delim}
		if box == nil {
			data.Attrs = append(data.Attrs, imap.MailboxAttrNonExistent, imap.MailboxAttrNoSelect)
		}
		if parents[name] {
			data.Attrs = append(data.Attrs, imap.MailboxAttrHasChildren)
		} else {
			data.Attrs = append(data.Attrs, imap.MailboxAttrHasNoChildren)
		}
		if a.subscribed[name] && (options.ReturnSubscribed || options.SelectSubscribed) {
			data.Attrs = append(data.Attrs, imap.MailboxAttrSubscribed)
		}
		if box != nil && box.use != "" && specialUse {
			data.Attrs = append(data.Attrs, box.use)
		}
		if box != nil && options.ReturnStatus != nil {
			data.Status = box.status(options.ReturnStatus)
		}
		out = append(out, data)
	}
	slices.SortFunc(out, func(x, y imap.ListData) int {
		if (x.Mailbox == "INBOX") != (y.Mailbox == "INBOX") {
			if x.Mailbox == "INBOX" {
				return -1
			}
			return 1
		}
		return strings.Compare(x.Mailbox, y.Mailbox)
	})
	return out
}

// matchList reports whether a name matches a LIST pattern below a reference:
// "*" stands for anything, "%" for anything within a level (RFC 9051 section
// 6.3.9). Its time is at most the product of both lengths.
func matchList(name, ref, pattern string) bool {
	if ref != "" && !strings.HasPrefix(pattern, string(delim)) {
		if !strings.HasSuffix(ref, string(delim)) && !strings.ContainsAny(pattern[:min(1, len(pattern))], "*%") {
			ref += string(delim)
		}
		pattern = ref + pattern
	}
	if len(pattern) > 2*maxMailboxName {
		return false
	}
	const any, level = '*', '%'
	// possible[i] tells whether the pattern so far can match name[:i].
	possible := make([]bool, len(name)+1)
	possible[0] = true
	for p := 0; p < len(pattern); p++ {
		c := pattern[p]
		if c == any || c == level {
			for i := 1; i <= len(name); i++ {
				if possible[i-1] && (c == any || name[i-1] != delim) {
					possible[i] = true
				}
			}
			continue
		}
		for i := len(name); i >= 1; i-- {
			possible[i] = possible[i-1] && name[i-1] == c
		}
		possible[0] = false
	}
	return possible[len(name)]
}
