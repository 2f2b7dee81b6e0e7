//go:build !linux

package imapconn

// tune and quickAck have no counterpart here.
func tune(uintptr)     {}
func quickAck(uintptr) {}
