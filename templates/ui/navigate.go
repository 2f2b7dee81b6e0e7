package ui

import "github.com/a-h/templ"

// Swap is how in-place navigation brings a region of the page up to date.
type Swap string

const (
	SwapWhole  Swap = "whole"  // the new element takes the old one's place
	SwapInside Swap = "inside" // only what is in it: for regions readers listen to
	SwapMorph  Swap = "morph"  // element by element, so that what is open and scrolled stays so
)

// Region is the attributes of a part of the page that changes from page to page.
// When the page that was asked for has the same regions as the one shown, they are
// replaced one by one and all else stays; when not, the whole body is. Everything
// that differs between pages must lie in a region.
func Region(id string, how Swap) templ.Attributes {
	return templ.Attributes{"id": id, "data-swap": string(how)}
}

// Navigate is the attributes of <body> that make links and forms inside it swap
// pages in place. The server answers with whole pages either way. A link or form
// stays an ordinary one with hx-boost="false", a target, or download; links to
// files need download.
func Navigate() templ.Attributes {
	return templ.Attributes{
		"hx-boost:inherited": "true",
		"hx-sync:inherited":  "body:replace",
	}
}

func when2(yes bool, name, value string) templ.Attributes {
	if !yes {
		return nil
	}
	return templ.Attributes{name: value}
}
