// Package remote is the one way out of Postern to anybody but the mail servers:
// it fetches the remote images of a mail when a person asks for them.
//
// What it is asked for was written by a stranger. So it speaks only HTTP and
// HTTPS to ports 80 and 443; the address dialled is checked after the name was
// resolved, at every connection and for every redirect; size, time, redirects,
// rate and memory are bounded; nothing about the person is sent; and only bytes
// that are a raster image of a bearable size come back.
package remote
