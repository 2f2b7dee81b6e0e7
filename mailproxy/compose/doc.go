// Package compose turns what a person writes into a message and back: the
// headers, recipients and quoting of an answer (Answer), the RFC 5322 bytes with
// their SMTP envelope (Build), and a draft read again (Continue).
//
// It does no I/O but that of the readers and writers it is given. Whatever it
// writes has CRLF line ends and no line over 998 octets; a value that would break
// a header field is refused with mail.Invalid, or cleaned in drafts, which must
// never lose what was typed.
package compose
