package mailproxy

// boxes is what is known of the account's mailboxes.
type boxes struct{}
