package templates

import "postern/templates/ui"

// SettingsView is a page of the settings.
type SettingsView struct {
	Pages   []SettingsTab
	Page    string // which one
	Title   string
	Lead    string
	Action  string
	Options []Option
	Save    bool // draw Save under the options

	Themes, Densities []PickCard

	Identities []IdentityView
	Identity   *IdentityForm // the one being edited, or a new one

	Sessions   []SessionView
	Everywhere string // address that signs out everywhere

	Senders []string // whose images are always shown

	Folders *FoldersView
}

// SettingsTab leads to a page of the settings.
type SettingsTab struct {
	Name, Icon, URL string
	Current         bool
}

// Option is a choice of the settings: a select or a switch.
type Option struct {
	Select     *ui.SelectProps
	Switch     *ui.CheckProps
	Name, Help string
}

// PickCard is a choice shown as a picture.
type PickCard struct {
	Field, Value, Name, Picture string
	Checked                     bool
}

// IdentityView is an address one can send from.
type IdentityView struct {
	ID, Name, Addr, Signature, Edit string
	Default, Fixed                  bool // Fixed: the account's own address, made from sign-in
}

// IdentityForm is an identity being written.
type IdentityForm struct {
	ID      string
	Title   string
	Fields  []ui.FieldProps
	Default ui.CheckProps
	Cancel  string
}

// SessionView is a place where one is signed in.
type SessionView struct {
	Handle, Agent, Address, Seen, Icon string
	Current                            bool
}

// FoldersView is the management of mailboxes.
type FoldersView struct {
	Rows    []FolderRow
	Create  FolderForm
	Edit    *FolderForm    // a mailbox being renamed
	Confirm *FolderConfirm // what is about to be deleted or emptied
}

// FolderRow is a mailbox in the management.
type FolderRow struct {
	Name, Title, Role, Count   string
	Depth                      int
	Subscribed                 bool
	Fixed                      bool // the inbox, or a step in the hierarchy
	Step                       bool
	URL, Rename, Delete, Empty string
	Roles                      ui.SelectProps
}

// FolderForm makes or renames a mailbox.
type FolderForm struct {
	Do, Name, Title, Submit string
	Leaf                    ui.FieldProps
	Parent                  ui.SelectProps
	Cancel                  string
}

// FolderConfirm asks before what cannot be undone.
type FolderConfirm struct {
	Do, Name, Title, Text, Submit, Cancel string
}
