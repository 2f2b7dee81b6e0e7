// Package ui holds the widgets pages are made of. They know nothing of mail, and
// they hold no words of their own: every text, names for readers included, is given
// to them. Their markup and class names are those of static/css, one file a block.
//
//	Icon(name, class...)      a drawing of the sprite; "i-sm", "i-lg", "i-flip" (mirrors in RTL)
//	Mark()                    the mark, an arch that is also an open envelope
//	Button(ButtonProps)       a button, or a link that looks like one (Href)
//	IconButton(IconButtonProps) the same with an icon for a face and a hint
//	Field(FieldProps)         label, input or textarea (Rows), help, error, joined by aria
//	Select(SelectProps)       label, choice, help, error
//	Check(CheckProps)         a box and its label; Radio and Switch alike
//	Menu(MenuProps) {…}       <details> with MenuItem, MenuHead, MenuSep inside
//	Avatar(initials, hue, class...) the arch of a person; Initials and Hue make them of a name and an address
//	Chip(label, hue)          a label; ChipMore for what does not fit; Dot(hue) in the side
//	FileType(ext), FileName(name) the mark of a file and its name, cut in the middle
//	Pager(PagerProps)         "1–50 of 2,431", newer, older
//	Toasts() {…}, Toast(ToastProps) what was done, with Undo; a form
//	Note(NoteProps) {…}       a banner inside a page
//	Blank(BlankProps) {…}     an empty place or an error, with its actions
//	Dialog(DialogProps) {…}   a popover with a head, opened by popovertarget
//	Keys(keys)                keys as keys are drawn: "Shift+i", "g i"
//	Progress(value, max, label) an amount
//	Region(id, how)           attributes of a part of the page that in-place navigation replaces
//	Navigate()                attributes for <body> that make links and forms swap in place
//
// # Keys
//
// A widget with a Key gets data-key, which the script reads, aria-keyshortcuts, and
// the key in its hint, so that a shortcut is written once. "e", "#", "Shift+i",
// "Ctrl+Enter" are single keys, "g i" is one after the other.
//
// # Base path
//
// Addresses are given whole by the caller. Only the sprite is ours: its address
// needs the site's base path, which rendering puts in the context with WithBase.
package ui
