package mailproxy

import (
	"cmp"
	"slices"
	"strings"

	"github.com/emersion/go-imap/v2"

	"postern/mailproxy/mail"
)

const (
	maxMailboxes = 5000 // of one account; what the server lists beyond is left out
	maxDepth     = 30   // levels of a name; deeper ones are shown as one
)

// namespaces are the prefixes of RFC 2342. The personal one is "" or "INBOX.".
type namespaces struct {
	personal, other, shared []imap.NamespaceDescriptor
}

// place says whose a mailbox is and which prefix of its name only says that.
func (ns namespaces) place(name string) (mail.Namespace, string) {
	for _, d := range ns.other {
		if d.Prefix != "" && strings.HasPrefix(name, d.Prefix) {
			return mail.OtherUsers, d.Prefix
		}
	}
	for _, d := range ns.shared {
		if d.Prefix != "" && strings.HasPrefix(name, d.Prefix) {
			return mail.Shared, d.Prefix
		}
	}
	for _, d := range ns.personal {
		if d.Prefix != "" && strings.HasPrefix(name, d.Prefix) {
			return mail.Personal, d.Prefix
		}
	}
	return mail.Personal, ""
}

// isPrefix reports whether a name is nothing but the top of a namespace.
func (ns namespaces) isPrefix(name string) bool {
	for _, list := range [][]imap.NamespaceDescriptor{ns.personal, ns.other, ns.shared} {
		for _, d := range list {
			if d.Delim != 0 && name+string(d.Delim) == d.Prefix {
				return true
			}
		}
	}
	return false
}

// prefix is what goes before a new name at the top.
func (ns namespaces) prefix() string {
	if len(ns.personal) > 0 {
		return ns.personal[0].Prefix
	}
	return ""
}

// delim is the hierarchy delimiter of the person's own mailboxes, "" when they
// are flat or nothing is known.
func (ns namespaces) delim() string {
	if len(ns.personal) > 0 && ns.personal[0].Delim != 0 {
		return string(ns.personal[0].Delim)
	}
	return ""
}

// arrange makes the list that people see of what LIST answered: each name once,
// missing parents filled in, roles given, sorted: roles first, then by name
// within the person's own, other people's and shared mailboxes.
func arrange(list []*imap.ListData, ns namespaces, chosen map[string]mail.Role, subscriptions bool) []mail.Mailbox {
	byName := make(map[string]*mail.Mailbox, len(list))
	attrs := map[string]mail.Role{}
	for _, d := range list {
		if len(byName) >= maxMailboxes {
			break
		}
		if !mail.ValidMailboxName(d.Mailbox) {
			continue
		}
		b := mail.Mailbox{Name: mail.CanonicalName(d.Mailbox), Selectable: true, Subscribed: !subscriptions}
		if d.Delim != 0 {
			b.Delim = string(d.Delim)
		}
		for _, a := range d.Attrs {
			switch strings.ToLower(string(a)) {
			case `\noselect`, `\nonexistent`:
				b.Selectable = false
			case `\noinferiors`:
				b.NoInferiors = true
			case `\haschildren`:
				b.HasChildren = true
			case `\subscribed`:
				b.Subscribed = true
			}
			if r := roleOfAttr(a); r != mail.RoleNone {
				attrs[b.Name] = r
			}
		}
		if st := d.Status; st != nil {
			count(&b, st)
		}
		// Listed twice (Cyrus with its alternative namespace): the one that can be opened counts.
		if have := byName[b.Name]; have != nil && (have.Selectable || !b.Selectable) {
			have.Subscribed = have.Subscribed || b.Subscribed
			continue
		}
		byName[b.Name] = &b
	}
	names := make([]string, 0, len(byName))
	for n := range byName {
		names = append(names, n)
	}
	for _, n := range names {
		place(byName, n, ns)
	}
	out := make([]mail.Mailbox, 0, len(byName))
	for _, b := range byName {
		if p := byName[b.Parent]; p != nil {
			p.HasChildren = true
		}
	}
	for _, b := range byName {
		if !b.Selectable && !b.HasChildren && ns.isPrefix(b.Name) {
			continue // the bare top of a namespace
		}
		out = append(out, *b)
	}
	slices.SortFunc(out, func(a, b mail.Mailbox) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), comparePaths(&a, &b), cmp.Compare(a.Name, b.Name))
	})
	giveRoles(out, attrs, chosen)
	slices.SortStableFunc(out, func(a, b mail.Mailbox) int {
		x, y := roleOrder[a.Role], roleOrder[b.Role]
		if x == 0 {
			x = 99
		}
		if y == 0 {
			y = 99
		}
		return cmp.Compare(x, y)
	})
	return out
}

// place sets leaf, parent, depth and namespace of a mailbox and adds the parents
// that the server left out.
func place(byName map[string]*mail.Mailbox, name string, ns namespaces) {
	b := byName[name]
	var prefix string
	b.Namespace, prefix = ns.place(name)
	if b.Name == "INBOX" || ns.isPrefix(name) {
		prefix = ""
	}
	rest := name[len(prefix):]
	if rest == "" {
		rest, prefix = name, ""
	}
	b.Leaf = rest
	if b.Delim == "" {
		return
	}
	levels := strings.Split(strings.TrimSuffix(rest, b.Delim), b.Delim)
	if len(levels) > maxDepth || len(levels) < 2 || slices.Contains(levels, "") {
		return // flat, or a name that only looks like a hierarchy
	}
	last := len(levels) - 1
	b.Leaf, b.Depth = levels[last], last
	b.Parent = mail.CanonicalName(prefix + strings.Join(levels[:last], b.Delim))
	if byName[b.Parent] == nil && len(byName) < maxMailboxes {
		byName[b.Parent] = &mail.Mailbox{Name: b.Parent, Delim: b.Delim, HasChildren: true}
		place(byName, b.Parent, ns) // at most maxDepth levels up
	}
}

// comparePaths sorts level by level without regard to case.
func comparePaths(a, b *mail.Mailbox) int {
	x, y := a.Name, b.Name
	for x != "" && y != "" {
		var p, q string
		p, x = cutLevel(x, a.Delim)
		q, y = cutLevel(y, b.Delim)
		if c := cmp.Compare(strings.ToLower(p), strings.ToLower(q)); c != 0 {
			return c
		}
	}
	return cmp.Compare(len(x), len(y))
}

func cutLevel(name, delim string) (first, rest string) {
	if delim == "" {
		return name, ""
	}
	first, rest, _ = strings.Cut(name, delim)
	return first, rest
}

// count sets the counts of a mailbox.
func count(b *mail.Mailbox, st *imap.StatusData) {
	if st.NumMessages == nil {
		return
	}
	b.Counted = true
	b.Messages = *st.NumMessages
	if st.NumUnseen != nil {
		b.Unseen = *st.NumUnseen
	}
	b.UIDValidity, b.UIDNext, b.ModSeq = st.UIDValidity, uint32(st.UIDNext), st.HighestModSeq
}
