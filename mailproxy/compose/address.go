package compose

import (
	"strconv"
	"strings"

	"golang.org/x/net/idna"

	"postern/mailproxy/mail"
)

func itoa(n int) string { return strconv.Itoa(n) }

// wireAddr is an addr-spec as it goes out: the domain in ASCII (RFC 5890), the
// local part as written. needUTF8 is set when that holds more than ASCII and so
// needs SMTPUTF8 (RFC 6531). The address must have passed mail.CheckAddr.
func wireAddr(addr string) (wire string, needUTF8 bool) {
	i := strings.LastIndexByte(addr, '@')
	local, domain := addr[:i], addr[i+1:]
	if !ascii(domain) {
		// Lookup folds what people type (capitals, full-width letters and dots)
		// the way a resolver does; names it does not allow, such as those with
		// "_", go the plain way.
		if d, err := idna.Lookup.ToASCII(domain); err == nil {
			domain = d
		} else if d, err := idna.ToASCII(strings.ToLower(domain)); err == nil {
			domain = d
		}
	}
	return local + "@" + domain, !ascii(local)
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// addressList is the value of an address field and whether it needs SMTPUTF8.
func addressList(list []mail.Address) (chunks []string, needUTF8 bool) {
	for i, a := range list {
		wire, u := wireAddr(a.Addr)
		needUTF8 = needUTF8 || u
		if name := phrase(clean(a.Name)); name != nil {
			chunks = append(append(chunks, name...), " <"+wire+">")
		} else {
			chunks = append(chunks, " "+wire)
		}
		if i < len(list)-1 {
			chunks[len(chunks)-1] += ","
		}
	}
	return chunks, needUTF8
}

// envelope is the wire form of all recipients without duplicates, in order.
func envelope(lists ...[]mail.Address) []string {
	var out []string
	seen := map[string]bool{}
	for _, l := range lists {
		for _, a := range l {
			w, _ := wireAddr(a.Addr)
			if k := strings.ToLower(w); !seen[k] {
				seen[k] = true
				out = append(out, w)
			}
		}
	}
	return out
}
