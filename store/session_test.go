package store

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"postern/mailproxy/mail"
)

func TestSessionLife(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store, c *clock) {
		ctx := t.Context()
		_, _, err := s.SessionLoad(ctx, "id")
		wantKind(t, err, mail.NotFound)
		start := c.now()
		m := SessionMeta{AccountID: "acct", Agent: "Firefox on Linux", IP: "192.0.2.1", Expires: start.Add(time.Hour)}
		ok(t, s.SessionSave(ctx, "id", []byte{0, 1, 0xff}, m))
		c.advance(time.Minute)
		ok(t, s.SessionTouch(ctx, "id", "192.0.2.2", start.Add(2*time.Hour)))
		data, got, err := s.SessionLoad(ctx, "id")
		ok(t, err)
		if !bytes.Equal(data, []byte{0, 1, 0xff}) {
			t.Errorf("value is %x", data)
		}
		if !got.Created.Equal(start) || !got.Seen.Equal(c.now()) || !got.Expires.Equal(start.Add(2*time.Hour)) || got.IP != "192.0.2.2" || got.Agent != m.Agent || got.AccountID != "acct" {
			t.Errorf("meta is %+v", got)
		}
		ok(t, s.SessionSave(ctx, "id", nil, m))
		if data, got, err := s.SessionLoad(ctx, "id"); err != nil || len(data) != 0 || !got.Created.Equal(start) {
			t.Errorf("%q %+v %v", data, got, err)
		}
		var n int
		ok(t, s.row(ctx, `SELECT COUNT(*) FROM sessions WHERE id = 'id'`).Scan(&n))
		if n != 0 {
			t.Error("the id itself is stored")
		}
		c.advance(time.Hour)
		_, _, err = s.SessionLoad(ctx, "id")
		wantKind(t, err, mail.NotFound)
		wantKind(t, s.SessionTouch(ctx, "id", "", c.now().Add(time.Hour)), mail.NotFound)
		wantKind(t, s.SessionSave(ctx, "id", make([]byte, maxSessionData+1), m), mail.TooLarge)
		ok(t, s.SessionDelete(ctx, "id"))
		ok(t, s.SessionDelete(ctx, "id"))
	})
}

func TestSignOutEverywhere(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store, c *clock) {
		ctx := t.Context()
		for i := range 3 {
			ok(t, s.SessionSave(ctx, fmt.Sprint("s", i), []byte("x"), SessionMeta{AccountID: "acct", Agent: fmt.Sprint("browser ", i), Expires: c.now().Add(time.Hour)}))
			c.advance(time.Second)
		}
		ok(t, s.SessionSave(ctx, "foreign", []byte("x"), SessionMeta{AccountID: "other", Expires: c.now().Add(time.Hour)}))
		ok(t, s.SessionSave(ctx, "nobody", []byte("x"), SessionMeta{Expires: c.now().Add(time.Hour)}))
		list, err := s.SessionList(ctx, "acct")
		ok(t, err)
		if len(list) != 3 || list[0].Agent != "browser 2" || list[2].Handle != SessionHandle("s0") {
			t.Fatalf("list is %+v", list)
		}
		wantKind(t, s.SessionDeleteHandle(ctx, "other", list[0].Handle), mail.NotFound)
		ok(t, s.SessionDeleteHandle(ctx, "acct", list[0].Handle))
		token, err := s.UndoPut(ctx, "s0", "acct", mail.Undo{}, "")
		ok(t, err)
		n, err := s.SessionDeleteAccount(ctx, "acct", "s1")
		if n != 1 || err != nil {
			t.Errorf("%d ended, %v", n, err)
		}
		_, err = s.UndoTake(ctx, "s0", "acct", token)
		wantKind(t, err, mail.NotFound)
		if n, err := s.SessionDeleteAccount(ctx, "acct", ""); n != 1 || err != nil {
			t.Errorf("%d ended, %v", n, err)
		}
		if n, err := s.SessionDeleteAccount(ctx, "", ""); n != 0 || err != nil {
			t.Errorf("%d ended, %v", n, err)
		}
		for _, id := range []string{"foreign", "nobody"} {
			if _, _, err := s.SessionLoad(ctx, id); err != nil {
				t.Error(id, err)
			}
		}
		if list, err := s.SessionList(ctx, ""); len(list) != 0 || err != nil {
			t.Error(list, err)
		}
	})
}

