// Package index holds what is known of an account's mailboxes: for every message
// its UID, flags, arrival and size in compact columns, sorted as lists show
// them, and a bounded cache of list rows and body structures. It does no I/O:
// whoever watches or asks a mailbox reports a Delta, and Apply says what that
// changed. Everything in it can be rebuilt from the server at any time.
package index
