package ui

import (
	"strings"

	"github.com/a-h/templ"
)

// Kind is how much a button asks to be pressed.
type Kind string

const (
	Plain   Kind = ""
	Primary Kind = "btn-primary" // the next step; one in view
	Danger  Kind = "btn-danger"  // what cannot be undone
	Quiet   Kind = "btn-plain"   // no ground until pointed at
)

// Size is a button's height.
type Size string

const (
	Normal Size = ""
	Small  Size = "btn-sm"
	Large  Size = "btn-lg"
)

// ButtonProps says what a button is and does. With Href it is a link.
type ButtonProps struct {
	Label      string
	Kind       Kind
	Size       Size
	Block      bool   // as wide as its place
	Icon       string // before the label
	Href       string
	Type       string // "submit" (the default), "button" or "reset"
	Name       string
	Value      string
	Form       string // id of the form it belongs to, when it stands outside
	FormAction string // where it sends the form instead
	Key        string
	Class      string // of the page, besides those of the widget
	Disabled   bool
	Attrs      templ.Attributes
}

func (p ButtonProps) class() string {
	return classes("btn", string(p.Kind), string(p.Size), when(p.Block, "btn-block"), p.Class)
}

// attrs are those that are only there when they say something.
func (p ButtonProps) attrs() templ.Attributes {
	return control{p.Href, p.Type, p.Name, p.Value, p.Form, p.FormAction, p.Key, p.Disabled, p.Attrs}.attrs()
}

// IconButtonProps says what a button with an icon for a face is and does. With
// Href it is a link.
type IconButtonProps struct {
	Label      string // its name, for readers and in the hint
	Tip        string // another hint than Label and Key; "-" for none
	TipEnd     bool   // the hint ends where the button ends: for the last in a bar
	TipUp      bool   // the hint stands above: for the foot of a window
	Icon       string
	IconClass  string // "i-sm", "i-flip"
	Href       string
	Type       string // "submit" (the default), "button" or "reset"
	Name       string
	Value      string
	Form       string
	FormAction string
	Key        string
	Pressed    string // "true" or "false" for a toggle
	Class      string // "is-danger", "no-phone"
	Disabled   bool
	Attrs      templ.Attributes
}

func (p IconButtonProps) attrs() templ.Attributes {
	attrs := control{p.Href, p.Type, p.Name, p.Value, p.Form, p.FormAction, p.Key, p.Disabled, p.Attrs}.attrs()
	attrs["aria-label"] = p.Label
	if p.Pressed != "" {
		attrs["aria-pressed"] = p.Pressed
	}
	switch p.Tip {
	case "-":
	case "":
		attrs["data-tip"] = tip(p.Label, p.Key)
	default:
		attrs["data-tip"] = p.Tip
	}
	if p.TipEnd {
		attrs["data-tip-end"] = true
	}
	if p.TipUp {
		attrs["data-tip-up"] = true
	}
	return attrs
}

// control is what buttons of every shape have in common.
type control struct {
	href, kind, name, value, form, formAction, key string
	disabled                                       bool
	more                                           templ.Attributes
}

func (c control) attrs() templ.Attributes {
	attrs := templ.Attributes{}
	if c.href != "" {
		if c.disabled {
			attrs["aria-disabled"] = "true"
		}
	} else {
		attrs["type"] = "submit"
		if c.kind != "" {
			attrs["type"] = c.kind
		}
		if c.name != "" {
			attrs["name"], attrs["value"] = c.name, c.value
		}
		if c.form != "" {
			attrs["form"] = c.form
		}
		if c.formAction != "" {
			attrs["formaction"] = c.formAction
		}
		if c.disabled {
			attrs["disabled"] = true
		}
	}
	return merge(merge(attrs, keyAttrs(c.key)), c.more)
}

// merge puts more into attrs, which it returns.
func merge(attrs, more templ.Attributes) templ.Attributes {
	if attrs == nil {
		attrs = templ.Attributes{}
	}
	for name, value := range more {
		attrs[name] = value
	}
	return attrs
}

// classes joins those that are not empty.
func classes(names ...string) string {
	var b strings.Builder
	for _, name := range names {
		if name == "" {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(name)
	}
	return b.String()
}

func when(yes bool, class string) string {
	if yes {
		return class
	}
	return ""
}
