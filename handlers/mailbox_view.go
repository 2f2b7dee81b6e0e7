package handlers

import (
	"context"
	"strconv"
	"strings"
	"time"
	"unicode"

	"postern/mailproxy/mail"
	"postern/templates"
	"postern/templates/link"
	"postern/templates/text"
	"postern/templates/ui"
)

// listView turns a page of the mail engine into what is printed. me is the
// person's own address, now is in the person's time zone.
func listView(ctx context.Context, site link.Site, p mail.Page, at link.List, me string, now time.Time) templates.ListView {
	v := templates.ListView{
		URL: site.List(at), Action: site.Act(), Refresh: site.List(link.List{Mailbox: at.Mailbox, Show: at.Show, Search: at.Search}),
		Problems: p.Problems, Pager: pager(ctx, site, p, at), Targets: moveTargets(ctx, p.Mailboxes, at.Mailbox),
	}
	if at.Search != "" {
		v.Title = text.T(ctx, "Search results")
		if at.Search == "is:starred" {
			v.Title = text.T(ctx, "Starred")
		}
		v.Refine = refinements(ctx, site, p.Mailboxes, at)
	} else {
		v.Title = mailboxTitle(ctx, p.Mailbox)
		v.Show = quickFilters(ctx, site, p, at)
	}
	v.Bulk = bulk(ctx, p.Mailbox.Role)
	v.Days = days(ctx, site, p, at, me, now)
	v.Sweep = sweep(ctx, site, p.Mailbox)
	if len(p.Rows) == 0 {
		v.Empty = emptyList(ctx, site, p, at)
	} else if p.Total > 0 {
		v.Foot = v.Pager.Range
		if v.Pager.Older != "" {
			v.FootURL, v.FootLink = v.Pager.Older, text.T(ctx, "Older")
		}
	}
	if at.Search != "" && at.Mailbox == "" {
		left := text.T(ctx, "Spam and Trash were left out.")
		if len(p.Skipped) > 0 {
			left += " " + text.T(ctx, "Not searched: %s.", strings.Join(p.Skipped, ", "))
		}
		if !strings.Contains(at.Search, "in:") {
			v.Foot, v.FootLink = left, text.T(ctx, "Search them too")
			v.FootURL = site.List(link.List{Search: at.Search + " in:anywhere"})
			if v.Pager.Older != "" {
				v.Foot = v.Pager.Range + ". " + left
			}
		}
	}
	return v
}

func pager(ctx context.Context, site link.Site, p mail.Page, at link.List) ui.PagerProps {
	u := ui.PagerProps{NewerName: text.T(ctx, "Newer"), OlderName: text.T(ctx, "Older"), Class: "no-phone"}
	if p.Total == 0 {
		u.Range = text.T(ctx, "No conversations")
		return u
	}
	u.Range = text.T(ctx, "%d–%d of %d", p.First, p.Last(), p.Total)
	if p.First > 1 {
		newer := at
		newer.Page = at.Page - 1
		u.Newer = site.List(newer)
	}
	if p.Last() < p.Total {
		older := at
		older.Page = max(at.Page, 1) + 1
		u.Older = site.List(older)
	}
	return u
}

func quickFilters(ctx context.Context, site link.Site, p mail.Page, at link.List) []templates.Tab {
	tabs := []struct {
		show mail.Show
		name string
	}{{mail.ShowAll, "All"}, {mail.ShowUnread, "Unread"}, {mail.ShowStarred, "Starred"}, {mail.ShowAttachments, "With attachments"}}
	out := make([]templates.Tab, len(tabs))
	for i, t := range tabs {
		out[i] = templates.Tab{Name: text.T(ctx, t.name), URL: site.List(link.List{Mailbox: at.Mailbox, Show: string(t.show)}), Current: p.Query.Show == t.show}
		if t.show == mail.ShowUnread && p.Unread > 0 {
			out[i].Count = plainNumber(ctx, p.Unread)
		}
	}
	return out
}

func plainNumber(ctx context.Context, n int) string { return text.T(ctx, "%d", n) }

