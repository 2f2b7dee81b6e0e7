package harness

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

var (
	afterMu  sync.Mutex
	afterAll []func()
)

// Main runs the tests of a package and then what AfterAll was given.
func Main(m *testing.M) {
	code := m.Run()
	for i := len(afterAll) - 1; i >= 0; i-- {
		afterAll[i]()
	}
	os.Exit(code)
}

// AfterAll has f run once the tests of the package are over, last one first.
// The package's TestMain must call Main.
func AfterAll(f func()) {
	afterMu.Lock()
	defer afterMu.Unlock()
	afterAll = append(afterAll, f)
}

// built makes the program once for a test package, from the sources as they are and
// with the flags of the tests, so that nothing is compiled twice.
// POSTERN_BINARY names one that is there already; POSTERN_RACE=1 builds one that
// looks for data races.
var built = sync.OnceValues(func() (string, error) {
	if p := os.Getenv("POSTERN_BINARY"); p != "" {
		return filepath.Abs(p)
	}
	dir, err := os.MkdirTemp("", "postern-e2e-")
	if err != nil {
		return "", err
	}
	AfterAll(func() { _ = os.RemoveAll(dir) })
	path := filepath.Join(dir, "postern")
	args := []string{"build", "-o", path}
	if os.Getenv("POSTERN_RACE") != "" {
		args = append(args, "-race")
	}
	cmd := exec.Command("go", append(args, "./cmd/postern")...)
	cmd.Dir = Root()
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build ./cmd/postern: %w\n%s", err, out)
	}
	return path, nil
})

// Binary is the path of the program.
func Binary(tb testing.TB) string {
	tb.Helper()
	p, err := built()
	if err != nil {
		tb.Fatal(err)
	}
	return p
}
