package store

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"sync"
)

const (
	sealVersion = 1  // first octet of everything sealed: AES-256-GCM, random nonce
	nonceLen    = 12 // octets (NIST SP 800-38D section 8.2)
	sealOver    = 1 + nonceLen + 16
)

var errSeal = errors.New("sealed value is damaged, of another use or under another key")

// Subkey derives a key for one use from key (HKDF with SHA-256, RFC 5869).
func Subkey(key [32]byte, use string) [32]byte {
	out, err := hkdf.Key(sha256.New, key[:], nil, "postern/1 "+use, 32)
	if err != nil {
		panic(err) // only for lengths that are constants here
	}
	return [32]byte(out)
}

// Seal encrypts plain under key (AES-256-GCM). context says what the value is
// for and is bound to it: Unseal fails under any other. The result is 29 octets
// longer. One key may seal 2^32 values.
func Seal(key [32]byte, context string, plain []byte) ([]byte, error) {
	aead, err := newAEAD(key)
	if err != nil {
		return nil, err
	}
	out := make([]byte, 1+nonceLen, sealOver+len(plain))
	out[0] = sealVersion
	rand.Read(out[1:])
	return aead.Seal(out, out[1:1+nonceLen], plain, sealedFor(context)), nil
}

// Unseal opens what Seal made. The error says nothing about the value.
func Unseal(key [32]byte, context string, sealed []byte) ([]byte, error) {
	if len(sealed) < sealOver || sealed[0] != sealVersion {
		return nil, errSeal
	}
	aead, err := newAEAD(key)
	if err != nil {
		return nil, err
	}
	plain, err := aead.Open(nil, sealed[1:1+nonceLen], sealed[1+nonceLen:], sealedFor(context))
	if err != nil {
		return nil, errSeal
	}
	return plain, nil
}

func sealedFor(context string) []byte { return append([]byte{sealVersion}, context...) }

func newAEAD(key [32]byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// keyring is the operator's keys, the one that seals first, with the subkeys of
// each use.
type keyring struct {
	keys [][32]byte

	mu  *sync.Mutex
	sub map[string][][32]byte
}

func newKeyring(key [32]byte, old [][32]byte) keyring {
	return keyring{keys: append([][32]byte{key}, old...), mu: new(sync.Mutex), sub: map[string][][32]byte{}}
}

// subkeys are the keys of one use, current first. Uses are constants of this package.
func (k keyring) subkeys(use string) [][32]byte {
	k.mu.Lock()
	defer k.mu.Unlock()
	keys := k.sub[use]
	if keys == nil {
		for _, key := range k.keys {
			keys = append(keys, Subkey(key, use))
		}
		k.sub[use] = keys
	}
	return keys
}

func (k keyring) seal(use, context string, plain []byte) ([]byte, error) {
	return Seal(k.subkeys(use)[0], context, plain)
}

// unseal tries every key, so that what was sealed before a change of keys can
// still be read; whatever is saved again is sealed under the current one.
func (k keyring) unseal(use, context string, sealed []byte) ([]byte, error) {
	for _, key := range k.subkeys(use) {
		if plain, err := Unseal(key, context, sealed); err == nil {
			return plain, nil
		}
	}
	return nil, errSeal
}
