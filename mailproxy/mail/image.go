package mail

// Image is a picture fetched for the reader.
type Image struct {
	Type string // media type, found by looking at the bytes
	Body []byte // shared: not to be changed
}
