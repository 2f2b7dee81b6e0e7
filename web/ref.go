package web

import (
	"context"
	"crypto/rand"
	"encoding/hex"
)

type refKey struct{}

// newRef is a request's reference: short enough to read out, shown on error
// pages and on every log line of the request.
func newRef() string {
	var b [5]byte
	rand.Read(b[:])
	s := hex.EncodeToString(b[:])
	return s[:4] + "-" + s[4:8] + "-" + s[8:]
}

// Ref is the reference of the request ctx belongs to, or "".
func Ref(ctx context.Context) string {
	s, _ := ctx.Value(refKey{}).(string)
	return s
}
