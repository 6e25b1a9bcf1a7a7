package starhost

import (
	"context"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/rs/zerolog"

	"github.com/starhost/starhost/builtins"
	"github.com/starhost/starhost/config"
	"github.com/starhost/starhost/interp"
	"github.com/starhost/starhost/scripts"
)

// bundledPrefix begins the name of a module that is in the binary.
const bundledPrefix = "@starhost//"

var moduleName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]*\.star$`)

// loadScript compiles the script of a workload. Every error is a [ConfigError].
func loadScript(ctx context.Context, w config.Workload, log zerolog.Logger) (*interp.Script, error) {
	name, source, err := scriptSource(w)
	if err != nil {
		return nil, &ConfigError{err}
	}
	s, err := interp.New(ctx, interp.Options{
		Name: name, Source: source, Load: moduleLoader(w), Words: builtins.New(w.Connection.Driver),
		Print: func(pos, text string) { log.Info().Str("workload", w.Name).Str("pos", pos).Msg(text) },
	})
	if err != nil {
		return nil, &ConfigError{err}
	}
	return s, nil
}

func scriptSource(w config.Workload) (name string, source []byte, err error) {
	if w.ScriptPath != "" {
		source, err = config.ReadFile(w.ScriptPath, config.ReadOptions{MaxSize: interp.MaxSource})
		return filepath.Base(w.ScriptPath), source, err
	}
	bundled, err := scripts.Lookup(w.Script)
	if err != nil {
		return "", nil, fmt.Errorf("%s:%d: [%s] workload_name: %w; or give script = PATH", w.File, w.Line, w.Name, err)
	}
	if bundled.Database != "" && w.Connection.Driver != bundled.Database {
		return "", nil, fmt.Errorf("%s:%d: [%s] connection: script %s needs a %s connection, got %s",
			w.File, w.Line, w.Name, bundled.File, bundled.Database, orNone(w.Connection.Driver))
	}
	source, err = scripts.Source(bundled.File)
	return bundled.File, source, err
}

func orNone(text string) string {
	if text == "" {
		return "none"
	}
	return text
}

// moduleLoader finds the modules of load(): those in the binary, and the files in
// the folder of the script.
func moduleLoader(w config.Workload) func(module string) ([]byte, error) {
	return func(module string) ([]byte, error) {
		if file, ok := strings.CutPrefix(module, bundledPrefix); ok {
			return scripts.Source(file)
		}
		if w.ScriptPath == "" || !moduleName.MatchString(module) {
			return nil, fmt.Errorf("got %q, want a .star file in the folder of the script, or %sNAME.star", module, bundledPrefix)
		}
		return config.ReadFile(filepath.Join(filepath.Dir(w.ScriptPath), module), config.ReadOptions{MaxSize: interp.MaxSource})
	}
}
