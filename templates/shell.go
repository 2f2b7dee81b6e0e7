// Package templates draws the pages: one .templ file a page, its view model and
// print helpers in the .go file beside it. View models hold what is printed;
// templates branch and loop, they do not compute. *_templ.go is generated.
package templates

import (
	"github.com/a-h/templ"

	"postern/templates/ui"
)

// ShellView is what stands around every page of a signed-in person.
type ShellView struct {
	Title   string    // of the document, without the product's name
	Theme   string    // "", "light" or "dark"
	Density string    // "", "comfortable" or "compact"
	Reading bool      // a message or a composer has the page: a phone hides the search bar
	Address string    // the person's own
	Name    string    // the person's name, or the address
	Unread  bool      // unread mail in the inbox: the favicon's lamp is lit
	Nav     []NavItem // the mailboxes with a role
	Folders []NavItem // the others, parents before children
	Query   string    // text in the search box
	QueryIn string    // whole name of the mailbox searched from, "" for all
	Toast   *ui.ToastProps
	Notices []Notice
}

// NavItem is a mailbox in the sidebar.
type NavItem struct {
	Name      string
	Icon      string // "" for none: nested folders
	URL       string
	Count     string // "7", "" for none
	CountText string // what the count counts, for readers: "unread"
	New       bool   // has unread mail
	Current   bool
	Depth     int
	Key       string // "g i"
	Step      bool   // only a step in the hierarchy: cannot be opened
}

// Notice is a banner over the page: a message that was not sent, say.
type Notice struct {
	Kind    ui.NoteKind
	Icon    string
	Title   string
	Text    string
	Links   []NoticeLink
	Dismiss *ui.ButtonProps // posts the form named by FormAction
	ID      string          // sent with Dismiss
}

// NoticeLink is something to do about a notice.
type NoticeLink struct{ Label, URL string }

func (v ShellView) html() templ.Attributes {
	a := templ.Attributes{}
	if v.Theme != "" {
		a["data-theme"] = v.Theme
	}
	if v.Density != "" {
		a["data-density"] = v.Density
	}
	return a
}

func (v ShellView) body() string {
	if v.Reading {
		return "app is-reading"
	}
	return "app"
}

func (v ShellView) favicon() string {
	if v.Unread {
		return "favicon-unread.svg"
	}
	return "favicon.svg"
}

func (n NavItem) class() string {
	c := "side-link"
	if n.New {
		c += " has-new"
	}
	if n.Depth > 0 {
		c += " is-nested"
	}
	return c
}

func (n NavItem) attrs() templ.Attributes {
	a := templ.Attributes{}
	if n.Current {
		a["aria-current"] = "page"
	}
	if n.Key != "" {
		a["data-key"] = n.Key
	}
	if n.Depth > 0 {
		a["data-depth"] = min(n.Depth, 6)
	}
	return a
}

// Shortcut is one line of the table of keys.
type Shortcut struct{ Name, Keys string }

// ShortcutGroup is one part of the table of keys.
type ShortcutGroup struct {
	Name  string
	Lines []Shortcut
}

// Shortcuts is the table of keys that the pages answer to; it draws the overlay.
var Shortcuts = []ShortcutGroup{
	{"Move", []Shortcut{{"Next / previous conversation", "j|k"}, {"Open", "o|Enter"}, {"Back to the list", "u"}, {"Search", "/"}, {"This table", "?"}}},
	{"Select", []Shortcut{{"Select or clear", "x"}, {"All / none", "* a|* n"}, {"Unread / read", "* u|* r"}}},
	{"Act", []Shortcut{{"Archive", "e"}, {"Delete", "#"}, {"Report spam", "!"}, {"Star", "s"}, {"Move to", "v"}, {"Mark read", "Shift+i"}, {"Mark unread", "Shift+u"}, {"Undo", "z"}}},
	{"Write", []Shortcut{{"Compose", "c"}, {"Reply", "r"}, {"Reply to all", "a"}, {"Forward", "f"}, {"Send", "Ctrl+Enter"}}},
	{"Go to", []Shortcut{{"Inbox", "g i"}, {"Starred", "g s"}, {"Sent", "g t"}, {"Drafts", "g d"}, {"Archive", "g a"}}},
}
