// Package mailproxy is the mail engine: a Proxy holds the accounts that are in
// use, an Account is one signed-in person, with a file per verb. It answers the
// pages with plain values of mailproxy/mail and never shows a wire type.
package mailproxy
