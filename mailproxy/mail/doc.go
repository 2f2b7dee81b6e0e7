// Package mail is the vocabulary of Postern: the plain values that pass between
// the mail engine, the store and the pages. It does no I/O and imports no other
// package of ours; wire types are go-imap's and stay below it.
//
// The words are the field's own: mailbox, UID, UIDVALIDITY, flag, keyword, role
// (RFC 6154 special use), part path ("1.2", RFC 9051 section 6.4.5), submission.
package mail
