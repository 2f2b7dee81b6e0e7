package remote

import "net/netip"

// internet6 is the global unicast space that is handed out (RFC 4291 section 2.4).
var internet6 = netip.MustParsePrefix("2000::/3")

// wellKnownNAT64 holds IPv4 addresses in its last 32 bits (RFC 6052 section 2.1).
var wellKnownNAT64 = netip.MustParsePrefix("64:ff9b::/96")

// special are networks that are not the public Internet, after the IANA special
// purpose registries (RFC 6890) and what cloud providers keep for themselves.
var special = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),        // this network
	netip.MustParsePrefix("10.0.0.0/8"),       // private
	netip.MustParsePrefix("100.64.0.0/10"),    // carriers' NAT (RFC 6598); metadata at Alibaba
	netip.MustParsePrefix("127.0.0.0/8"),      // loopback
	netip.MustParsePrefix("168.63.129.16/32"), // Azure's wire server
	netip.MustParsePrefix("169.254.0.0/16"),   // link-local; metadata at most clouds
	netip.MustParsePrefix("172.16.0.0/12"),    // private
	netip.MustParsePrefix("192.0.0.0/24"),     // protocol assignments; metadata at Oracle
	netip.MustParsePrefix("192.0.2.0/24"),     // documentation
	netip.MustParsePrefix("192.52.193.0/24"),  // AMT
	netip.MustParsePrefix("192.88.99.0/24"),   // 6to4 relays
	netip.MustParsePrefix("192.168.0.0/16"),   // private
	netip.MustParsePrefix("198.18.0.0/15"),    // benchmarks
	netip.MustParsePrefix("198.51.100.0/24"),  // documentation
	netip.MustParsePrefix("203.0.113.0/24"),   // documentation
	netip.MustParsePrefix("224.0.0.0/4"),      // multicast
	netip.MustParsePrefix("240.0.0.0/4"),      // reserved, broadcast

	netip.MustParsePrefix("2001::/23"),     // protocol assignments: Teredo, benchmarks, ORCHID
	netip.MustParsePrefix("2001:db8::/32"), // documentation
	netip.MustParsePrefix("2002::/16"),     // 6to4: could lead to any IPv4 address
	netip.MustParsePrefix("3fff::/20"),     // documentation
}

// public reports whether a is an address of the public Internet. Forms that hold
// an IPv4 address are judged by that one.
func public(a netip.Addr) bool {
	if !a.IsValid() || a.Zone() != "" {
		return false
	}
	a = a.Unmap()
	if wellKnownNAT64.Contains(a) {
		b := a.As16()
		a = netip.AddrFrom4([4]byte(b[12:]))
	}
	if a.Is6() && !internet6.Contains(a) {
		return false // loopback, ::1.2.3.4, unique local, link-local, multicast, local NAT64
	}
	for _, p := range special {
		if p.Contains(a) {
			return false
		}
	}
	return true
}
