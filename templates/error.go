package templates

import "postern/templates/ui"

// ErrorView is an error that has the page to itself.
type ErrorView struct {
	Title    string
	Text     string
	Scene    ui.Scene
	Ref      string
	When     string
	Retry    string // address to try again, "" when that is no use
	Home     string // address of the inbox or of sign-in
	HomeName string
}
