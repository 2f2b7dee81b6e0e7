package store

import (
	"cmp"
	"context"
	"crypto/cipher"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"postern/mailproxy/mail"
)

const maxBlobList = 1000

var errBlobDone = errors.New("the blob is finished or given up")

// BlobCreate begins a blob with b's Group, Name and Type; the rest is ignored.
// ctx covers all writing. Every chunk of 256 KiB is a transaction of its own, so
// a slow upload holds nothing. TooLarge names the account's quota. Use Commit or
// Abort; a blob that gets neither is pruned an hour after its last write.
func (s *Store) BlobCreate(ctx context.Context, accountID string, b mail.BlobInfo) (mail.BlobWriter, error) {
	if !validKey(accountID) {
		return nil, failed("make a blob", fmt.Errorf("account id %q", accountID))
	}
	var key [32]byte
	rand.Read(key[:])
	aead, err := newAEAD(key)
	if err != nil {
		return nil, failed("make a blob", err)
	}
	w := &blobWriter{ctx: ctx, s: s, account: accountID, id: rand.Text(), aead: aead}
	sealed, err := s.keys.seal("blob", blobContext(accountID, w.id), key[:])
	if err != nil {
		return nil, failed("make a blob", err)
	}
	now := s.millis()
	err = s.tx(ctx, "make a blob", func(tx *tx) error {
		return tx.exec(`INSERT INTO blobs (id, account_id, grp, name, type, size, created, touched, whole, sealed_key) VALUES (?, ?, ?, ?, ?, 0, ?, ?, 0, ?)`,
			w.id, accountID, cleanLine(b.Group, 200), cleanLine(b.Name, 255), cleanLine(b.Type, 127), now, now, sealed)
	})
	if err != nil {
		return nil, err
	}
	return w, nil
}

func blobContext(account, id string) string { return "blob\x00" + account + "\x00" + id }

// buffers are chunk buffers with room for the tag.
var buffers = sync.Pool{New: func() any { b := make([]byte, 0, chunkSize+16); return &b }}

type blobWriter struct {
	ctx     context.Context
	s       *Store
	account string
	id      string
	aead    cipher.AEAD

	buf  *[]byte // what is not written yet, at most a chunk
	n    int64   // chunks written
	size int64   // octets taken
	err  error   // set for good
}

// Write implements io.Writer. A full chunk waits until more comes, since the
// last one is marked.
func (w *blobWriter) Write(p []byte) (int, error) {
	if w.err != nil {
		return 0, w.err
	}
	if w.buf == nil {
		w.buf = buffers.Get().(*[]byte)
		*w.buf = (*w.buf)[:0]
	}
	done := 0
	for len(p) > 0 {
		if len(*w.buf) == chunkSize {
			if err := w.flush(false); err != nil {
				return done, err
			}
		}
		k := min(len(p), chunkSize-len(*w.buf))
		*w.buf = append(*w.buf, p[:k]...)
		p = p[k:]
		done += k
		w.size += int64(k)
	}
	return done, nil
}

// flush stores what is in the buffer as the next chunk, and with last ends the blob.
func (w *blobWriter) flush(last bool) error {
	if w.n >= maxChunks {
		return w.fail(mail.Errorf(mail.TooLarge, "The file is too large."))
	}
	var plain []byte
	if w.buf != nil {
		plain = *w.buf
	}
	out := buffers.Get().(*[]byte)
	defer buffers.Put(out)
	*out = sealChunk((*out)[:0], w.aead, w.n, last, plain)
	now, whole := w.s.millis(), int64(0)
	if last {
		whole = 1
	}
	err := w.s.tx(w.ctx, "write a blob", func(tx *tx) error {
		n, err := tx.affected(`UPDATE blobs SET size = size + ?, touched = ?, whole = ? WHERE id = ? AND account_id = ? AND whole = 0`,
			int64(len(plain)), now, whole, w.id, w.account)
		if err != nil {
			return err
		}
		if n == 0 {
			return notFound("upload")
		}
		var sum int64
		if err := tx.row(`SELECT CAST(SUM(size) AS BIGINT) FROM blobs WHERE account_id = ?`, w.account).Scan(&sum); err != nil {
			return err
		}
		if sum > w.s.quota {
			return mail.Errorf(mail.TooLarge, "Files waiting to be sent may take %d MB together, and this one is over that.", w.s.quota>>20)
		}
		return tx.exec(`INSERT INTO blob_chunks (blob_id, n, data) VALUES (?, ?, ?)`, w.id, w.n, *out)
	})
	if err != nil {
		return w.fail(err)
	}
	w.n++
	if w.buf != nil {
		*w.buf = (*w.buf)[:0]
	}
	return nil
}

