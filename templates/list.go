package templates

import (
	"context"
	"html"
	"io"
	"strings"

	"github.com/a-h/templ"

	"postern/templates/text"
	"postern/templates/ui"
)

// ListView is a page of a mailbox or of a search.
type ListView struct {
	Title    string // the mailbox's name or "Search results"
	URL      string // of this page, to come back to
	Action   string // where the form goes
	Show     []Tab  // the quick filters; none for a search
	Refine   []Pill // what can be narrowed in a search
	Refresh  string
	Pager    ui.PagerProps
	Days     []Day
	Foot     string // under the rows
	FootURL  string
	FootLink string
	Problems []string
	Advanced *SearchForm // the search page before anything is asked
	Empty    *EmptyView  // instead of rows
	Targets  []Target    // where conversations can be moved
	Bulk     BulkView
	Sweep    *SweepView // Trash and Spam: empty it
}

// Tab is a quick filter above the list.
type Tab struct {
	Name, URL, Count string
	Current          bool
}

// Pill is a way to narrow a search.
type Pill struct {
	Name, URL string
	On        bool
}

// Target is a mailbox that conversations can be moved to.
type Target struct{ Name, Value, Icon string }

// BulkView says which actions a mailbox offers.
type BulkView struct {
	Archive bool
	Spam    bool   // report spam
	NotSpam bool   // this is Spam: offer the way out
	Delete  string // "Delete" or "Delete for good"
}

// SweepView offers to empty Trash or Spam.
type SweepView struct{ Text, Label, URL string }

// EmptyView is a list with nothing in it.
type EmptyView struct {
	Scene       ui.Scene
	Title, Text string
	Link, URL   string
	Icon        string
}

// Day is a group of rows under a heading; Title is "" where the order is not by date.
type Day struct {
	ID    string
	Title string
	Rows  []RowView
}

// Piece is a stretch of text; Hit marks what was searched for.
type Piece struct {
	Text string
	Hit  bool
}

// RowView is one line of a list. Page, live update and undo draw this same row.
type RowView struct {
	DOMID     string
	ID        string // mail.MessageRef
	URL       string
	Unread    bool
	Starred   bool
	Draft     bool
	Answered  bool
	Initials  string
	Hue       int
	To        bool // Names are recipients
	Names     []string
	Count     string // messages in the conversation, "" for one
	Subject   []Piece
	Plain     string // the subject as plain text, for names of controls
	NoSubject bool
	Snippet   []Piece
	Chips     []ChipView
	More      string // "+2"
	MoreNames string
	Place     *ChipPlace // where a hit lies
	Files     []string   // names
	FileCount string     // "3", "" for one or none
	FileWords string     // "3 attachments", "" for none
	When      string
	WhenISO   string
	WhenFull  string
	Bulk      BulkView
}

// ChipView is a label on a row.
type ChipView struct {
	Label string
	Hue   int
}

// ChipPlace is the mailbox a hit lies in.
type ChipPlace struct{ Name, Icon string }

// SearchForm is the search by fields.
type SearchForm struct {
	Action string
	Fields []ui.FieldProps
	Place  ui.SelectProps
	Only   []ui.CheckProps
	Help   [][2]string // operator, what it finds
}

func (v RowView) class() string {
	if v.Unread {
		return "row is-unread"
	}
	return "row"
}

func pressed(on bool) string {
	if on {
		return "true"
	}
	return "false"
}

// people are the names of a row with commas between. It is written by hand since a
// list has hundreds, and a space before a comma shows.
func people(v RowView) templ.Component {
	return templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		var b strings.Builder
		if v.To {
			b.WriteString(html.EscapeString(text.T(ctx, "To:")) + " ")
		}
		if v.Draft {
			b.WriteString(`<b class="draft">` + html.EscapeString(text.T(ctx, "Draft")) + `</b>`)
		}
		for i, n := range v.Names {
			if v.Draft || i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(`<bdi>` + html.EscapeString(n) + `</bdi>`)
		}
		_, err := io.WriteString(w, b.String())
		return err
	})
}

// pieces are a text with what was searched for marked.
func pieces(list []Piece) templ.Component {
	return templ.ComponentFunc(func(_ context.Context, w io.Writer) error {
		for _, p := range list {
			s := html.EscapeString(p.Text)
			if p.Hit {
				s = "<mark>" + s + "</mark>"
			}
			if _, err := io.WriteString(w, s); err != nil {
				return err
			}
		}
		return nil
	})
}
