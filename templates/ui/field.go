package ui

import "github.com/a-h/templ"

// FieldProps is one thing to fill in. ID must be unique in the page; it names the
// help and the error too.
type FieldProps struct {
	ID           string
	Name         string
	Label        string
	Type         string // of the input; "text" when empty
	Value        string
	Help         string // what the value does
	Error        string // what is wrong with it
	Placeholder  string
	Autocomplete string
	InputMode    string
	Rows         int // above zero: a textarea that high
	Large        bool
	Required     bool
	Disabled     bool
	Autofocus    bool
	Attrs        templ.Attributes
}

func (p FieldProps) class() string {
	if p.Rows > 0 {
		return "textarea"
	}
	return classes("input", when(p.Large, "input-lg"))
}

func (p FieldProps) attrs() templ.Attributes {
	attrs := merge(describe(p.ID, p.Help, p.Error), nil)
	set := func(name, value string) {
		if value != "" {
			attrs[name] = value
		}
	}
	set("placeholder", p.Placeholder)
	set("autocomplete", p.Autocomplete)
	set("inputmode", p.InputMode)
	for name, on := range map[string]bool{"required": p.Required, "disabled": p.Disabled, "autofocus": p.Autofocus} {
		if on {
			attrs[name] = true
		}
	}
	return merge(attrs, p.Attrs)
}

// describe joins a field to its help and its error.
func describe(id, help, problem string) templ.Attributes {
	attrs := templ.Attributes{}
	if by := classes(when(help != "", id+"-help"), when(problem != "", id+"-error")); by != "" {
		attrs["aria-describedby"] = by
	}
	if problem != "" {
		attrs["aria-invalid"] = "true"
	}
	return attrs
}

func (p FieldProps) inputType() string {
	if p.Type == "" {
		return "text"
	}
	return p.Type
}

// Option is one choice of a Select.
type Option struct{ Value, Label string }

// SelectProps is a choice of one among several.
type SelectProps struct {
	ID       string
	Name     string
	Label    string
	Value    string // the one chosen
	Options  []Option
	Help     string
	Error    string
	Small    bool
	Disabled bool
	Attrs    templ.Attributes
}

// CheckProps is a box, a radio or a switch with its label.
type CheckProps struct {
	ID       string
	Name     string
	Value    string // sent when ticked; "on" when empty
	Label    string
	Help     string
	Checked  bool
	Disabled bool
	Attrs    templ.Attributes
}

func (p CheckProps) value() string {
	if p.Value == "" {
		return "on"
	}
	return p.Value
}

func (p CheckProps) attrs() templ.Attributes {
	attrs := templ.Attributes{}
	if p.ID != "" {
		attrs["id"] = p.ID
	}
	return merge(attrs, p.Attrs)
}
