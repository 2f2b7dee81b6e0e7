package ui

import "strconv"

// ToastMillis is how long a toast is shown, unless it has the focus or the pointer.
const ToastMillis = 8000

// ToastProps says what was done and how to take it back. It is a form, so that
// Undo works without script.
type ToastProps struct {
	Text    string
	Action  string        // where the form goes
	Fields  []HiddenField // what it sends
	Buttons []ToastButton // usually one, Undo with the key "z"
	Dismiss string        // name of the button that closes it; none when empty
	Bad     bool          // something failed: it stays until dismissed
	Millis  int           // how long it is shown; 0 is ToastMillis, below zero stays
}

// ToastButton is one thing a toast offers.
type ToastButton struct{ Label, Name, Value, FormAction, Key string }

// HiddenField is sent with a form and not shown.
type HiddenField struct{ Name, Value string }

func (p ToastProps) millis() string {
	switch {
	case p.Bad || p.Millis < 0:
		return ""
	case p.Millis == 0:
		return strconv.Itoa(ToastMillis)
	}
	return strconv.Itoa(p.Millis)
}

func (p ToastProps) class() string { return classes("toast", when(p.Bad, "toast-bad")) }
