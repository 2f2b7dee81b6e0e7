// Command postern is the webmail: it serves it, tries it on a mailbox of its own,
// and checks the mail servers it is given. Only this package reads the
// environment, builds the parts and stops them in reverse order.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"
	"github.com/pelletier/go-toml/v2"
)

type cli struct {
	Config
	ConfigFile string `name:"config" env:"POSTERN_CONFIG" help:"TOML file with settings." placeholder:"FILE"`

	Serve       serveCmd       `cmd:"" default:"withargs" help:"Serve the webmail (the default)."`
	Demo        demoCmd        `cmd:"" help:"Serve it on a mail server in this process, with believable mail. Needs no network."`
	Check       checkCmd       `cmd:"" help:"Sign in to the mail servers step by step and say what works."`
	Healthcheck healthcheckCmd `cmd:"" help:"Ask the running server whether it is well: for containers."`
	Version     versionCmd     `cmd:"" help:"Print the version."`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		var silent exitError
		if !errors.As(err, &silent) {
			fmt.Fprintln(os.Stderr, "postern: "+err.Error())
			silent = 1
		}
		os.Exit(int(silent))
	}
}

// exitError ends the program with its number; what there was to say has been said.
type exitError int

func (e exitError) Error() string { return fmt.Sprintf("exit %d", int(e)) }

func run(ctx context.Context, args []string) error {
	var c cli
	parser, err := kong.New(&c, kong.Name("postern"), kong.Description("A webmail for the mail server you have."),
		kong.DefaultEnvars("POSTERN"), kong.UsageOnError(), kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.BindTo(ctx, (*context.Context)(nil)), kong.Bind(&c.Config))
	if err != nil {
		return err
	}
	file, err := configFile(args)
	if err != nil {
		return err
	}
	if file != nil {
		kong.Resolvers(file).Apply(parser)
	}
	k, err := parser.Parse(args)
	if err != nil {
		return err
	}
	return k.Run()
}

// configFile reads the TOML file named by --config or POSTERN_CONFIG. Its keys
// are the flags' names; an unknown one stops the start.
func configFile(args []string) (kong.Resolver, error) {
	name := os.Getenv("POSTERN_CONFIG")
	for i, a := range args {
		if v, ok := strings.CutPrefix(a, "--config="); ok {
			name = v
		} else if a == "--config" && i+1 < len(args) {
			name = args[i+1]
		}
	}
	if name == "" {
		return nil, nil
	}
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, settingError("config", name, "name a TOML file that Postern may read")
	}
	values := map[string]any{}
	if err := toml.Unmarshal(b, &values); err != nil {
		return nil, settingError("config", name, "mend the file: "+err.Error())
	}
	return fileResolver{name, values}, nil
}

type fileResolver struct {
	name   string
	values map[string]any
}

// Validate refuses keys that are no setting.
func (f fileResolver) Validate(app *kong.Application) error {
	known := map[string]bool{}
	for _, group := range app.AllFlags(true) {
		for _, flag := range group {
			known[flag.Name] = true
		}
	}
	for k := range f.values {
		if !known[k] {
			return settingError("config", f.name, "there is no setting "+k+"; see docs/config.md")
		}
	}
	return nil
}

// Resolve gives a flag its value from the file, unless the environment has one.
func (f fileResolver) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	for _, e := range flag.Envs {
		if _, ok := os.LookupEnv(e); ok {
			return nil, nil
		}
	}
	switch v := f.values[flag.Name].(type) {
	case []any:
		parts := make([]string, len(v))
		for i, p := range v {
			parts[i] = fmt.Sprint(p)
		}
		return strings.Join(parts, string(flag.Tag.Sep)), nil
	case nil:
		return nil, nil
	default:
		return fmt.Sprint(v), nil
	}
}

// version is the module's version, or the commit of a build from a checkout.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			return "devel-" + s.Value[:12]
		}
	}
	return "devel"
}

type versionCmd struct{}

// Run prints the version.
func (versionCmd) Run() error {
	fmt.Println("postern " + version())
	return nil
}