func (w *blobWriter) fail(err error) error {
	w.release(err)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(w.ctx), 10*time.Second)
	defer cancel()
	w.s.BlobDelete(ctx, w.account, w.id) // else Prune does it
	return err
}

func (w *blobWriter) release(err error) {
	w.err = err
	if w.buf != nil {
		buffers.Put(w.buf)
		w.buf = nil
	}
}

// Commit implements mail.BlobWriter.
func (w *blobWriter) Commit() (string, int64, error) {
	if w.err != nil {
		return "", 0, w.err
	}
	if err := w.flush(true); err != nil {
		return "", 0, err
	}
	w.release(errBlobDone)
	return w.id, w.size, nil
}

// Abort implements mail.BlobWriter.
func (w *blobWriter) Abort() {
	if w.err == nil {
		w.fail(errBlobDone)
	}
}

// BlobOpen reads a blob and says how many octets it has. No connection is held
// between reads. A blob that was tampered with, cut or deleted meanwhile fails
// while it is read: the reader's user must not believe it before io.EOF.
func (s *Store) BlobOpen(ctx context.Context, accountID, id string) (io.ReadCloser, int64, error) {
	r := &blobReader{ctx: ctx, s: s, id: cleanLine(id, 64)}
	var sealed []byte
	err := s.row(ctx, `SELECT size, sealed_key FROM blobs WHERE id = ? AND account_id = ? AND whole = 1`, r.id, accountID).Scan(&r.size, &sealed)
	if noRows(err) {
		return nil, 0, notFound("file")
	}
	if err != nil {
		return nil, 0, failed("open a blob", err)
	}
	key, err := s.keys.unseal("blob", blobContext(accountID, r.id), sealed)
	if err != nil {
		return nil, 0, failed("open a blob", err)
	}
	if len(key) != 32 {
		return nil, 0, failed("open a blob", errBlob)
	}
	if r.aead, err = newAEAD([32]byte(key)); err != nil {
		return nil, 0, failed("open a blob", err)
	}
	r.chunks = chunksOf(r.size)
	return r, r.size, nil
}

type blobReader struct {
	ctx    context.Context
	s      *Store
	id     string
	aead   cipher.AEAD
	size   int64
	chunks int64

	n    int64   // next chunk
	read int64   // octets opened
	buf  *[]byte // the chunk before
	rest []byte  // of it, what is not read yet
	err  error
}

