//go:build !unix

package demoserver

import "syscall"

// bytesWaiting cannot look ahead on this system.
func bytesWaiting(syscall.RawConn) bool { return false }
