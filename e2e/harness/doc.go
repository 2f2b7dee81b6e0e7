// Package harness runs the built program for tests and uses it as people do.
//
// Start and Serve run the binary, as a process of its own. Browser is a browser
// without scripts: it follows links and submits forms found by the names that
// people see. Package chrome, below, is one with scripts. Package mailserver runs
// Dovecot and Postfix.
package harness
