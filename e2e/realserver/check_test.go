package realserver

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"postern/e2e/harness"
)

// otherCA is an authority that signed nothing here.
func otherCA(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Another authority"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "other.pem")
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestCheck(t *testing.T) {
	t.Parallel()
	s := server(t)
	without := func(flags []string, name string) (out []string) {
		for i := 0; i < len(flags); i += 2 {
			if flags[i] != name {
				out = append(out, flags[i], flags[i+1])
			}
		}
		return out
	}
	wrongPin := strings.Repeat("ab", 32)
	tests := []struct {
		name     string
		args     []string
		password string
		code     int
		want     []string
	}{
		{"STARTTLS", append(s.Flags(), "--user", "u7"), "pw-u7", 0, []string{"ok   MOVE", "ok   UIDPLUS", "ok   SPECIAL-USE", "size limit", "can work with this server", "told by the server", s.Pin(t)}},
		{"TLS, whole address", append(s.TLSFlags(), "--user", "u7@lab.test"), "pw-u7", 0, []string{"can work with this server"}},
		{"nobody", s.Flags(), "", 0, []string{"ok "}},
		{"wrong password", append(s.Flags(), "--user", "u7"), "wrong", 1, []string{"FAIL", "cannot work"}},
		{"another authority", append(without(s.Flags(), "--ca-file"), "--ca-file", otherCA(t), "--user", "u7"), "pw-u7", 1, []string{"FAIL"}},
		{"pinned", append(without(s.TLSFlags(), "--ca-file"), "--pin-imap", s.Pin(t), "--pin-smtp", s.Pin(t), "--user", "u7"), "pw-u7", 0, []string{"can work with this server"}},
		{"pinned to another", append(s.Flags(), "--pin-imap", wrongPin, "--user", "u7"), "pw-u7", 1, []string{"FAIL"}},
		{"no server", []string{"--imap", "imaps://localhost:1", "--smtp", "smtps://localhost:1", "--timeout", "5s"}, "", 1, []string{"FAIL"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			out, errs, code := harness.Run(t, "", []string{"POSTERN_CHECK_PASSWORD=" + tt.password}, append([]string{"check"}, tt.args...)...)
			if code != tt.code {
				t.Errorf("exit code %d, want %d\n%s%s", code, tt.code, out, errs)
			}
			for _, w := range tt.want {
				if !strings.Contains(out, w) {
					t.Errorf("it does not say %q:\n%s%s", w, out, errs)
				}
			}
			if tt.password != "" && strings.Contains(out+errs, tt.password) {
				t.Errorf("it prints the password:\n%s%s", out, errs)
			}
		})
	}
	if out, _, code := harness.Run(t, "", nil, "version"); code != 0 || !strings.HasPrefix(out, "postern ") {
		t.Errorf("version: %d %q", code, out)
	}
}

// TestSettings has wrong settings stop the start with a sentence that names them.
func TestSettings(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		args []string
		want string
	}{
		{"no server", []string{"serve"}, "imap"},
		{"not a URL", []string{"serve", "--imap", "mail.example.org", "--smtp", "smtps://mail.example.org"}, "imap"},
		{"a password in it", []string{"serve", "--imap", "imaps://me:secret@mail.example.org", "--smtp", "smtps://mail.example.org"}, "imap"},
		{"no such authority", []string{"serve", "--imap", "imaps://mail.example.org", "--smtp", "smtps://mail.example.org", "--ca-file", "/nonexistent/ca.pem"}, "ca-file"},
		{"size", []string{"serve", "--imap", "imaps://mail.example.org", "--smtp", "smtps://mail.example.org", "--max-message-size", "many"}, "max-message-size"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, errs, code := harness.Run(t, "", nil, append(tt.args, "--data", t.TempDir(), "--listen", "127.0.0.1:0")...)
			if code == 0 || !strings.Contains(errs, tt.want) || strings.Contains(errs, "goroutine") || strings.Contains(errs, "secret") {
				t.Errorf("code %d, says %q, want it to name %s", code, errs, tt.want)
			}
		})
	}
}
