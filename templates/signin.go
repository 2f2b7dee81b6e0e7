package templates

import "postern/templates/ui"

// SignInView is the sign-in page.
type SignInView struct {
	Host     string // what one signs in to
	Foot     string // a line under the form, "" for none
	Address  string // as typed
	Stay     bool
	Next     string           // where to go afterwards
	Problem  string           // beside the password, "" for none
	Field    string           // "email" or "password": the field the problem is about
	Down     string           // the server did not answer: a note with this sentence instead
	Note     string           // why one has to sign in again
	Ref      string           // reference of the failure
	Carry    []ui.HiddenField // the words of a form that was sent without a session
	CarryTo  string           // where that form was going, "" for none
	Carrying string           // what is kept: "Your message is kept."
	Demo     []string         // accounts of the demo with their password
}

func (v SignInView) emailError() string {
	if v.Field == "email" {
		return v.Problem
	}
	return ""
}

func (v SignInView) passwordError() string {
	if v.Field != "email" {
		return v.Problem
	}
	return ""
}
