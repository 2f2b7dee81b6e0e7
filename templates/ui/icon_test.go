package ui

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	symbol   = regexp.MustCompile(`<symbol id="i-([a-z0-9-]+)"`)
	iconName = regexp.MustCompile(`(?:\bIcon\(|Icon:\s*)"([^"]+)"`)
)

// TestIconsAreInTheSprite reads the sources of all templates and view models for
// the icons they name.
func TestIconsAreInTheSprite(t *testing.T) {
	sheet, err := os.ReadFile("../../static/icons/icons.svg")
	if err != nil {
		t.Fatal(err)
	}
	have := make(map[string]bool)
	for _, m := range symbol.FindAllSubmatch(sheet, -1) {
		have[string(m[1])] = true
	}
	if len(have) == 0 {
		t.Fatal("the sprite holds no symbols")
	}
	for _, root := range []string{"..", "../../handlers"} {
		_ = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || strings.HasSuffix(path, "_templ.go") || strings.HasSuffix(path, "_test.go") {
				return nil // a folder that is not there has no icons
			}
			if !strings.HasSuffix(path, ".templ") && !strings.HasSuffix(path, ".go") {
				return nil
			}
			src, err := os.ReadFile(path)
			if err != nil {
				t.Error(err)
				return nil
			}
			for _, m := range iconName.FindAllSubmatch(src, -1) {
				if !have[string(m[1])] {
					t.Errorf("%s: no icon %q in static/icons/icons.svg", path, m[1])
				}
			}
			return nil
		})
	}
}
