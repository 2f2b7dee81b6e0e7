package store

import (
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"postern/mailproxy/mail"
)

func TestSettings(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store, _ *clock) {
		ctx := t.Context()
		got, err := s.Settings(ctx, "acct")
		ok(t, err)
		if !reflect.DeepEqual(got, Settings{}) {
			t.Errorf("defaults are %+v", got)
		}
		want := Settings{
			Theme: "dark", Density: "compact", TimeZone: "Africa/Accra", Locale: "en-GH", PageSize: 100, ReplyAll: true, Compose: "rich",
			ImagesFrom: []string{"news@example.org"}, Roles: map[string]mail.Role{"Gesendet ✓": mail.RoleSent},
		}
		ok(t, s.SaveSettings(ctx, "acct", func(v *Settings) { *v = want }))
		got, err = s.Settings(ctx, "acct")
		ok(t, err)
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v", got)
		}
		roles, err := s.Roles(ctx, "acct")
		if err != nil || roles["Gesendet ✓"] != mail.RoleSent {
			t.Error(roles, err)
		}
		if other, err := s.Settings(ctx, "other"); err != nil || other.Theme != "" {
			t.Error(other, err)
		}
		// A later Postern's fields survive; a field set back to its default goes.
		ok(t, s.tx(ctx, "", func(tx *tx) error {
			return tx.exec(`UPDATE settings SET version = 9, doc = '{"theme":"dark","later":{"x":[1,2]}}' WHERE account_id = 'acct'`)
		}))
		ok(t, s.SaveSettings(ctx, "acct", func(v *Settings) { v.Theme = ""; v.PageSize = 25; v.ImagesFrom = []string{} }))
		var doc string
		ok(t, s.row(ctx, `SELECT doc FROM settings WHERE account_id = 'acct'`).Scan(&doc))
		if doc != `{"later":{"x":[1,2]},"pageSize":25}` {
			t.Errorf("document is %s", doc)
		}
		err = s.SaveSettings(ctx, "acct", func(v *Settings) { v.Locale = strings.Repeat("x", maxSettings) })
		wantKind(t, err, mail.TooLarge)
		wantKind(t, s.SaveSettings(ctx, "", func(*Settings) {}), mail.Internal)
	})
}

func TestSettingsRace(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store, _ *clock) {
		var wg sync.WaitGroup
		for i := range 6 {
			wg.Go(func() {
				err := s.SaveSettings(t.Context(), "acct", func(v *Settings) { v.ImagesFrom = append(v.ImagesFrom, fmt.Sprint(i)) })
				if err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if v, err := s.Settings(t.Context(), "acct"); err != nil || len(v.ImagesFrom) != 6 {
			t.Errorf("%v, %v", v.ImagesFrom, err)
		}
	})
}

func TestIdentities(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store, _ *clock) {
		ctx := t.Context()
		one, err := s.SaveIdentity(ctx, "acct", mail.Identity{Name: "Ama Serwaa", Addr: "ama@example.org", Signature: "Ama\nAccra", Default: true})
		ok(t, err)
		two, err := s.SaveIdentity(ctx, "acct", mail.Identity{Name: "Sales\r\nBcc: x@example.org", Addr: "sales@example.org", ReplyTo: "Team <team@example.org>", Default: true})
		ok(t, err)
		list, err := s.Identities(ctx, "acct")
		ok(t, err)
		want := []mail.Identity{
			{ID: one, Name: "Ama Serwaa", Addr: "ama@example.org", Signature: "Ama\nAccra"},
			{ID: two, Name: "Sales  Bcc: x@example.org", Addr: "sales@example.org", ReplyTo: "Team <team@example.org>", Default: true},
		}
		if !reflect.DeepEqual(list, want) {
			t.Errorf("got %+v", list)
		}
		want[0].Name = "Ama"
		want[0].Default = true
		_, err = s.SaveIdentity(ctx, "acct", want[0])
		ok(t, err)
		list, err = s.Identities(ctx, "acct")
		ok(t, err)
		want[1].Default = false
		if !reflect.DeepEqual(list, want) {
			t.Errorf("got %+v", list)
		}
		for _, bad := range []mail.Identity{{Addr: "x"}, {Addr: "a@b\r\n.org"}, {Addr: "a@example.org", ReplyTo: "nobody"}} {
			_, err := s.SaveIdentity(ctx, "acct", bad)
			wantKind(t, err, mail.Invalid)
		}
		_, err = s.SaveIdentity(ctx, "other", want[0])
		wantKind(t, err, mail.NotFound)
		wantKind(t, s.DeleteIdentity(ctx, "other", one), mail.NotFound)
		ok(t, s.DeleteIdentity(ctx, "acct", one))
		wantKind(t, s.DeleteIdentity(ctx, "acct", one), mail.NotFound)
	})
}

func TestTries(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store, c *clock) {
		ctx := t.Context()
		count := func(key string) int {
			t.Helper()
			n, err := s.Tries(ctx, key, 10*time.Minute)
			ok(t, err)
			return n
		}
		if count("ip") != 0 {
			t.Error("not zero")
		}
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() {
				if _, err := s.AddTry(ctx, "ip", 10*time.Minute); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if n, err := s.AddTry(ctx, "ip", 10*time.Minute); n != 11 || err != nil || count("ip") != 11 || count("other") != 0 {
			t.Errorf("%d tries, %v", n, err)
		}
		c.advance(10 * time.Minute)
		if count("ip") != 0 {
			t.Error("the next window does not start at zero")
		}
		if _, err := s.AddTry(ctx, "ip", 10*time.Minute); err != nil {
			t.Error(err)
		}
		ok(t, s.ClearTries(ctx, "ip"))
		if count("ip") != 0 {
			t.Error("not cleared")
		}
	})
}

func TestCopies(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store, c *clock) {
		ctx := t.Context()
		ok(t, s.CopyBeat(ctx, "a"))
		c.advance(time.Minute)
		ok(t, s.CopyBeat(ctx, "b"))
		alive, err := s.CopiesAlive(ctx, 30*time.Second)
		if err != nil || strings.Join(alive, " ") != "b" {
			t.Errorf("alive are %v, %v", alive, err)
		}
		ok(t, s.CopyBeat(ctx, "a"))
		ok(t, s.CopyGone(ctx, "b"))
		alive, err = s.CopiesAlive(ctx, 30*time.Second)
		if err != nil || strings.Join(alive, " ") != "a" {
			t.Errorf("alive are %v, %v", alive, err)
		}
	})
}
