package store

import (
	"bytes"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func TestSeal(t *testing.T) {
	t.Parallel()
	other := [32]byte{4}
	for _, plain := range []string{"", "secret", strings.Repeat("long ", 10_000)} {
		sealed, err := Seal(testKey, "a", []byte(plain))
		ok(t, err)
		if len(sealed) != len(plain)+29 {
			t.Errorf("%d octets for %d", len(sealed), len(plain))
		}
		got, err := Unseal(testKey, "a", sealed)
		if err != nil || string(got) != plain {
			t.Errorf("%q, %v", got, err)
		}
		again, _ := Seal(testKey, "a", []byte(plain))
		if bytes.Equal(sealed, again) {
			t.Error("the same twice")
		}
		if _, err := Unseal(testKey, "b", sealed); err == nil {
			t.Error("opened for another use")
		}
		if _, err := Unseal(other, "a", sealed); err == nil {
			t.Error("opened with another key")
		}
		for _, i := range []int{0, 1, len(sealed) - 1} {
			bad := bytes.Clone(sealed)
			bad[i] ^= 1
			if _, err := Unseal(testKey, "a", bad); err == nil {
				t.Errorf("opened with octet %d changed", i)
			}
		}
	}
	if Subkey(testKey, "a") == Subkey(testKey, "b") || Subkey(testKey, "a") == testKey {
		t.Error("subkeys are not separate")
	}
}

func FuzzUnseal(f *testing.F) {
	good, _ := Seal(testKey, "x", []byte("value"))
	f.Add(good)
	f.Add([]byte{})
	f.Add([]byte{1})
	f.Fuzz(func(t *testing.T, sealed []byte) {
		plain, err := Unseal(testKey, "x", sealed)
		if err == nil && string(plain) != "value" {
			t.Error("forged")
		}
	})
}

func FuzzUnpack(f *testing.F) {
	good, _ := pack(undoEntry{Label: "x"}, 1<<20)
	f.Add(good)
	f.Add([]byte("not deflate"))
	f.Fuzz(func(t *testing.T, packed []byte) {
		var e undoEntry
		unpack(packed, &e, 1<<20)
	})
}

func TestLoadOrCreateKey(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	var wg sync.WaitGroup
	keys := make([][32]byte, 8)
	for i := range keys {
		wg.Go(func() {
			var err error
			if keys[i], err = LoadOrCreateKey(dir); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, k := range keys {
		if k != keys[0] || k == [32]byte{} {
			t.Fatal("starting together gave different keys")
		}
	}
	file := filepath.Join(dir, "key")
	fi, err := os.Stat(file)
	ok(t, err)
	if fi.Mode().Perm() != 0o600 {
		t.Errorf("mode %o", fi.Mode().Perm())
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("left behind: %v", entries)
	}
	ok(t, os.Chmod(file, 0o644))
	if _, err := LoadOrCreateKey(dir); err == nil || !strings.Contains(err.Error(), "0600") {
		t.Errorf("error %v", err)
	}
	ok(t, os.Chmod(file, 0o600))
	ok(t, os.WriteFile(file, []byte("abc"), 0o600))
	if _, err := LoadOrCreateKey(dir); err == nil || !strings.Contains(err.Error(), "64 hex digits") {
		t.Errorf("error %v", err)
	}
}

func TestParseKey(t *testing.T) {
	t.Parallel()
	good := hex.EncodeToString(bytes.Repeat([]byte{0xab}, 32))
	for _, tt := range []struct {
		in string
		ok bool
	}{
		{good, true}, {" " + strings.ToUpper(good) + "\r\n", true}, {good[1:], false}, {good + "00", false},
		{strings.Repeat("g", 64), false}, {strings.Repeat("0", 64), false}, {"", false},
	} {
		if _, err := ParseKey(tt.in); (err == nil) != tt.ok {
			t.Errorf("ParseKey(%q): %v", tt.in, err)
		}
	}
}
