package store

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"postern/mailproxy/mail"
)

func putBlob(t testing.TB, s *Store, account, group string, data []byte) string {
	t.Helper()
	w, err := s.BlobCreate(t.Context(), account, mail.BlobInfo{Group: group, Name: "name.txt", Type: "text/plain"})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	if _, err := io.Copy(struct{ io.Writer }{w}, bytes.NewReader(data)); err != nil {
		t.Fatal(err)
	}
	id, size, err := w.Commit()
	if err != nil || size != int64(len(data)) {
		t.Fatalf("Commit says %d octets, %v; want %d", size, err, len(data))
	}
	return id
}

func getBlob(t testing.TB, s *Store, account, id string) []byte {
	t.Helper()
	r, size, err := s.BlobOpen(t.Context(), account, id)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil || int64(len(b)) != size {
		t.Fatalf("%d octets of %d: %v", len(b), size, err)
	}
	return b
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{byte(n)}).Read(b)
	return b
}

func TestBlobRoundTrip(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store, c *clock) {
		for _, size := range []int{0, 1, chunkSize - 1, chunkSize, chunkSize + 1, 2 * chunkSize, 2*chunkSize + 17} {
			data := randomBytes(size)
			id := putBlob(t, s, "acct", "draft", data)
			if !bytes.Equal(getBlob(t, s, "acct", id), data) {
				t.Errorf("%d octets came back different", size)
			}
			r, _, err := s.BlobOpen(t.Context(), "acct", id)
			ok(t, err)
			if err := iotest.TestReader(r, data); err != nil {
				t.Errorf("%d octets: %v", size, err)
			}
			info, err := s.BlobInfo(t.Context(), "acct", id)
			ok(t, err)
			want := mail.BlobInfo{ID: id, Group: "draft", Name: "name.txt", Type: "text/plain", Size: int64(size), Created: info.Created}
			if info != want || !info.Created.Equal(c.now()) {
				t.Errorf("info is %+v", info)
			}
			// Nothing of it stands in the database in the clear.
			if size > 64 {
				var n int
				ok(t, s.row(t.Context(), `SELECT COUNT(*) FROM blob_chunks WHERE blob_id = ? AND data = ?`, id, data[:min(size, chunkSize)]).Scan(&n))
				if n != 0 {
					t.Error("a chunk is not sealed")
				}
			}
		}
		list, err := s.BlobList(t.Context(), "acct", "draft")
		ok(t, err)
		if len(list) != 7 {
			t.Errorf("%d blobs listed", len(list))
		}
		id := list[0].ID
		ok(t, s.BlobDelete(t.Context(), "acct", id))
		ok(t, s.BlobDelete(t.Context(), "acct", id))
		_, err = s.BlobInfo(t.Context(), "acct", id)
		wantKind(t, err, mail.NotFound)
		ok(t, s.BlobDeleteGroup(t.Context(), "acct", "draft"))
		var n int
		ok(t, s.row(t.Context(), `SELECT (SELECT COUNT(*) FROM blobs) + (SELECT COUNT(*) FROM blob_chunks)`).Scan(&n))
		if n != 0 {
			t.Errorf("%d rows left", n)
		}
	})
}

func TestBlobsBelongToAccounts(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store, _ *clock) {
		ctx := t.Context()
		id := putBlob(t, s, "mine", "g", []byte("private"))
		_, _, err := s.BlobOpen(ctx, "yours", id)
		wantKind(t, err, mail.NotFound)
		_, err = s.BlobInfo(ctx, "yours", id)
		wantKind(t, err, mail.NotFound)
		ok(t, s.BlobDelete(ctx, "yours", id))
		ok(t, s.BlobDeleteGroup(ctx, "yours", "g"))
		if list, err := s.BlobList(ctx, "yours", "g"); len(list) > 0 || err != nil {
			t.Error(list, err)
		}
		if string(getBlob(t, s, "mine", id)) != "private" {
			t.Error("lost")
		}
		// Even with write access to the database a row cannot be given to another account.
		ok(t, s.tx(ctx, "", func(tx *tx) error { return tx.exec(`UPDATE blobs SET account_id = 'yours' WHERE id = ?`, id) }))
		_, _, err = s.BlobOpen(ctx, "yours", id)
		wantKind(t, err, mail.Internal)
	})
}

func TestBlobIsInvisibleUntilCommit(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store, _ *clock) {
		ctx := t.Context()
		w, err := s.BlobCreate(ctx, "acct", mail.BlobInfo{Group: "g"})
		ok(t, err)
		_, err = w.Write(make([]byte, 3*chunkSize))
		ok(t, err)
		if list, _ := s.BlobList(ctx, "acct", "g"); len(list) > 0 {
			t.Error("half a blob is listed")
		}
		w.Abort()
		w.Abort()
		if _, err := w.Write([]byte("x")); err == nil {
			t.Error("Write after Abort")
		}
		if _, _, err := w.Commit(); err == nil {
			t.Error("Commit after Abort")
		}
		var n int
		ok(t, s.row(ctx, `SELECT (SELECT COUNT(*) FROM blobs) + (SELECT COUNT(*) FROM blob_chunks)`).Scan(&n))
		if n != 0 {
			t.Errorf("%d rows left", n)
		}
		// Abort after Commit leaves the blob.
		w, err = s.BlobCreate(ctx, "acct", mail.BlobInfo{Group: "g"})
		ok(t, err)
		id, _, err := w.Commit()
		ok(t, err)
		w.Abort()
		if len(getBlob(t, s, "acct", id)) != 0 {
			t.Error("not empty")
		}
	})
}

