package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

var update = flag.Bool("update", false, "write generated files")

// TestConfigDoc keeps docs/config.md what the Config struct says.
func TestConfigDoc(t *testing.T) {
	var b bytes.Buffer
	b.WriteString("# Settings\n\nGenerated from `cmd/postern/config.go` by `make generate`; do not edit.\n\n" +
		"Every setting is a flag, a variable and a key of the TOML file that `--config` or `POSTERN_CONFIG` names. A flag is\nstronger than a variable, which is stronger than the file. Lists are separated by commas in flags and variables\n(`mail-servers` by semicolons) and are arrays in the file. A wrong setting stops the start with one sentence.\n")
	group := ""
	typ := reflect.TypeFor[Config]()
	for i := range typ.NumField() {
		f := typ.Field(i)
		tag := f.Tag
		if g := tag.Get("group"); g != group {
			group = g
			fmt.Fprintf(&b, "\n## %s\n\n| flag and key | variable | default | what it does |\n| --- | --- | --- | --- |\n", group)
		}
		name := tag.Get("name")
		if name == "" {
			name = kebab(f.Name)
		}
		def := tag.Get("default")
		if def != "" {
			def = "`" + def + "`"
		}
		help := tag.Get("help")
		if e := tag.Get("enum"); e != "" {
			help += " One of `" + strings.ReplaceAll(e, ",", "`, `") + "`."
		}
		fmt.Fprintf(&b, "| `%s` | `POSTERN_%s` | %s | %s |\n", name, strings.ToUpper(strings.ReplaceAll(name, "-", "_")), def, strings.ReplaceAll(help, "|", "\\|"))
	}
	path := filepath.Join("..", "..", "docs", "config.md")
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(have, b.Bytes()) {
		t.Error("docs/config.md is stale: run make generate")
	}
}

// kebab is kong's own naming of flags.
func kebab(s string) string {
	var c struct{ Config }
	p, err := kong.New(&c)
	if err != nil {
		return s
	}
	for _, fl := range p.Model.Flags {
		if strings.EqualFold(strings.ReplaceAll(fl.Name, "-", ""), s) {
			return fl.Name
		}
	}
	return s
}

func parse(t *testing.T, args ...string) (*Config, error) {
	t.Helper()
	var c cli
	p, err := kong.New(&c, kong.Name("postern"), kong.DefaultEnvars("POSTERN"), kong.Exit(func(int) {}))
	if err != nil {
		t.Fatal(err)
	}
	file, err := configFile(args)
	if err != nil {
		return nil, err
	}
	if file != nil {
		kong.Resolvers(file).Apply(p)
	}
	_, err = p.Parse(args)
	return &c.Config, err
}

func TestFlagBeatsVariableBeatsFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "postern.toml")
	if err := os.WriteFile(file, []byte("listen = '127.0.0.1:1'\nimap = 'imaps://file.example'\nsmtp = 'smtps://file.example'\nmail-domains = ['a.example', 'b.example']\nmail-servers = ['x.example imaps://x smtps://x', 'y.example imap://y:1143 smtp://y']\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("POSTERN_IMAP", "imaps://variable.example")
	t.Setenv("POSTERN_LISTEN", "127.0.0.1:2")
	c, err := parse(t, "serve", "--config", file, "--listen", "127.0.0.1:3")
	if err != nil {
		t.Fatal(err)
	}
	if c.Listen != "127.0.0.1:3" || c.IMAP != "imaps://variable.example" || c.SMTP != "smtps://file.example" || len(c.MailDomains) != 2 {
		t.Errorf("listen %q, imap %q, smtp %q, domains %q", c.Listen, c.IMAP, c.SMTP, c.MailDomains)
	}
	servers, err := c.mailServers()
	if err != nil {
		t.Fatal(err)
	}
	if len(servers) != 3 || servers[2].imap.Port != 1143 || servers[0].imap.Port != 993 || servers[2].smtp.Address != "y:587" || servers[1].smtp.Address != "x:465" {
		t.Errorf("servers %+v", servers)
	}
}

func TestWrongSettingsNameThemselves(t *testing.T) {
	bad := filepath.Join(t.TempDir(), "bad.toml")
	if err := os.WriteFile(bad, []byte("imapp = 'x'\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	base := []string{"serve", "--smtp", "smtps://mail.example"}
	tests := []struct {
		name string
		args []string
		want []string // in the sentence
	}{
		{"no server", []string{"serve"}, []string{"imap", "imaps://"}},
		{"no submission", []string{"serve", "--imap", "imaps://mail.example"}, []string{"smtp"}},
		{"wrong scheme", append(base, "--imap", "https://mail.example"), []string{"imap", "https://mail.example", "imaps://host"}},
		{"no host", append(base, "--imap", "imaps://"), []string{"imap", "imaps://host"}},
		{"bad port", append(base, "--imap", "imaps://mail.example:99999"), []string{"imap", "99999", "65535"}},
		{"password in the URL", append(base, "--imap", "imaps://me:secret@mail.example"), []string{"imap", "leave user and password out"}},
		{"no CA file", append(base, "--imap", "imaps://mail.example", "--ca-file", "/nowhere/ca.pem"), []string{"ca-file", "/nowhere/ca.pem"}},
		{"short pin", append(base, "--imap", "imaps://mail.example", "--pin-imap", "abcd"), []string{"pin-imap", "64 hex"}},
		{"half a server", append(base, "--imap", "imaps://mail.example", "--mail-servers", "x.example imaps://x"), []string{"mail-servers"}},
		{"unknown key in the file", []string{"serve", "--config", bad}, []string{"imapp"}},
		{"no file", []string{"serve", "--config", "/nowhere/postern.toml"}, []string{"config", "/nowhere/postern.toml"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, err := parse(t, tt.args...)
			if err == nil {
				_, err = c.mailServers()
			}
			if err == nil {
				t.Fatal("it was taken")
			}
			if strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "\n") {
				t.Errorf("the sentence is %q", err)
			}
			for _, w := range tt.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("the sentence %q lacks %q", err, w)
				}
			}
		})
	}
}

func TestParseSize(t *testing.T) {
	for in, want := range map[string]int64{"50MB": 50_000_000, "20M": 20_000_000, "1 G": 1_000_000_000, "123": 123, "64kb": 64_000, "0": 0, "x": 0, "-5M": 0, "9999999G": 0} {
		got, err := parseSize("max-message-size", in)
		if got != want || (err != nil) != (want == 0) {
			t.Errorf("parseSize(%q) = %d, %v, want %d", in, got, err, want)
		}
	}
}