func TestUndo(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store, c *clock) {
		ctx := t.Context()
		undo := func(i int) mail.Undo {
			return mail.Undo{Moves: []mail.UndoMove{{Messages: []mail.MessageRef{{Mailbox: "Archive", UIDValidity: 1, UID: uint32(i)}}, From: "Archive", To: "INBOX"}}}
		}
		_, _, err := s.UndoLatest(ctx, "sess", "acct")
		wantKind(t, err, mail.NotFound)
		var tokens []string
		for i := range 12 {
			token, err := s.UndoPut(ctx, "sess", "acct", undo(i), fmt.Sprint("change ", i))
			ok(t, err)
			tokens = append(tokens, token)
		}
		token, label, err := s.UndoLatest(ctx, "sess", "acct")
		if err != nil || token != tokens[11] || label != "change 11" {
			t.Errorf("latest is %s %q %v", token, label, err)
		}
		for _, tt := range []struct{ session, account, token string }{
			{"sess", "acct", tokens[0]}, {"sess", "acct", tokens[1]}, // pushed out
			{"other", "acct", tokens[5]}, {"sess", "other", tokens[5]}, {"sess", "acct", ""}, {"sess", "acct", "x'; --"},
		} {
			_, err := s.UndoTake(ctx, tt.session, tt.account, tt.token)
			wantKind(t, err, mail.NotFound)
		}
		u, err := s.UndoTake(ctx, "sess", "acct", tokens[5])
		ok(t, err)
		if u.Moves[0].Messages[0].UID != 5 {
			t.Errorf("undo is %+v", u)
		}
		_, err = s.UndoTake(ctx, "sess", "acct", tokens[5])
		wantKind(t, err, mail.NotFound)

		big := mail.Undo{Moves: []mail.UndoMove{{}}}
		for i := range 50_000 {
			big.Moves[0].Messages = append(big.Moves[0].Messages, mail.MessageRef{Mailbox: strings.Repeat("deep/", 10), UIDValidity: 7, UID: uint32(i + 1)})
		}
		token, err = s.UndoPut(ctx, "sess", "acct", big, "")
		ok(t, err)
		var size int
		ok(t, s.row(ctx, `SELECT LENGTH(sealed) FROM undos WHERE token = ?`, token).Scan(&size))
		if size > 1<<20 {
			t.Errorf("50,000 messages take %d octets", size)
		}
		u, err = s.UndoTake(ctx, "sess", "acct", token)
		if err != nil || len(u.Moves[0].Messages) != 50_000 {
			t.Error(err)
		}
	})
}

// One undo asked for by two tabs at once is given to one.
func TestUndoTakeRace(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store, _ *clock) {
		ctx := t.Context()
		token, err := s.UndoPut(ctx, "sess", "acct", mail.Undo{}, "")
		ok(t, err)
		var mu sync.Mutex
		var wg sync.WaitGroup
		taken := 0
		for range 8 {
			wg.Go(func() {
				if _, err := s.UndoTake(ctx, "sess", "acct", token); err == nil {
					mu.Lock()
					taken++
					mu.Unlock()
				} else if mail.KindOf(err) != mail.NotFound {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if taken != 1 {
			t.Errorf("taken %d times", taken)
		}
	})
}

func BenchmarkSessionLoad(b *testing.B) {
	s := open(b, Options{Dir: b.TempDir()})
	for i := range 1000 {
		if err := s.SessionSave(b.Context(), fmt.Sprint(i), make([]byte, 1500), SessionMeta{AccountID: "acct", Expires: time.Now().Add(time.Hour)}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			if _, _, err := s.SessionLoad(context.Background(), fmt.Sprint(i%1000)); err != nil {
				b.Error(err)
			}
		}
	})
}

func BenchmarkOutboxMove(b *testing.B) {
	s := open(b, Options{Dir: b.TempDir()})
	if err := s.OutboxAdd(b.Context(), outboxRow("one", "acct")); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := s.OutboxMove(b.Context(), "one", mail.OutboxWaiting, mail.OutboxWaiting, func(r *mail.OutboxRow) { r.Attempts++ }); err != nil {
			b.Fatal(err)
		}
	}
}
