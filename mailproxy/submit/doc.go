// Package submit hands a finished message to a submission server (RFC 6409) over
// go-smtp's client: TLS, sign-in, an answer per recipient, and an error that says
// whether to try again, to give the message back, or that nobody can know.
//
// A hostile or dead server costs bounded time and memory: every read and write
// has a deadline, and replies have a budget.
package submit
