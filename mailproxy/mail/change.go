package mail

// Undo is the inverse of a change, kept for the session. Applying it gives its
// own inverse no further.
type Undo struct {
	Moves []UndoMove
	Flags []UndoFlag
	Draft MessageRef // a discarded draft, now in Trash
}

// UndoMove puts messages back. Messages holds where they are now (from COPYUID,
// RFC 4315); when the server gave none, IDs holds their Message-IDs to look for.
type UndoMove struct {
	Messages []MessageRef
	IDs      []string
	From     string // the mailbox they are in now
	To       string // the mailbox they were in
}

// UndoFlag restores a flag on those messages that it was changed on.
type UndoFlag struct {
	Messages []MessageRef
	Flag     Flag
	Set      bool // what the undo does
}

// Empty reports whether there is nothing to undo.
func (u Undo) Empty() bool { return len(u.Moves) == 0 && len(u.Flags) == 0 && u.Draft.IsZero() }

// Change is something that happened in a mailbox, for those who watch.
type Change struct {
	Account  string
	Mailbox  string
	Reset    bool // UIDVALIDITY changed: everything known is void
	Appeared []uint32
	Vanished []uint32
	Flagged  []uint32
}
