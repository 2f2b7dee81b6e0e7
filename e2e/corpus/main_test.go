// Package corpus opens the shared test mails in the whole program: nothing may
// break it, be executed by it or get through it.
package corpus

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"postern/e2e/harness"
	"postern/mailproxy/demoserver"
	"postern/mailproxy/mail"
)

func TestMain(m *testing.M) { harness.Main(m) }

const mira, jonas, password = "mira@postern.test", "jonas@postern.test", "demo"

// slow is how many times longer than on an idle machine things may take here
// (POSTERN_TEST_SLOW).
func slow() time.Duration {
	n, err := strconv.Atoi(os.Getenv("POSTERN_TEST_SLOW"))
	if err != nil {
		n = 1
	}
	return time.Duration(max(n, 1))
}

// file is a test mail.
type file struct {
	name string // below the corpus, with slashes
	raw  []byte
	ref  mail.MessageRef
}

// load reads all mails below the folders.
func load(t testing.TB, folders ...string) (files []*file) {
	t.Helper()
	dir := harness.Corpus(t)
	for _, folder := range folders {
		err := filepath.WalkDir(filepath.Join(dir, filepath.FromSlash(folder)), func(p string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(p, ".eml") {
				return err
			}
			raw, err := os.ReadFile(p)
			if err != nil {
				return err
			}
			name, err := filepath.Rel(dir, p)
			files = append(files, &file{name: filepath.ToSlash(name), raw: raw})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	slices.SortFunc(files, func(a, b *file) int { return strings.Compare(a.name, b.name) })
	return files
}

// mailbox puts files into a mailbox of a fresh server and names their references.
func mailbox(t testing.TB, name string, files []*file) *harness.Embedded {
	t.Helper()
	e := harness.Serve(t, demoserver.Options{})
	if err := e.Mail.CreateMailbox(mira, name); err != nil {
		t.Fatal(err)
	}
	date := time.Now().Add(-time.Duration(len(files)+1) * time.Minute)
	for i, f := range files {
		uid, err := e.Mail.Append(mira, name, f.raw, date.Add(time.Duration(i)*time.Minute))
		if err != nil {
			t.Fatalf("%s: %v", f.name, err)
		}
		f.ref = mail.MessageRef{Mailbox: name, UID: uint32(uid)}
	}
	// UIDVALIDITY is in the reference of any row.
	_, page := e.SignIn(t, mira, password)
	rows := page.Get(t, "/mail/"+name).Want(t, 200).Rows(t)
	if len(rows) == 0 {
		t.Fatal("the list is empty")
	}
	id := strings.TrimPrefix(rows[0].Link, "/message/")
	if i := strings.IndexAny(id, "?/"); i >= 0 {
		id = id[:i]
	}
	ref, err := mail.ParseRef(id)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		f.ref.UIDValidity = ref.UIDValidity
	}
	return e
}

// each gives every file to f, with a few people at it at a time.
func each(t *testing.T, e *harness.Embedded, files []*file, f func(t *testing.T, b *harness.Browser, f *file)) {
	t.Helper()
	work := make(chan *file)
	var wg sync.WaitGroup
	for range 3 {
		b, _ := e.SignIn(t, mira, password)
		wg.Add(1)
		go func() {
			defer wg.Done()
			for file := range work {
				t.Run(file.name, func(t *testing.T) { f(t, b, file) })
			}
		}()
	}
	for _, file := range files {
		work <- file
	}
	close(work)
	wg.Wait()
}

func readJSON[T any](t testing.TB, name string) (v T) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(harness.Corpus(t), filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	return v
}
