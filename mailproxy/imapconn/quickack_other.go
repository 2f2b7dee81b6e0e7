//go:build !linux

package imapconn

var quickAck func(fd uintptr)