func TestBlobTampering(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store, _ *clock) {
		tests := []struct {
			name string
			do   string // with ? for the blob's id
		}{
			{"last chunk cut off", `DELETE FROM blob_chunks WHERE blob_id = ? AND n = 3`},
			{"middle chunk missing", `DELETE FROM blob_chunks WHERE blob_id = ? AND n = 1`},
			{"chunks swapped", `UPDATE blob_chunks SET n = CASE n WHEN 0 THEN 101 ELSE 100 END WHERE blob_id = ? AND n IN (0, 1)`},
			{"shorter size", `UPDATE blobs SET size = 2 * 262144 WHERE id = ?`},
			{"size of one less", `UPDATE blobs SET size = size - 1 WHERE id = ?`},
			{"longer size", `UPDATE blobs SET size = size + 262144 WHERE id = ?`},
			{"negative size", `UPDATE blobs SET size = -5 WHERE id = ?`},
			{"damaged", `UPDATE blob_chunks SET data = (SELECT c.data FROM blob_chunks c WHERE c.blob_id = blob_chunks.blob_id AND c.n = 0) WHERE blob_id = ? AND n = 2`},
		}
		for _, tt := range tests {
			id := putBlob(t, s, "acct", "g", randomBytes(3*chunkSize+100))
			ok(t, s.tx(t.Context(), "", func(tx *tx) error {
				if err := tx.exec(tt.do, id); err != nil {
					return err
				}
				return tx.exec(`UPDATE blob_chunks SET n = n - 100 WHERE n >= 100`)
			}))
			r, _, err := s.BlobOpen(t.Context(), "acct", id)
			if err == nil {
				_, err = io.Copy(io.Discard, r)
			}
			if !errors.Is(err, errBlob) {
				t.Errorf("%s: error %v", tt.name, err)
			}
		}
	})
}

func TestBlobQuota(t *testing.T) {
	t.Parallel()
	s := open(t, Options{Dir: t.TempDir(), BlobQuota: 2 << 20})
	putBlob(t, s, "acct", "g", make([]byte, 1<<20))
	w, err := s.BlobCreate(t.Context(), "acct", mail.BlobInfo{})
	ok(t, err)
	_, err = io.Copy(w, bytes.NewReader(make([]byte, 3<<20)))
	wantKind(t, err, mail.TooLarge)
	if mail.MsgOf(err) == "" {
		t.Error("nothing is said")
	}
	putBlob(t, s, "acct", "g", make([]byte, 1<<20)) // what was refused takes no room
	putBlob(t, s, "other", "g", make([]byte, 2<<20))
}

// Several uploads at once, and others still get to write in between.
func TestBlobsInParallel(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store, c *clock) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		var wg sync.WaitGroup
		for i := range 6 {
			wg.Go(func() {
				data := randomBytes(5*chunkSize + i)
				id := putBlob(t, s, "acct", "g", data)
				if !bytes.Equal(getBlob(t, s, "acct", id), data) {
					t.Error("mixed up")
				}
			})
			wg.Go(func() {
				for range 10 {
					if err := s.SessionSave(ctx, "s", []byte("x"), SessionMeta{Expires: c.now().Add(time.Hour)}); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
	})
}

func BenchmarkBlob25MB(b *testing.B) {
	s := open(b, Options{Dir: b.TempDir(), BlobQuota: 1 << 40})
	data := randomBytes(25 << 20)
	var id string
	b.Run("write", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		b.ReportAllocs()
		for b.Loop() {
			if id != "" {
				b.StopTimer()
				s.BlobDelete(b.Context(), "acct", id)
				b.StartTimer()
			}
			id = putBlob(b, s, "acct", "g", data)
		}
	})
	b.Run("read", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		b.ReportAllocs()
		for b.Loop() {
			r, _, err := s.BlobOpen(b.Context(), "acct", id)
			if err != nil {
				b.Fatal(err)
			}
			if n, err := io.Copy(io.Discard, r); n != int64(len(data)) || err != nil {
				b.Fatal(n, err)
			}
			r.Close()
		}
	})
}

func FuzzOpenChunk(f *testing.F) {
	aead, err := newAEAD(testKey)
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte("x"), int64(0), true)
	f.Add(sealChunk(nil, aead, 1, true, []byte("x")), int64(1), true)
	f.Add(sealChunk(nil, aead, 1, true, []byte("x")), int64(1), false)
	f.Fuzz(func(t *testing.T, sealed []byte, n int64, last bool) {
		plain, err := openChunk(nil, aead, n, last, sealed)
		if err == nil && !bytes.Equal(sealChunk(nil, aead, n, last, plain), sealed) {
			t.Error("opened what was not sealed so")
		}
	})
}
