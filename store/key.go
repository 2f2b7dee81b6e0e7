package store

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

const keyFile = "key"

// ParseKey reads a key of 64 hex digits, white space around it ignored.
func ParseKey(s string) (key [32]byte, err error) {
	s = strings.TrimSpace(s)
	if len(s) != 2*len(key) {
		return key, fmt.Errorf("an operator's key is %d hex digits, this has %d characters", 2*len(key), len(s))
	}
	if _, err := hex.Decode(key[:], []byte(s)); err != nil {
		return [32]byte{}, errors.New("an operator's key is 64 hex digits, this holds other characters")
	}
	if key == [32]byte{} {
		return key, errors.New("an operator's key of nothing but zeros protects nothing")
	}
	return key, nil
}

// LoadOrCreateKey reads the operator's key from the file "key" in dir (64 hex
// digits, mode 0600), making both on the first start. A key that others can read
// is an error, and so is one that is not whole: it is never replaced.
func LoadOrCreateKey(dir string) ([32]byte, error) {
	file := filepath.Join(dir, keyFile)
	key, err := readKey(file)
	if !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	if err := privateDir(dir); err != nil {
		return key, err
	}
	rand.Read(key[:])
	// Two that start together must not end with different keys: the file
	// appears whole or not at all, and the first one counts.
	tmp, err := os.CreateTemp(dir, ".key-*")
	if err != nil {
		return key, fmt.Errorf("the operator's key cannot be written to %s: %w", dir, cause(err))
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.WriteString(hex.EncodeToString(key[:]) + "\n")
	if err == nil {
		err = tmp.Sync()
	}
	if e := tmp.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Link(tmp.Name(), file)
	}
	if errors.Is(err, fs.ErrExist) {
		return readKey(file)
	}
	if err != nil { // a file system without hard links
		if err = os.Rename(tmp.Name(), file); err != nil {
			return [32]byte{}, fmt.Errorf("the operator's key cannot be written to %s: %w", file, cause(err))
		}
	}
	if d, err := os.Open(dir); err == nil {
		d.Sync() // the name too is on disk before anything is sealed
		d.Close()
	}
	return key, nil
}

func readKey(file string) (key [32]byte, err error) {
	f, err := os.Open(file)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return key, err
		}
		return key, fmt.Errorf("the operator's key %s cannot be read: %w", file, cause(err))
	}
	defer f.Close()
	if fi, err := f.Stat(); err == nil && fi.Mode().IsRegular() && fi.Mode().Perm()&0o077 != 0 {
		return key, fmt.Errorf("the operator's key %s can be read by others (mode %04o): make it 0600", file, fi.Mode().Perm())
	}
	text, err := io.ReadAll(io.LimitReader(f, 1024))
	if err != nil {
		return key, fmt.Errorf("the operator's key %s cannot be read: %w", file, cause(err))
	}
	if key, err = ParseKey(string(text)); err != nil {
		return key, fmt.Errorf("%s: %w", file, err)
	}
	return key, nil
}
