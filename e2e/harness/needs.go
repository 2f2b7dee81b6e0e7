package harness

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
)

// Lacking ends a test whose needs are not there: skipped on a person's machine,
// failed in CI, where a test that did not run must not look like one that passed.
func Lacking(tb testing.TB, format string, args ...any) {
	tb.Helper()
	if os.Getenv("CI") != "" {
		tb.Fatalf(format, args...)
	}
	tb.Skipf(format, args...)
}

// NeedProgram is the path of a program that the test cannot do without, found
// on the PATH or among the system's.
func NeedProgram(tb testing.TB, name string) string {
	tb.Helper()
	path, err := exec.LookPath(name)
	if err == nil {
		return path
	}
	for _, dir := range []string{"/usr/sbin", "/sbin", "/usr/local/sbin"} {
		if p, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return p
		}
	}
	Lacking(tb, "%s is not installed: make install", name)
	return ""
}

// Root is the top of the checkout.
func Root() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "..", "..")
}

// Corpus is the folder of the shared test mails, which are not part of the
// checkout: POSTERN_CORPUS names it, else it is looked for beside the checkout.
func Corpus(tb testing.TB) string {
	tb.Helper()
	dir := os.Getenv("POSTERN_CORPUS")
	if dir == "" {
		dir = filepath.Join(Root(), "..", "shared", "corpus")
	}
	if _, err := os.Stat(filepath.Join(dir, "mail")); err != nil {
		Lacking(tb, "the test mails are missing (set POSTERN_CORPUS): %v", err)
	}
	return dir
}
