package mailproxy

import (
	"strings"
	"testing"

	"github.com/emersion/go-imap/v2"

	"postern/mailproxy/mail"
)

func listed(name string, delim rune, attrs ...imap.MailboxAttr) *imap.ListData {
	return &imap.ListData{Mailbox: name, Delim: delim, Attrs: attrs}
}

// shape writes a list as "name[role]parent>leaf@depth", one a line.
func shape(boxes []mail.Mailbox) string {
	var b strings.Builder
	for _, m := range boxes {
		b.WriteString(m.Name)
		if m.Role != "" {
			b.WriteString("[" + string(m.Role) + "]")
		}
		if m.Parent != "" {
			b.WriteString(" in " + m.Parent)
		}
		if m.Leaf != m.Name {
			b.WriteString(" as " + m.Leaf)
		}
		if !m.Selectable {
			b.WriteString(" (step)")
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func TestArrange(t *testing.T) {
	personal := func(prefix string, delim rune) []imap.NamespaceDescriptor {
		return []imap.NamespaceDescriptor{{Prefix: prefix, Delim: delim}}
	}
	tests := []struct {
		name   string
		list   []*imap.ListData
		ns     namespaces
		chosen map[string]mail.Role
		want   string
	}{
		{"special use before names", []*imap.ListData{
			listed("Sent", '/'), listed("Gesendet", '/', imap.MailboxAttrSent), listed("inbox", '/'), listed("Papierkorb", '/'), listed("Werkzeug", '/'), listed("alpha", '/'),
		}, namespaces{}, nil, "INBOX[inbox]\nGesendet[sent]\nPapierkorb[trash]\nalpha\nSent\nWerkzeug\n"},
		{"the better-known name", []*imap.ListData{
			listed("INBOX", '/'), listed("Bulk", '/'), listed("Spam", '/'), listed("Deleted Items", '/'), listed("Trash", '/'), listed("x/Drafts", '/'),
		}, namespaces{}, nil, "INBOX[inbox]\nSpam[junk]\nTrash[trash]\nBulk\nDeleted Items\nx (step)\nx/Drafts in x as Drafts\n"},
		{"chosen by the person", []*imap.ListData{
			listed("INBOX", '/'), listed("Sent", '/', imap.MailboxAttrSent), listed("Outgoing", '/'),
		}, namespaces{}, map[string]mail.Role{"Outgoing": mail.RoleSent, "INBOX": mail.RoleTrash, "Gone": mail.RoleTrash}, "INBOX[inbox]\nOutgoing[sent]\nSent\n"},
		{"Courier's prefix", []*imap.ListData{
			listed("INBOX", '.', imap.MailboxAttrHasChildren), listed("INBOX.Sent", '.'), listed("INBOX.a.b", '.'), listed("INBOX.Trash", '.'),
		}, namespaces{personal: personal("INBOX.", '.')}, nil, "INBOX[inbox]\nINBOX.Sent[sent] as Sent\nINBOX.Trash[trash] as Trash\nINBOX.a as a (step)\nINBOX.a.b in INBOX.a as b\n"},
		{"below the inbox without a prefix", []*imap.ListData{
			listed("INBOX", '.'), listed("INBOX.Sent", '.'), listed("INBOX.Work", '.'),
		}, namespaces{personal: personal("", '.')}, nil, "INBOX[inbox]\nINBOX.Sent[sent] in INBOX as Sent\nINBOX.Work in INBOX as Work\n"},
		{"other people's and shared", []*imap.ListData{
			listed("INBOX", '/'), listed("Other Users", '/', imap.MailboxAttrNoSelect), listed("Other Users/fred", '/'), listed("Other Users/fred/Sent", '/'), listed("Public", '/', imap.MailboxAttrNoSelect), listed("Public/News", '/'),
		}, namespaces{other: personal("Other Users/", '/'), shared: personal("Public/", '/')}, nil,
			"INBOX[inbox]\nOther Users/fred as fred\nOther Users/fred/Sent in Other Users/fred as Sent\nPublic/News as News\n"},
		{"flat", []*imap.ListData{listed("INBOX", 0), listed("a/b.c", 0)}, namespaces{}, nil, "INBOX[inbox]\na/b.c\n"},
		{"listed twice, broken names, empty levels", []*imap.ListData{
			listed("INBOX", '/'), listed("a", '/', imap.MailboxAttrNoSelect), listed("a", '/'), listed("x\r\ny", '/'), listed("", '/'), listed("/lead", '/'), listed("b//c", '/'),
		}, namespaces{}, nil, "INBOX[inbox]\n/lead\na\nb//c\n"},
		{"not there", []*imap.ListData{listed("INBOX", '/'), listed("gone/child", '/', imap.MailboxAttrNonExistent)}, namespaces{}, nil,
			"INBOX[inbox]\ngone (step)\ngone/child in gone as child (step)\n"},
		{"\\Trash on what cannot be opened", []*imap.ListData{listed("INBOX", '/'), listed("T", '/', imap.MailboxAttrTrash, imap.MailboxAttrNoSelect), listed("Trash", '/')}, namespaces{}, nil,
			"INBOX[inbox]\nTrash[trash]\nT (step)\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := shape(arrange(tt.list, tt.ns, tt.chosen, true)); got != tt.want {
				t.Errorf("got\n%swant\n%s", got, tt.want)
			}
		})
	}
}

func TestArrangeIsBounded(t *testing.T) {
	list := []*imap.ListData{listed(strings.Repeat("a/", 499)+"a", '/')}
	for range 3 * maxMailboxes {
		list = append(list, listed(strings.Repeat("b", len(list)%900+1)+"/x", '/'))
	}
	if got := arrange(list, namespaces{}, nil, true); len(got) > maxMailboxes {
		t.Errorf("%d mailboxes", len(got))
	}
}

func TestWellKnownNames(t *testing.T) {
	for _, k := range wellKnownNames {
		seen := map[string]bool{}
		for _, n := range k.names {
			if n != strings.ToLower(n) {
				t.Errorf("%q is not in lower case", n)
			}
			if seen[n] || roleByName[n] != k.role {
				t.Errorf("%q is listed twice", n)
			}
			seen[n] = true
		}
	}
}
