package store

import (
	"crypto/cipher"
	"encoding/binary"
	"errors"
)

// A blob is sealed in chunks under a random key of its own, in the manner of
// STREAM (Hoang, Reyhanitabar, Rogaway, Vizár, CRYPTO 2015): the nonce holds the
// chunk's number and whether it is the last, so chunks that were swapped, left
// out, repeated or cut off do not open. Every chunk but the last is full; the
// last may be empty only when the blob is.
const chunkSize = 256 << 10 // octets before sealing

const maxChunks = 1 << 31

var errBlob = errors.New("the file is damaged")

// streamNonce is 7 zero octets, the number, and 1 for the last chunk. The key is
// used for one blob only, so no nonce repeats.
func streamNonce(n int64, last bool) []byte {
	nonce := make([]byte, nonceLen)
	binary.BigEndian.PutUint32(nonce[7:11], uint32(n))
	if last {
		nonce[11] = 1
	}
	return nonce
}

func sealChunk(dst []byte, aead cipher.AEAD, n int64, last bool, plain []byte) []byte {
	return aead.Seal(dst, streamNonce(n, last), plain, nil)
}

// openChunk opens a chunk and appends it to dst.
func openChunk(dst []byte, aead cipher.AEAD, n int64, last bool, sealed []byte) ([]byte, error) {
	if len(sealed) > chunkSize+aead.Overhead() {
		return nil, errBlob
	}
	plain, err := aead.Open(dst, streamNonce(n, last), sealed, nil)
	if err != nil || !last && len(plain) != chunkSize || last && n > 0 && len(plain) == 0 {
		return nil, errBlob
	}
	return plain, nil
}

// chunksOf is how many chunks a blob of size octets has.
func chunksOf(size int64) int64 { return max(1, (size+chunkSize-1)/chunkSize) }
