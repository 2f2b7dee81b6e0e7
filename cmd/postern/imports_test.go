package main

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// mayImport is who may import whom of our own packages. A pattern ending in /* is
// every package below; "self/*" is one's own subpackages.
var mayImport = []struct {
	pkg     string
	imports []string
	why     string
}{
	{"cmd/*", []string{"*"}, ""},
	{"e2e/*", []string{"*"}, ""},
	{"handlers", []string{"web", "templates", "templates/*", "static", "store", "mailproxy", "mailproxy/mail"}, "a page asks the account once; it knows no protocol"},
	{"web", []string{"templates", "templates/*", "static", "store", "mailproxy/mail"}, "what is true of any request knows no page and no mail server"},
	{"templates", []string{"templates/*", "static"}, "templates print view models, they fetch nothing"},
	{"templates/link", []string{"static"}, "addresses depend on nothing but built files"},
	{"templates/text", nil, "words depend on nothing"},
	{"templates/ui", []string{"static"}, "widgets know nothing of mail"},
	{"mailproxy", []string{"mailproxy/*"}, "the mail engine knows neither pages nor databases"},
	{"mailproxy/mail", nil, "the vocabulary depends on nothing"},
	{"mailproxy/demoserver", nil, "the demo's server must not share faults with what it tests"},
	{"mailproxy/*", []string{"mailproxy/mail"}, "parts of the engine do not know each other; mailproxy joins them"},
	{"store", []string{"mailproxy/mail"}, "durable data knows the vocabulary only"},
	{"static", nil, "built files depend on nothing"},
}

// only says where an outside library may be used, tests aside.
var only = map[string][]string{
	"github.com/go-chi/chi/v5":                  {"web", "handlers"},
	"github.com/gorilla/sessions":               {"web"},
	"github.com/emersion/go-imap/v2/imapclient": {"mailproxy/imappool", "mailproxy"},
	"github.com/emersion/go-imap/v2/imapserver": {"mailproxy/demoserver"},
	"github.com/emersion/go-smtp":               {"mailproxy/submit", "mailproxy/demoserver"},
	"database/sql":                              {"store", "mailproxy/jobs"},
	"modernc.org/sqlite":                        {"store"},
	"github.com/jackc/pgx/v5":                   {"store"},
	"github.com/riverqueue/river":               {"mailproxy/jobs"},
	"github.com/prometheus/client_golang":       {"cmd/postern"},
}

func matches(pattern, pkg string) bool {
	if below, ok := strings.CutSuffix(pattern, "*"); ok {
		return strings.HasPrefix(pkg, below)
	}
	return pattern == pkg
}

func TestImports(t *testing.T) {
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "testdata" || d.Name() == "node_modules" || strings.HasPrefix(d.Name(), ".") && p != root) {
			return fs.SkipDir
		}
		if !strings.HasSuffix(p, ".go") {
			return nil
		}
		rel, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		checkFile(t, p, path.Dir(filepath.ToSlash(rel)))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func checkFile(t *testing.T, file, pkg string) {
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
	if err != nil {
		t.Error(err)
		return
	}
	test := strings.HasSuffix(file, "_test.go") || pkg == "store/pgtest" // which only tests import
	for _, spec := range f.Imports {
		name, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		own, ours := strings.CutPrefix(name, "postern/")
		switch {
		case ours && own == "mailproxy/demoserver" && !test && !strings.HasPrefix(pkg, "cmd/") && !strings.HasPrefix(pkg, "e2e/"):
			t.Errorf("%s imports mailproxy/demoserver: only cmd and tests do", file)
		case ours && !test:
			checkOwn(t, file, pkg, own)
		case !ours && !test:
			for lib, where := range only {
				if (name == lib || strings.HasPrefix(name, lib+"/")) && !slices.Contains(where, pkg) && !strings.HasPrefix(pkg, "cmd/") && !strings.HasPrefix(pkg, "e2e/") {
					t.Errorf("%s imports %s: it keeps to %s", file, name, strings.Join(where, ", "))
				}
			}
		}
	}
}

func checkOwn(t *testing.T, file, pkg, own string) {
	for _, rule := range mayImport {
		if !matches(rule.pkg, pkg) {
			continue
		}
		if !slices.ContainsFunc(rule.imports, func(p string) bool { return p == "*" || matches(p, own) }) {
			t.Errorf("%s imports %s: %s", file, own, rule.why)
		}
		return
	}
	t.Errorf("%s: no rule says what %s may import", file, pkg)
}

// TestOnlyCmdReadsEnvironment keeps settings in one struct.
func TestOnlyCmdReadsEnvironment(t *testing.T) {
	root := filepath.Join("..", "..")
	for _, dir := range []string{"handlers", "web", "templates", "store", "mailproxy", "static"} {
		err := filepath.WalkDir(filepath.Join(root, dir), func(p string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(p, ".go") || strings.HasSuffix(p, "_test.go") || filepath.Base(p) == "generate.go" || filepath.Base(p) == "pgtest.go" {
				return err
			}
			b, err := os.ReadFile(p)
			if err != nil {
				return err
			}
			for _, call := range []string{"os.Getenv(", "os.LookupEnv(", "os.Environ("} {
				if strings.Contains(string(b), call) {
					t.Errorf("%s reads the environment with %s…): only cmd does", p, call)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestSanitisedIsCalledBySanitizeAlone keeps mail.SafeHTML what it says.
func TestSanitisedIsCalledBySanitizeAlone(t *testing.T) {
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(p, ".go") || strings.HasSuffix(p, "_test.go") || strings.Contains(filepath.ToSlash(p), "mailproxy/sanitize/") {
			return err
		}
		b, err := os.ReadFile(p)
		if err == nil && strings.Contains(string(b), "mail.Sanitised(") {
			t.Errorf("%s calls mail.Sanitised", p)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
