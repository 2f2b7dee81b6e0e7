package compose

import (
	"testing"

	"postern/mailproxy/mail"
)

func list(addrs ...string) []mail.Address {
	var out []mail.Address
	for _, a := range addrs {
		out = append(out, mail.Address{Addr: a})
	}
	return out
}

var me = []mail.Identity{
	{ID: "1", Name: "Mira", Addr: "mira@postern.test", Default: true},
	{ID: "2", Addr: "sales@postern.test"},
	{ID: "3", Addr: "mira@münchen.test"},
}

func TestRecipients(t *testing.T) {
	t.Parallel()
	post := []mail.HeaderField{{Name: "List-Post", Value: "<mailto:Dev@lists.test?subject=x>"}}
	tests := []struct {
		name             string
		m                mail.Message
		to, allTo, allCc string
		wantIdentity     string
	}{
		{name: "plain", m: mail.Message{From: list("a@x.test"), To: list("mira@postern.test", "b@x.test"), Cc: list("c@x.test")},
			to: "a@x.test", allTo: "a@x.test, b@x.test", allCc: "c@x.test", wantIdentity: "1"},
		{name: "Reply-To", m: mail.Message{From: list("a@x.test"), ReplyTo: list("r@x.test", "s@x.test"), To: list("sales@postern.test")},
			to: "r@x.test, s@x.test", allTo: "r@x.test, s@x.test", wantIdentity: "2"},
		{name: "never oneself, tags and capitals", m: mail.Message{From: list("a@x.test"), To: list("MIRA+shop@Postern.test", "sales+x@postern.test"), Cc: list("mira@xn--mnchen-3ya.test", "c@x.test", "A@x.test")},
			to: "a@x.test", allTo: "a@x.test", allCc: "c@x.test", wantIdentity: "3"},
		{name: "own message", m: mail.Message{From: list("sales@postern.test"), To: list("a@x.test"), Cc: list("b@x.test", "mira@postern.test")},
			to: "a@x.test", allTo: "a@x.test", allCc: "b@x.test", wantIdentity: "2"},
		{name: "own message to Cc only", m: mail.Message{From: list("mira@postern.test"), Cc: list("b@x.test")},
			to: "b@x.test", allCc: "b@x.test", wantIdentity: "1"},
		{name: "note to oneself", m: mail.Message{From: list("mira@postern.test"), To: list("mira@postern.test")},
			to: "mira@postern.test", allTo: "mira@postern.test", wantIdentity: "1"},
		{name: "list that replaces Reply-To", m: mail.Message{From: list("a@x.test"), ReplyTo: list("dev@lists.test"), To: list("dev@lists.test"), Header: post},
			to: "a@x.test", allTo: "a@x.test, dev@lists.test", wantIdentity: "1"},
		{name: "list with the author in Reply-To", m: mail.Message{From: list("dev@lists.test"), ReplyTo: list("a@x.test"), To: list("dev@lists.test"), Header: post},
			to: "a@x.test", allTo: "a@x.test, dev@lists.test", wantIdentity: "1"},
		{name: "list everywhere", m: mail.Message{From: list("dev@lists.test"), ReplyTo: list("dev@lists.test"), To: list("dev@lists.test"), Header: post},
			to: "dev@lists.test", allTo: "dev@lists.test", wantIdentity: "1"},
		{name: "Reply-To is oneself", m: mail.Message{From: list("a@x.test"), ReplyTo: list("mira@postern.test"), To: list("mira@postern.test")},
			to: "a@x.test", allTo: "a@x.test", wantIdentity: "1"},
		{name: "bad addresses are left out", m: mail.Message{From: []mail.Address{{Addr: "a@x.test\r\nBcc: v@leak.test"}, {Addr: "nobody"}, {Addr: "b@x.test"}}},
			to: "b@x.test", allTo: "b@x.test", wantIdentity: "1"},
		{name: "blind copy delivered to an alias", m: mail.Message{From: list("a@x.test"), To: list("undisclosed@x.test"), Header: []mail.HeaderField{{Name: "Delivered-To", Value: "mira@postern.test"}, {Name: "X-Original-To", Value: "<sales@postern.test>"}}},
			to: "a@x.test", allTo: "a@x.test, undisclosed@x.test", wantIdentity: "2"},
		{name: "tag in a delivery field", m: mail.Message{From: list("a@x.test"), Header: []mail.HeaderField{{Name: "delivered-to", Value: "sales+shop@postern.test"}}},
			to: "a@x.test", allTo: "a@x.test", wantIdentity: "2"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			to, cc := Recipients(tt.m, false, me)
			if got := mail.JoinAddresses(to); got != tt.to || len(cc) > 0 {
				t.Errorf("reply to %q cc %v, want %q", got, cc, tt.to)
			}
			to, cc = Recipients(tt.m, true, me)
			if got := mail.JoinAddresses(to); got != tt.allTo {
				t.Errorf("reply all to %q, want %q", got, tt.allTo)
			}
			if got := mail.JoinAddresses(cc); got != tt.allCc {
				t.Errorf("reply all cc %q, want %q", got, tt.allCc)
			}
			if got := Identity(tt.m, me); got.ID != tt.wantIdentity {
				t.Errorf("identity %q, want %q", got.ID, tt.wantIdentity)
			}
		})
	}
}
