package mailproxy

// results are the searches made lately.
type results struct{}
