package handlers

import (
	"context"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"postern/mailproxy/mail"
	"postern/templates"
	"postern/templates/link"
)

var (
	berlin  = time.FixedZone("CET", 3600)
	noon    = time.Date(2026, 11, 24, 12, 0, 0, 0, berlin)
	mailbox = mail.Mailbox{Name: "INBOX", Leaf: "INBOX", Role: mail.RoleInbox, Selectable: true, Counted: true, Messages: 120, Unseen: 7}
)

func TestRowView(t *testing.T) {
	ctx := context.Background()
	ref := mail.MessageRef{Mailbox: "INBOX", UIDValidity: 1, UID: 9}
	base := mail.Summary{Ref: ref, From: []mail.Address{{Name: "Ama Serwaa-Boateng", Addr: "ama@northquay.example"}}, To: []mail.Address{{Addr: "mira@postern.test"}}, Subject: "Handover", Snippet: "The handover date moves", Arrived: noon.Add(-2 * time.Hour)}
	page := mail.Page{Mailbox: mailbox, Mailboxes: []mail.Mailbox{mailbox}}
	row := func(change func(*mail.Summary), role mail.Role, at link.List) templates.RowView {
		s, p := base, page
		change(&s)
		p.Mailbox.Role = role
		p.Terms = []string{"hand"}
		return rowView(ctx, link.Site{}, s, p, at, "mira@postern.test", noon)
	}
	same := func(*mail.Summary) {}
	inbox := link.List{Mailbox: "INBOX"}

	v := row(same, mail.RoleInbox, inbox)
	if !v.Unread || !reflect.DeepEqual(v.Names, []string{"Ama Serwaa-Boateng"}) || v.When != "10:00" || v.Plain != "Handover" || !strings.HasPrefix(v.URL, "/message/"+ref.String()) {
		t.Errorf("row %+v", v)
	}
	if !reflect.DeepEqual(v.Subject, []templates.Piece{{Text: "Hand", Hit: true}, {Text: "over"}}) {
		t.Errorf("subject %+v", v.Subject)
	}
	if v := row(same, mail.RoleSent, link.List{Mailbox: "Sent"}); !v.To || v.Names[0] != "me" {
		t.Errorf("in Sent: %+v", v.Names)
	}
	if v := row(same, mail.RoleDrafts, link.List{Mailbox: "Drafts"}); !v.Draft || !strings.HasPrefix(v.URL, "/compose?kind=draft") {
		t.Errorf("a draft leads to %s", v.URL)
	}
	if v := row(func(s *mail.Summary) { s.Subject, s.From = "", nil }, mail.RoleInbox, inbox); !v.NoSubject || v.Plain != "(no subject)" || v.Names[0] != "(unknown sender)" {
		t.Errorf("empty message: %+v", v)
	}
	if v := row(func(s *mail.Summary) {
		s.Flags.Keywords = []string{"$label2", "Q3", "NonJunk", "$Forwarded", "On_call"}
	}, mail.RoleInbox, inbox); len(v.Chips) != 2 || v.Chips[0].Label != "Work" || v.More != "+1" || v.MoreNames != "On call" {
		t.Errorf("labels: %+v %q %q", v.Chips, v.More, v.MoreNames)
	}
	if v := row(func(s *mail.Summary) { s.Files = []mail.FileName{{Name: "a.pdf"}, {Name: "b.pdf"}} }, mail.RoleInbox, inbox); v.FileCount != "2" || v.FileWords == "" {
		t.Errorf("files: %q %q", v.FileCount, v.FileWords)
	}
	if v := row(same, mail.RoleTrash, link.List{Mailbox: "Trash"}); v.Bulk.Delete != "Delete for good" {
		t.Errorf("in Trash: %q", v.Bulk.Delete)
	}
	if v := row(same, mail.RoleInbox, link.List{Search: "hand"}); v.Place == nil || v.Place.Name != "Inbox" {
		t.Errorf("a hit lies in %+v", v.Place)
	}
}

func TestHighlight(t *testing.T) {
	for _, tt := range []struct {
		in    string
		terms []string
		want  string // hits in brackets
	}{
		{"Handover", []string{"hand"}, "[Hand]over"},
		{"aa", []string{"a"}, "[a][a]"},
		{"depot and depots", []string{"depot", "depots"}, "[depot] and [depots]"},
		{"nothing", []string{"x", ""}, "nothing"},
		{"İstanbul", []string{"i"}, "İstanbul"}, // lower case is longer: left alone
		{"", []string{"x"}, ""},
	} {
		got := ""
		for _, p := range highlight(tt.in, tt.terms) {
			if p.Hit {
				got += "[" + p.Text + "]"
			} else {
				got += p.Text
			}
		}
		if got != tt.want {
			t.Errorf("highlight(%q, %q) = %q, want %q", tt.in, tt.terms, got, tt.want)
		}
	}
}

