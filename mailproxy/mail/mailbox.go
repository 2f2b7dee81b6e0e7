package mail

// Role is what a mailbox is for (RFC 6154, plus the inbox).
type Role string

const (
	RoleNone    Role = ""
	RoleInbox   Role = "inbox"
	RoleStarred Role = "starred" // \Flagged
	RoleDrafts  Role = "drafts"
	RoleSent    Role = "sent"
	RoleArchive Role = "archive"
	RoleAll     Role = "all"
	RoleJunk    Role = "junk"
	RoleTrash   Role = "trash"
)

// Namespace is whose a mailbox is (RFC 2342).
type Namespace int

const (
	Personal   Namespace = iota
	OtherUsers           // another person's mailbox, shared with this one
	Shared               // nobody's in particular
)

// Mailbox is one mailbox as the server lists it, with its counts.
type Mailbox struct {
	Name        string // the decoded whole name, as sent to the server; INBOX in capitals
	Leaf        string // the last level of the name, for showing
	Depth       int    // 0 at the top of its namespace
	Parent      string // whole name of the parent, "" at the top
	Delim       string // hierarchy delimiter, "" when the namespace is flat
	Role        Role
	RoleBy      RoleSource
	Namespace   Namespace
	Selectable  bool // false for \Noselect and \NonExistent: only a step in the hierarchy
	Subscribed  bool
	HasChildren bool
	NoInferiors bool
	Counted     bool // false when the server would not tell the counts
	Messages    uint32
	Unseen      uint32
	UIDValidity uint32
	UIDNext     uint32
	ModSeq      uint64 // HIGHESTMODSEQ, 0 without CONDSTORE
}

// RoleSource says how a mailbox came by its role.
type RoleSource int

const (
	RoleByServer RoleSource = iota // SPECIAL-USE
	RoleByName                     // a well-known name, SPECIAL-USE missing
	RoleByPerson                   // chosen in the settings
)

// ByRole finds the first mailbox with the role.
func ByRole(boxes []Mailbox, role Role) (Mailbox, bool) {
	for _, b := range boxes {
		if b.Role == role {
			return b, true
		}
	}
	return Mailbox{}, false
}

// ByName finds a mailbox by its whole name. INBOX matches in any case (RFC 9051 section 5.1).
func ByName(boxes []Mailbox, name string) (Mailbox, bool) {
	name = CanonicalName(name)
	for _, b := range boxes {
		if b.Name == name {
			return b, true
		}
	}
	return Mailbox{}, false
}

// CanonicalName writes INBOX in capitals and leaves every other name alone.
func CanonicalName(name string) string {
	if len(name) == 5 && equalFoldASCII(name, "INBOX") {
		return "INBOX"
	}
	return name
}

func equalFoldASCII(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		x, y := a[i], b[i]
		if 'a' <= x && x <= 'z' {
			x -= 'a' - 'A'
		}
		if 'a' <= y && y <= 'z' {
			y -= 'a' - 'A'
		}
		if x != y {
			return false
		}
	}
	return true
}

// Contents is what deleting a mailbox would delete.
type Contents struct {
	Messages uint32
	Children []string // whole names of the mailboxes below it
}
