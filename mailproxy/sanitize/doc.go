// Package sanitize turns hostile HTML into HTML that may be shown or sent. It is
// the first of three walls around a mail's HTML and holds on its own: the others
// are the frame without scripts and the policy of its address.
//
// The source is read by a real HTML5 tokenizer. Only what the lists of elements,
// attributes, URL schemes, CSS properties and CSS functions name passes; it is
// written anew, never copied, tags nested as they should be. A real HTML5 tree
// builder then reads the result, and what it understood is what is written out:
// reading the output again gives the same tree, so a browser has nothing to
// repair. Nothing edits the output afterwards.
//
// All functions are pure, safe for concurrent use, linear in their input and
// never fail: what cannot be kept is shown as text.
package sanitize
