package imapconn

import "time"

// Limits bound what a server may send. A zero field means its default.
type Limits struct {
	Depth  int           // nested parentheses; 100
	Body   int64         // octets of a literal that is a body section; 16 MiB
	String int64         // octets of a quoted string or any other literal; 1 MiB
	Line   int64         // octets of one response without its body literals; 8 MiB, a SEARCH of a million UIDs
	Budget int64         // octets received from one command to the next; 128 MiB
	Read   time.Duration // longest pause within a response; 30 s
	Write  time.Duration // longest wait for the server to take 64 KiB; 30 s
}

func (l Limits) withDefaults() Limits {
	if l.Depth <= 0 {
		l.Depth = 100
	}
	if l.Body <= 0 {
		l.Body = 16 << 20
	}
	if l.String <= 0 {
		l.String = 1 << 20
	}
	if l.Line <= 0 {
		l.Line = 8 << 20
	}
	if l.Budget <= 0 {
		l.Budget = 128 << 20
	}
	if l.Read <= 0 {
		l.Read = 30 * time.Second
	}
	if l.Write <= 0 {
		l.Write = 30 * time.Second
	}
	return l
}
