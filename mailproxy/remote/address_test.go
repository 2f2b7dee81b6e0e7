package remote

import (
	"errors"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	f := open(t, Options{})
	tests := []struct{ raw, want string }{
		{"http://Example.ORG/a.png", "http://example.org/a.png"},
		{"https://example.org./a.png?b=1#c", "https://example.org/a.png?b=1"},
		{"https://example.org:443/a", "https://example.org:443/a"},
		{"http://example.org:/a", "http://example.org/a"},
		{"https://bücher.example/ä.png", "https://xn--bcher-kva.example/%C3%A4.png"},
		{"http://my_host.example.org/", "http://my_host.example.org/"},
		{"http://1.1.1.1/a", "http://1.1.1.1/a"},
		{"http://[2606:4700::1111]/a", "http://[2606:4700::1111]/a"},
		{"http://[2606:4700:0::1111]:80/a", "http://[2606:4700::1111]:80/a"},
		{"http://127.0.0.1.nip.io/", "http://127.0.0.1.nip.io/"}, // refused when dialled
		{"http://example.org/?u=http://127.0.0.1/", "http://example.org/?u=http://127.0.0.1/"},
	}
	for _, tt := range tests {
		if u, err := f.parse(tt.raw); err != nil || u.String() != tt.want {
			t.Errorf("parse(%q) = %v, %v, want %s", tt.raw, u, err, tt.want)
		}
	}
}

// TestParseRefuses has every form of a host by which image proxies were fooled
// into their own network.
func TestParseRefuses(t *testing.T) {
	f := open(t, Options{})
	for _, raw := range []string{
		"", "a.png", "//example.org/a.png", "http:", "http://", "http:///a", "http:example.org", "http://?a", "http://:80/", "http://.", "http://..",
		"ftp://example.org/", "gopher://127.0.0.1:25/_HELO", "dict://127.0.0.1:11211/stat", "file:///etc/passwd", "unix:///var/run/docker.sock", "data:image/png;base64,AA==", "javascript:1",
		"http://user@example.org/", "http://user:secret@example.org/", "http://example.org@127.0.0.1/", `http://example.org\@127.0.0.1/`, "http://exa mple.org/", "http://exa\nmple.org/", "http://example.org\x00/", "http://exam%70le.org/",
		"http://example.org:22/", "http://example.org:25/", "http://example.org:6379/", "http://example.org:0/", "http://example.org:65616/", "http://example.org:080x/", "https://example.org:8443/",

		"http://localhost/", "http://localhost./", "http://LOCALHOST/", "http://a.localhost/", "http://intranet/", "http://printer.local/", "http://metadata.google.internal/", "http://metadata.google.internal./", "http://router.lan/", "http://x.home.arpa/", "http://x.onion/",
		"http://127.0.0.1/", "http://127.1/", "http://127.0.1/", "http://0/", "http://0.0.0.0/", "http://2130706433/", "http://0x7f000001/", "http://0x7f.0.0.1/", "http://0x7f.1/", "http://0177.0.0.1/", "http://017700000001/", "http://127.0.0.0x1/", "http://127.0.0.1./", "http://127.0.0.01/", "http://example.0x/", "http://example.1/",
		"http://1.1.1.1.1/", "http://256.1.1.1/", "http://①②⑦.⓪.⓪.①/", "http://127。0。0。1/", "http://１２７.0.0.1/", "http://ⓛocalhost/",
		"http://[::1]/", "http://[::]/", "http://[::ffff:127.0.0.1]/", "http://[::ffff:7f00:1]/", "http://[::127.0.0.1]/", "http://[64:ff9b::7f00:1]/", "http://[2002:7f00:1::]/", "http://[fe80::1%25eth0]/", "http://[fe80::1]/", "http://[fc00::1]/", "http://[fd00:ec2::254]/", "http://[2606:4700::1111%25eth0]/", "http://[v1.a]/", "http://[::1/",
		"http://10.0.0.1/", "http://172.16.0.1/", "http://192.168.1.1/", "http://169.254.169.254/latest/meta-data/", "http://100.64.0.1/", "http://224.0.0.1/", "http://255.255.255.255/", "http://198.18.0.1/",
		"http://" + strings.Repeat("a", 64) + ".example/", "http://" + strings.Repeat("a.", 130) + "example/", "http://example.org/" + strings.Repeat("a", maxAddress),
	} {
		if u, err := f.parse(raw); err == nil {
			t.Errorf("parse(%q) = %s", raw, u)
		} else if !errors.Is(err, errAddress) && !errors.Is(err, errPort) && !errors.Is(err, errNetwork) {
			t.Errorf("parse(%q): %v", raw, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"http://example.org/a?b#c", "https://bücher.example:443/", "http://[::ffff:1.1.1.1]/", "http://127。0。0。1/", "http://0x7f.1/", "http://a.b.:80"} {
		f.Add(s)
	}
	fetcher := New(Options{})
	defer fetcher.Close()
	f.Fuzz(func(t *testing.T, raw string) {
		u, err := fetcher.parse(raw)
		if err != nil {
			return
		}
		if u.User != nil || u.Fragment != "" || u.Scheme != "http" && u.Scheme != "https" || strings.ContainsAny(u.Host, " \r\n\x00@/\\%") {
			t.Errorf("%q became %q", raw, u)
		}
		// What it made is a fixed point: another look decides the same.
		again, err := fetcher.parse(u.String())
		if err != nil && len(u.String()) <= maxAddress || err == nil && again.String() != u.String() {
			t.Errorf("%q became %q, then %v, %v", raw, u, again, err)
		}
	})
}
