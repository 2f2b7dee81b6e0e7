package templates

// OutboxView lists messages on their way and those that came back.
type OutboxView struct {
	Title  string
	Action string
	Items  []OutboxRow
	Empty  *EmptyView
}

// OutboxRow is one message in the outbox.
type OutboxRow struct {
	ID, Subject, To      string
	State                string // in words
	Detail               string // the server's own words
	Bad                  bool
	Edit                 string // address of the draft
	Cancel, Now, Dismiss bool
}
