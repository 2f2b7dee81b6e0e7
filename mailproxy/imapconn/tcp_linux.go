package imapconn

import (
	"time"

	"golang.org/x/sys/unix"
)

// userTimeout is how long the kernel waits for octets sent to be acknowledged, or
// for a peer that takes nothing, before it gives the connection up. A peer that
// vanished is noticed before the usual deadline of a command, so that there is
// time to ask again on another connection.
const userTimeout = 20 * time.Second

// tune sets what stays for the life of a connection. Only speed is lost when
// the kernel refuses, here and in quickAck.
func tune(fd uintptr) {
	_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(userTimeout.Milliseconds()))
}

// quickAck has what arrives next acknowledged at once.
func quickAck(fd uintptr) {
	_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_QUICKACK, 1)
}
