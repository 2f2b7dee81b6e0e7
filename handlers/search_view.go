package handlers

import (
	"context"
	"net/url"
	"strings"

	"postern/mailproxy/mail"
	"postern/templates"
	"postern/templates/link"
	"postern/templates/text"
	"postern/templates/ui"
)

// refinements are links that add a term to the search or take it away.
func refinements(ctx context.Context, site link.Site, boxes []mail.Mailbox, at link.List) []templates.Pill {
	terms := []struct{ name, term string }{
		{"Unread", "is:unread"}, {"Starred", "is:starred"}, {"With attachments", "has:attachment"},
		{"Last 7 days", "newer_than:7d"}, {"Last year", "newer_than:1y"},
	}
	var out []templates.Pill
	words := strings.Fields(at.Search)
	for _, t := range terms {
		on := false
		var rest []string
		for _, w := range words {
			if strings.EqualFold(w, t.term) {
				on = true
			} else {
				rest = append(rest, w)
			}
		}
		next := link.List{Mailbox: at.Mailbox, Search: at.Search + " " + t.term}
		if on {
			next.Search = strings.Join(rest, " ")
			if next.Search == "" {
				continue
			}
		}
		out = append(out, templates.Pill{Name: text.T(ctx, t.name), URL: site.List(next), On: on})
	}
	if at.Mailbox != "" {
		name := at.Mailbox
		if b, ok := mail.ByName(boxes, name); ok {
			name = mailboxTitle(ctx, b)
		}
		out = append(out,
			templates.Pill{Name: text.T(ctx, "In %s", name), URL: site.List(at), On: true},
			templates.Pill{Name: text.T(ctx, "Search all mailboxes"), URL: site.List(link.List{Search: at.Search})})
	}
	return out
}

// operators are the examples of the search page.
var operators = [][2]string{
	{"from:ama", "from somebody whose name or address holds “ama”"},
	{"to:jonas", "to somebody, as To, Cc or Bcc"},
	{"subject:invoice", "with the word in the subject"},
	{"\"night shift\"", "with exactly these words"},
	{"has:attachment", "with files"},
	{"is:unread", "not read yet; also is:read, is:starred"},
	{"after:2026-01-01", "of that day or later; also before:"},
	{"newer_than:7d", "of the last days, weeks (w), months (m), years (y)"},
	{"larger:5M", "larger than 5 megabytes; also smaller:"},
	{"in:sent", "in that mailbox; in:anywhere takes in Spam and Trash"},
	{"invoice -draft", "the first word without the second"},
	{"rotterdam OR antwerp", "either word"},
}

func searchFormView(ctx context.Context, site link.Site, boxes []mail.Mailbox, at link.List) templates.ListView {
	field := func(name, label string) ui.FieldProps {
		return ui.FieldProps{ID: "s-" + name, Name: name, Label: text.T(ctx, label)}
	}
	date := func(name, label string) ui.FieldProps {
		f := field(name, label)
		f.Type = "date"
		return f
	}
	place := ui.SelectProps{ID: "s-place", Name: "in", Label: text.T(ctx, "Where"), Value: at.Mailbox, Options: []ui.Option{{Value: "", Label: text.T(ctx, "All mailboxes")}}}
	for _, t := range moveTargets(ctx, boxes, "") {
		place.Options = append(place.Options, ui.Option{Value: t.Value, Label: t.Name})
	}
	f := &templates.SearchForm{
		Action: site.SearchForm(), Place: place,
		Fields: []ui.FieldProps{field("words", "Words"), field("from", "From"), field("to", "To"), field("subject", "Subject"), field("without", "Without"), date("after", "From the day"), date("before", "Before the day")},
		Only: []ui.CheckProps{
			{ID: "s-files", Name: "has", Value: "attachment", Label: text.T(ctx, "With attachments")},
			{ID: "s-unread", Name: "is", Value: "unread", Label: text.T(ctx, "Unread")},
			{ID: "s-starred", Name: "is", Value: "starred", Label: text.T(ctx, "Starred")},
		},
	}
	for _, o := range operators {
		f.Help = append(f.Help, [2]string{o[0], text.T(ctx, o[1])})
	}
	return templates.ListView{Title: text.T(ctx, "Search"), URL: site.SearchForm(), Action: site.Act(), Advanced: f}
}

// fieldsToQuery writes the search by fields as the text of the search box.
func fieldsToQuery(q string, f url.Values) string {
	terms := []string{q, strings.TrimSpace(f.Get("words"))}
	for _, name := range []string{"from", "to", "subject", "after", "before"} {
		if v := strings.TrimSpace(f.Get(name)); v != "" {
			terms = append(terms, name+":"+quoteTerm(v))
		}
	}
	for _, w := range strings.Fields(f.Get("without")) {
		terms = append(terms, "-"+quoteTerm(w))
	}
	for _, name := range []string{"has", "is"} {
		for _, v := range f[name] {
			if v = strings.TrimSpace(v); v != "" {
				terms = append(terms, name+":"+quoteTerm(v))
			}
		}
	}
	return strings.Join(strings.Fields(strings.Join(terms, " ")), " ")
}

// quoteTerm quotes a value that would be read as more than one word.
func quoteTerm(v string) string {
	v = strings.ReplaceAll(v, `"`, "")
	if strings.ContainsAny(v, " \t()") {
		return `"` + v + `"`
	}
	return v
}
