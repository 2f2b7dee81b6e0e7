// Package imapconn opens an IMAP connection and bounds what the server may send
// over it.
//
// Open dials, makes the connection private, signs in and hands over a Conn that
// a client can take up as if the server had signed it in by itself: its first
// line is a PREAUTH greeting with the capabilities. Between the server and the
// client stands a Guard, which ends the connection when an answer is deeper,
// longer or slower than a client survives, and which leaves out or repairs what
// common servers get wrong.
package imapconn