// bulk says what can be done with conversations of a mailbox.
func bulk(ctx context.Context, role mail.Role) templates.BulkView {
	b := templates.BulkView{Archive: true, Spam: true, Delete: text.T(ctx, "Delete")}
	switch role {
	case mail.RoleArchive:
		b.Archive = false
	case mail.RoleSent, mail.RoleDrafts:
		b.Spam = false
		b.Archive = role == mail.RoleSent
	case mail.RoleJunk:
		b.Archive, b.Spam, b.NotSpam, b.Delete = false, false, true, text.T(ctx, "Delete for good")
	case mail.RoleTrash:
		b.Delete = text.T(ctx, "Delete for good")
	}
	return b
}

func sweep(ctx context.Context, site link.Site, b mail.Mailbox) *templates.SweepView {
	u := site.Path("/mailboxes", map[string][]string{"empty": {b.Name}})
	switch b.Role {
	case mail.RoleTrash:
		return &templates.SweepView{Text: text.T(ctx, "What you delete here is gone for good."), Label: text.T(ctx, "Empty Trash"), URL: u}
	case mail.RoleJunk:
		return &templates.SweepView{Text: text.T(ctx, "What you delete here is gone for good."), Label: text.T(ctx, "Empty Spam"), URL: u}
	}
	return nil
}

// moveTargets are the mailboxes conversations can go to, the current one left out.
func moveTargets(ctx context.Context, boxes []mail.Mailbox, current string) []templates.Target {
	var out []templates.Target
	for _, b := range boxes {
		if !b.Selectable || b.Name == current || b.Role == mail.RoleDrafts || b.Role == mail.RoleAll || b.Role == mail.RoleStarred {
			continue
		}
		icon := "folder"
		for _, n := range navRoles {
			if n.role == b.Role {
				icon = n.icon
			}
		}
		name := mailboxTitle(ctx, b)
		if b.Depth > 0 && b.Role == mail.RoleNone && b.Delim != "" {
			name = strings.ReplaceAll(b.Name, b.Delim, " / ")
		}
		out = append(out, templates.Target{Name: name, Value: b.Name, Icon: icon})
	}
	return out
}

func days(ctx context.Context, site link.Site, p mail.Page, at link.List, me string, now time.Time) []templates.Day {
	var out []templates.Day
	for _, s := range p.Rows {
		row := rowView(ctx, site, s, p, at, me, now)
		title := text.Group(ctx, s.When(), now)
		if at.Search != "" {
			title = ""
		}
		if len(out) == 0 || out[len(out)-1].Title != title {
			out = append(out, templates.Day{ID: "day-" + strconv.Itoa(len(out)), Title: title})
		}
		d := &out[len(out)-1]
		d.Rows = append(d.Rows, row)
	}
	return out
}

const (
	maxChips     = 2
	maxNamePlain = 120 // characters of a subject in the names of controls
	maxRowNames  = 3
)

// rowView is one message as a line of the list.
func rowView(ctx context.Context, site link.Site, s mail.Summary, p mail.Page, at link.List, me string, now time.Time) templates.RowView {
	id := s.Ref.String()
	role := p.Mailbox.Role
	if at.Search != "" {
		if b, ok := mail.ByName(p.Mailboxes, s.Ref.Mailbox); ok {
			role = b.Role
		}
	}
	v := templates.RowView{
		DOMID: "m-" + id, ID: id, URL: site.Message(id, at),
		Unread: !s.Flags.Seen, Starred: s.Flags.Flagged, Draft: s.Flags.Draft || role == mail.RoleDrafts, Answered: s.Flags.Answered,
		Subject: highlight(s.Subject, p.Terms), Plain: clip(s.Subject, maxNamePlain), NoSubject: s.Subject == "",
		Snippet: highlight(s.Snippet, p.Terms),
		When:    text.ListDate(ctx, s.When(), now), WhenISO: s.When().Format(time.RFC3339), WhenFull: text.FullDate(ctx, s.When(), now),
		Bulk: bulk(ctx, role),
	}
	if v.Draft {
		v.URL = site.Compose(string(mail.ComposeContinue), id)
	}
	if v.NoSubject {
		v.Plain = text.T(ctx, "(no subject)")
	}
	people := s.From
	if role == mail.RoleSent || v.Draft {
		people, v.To = s.To, role == mail.RoleSent
	}
	v.Names = rowNames(ctx, people, me)
	if len(v.Names) == 0 && !v.Draft {
		v.Names = []string{text.T(ctx, "(nobody)")}
		if !v.To {
			v.Names[0] = text.T(ctx, "(unknown sender)")
		}
	}
	v.Initials, v.Hue = "?", -1
	if len(people) > 0 {
		v.Initials, v.Hue = ui.Initials(people[0].Display()), ui.Hue(people[0].Addr)
	}
	rowChips(ctx, &v, s.Flags.Keywords)
	rowFiles(ctx, &v, s.Files)
	if at.Search != "" {
		v.Place = rowPlace(ctx, p.Mailboxes, s.Ref.Mailbox)
	}
	return v
}

