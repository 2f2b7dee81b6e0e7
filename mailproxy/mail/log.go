package mail

import (
	"regexp"
	"strings"
)

const maxLogged = 4000 // octets of an error; a panic's has the stack

var addressLike = regexp.MustCompile(`\S*@\S*`)

// Loggable is an error's text for a log line, without what looks like an address: a
// server's own words often quote one, and logs hold none.
func Loggable(err error) string {
	s := err.Error()
	if len(s) > maxLogged {
		s = s[:maxLogged]
	}
	return addressLike.ReplaceAllString(strings.ToValidUTF8(s, ""), "[address]")
}
