package remote

import (
	"errors"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"golang.org/x/net/idna"
)

const maxAddress = 8 << 10 // octets of an address that is fetched

var (
	errAddress = errors.New("not an address that is fetched")
	errPort    = errors.New("neither port 80 nor 443")
	errNetwork = errors.New("not on the public Internet")
)

// privateNames are endings of names that are not on the public Internet (RFC
// 6761, RFC 6762, RFC 8375, ICANN's "internal", RFC 7686).
var privateNames = []string{".localhost", ".localdomain", ".local", ".internal", ".intranet", ".lan", ".home", ".corp", ".private", ".home.arpa", ".onion", ".alt"}

// parse reads an address as check leaves it.
func (f *Fetcher) parse(raw string) (*url.URL, error) {
	if len(raw) > maxAddress {
		return nil, errAddress
	}
	u, err := url.Parse(raw)
	if err != nil {
		return nil, errAddress // the cause quotes the address
	}
	return u, f.check(u)
}

// check refuses what cannot be the address of a public image and writes the host
// in the one form there is of it. It saves look-ups and says no early; what
// counts is the check of what is dialled.
func (f *Fetcher) check(u *url.URL) error {
	if u.Scheme != "http" && u.Scheme != "https" || u.Opaque != "" || u.User != nil {
		return errAddress
	}
	port := map[string]uint16{"http": 80, "https": 443}[u.Scheme]
	if p := u.Port(); p != "" {
		n, err := strconv.ParseUint(p, 10, 16)
		if err != nil || n == 0 {
			return errAddress
		}
		port = uint16(n)
	} else {
		u.Host = strings.TrimSuffix(u.Host, ":")
	}
	host, err := hostName(u.Hostname())
	if err != nil {
		return err
	}
	if a, err := netip.ParseAddr(host); err == nil {
		if err := f.permit(netip.AddrPortFrom(a, port)); err != nil {
			return err
		}
	} else if f.opt.Allow == nil && !webPort(port) {
		return errPort
	}
	if u.Port() != "" {
		u.Host = net.JoinHostPort(host, strconv.Itoa(int(port)))
	} else if strings.Contains(host, ":") {
		u.Host = "[" + host + "]"
	} else {
		u.Host = host
	}
	u.Fragment, u.RawFragment = "", ""
	return nil
}

// permit decides over an address to connect to.
func (f *Fetcher) permit(a netip.AddrPort) error {
	switch {
	case f.opt.Allow != nil && f.opt.Allow(a):
		return nil
	case !webPort(a.Port()):
		return errPort
	case !public(a.Addr()):
		return errNetwork
	}
	return nil
}

func webPort(p uint16) bool { return p == 80 || p == 443 }

// hostName writes a host as one IP address or one full domain name in ASCII.
// Numbers that some resolvers take for IPv4 addresses (127.1, 0x7f000001,
// 017700000001, 2130706433) are neither.
func hostName(host string) (string, error) {
	for i := 0; i < len(host); i++ {
		if host[i] >= 0x80 {
			ascii, err := idna.Lookup.ToASCII(host)
			if err != nil {
				return "", errAddress
			}
			host = ascii
			break
		}
	}
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	if a, err := netip.ParseAddr(host); err == nil {
		if a.Zone() != "" {
			return "", errNetwork
		}
		return a.String(), nil
	}
	labels := strings.Split(host, ".")
	if len(labels) < 2 || len(host) > 253 {
		return "", errAddress // no dot: a name of the local network
	}
	for _, l := range labels {
		if l == "" || len(l) > 63 || strings.Trim(l, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return "", errAddress
		}
	}
	if isNumber(labels[len(labels)-1]) {
		return "", errAddress
	}
	for _, p := range privateNames {
		if strings.HasSuffix(host, p) {
			return "", errNetwork
		}
	}
	return host, nil
}

// isNumber reports what ends an IPv4 address in a browser's eyes (URL standard,
// "ends in a number checker").
func isNumber(label string) bool {
	if hex, ok := strings.CutPrefix(label, "0x"); ok {
		return strings.Trim(hex, "0123456789abcdef") == ""
	}
	return strings.Trim(label, "0123456789") == ""
}