// rowNames are the people of a row: one whole name, or first names.
func rowNames(ctx context.Context, people []mail.Address, me string) []string {
	var out []string
	for _, a := range people {
		n := a.Display()
		switch {
		case mail.SameAddr(a.Addr, me):
			n = text.T(ctx, "me")
		case len(people) > 1 && a.Name != "":
			n = firstName(a.Name)
		}
		if len(out) == maxRowNames {
			return append(out, text.T(ctx, "+%d", len(people)-maxRowNames))
		}
		out = append(out, n)
	}
	return out
}

// firstName is the first word of a name in a script that writes given names first.
func firstName(name string) string {
	if f := strings.Fields(name); len(f) > 1 && !strings.ContainsFunc(f[0], func(r rune) bool { return unicode.In(r, unicode.Han, unicode.Hangul) }) {
		return strings.TrimSuffix(f[0], ",")
	}
	return name
}

// thunderbirdLabels are the keywords of Thunderbird's five labels.
var thunderbirdLabels = map[string]string{"$label1": "Important", "$label2": "Work", "$label3": "Personal", "$label4": "To do", "$label5": "Later"}

// label is what a keyword is called as a label; "" for those that are none.
func label(ctx context.Context, keyword string) string {
	lower := strings.ToLower(keyword)
	if n, ok := thunderbirdLabels[lower]; ok {
		return text.T(ctx, n)
	}
	switch lower {
	case "junk", "nonjunk", "notjunk", "forwarded", "redirected", "receiptchecked", "seen":
		return ""
	}
	if keyword == "" || keyword[0] == '$' || keyword[0] == '\\' {
		return ""
	}
	return strings.ReplaceAll(keyword, "_", " ")
}

func rowChips(ctx context.Context, v *templates.RowView, keywords []string) {
	var rest []string
	for _, k := range keywords {
		l := label(ctx, k)
		switch {
		case l == "":
		case len(v.Chips) < maxChips:
			v.Chips = append(v.Chips, templates.ChipView{Label: l, Hue: ui.Hue(k)})
		default:
			rest = append(rest, l)
		}
	}
	if len(rest) > 0 {
		v.More, v.MoreNames = text.T(ctx, "+%d", len(rest)), strings.Join(rest, ", ")
	}
}

func rowFiles(ctx context.Context, v *templates.RowView, files []mail.FileName) {
	if len(files) == 0 {
		return
	}
	v.FileWords = text.T(ctx, "%d attachments", len(files))
	if len(files) > 1 {
		v.FileCount = plainNumber(ctx, len(files))
		v.FileWords = text.T(ctx, "attachments")
	}
	for _, f := range files {
		v.Files = append(v.Files, f.Name)
	}
}

func rowPlace(ctx context.Context, boxes []mail.Mailbox, name string) *templates.ChipPlace {
	b, ok := mail.ByName(boxes, name)
	if !ok {
		return &templates.ChipPlace{Name: name, Icon: "folder"}
	}
	for _, n := range navRoles {
		if n.role == b.Role && b.Role != mail.RoleNone {
			return &templates.ChipPlace{Name: text.T(ctx, n.name), Icon: n.icon}
		}
	}
	return &templates.ChipPlace{Name: b.Leaf, Icon: "folder"}
}

