package ui

import "github.com/a-h/templ"

// MenuProps is a menu and what opens it: an icon, or with Face any text button.
type MenuProps struct {
	Label     string // its name
	Tip       string // another hint than Label and Key; "-" for none
	TipEnd    bool
	Icon      string
	IconClass string
	Initials  string // a person instead of an icon
	Hue       int
	Key       string
	AtStart   bool   // opens from the start edge of the button, not the end edge
	AtTop     bool   // opens upwards
	Class     string // "no-phone", "keep"
	Button    string // class of the button; "icon-btn" when empty
}

func (p MenuProps) pop() string {
	return classes("menu-pop", when(p.AtStart, "at-start"), when(p.AtTop, "at-top"))
}

func (p MenuProps) button() string {
	if p.Button == "" {
		return "icon-btn"
	}
	return p.Button
}

func (p MenuProps) attrs() templ.Attributes {
	attrs := merge(templ.Attributes{"aria-label": p.Label}, keyAttrs(p.Key))
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
	return attrs
}

// MenuItemProps is one line of a menu: a button, or with Href a link.
type MenuItemProps struct {
	Label      string
	Icon       string
	Hue        string // "0" to "11": a label's arch instead of an icon
	End        string // at the far end, quieter; the key's face when empty
	Href       string
	Type       string
	Name       string
	Value      string
	Form       string
	FormAction string
	Key        string
	Danger     bool
	Current    bool // the choice in force
	Disabled   bool
	Attrs      templ.Attributes
}

func (p MenuItemProps) attrs() templ.Attributes {
	attrs := control{p.Href, p.Type, p.Name, p.Value, p.Form, p.FormAction, p.Key, p.Disabled, p.Attrs}.attrs()
	if p.Current {
		attrs["aria-current"] = "true"
	}
	return attrs
}

func (p MenuItemProps) class() string {
	return classes("menu-item", when(p.Danger, "is-danger"))
}

func (p MenuItemProps) end() string {
	if p.End == "" && p.Key != "" {
		return tip("", p.Key)[2:]
	}
	return p.End
}
