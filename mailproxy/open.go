package mailproxy

import (
	"context"

	"postern/mailproxy/mail"
)

// OpenOptions says how a message is opened.
type OpenOptions struct {
	Path     string // part path of an enclosed message to open instead, "" for the message itself
	MarkSeen bool   // set \Seen in the same flight
}

// Open reads one message: its body structure, header and text parts only.
func (a *Account) Open(ctx context.Context, ref mail.MessageRef, o OpenOptions) (mail.Message, error) {
	return mail.Message{}, errNotBuilt
}

// FrameOptions says how an HTML body is prepared for its frame.
type FrameOptions struct {
	Path      string                   // part path of the HTML part
	PartURL   func(path string) string // address of an inline part, for cid: images
	Remote    bool                     // keep remote resources
	RemoteURL func(u string) string    // address that fetches a remote image for the reader; nil blocks all
	StyleURL  string                   // our own style sheet for the frame
}

// Frame is the sanitised document of an HTML body.
func (a *Account) Frame(ctx context.Context, ref mail.MessageRef, o FrameOptions) (mail.SafeHTML, error) {
	return mail.SafeHTML{}, errNotBuilt
}

// Part streams one part, decoded from its transfer encoding.
func (a *Account) Part(ctx context.Context, ref mail.MessageRef, path string) (mail.PartStream, error) {
	return mail.PartStream{}, errNotBuilt
}

// Raw streams the whole message byte for byte, or an enclosed message with path.
func (a *Account) Raw(ctx context.Context, ref mail.MessageRef, path string) (mail.PartStream, error) {
	return mail.PartStream{}, errNotBuilt
}
