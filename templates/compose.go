package templates

import "postern/templates/ui"

// ComposeView is the composer with a draft in it.
type ComposeView struct {
	Title    string
	Action   string
	Upload   string // where a script posts a file
	Back     string // where closing leads
	BackName string
	Hidden   []ComposeHidden
	Changed  bool // holds words that are nowhere kept
	Note     *MessageNote

	From        ui.SelectProps // drawn when there is a choice
	FromText    string         // the only identity
	To, Cc, Bcc ComposeField
	Subject     ComposeField
	Text        string
	TextError   string
	HTML        string // sanitised: the only value drawn raw
	Rich        bool   // begin in the editor, where there is script
	Files       []ComposeFile
	FilesError  string
	MaxBytes    string // octets of one file, for the script
	MaxText     string // "At most 37 MB of files"
	Saved       string // "Saved 11:08", "" before the first save
}

// ComposeHidden is a field that travels with the form. Those with an id are
// brought up to date by an upload's answer.
type ComposeHidden struct{ ID, Name, Value string }

// ComposeField is a field of the composer with what is wrong with it.
type ComposeField struct {
	Value string
	Error string
	Focus bool
	Open  bool // Cc and Bcc: shown
}

// ComposeFile is an attachment.
type ComposeFile struct{ ID, Name, Size string }
