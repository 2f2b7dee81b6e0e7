// Package imappool keeps the working connections of one account and lends them
// out, one caller at a time, with go-imap's client on top.
//
// A Pool holds at most two working connections and one for streaming. Each
// knows which mailbox it has selected, so a caller that names a mailbox gets a
// connection that has it open when there is one; otherwise SELECT is sent
// together with the caller's first command and costs no flight of its own.
//
// The rules a caller keeps inside Read, Write and Stream:
//
//   - Wait for every command before returning, and Close every FetchCommand. A
//     connection with commands under way is thrown away.
//   - Two commands or more that should cost one flight go into Session.Batch.
//   - Never two SEARCH, SORT or THREAD at once: their untagged answers cannot
//     be told apart (SearchOptions with a Return option excepted).
//   - Never issue a command while reading the literal of another.
//   - Sequence numbers sent before WaitSelected may be beyond the end, which
//     Dovecot answers with BAD. UIDs may not.
//   - An empty UIDSet or an invalid flag closes the connection: check first.
//   - A fetched message whose item is nil was an unasked-for FETCH: ask again.
//   - Never call AllUIDs or Nums on what a server sent; use UIDs, which has a limit.
//
// Errors carry a kind of package mail.
package imappool
