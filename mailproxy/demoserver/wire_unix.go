//go:build unix

package demoserver

import "syscall"

// bytesWaiting reports whether received bytes wait to be read.
func bytesWaiting(rc syscall.RawConn) bool {
	var n int
	err := rc.Read(func(fd uintptr) bool {
		var b [1]byte
		n, _, _ = syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK)
		return true // never wait
	})
	return err == nil && n > 0
}
