package mailserver

import (
	"context"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"

	"postern/mailproxy/demoserver"
)

// now is when the seeded mail was read last: the same mail in every run.
var now = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// Seed fills the mailboxes of a user with believable mail, n messages in all, or
// with n plain ones in the inbox. It writes the Maildir, before the user signs in
// for the first time.
func (s *Server) Seed(tb testing.TB, name string, n int, believable bool) {
	tb.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	src, err := demoserver.Start(ctx, demoserver.Options{Seed: believable, Messages: n, Now: func() time.Time { return now }})
	if err != nil {
		tb.Fatal(err)
	}
	defer src.Close()
	account := src.Accounts()[0].Address
	home := filepath.Join(s.Dir, "mail", name)
	for _, box := range []string{"INBOX", "Sent", "Archive"} {
		dir := filepath.Join(home, "Maildir")
		if box != "INBOX" {
			dir = filepath.Join(dir, "."+box)
		}
		for _, d := range []string{"cur", "new", "tmp"} {
			if err := os.MkdirAll(filepath.Join(dir, d), 0o700); err != nil {
				tb.Fatal(err)
			}
		}
		for i, m := range src.Mailbox(account, box) {
			if err := writeMessage(filepath.Join(dir, "cur"), i, m); err != nil {
				tb.Fatal(err)
			}
		}
	}
	owner, err := user.Lookup("mail")
	if err != nil {
		tb.Fatal(err)
	}
	uid, _ := strconv.Atoi(owner.Uid)
	gid, _ := strconv.Atoi(owner.Gid)
	err = filepath.WalkDir(home, func(p string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(p, uid, gid)
	})
	if err != nil {
		tb.Fatal(err)
	}
}

// writeMessage puts a message into a Maildir, with its size in the name so that
// Dovecot need not read it.
func writeMessage(dir string, i int, m demoserver.Message) error {
	var flags []byte
	for flag, letter := range map[imap.Flag]byte{imap.FlagDraft: 'D', imap.FlagFlagged: 'F', imap.FlagAnswered: 'R', imap.FlagSeen: 'S'} {
		if slices.Contains(m.Flags, flag) {
			flags = append(flags, letter)
		}
	}
	slices.Sort(flags)
	raw := strings.ReplaceAll(string(m.Raw), "\r\n", "\n")
	name := fmt.Sprintf("%d.M%06dP1.lab,S=%d,W=%d:2,%s", m.Date.Unix(), i, len(raw), len(raw)+strings.Count(raw, "\n"), flags)
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(raw), 0o600); err != nil {
		return err
	}
	return os.Chtimes(path, m.Date, m.Date)
}