// Read implements io.Reader.
func (r *blobReader) Read(p []byte) (int, error) {
	for len(r.rest) == 0 {
		if r.err == nil {
			r.err = r.next()
		}
		if r.err != nil {
			return 0, r.err
		}
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

func (r *blobReader) next() error {
	if r.n == r.chunks {
		if r.read != r.size {
			return failed("read a blob", errBlob)
		}
		return io.EOF
	}
	rows, err := r.s.rows(r.ctx, `SELECT data FROM blob_chunks WHERE blob_id = ? AND n = ?`, r.id, r.n)
	if err != nil {
		return failed("read a blob", err)
	}
	defer rows.Close()
	if !rows.Next() {
		return failed("read a blob", cmp.Or(rows.Err(), errBlob))
	}
	var sealed sql.RawBytes // the driver's own, good until rows is closed
	if err := rows.Scan(&sealed); err != nil {
		return failed("read a blob", err)
	}
	if r.buf == nil {
		r.buf = buffers.Get().(*[]byte)
	}
	plain, err := openChunk((*r.buf)[:0], r.aead, r.n, r.n == r.chunks-1, sealed)
	if err != nil {
		return failed("read a blob", err)
	}
	r.n++
	r.read += int64(len(plain))
	r.rest = plain
	return nil
}

// Close implements io.Closer.
func (r *blobReader) Close() error {
	r.rest, r.err = nil, errBlobDone
	if r.buf != nil {
		buffers.Put(r.buf)
		r.buf = nil
	}
	return nil
}

const blobColumns = `id, grp, name, type, size, created`

func scanBlob(scan func(...any) error) (b mail.BlobInfo, err error) {
	var created int64
	err = scan(&b.ID, &b.Group, &b.Name, &b.Type, &b.Size, &created)
	b.Created = fromMillis(created)
	return b, err
}

// BlobInfo describes a blob without reading it.
func (s *Store) BlobInfo(ctx context.Context, accountID, id string) (mail.BlobInfo, error) {
	b, err := scanBlob(s.row(ctx, `SELECT `+blobColumns+` FROM blobs WHERE id = ? AND account_id = ? AND whole = 1`, cleanLine(id, 64), accountID).Scan)
	if noRows(err) {
		return b, notFound("file")
	}
	return b, failed("look at a blob", err)
}

// BlobList lists a group, oldest first, at most 1,000.
func (s *Store) BlobList(ctx context.Context, accountID, group string) ([]mail.BlobInfo, error) {
	var list []mail.BlobInfo
	err := s.each(ctx, "list blobs", `SELECT `+blobColumns+` FROM blobs WHERE account_id = ? AND grp = ? AND whole = 1 ORDER BY created, id LIMIT ?`,
		[]any{accountID, cleanLine(group, 200), maxBlobList},
		func(rows *sql.Rows) error {
			b, err := scanBlob(rows.Scan)
			list = append(list, b)
			return err
		})
	return list, err
}

// BlobDelete forgets a blob. An unknown one is no error.
func (s *Store) BlobDelete(ctx context.Context, accountID, id string) error {
	return s.deleteBlob(ctx, `id = ? AND account_id = ?`, cleanLine(id, 64), accountID)
}

// BlobDeleteGroup forgets all blobs of a group, those being written too.
func (s *Store) BlobDeleteGroup(ctx context.Context, accountID, group string) error {
	return s.deleteBlobs(ctx, `account_id = ? AND grp = ?`, accountID, cleanLine(group, 200))
}

// deleteBlobs deletes those that where names, each in a transaction of its own.
func (s *Store) deleteBlobs(ctx context.Context, where string, args ...any) error {
	for {
		var ids []string
		err := s.each(ctx, "delete blobs", `SELECT id FROM blobs WHERE `+where+` LIMIT 100`, args, func(rows *sql.Rows) error {
			var id string
			err := rows.Scan(&id)
			ids = append(ids, id)
			return err
		})
		if err != nil || len(ids) == 0 {
			return err
		}
		for _, id := range ids {
			if err := s.deleteBlob(ctx, `id = ?`, id); err != nil {
				return err
			}
		}
	}
}

func (s *Store) deleteBlob(ctx context.Context, where string, args ...any) error {
	return s.tx(ctx, "delete a blob", func(tx *tx) error {
		if err := tx.exec(`DELETE FROM blob_chunks WHERE blob_id IN (SELECT id FROM blobs WHERE `+where+`)`, args...); err != nil {
			return err
		}
		return tx.exec(`DELETE FROM blobs WHERE `+where, args...)
	})
}
