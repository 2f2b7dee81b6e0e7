package sanitize

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// corpus gives a path in the shared corpus: $POSTERN_CORPUS, or shared/corpus
// beside the checkout. Where CI is set its absence is a failure.
func corpus(t testing.TB, path string) string {
	t.Helper()
	dir := os.Getenv("POSTERN_CORPUS")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "corpus")
	}
	p := filepath.Join(dir, filepath.FromSlash(path))
	if _, err := os.Stat(p); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("corpus: %v", err)
		}
		t.Skipf("no corpus here (POSTERN_CORPUS names it): %v", err)
	}
	return p
}

func readJSON(t testing.TB, path string, into any) {
	t.Helper()
	b, err := os.ReadFile(corpus(t, path))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, into); err != nil {
		t.Fatal(err)
	}
}

// xssCase is an entry of xss/xss.json.
type xssCase struct {
	ID, Name, Kind, HTML, Note string
}

// leakCase is an entry of leaks/matrix.json.
type leakCase struct {
	ID, Group, Where, HTML string
}