// emptyWords are the words of an empty mailbox by role.
var emptyWords = map[mail.Role][2]string{
	mail.RoleInbox:   {"Nothing in the Inbox", "New mail appears here as it arrives. Conversations you archived are in Archive and turn up in search."},
	mail.RoleDrafts:  {"No drafts", "What you start writing is kept here until you send or discard it."},
	mail.RoleSent:    {"Nothing sent yet", "Copies of what you send are kept here."},
	mail.RoleArchive: {"Nothing archived", "Conversations you archive leave the Inbox and are kept here."},
	mail.RoleJunk:    {"No spam", "What the server takes for spam, and what you report, is kept here."},
	mail.RoleTrash:   {"Trash is empty", "What you delete is kept here until Trash is emptied."},
}

func emptyList(ctx context.Context, site link.Site, p mail.Page, at link.List) *templates.EmptyView {
	e := &templates.EmptyView{Scene: ui.SceneOpen}
	switch {
	case at.Search == "is:starred":
		e.Title, e.Text = text.T(ctx, "Nothing in Starred"), text.T(ctx, "Star a conversation to keep it at hand here.")
	case at.Search != "":
		e.Scene = ui.SceneSearch
		e.Title, e.Text = text.T(ctx, "No conversation matches"), text.T(ctx, "Try fewer words, or search Spam and Trash as well.")
		e.Link, e.URL, e.Icon = text.T(ctx, "Search everywhere"), site.List(link.List{Search: at.Search + " in:anywhere"}), "search"
		if strings.Contains(at.Search, "in:anywhere") {
			e.Link, e.URL, e.Icon = text.T(ctx, "Search options"), site.SearchForm(), "sliders-horizontal"
		}
	case p.Query.Show != mail.ShowAll:
		e.Title = text.T(ctx, "Nothing to show")
		e.Text = map[mail.Show]string{
			mail.ShowUnread:      text.T(ctx, "Everything here has been read."),
			mail.ShowStarred:     text.T(ctx, "No conversation here is starred."),
			mail.ShowAttachments: text.T(ctx, "No conversation here has attachments."),
		}[p.Query.Show]
		e.Link, e.URL, e.Icon = text.T(ctx, "Show all"), site.List(link.List{Mailbox: at.Mailbox}), "inbox"
	default:
		w, ok := emptyWords[p.Mailbox.Role]
		if !ok {
			e.Title, e.Text = text.T(ctx, "Nothing in %s", p.Mailbox.Leaf), text.T(ctx, "Move conversations here to keep them together.")
			break
		}
		e.Title, e.Text = text.T(ctx, w[0]), text.T(ctx, w[1])
		if arch, ok := mail.ByRole(p.Mailboxes, mail.RoleArchive); ok && p.Mailbox.Role == mail.RoleInbox {
			e.Link, e.URL, e.Icon = text.T(ctx, "Open Archive"), site.Mailbox(arch.Name), "archive"
		}
	}
	return e
}

// highlight cuts s where one of the terms stands, without regard to case.
func highlight(s string, terms []string) []templates.Piece {
	if s == "" {
		return nil
	}
	var out []templates.Piece
	rest, low := s, strings.ToLower(s)
	if len(low) != len(s) { // lower case of other length: offsets would not fit
		return []templates.Piece{{Text: s}}
	}
	for rest != "" {
		at, n := -1, 0
		for _, t := range terms {
			t = strings.ToLower(t)
			if t == "" {
				continue
			}
			if i := strings.Index(low, t); i >= 0 && (at < 0 || i < at || i == at && len(t) > n) {
				at, n = i, len(t)
			}
		}
		if at < 0 {
			break
		}
		if at > 0 {
			out = append(out, templates.Piece{Text: rest[:at]})
		}
		out = append(out, templates.Piece{Text: rest[at : at+n], Hit: true})
		rest, low = rest[at+n:], low[at+n:]
	}
	if rest != "" {
		out = append(out, templates.Piece{Text: rest})
	}
	return out
}

// clip shortens s to at most n characters.
func clip(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	return string(r[:n-1]) + "…"
}