func TestNavigation(t *testing.T) {
	boxes := []mail.Mailbox{
		mailbox,
		{Name: "Spam", Leaf: "Spam", Role: mail.RoleJunk, Selectable: true, Counted: true, Messages: 14, Subscribed: true},
		{Name: "Travel", Leaf: "Travel", Delim: "/"}, // only a step
		{Name: "Travel/2025", Leaf: "2025", Parent: "Travel", Depth: 1, Selectable: true, Subscribed: true, Counted: true, Unseen: 2},
		{Name: "Noise", Leaf: "Noise", Selectable: true},
	}
	nav, folders := navigation(context.Background(), link.Site{Base: "/m"}, boxes, place{mailbox: "Travel/2025"})
	var names []string
	for _, n := range nav {
		names = append(names, n.Name+":"+n.Count)
	}
	if got := strings.Join(names, " "); got != "Inbox:7 Starred: Spam:14" {
		t.Errorf("roles %q", got)
	}
	if len(folders) != 2 || !folders[0].Step || !folders[1].Current || !folders[1].New || folders[1].URL != "/m/mail/Travel/2025" {
		t.Errorf("folders %+v", folders)
	}
}

func TestPager(t *testing.T) {
	rows := make([]mail.Summary, 50)
	p := mail.Page{Rows: rows, First: 51, Total: 120}
	got := pager(context.Background(), link.Site{}, p, link.List{Mailbox: "INBOX", Show: "unread", Page: 2})
	if got.Range != "51–100 of 120" || got.Newer != "/mail/INBOX?show=unread" || got.Older != "/mail/INBOX?page=3&show=unread" {
		t.Errorf("%+v", got)
	}
	if got := pager(context.Background(), link.Site{}, mail.Page{}, link.List{}); got.Range != "No conversations" || got.Newer+got.Older != "" {
		t.Errorf("%+v", got)
	}
}

func TestFieldsToQuery(t *testing.T) {
	q := url.Values{"words": {"night shift"}, "from": {"Ama Serwaa"}, "without": {"draft old"}, "has": {"attachment"}, "is": {"unread", "starred"}, "after": {"2026-01-01"}}
	if got, want := fieldsToQuery("", q), `night shift from:"Ama Serwaa" after:2026-01-01 -draft -old has:attachment is:unread is:starred`; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := fieldsToQuery("", url.Values{"from": {`a" OR "b`}}); strings.Count(got, `"`) != 2 {
		t.Errorf("quotes get out: %q", got)
	}
}

func TestPartPath(t *testing.T) {
	for _, s := range []string{"1", "1.2.3", "100.1"} {
		if got, err := partPath(s, false); got != s || err != nil {
			t.Errorf("partPath(%q) = %q, %v", s, got, err)
		}
	}
	for _, s := range []string{"", "0", "1.", ".1", "1..2", "01", "+1", "-1", "1.MIME", "TEXT", "1]", "1 2", "99999999999", strings.Repeat("1.", 150) + "1", "1\r\n"} {
		if _, err := partPath(s, false); err == nil {
			t.Errorf("partPath(%q) is taken", s)
		}
	}
}

func TestContentDisposition(t *testing.T) {
	for _, tt := range []struct{ name, want string }{
		{"report.pdf", `attachment; filename=report.pdf`},
		{"Prüfbericht.pdf", `attachment; filename*=utf-8''Pr%C3%BCfbericht.pdf`},
		{"a\"b\r\nSet-Cookie: x.txt", `attachment; filename="a\"b__Set-Cookie: x.txt"`},
		{"", `attachment`}, {"\xff", `attachment`},
	} {
		if got := contentDisposition("attachment", tt.name); got != tt.want {
			t.Errorf("contentDisposition(%q) = %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestOnlyRealPicturesAreShown(t *testing.T) {
	png := []byte("\x89PNG\r\n\x1a\n0000")
	for _, tt := range []struct {
		kind string
		head []byte
		want bool
	}{
		{"image/png", png, true}, {"image/jpeg", png, false}, {"image/png", []byte("<svg onload=alert(1)>"), false},
		{"image/gif", []byte("GIF89a<script>"), true}, {"application/pdf", []byte("%PDF-1.7"), true}, {"application/pdf", []byte("<html>"), false},
		{"image/avif", []byte("\x00\x00\x00\x20ftypavif\x00"), true}, {"image/avif", []byte("short"), false},
	} {
		if got := looksLike(tt.kind, tt.head); got != tt.want {
			t.Errorf("looksLike(%s, %.10q) = %v", tt.kind, tt.head, got)
		}
	}
}

func TestSelectionChecksEveryID(t *testing.T) {
	for _, f := range []url.Values{
		{"do": {"archive"}, "id": {"rubbish"}},
		{"archive": {"../../etc"}},
		{"to": {"a\r\nb"}, "id": {mail.MessageRef{Mailbox: "INBOX", UIDValidity: 1, UID: 1}.String()}},
		{"do": {"archive"}, "id": make([]string, maxSelected+1)},
	} {
		if s, err := readSelection(f); err == nil {
			t.Errorf("%.60v is taken as %+v", f, s)
		}
	}
	id := mail.MessageRef{Mailbox: "INBOX", UIDValidity: 1, UID: 1}.String()
	other := mail.MessageRef{Mailbox: "INBOX", UIDValidity: 1, UID: 2}.String()
	s, err := readSelection(url.Values{"do": {"delete"}, "id": {other}, "archive": {id}})
	if err != nil || s.do != "archive" || len(s.refs) != 1 || s.refs[0].UID != 1 {
		t.Errorf("a row's own button acts on %+v, %v", s, err)
	}
}
