package ui

import (
	"strings"

	"github.com/a-h/templ"
)

// keyNames are the names the accessibility tree wants (aria-keyshortcuts) where
// ours are shorter.
var keyNames = strings.NewReplacer("Ctrl+", "Control+")

// keyFaces are what is printed on a key.
var keyFaces = map[string]string{"Enter": "↵", "Escape": "Esc", "ArrowUp": "↑", "ArrowDown": "↓"}

// keyAttrs are the attributes of a control that a key presses; nil without one.
// aria-keyshortcuts cannot express one key after another, so sequences leave it out.
func keyAttrs(key string) templ.Attributes {
	if key == "" {
		return nil
	}
	attrs := templ.Attributes{"data-key": key}
	if !strings.Contains(key, " ") {
		attrs["aria-keyshortcuts"] = keyNames.Replace(key)
	}
	return attrs
}

// tip is the hint of a control: its name and its key.
func tip(label, key string) string {
	if key == "" {
		return label
	}
	var faces []string
	for _, k := range keyParts(key) {
		faces = append(faces, k.face)
	}
	return label + "  " + strings.Join(faces, " ")
}

// keyPart is one key cap.
type keyPart struct {
	face string
	then bool // it is pressed after the one before, not with it
}

func keyParts(key string) []keyPart {
	var parts []keyPart
	for i, chord := range strings.Fields(key) {
		for j, k := range strings.Split(chord, "+") {
			if face, ok := keyFaces[k]; ok {
				k = face
			}
			parts = append(parts, keyPart{face: k, then: i > 0 && j == 0})
		}
	}
	return parts
}
