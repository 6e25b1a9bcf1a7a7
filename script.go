package starhost

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/builtins"
	"github.com/starhost/starhost/config"
	"github.com/starhost/starhost/interp"
	"github.com/starhost/starhost/scripts"
	"github.com/starhost/starhost/worker"
)

var moduleName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]*\.star$`)

// script is a loaded script, wherever it runs.
type script interface {
	action.Script
	Info() interp.Info
}

// loadScript compiles the script of a workload, in a worker unless the options or
// the system do not allow one. Every error is a [ConfigError], or
// an [*action.Fault] if ctx ended.
func (p *prepared) loadScript(ctx context.Context, w config.Workload) (script, []worker.Feature, error) {
	name, source, err := scriptSource(w)
	if err != nil {
		return nil, nil, &ConfigError{err}
	}
	printed := func(pos, text string) { p.Log.Info().Str("workload", w.Name).Str("pos", pos).Msg(text) }
	if !p.InProcess {
		s, err := worker.Start(ctx, worker.Options{
			Name: name, Source: source, Load: moduleLoader(w), Database: w.Connection.Driver, Print: printed,
			Limits: worker.Limits{CPU: w.Timeout},
		})
		if err == nil {
			p.onClose(func() { _ = s.Close() }) // it is killed; what it says is of no interest
			return s, s.Isolation(), nil
		}
		if ctx.Err() != nil {
			return nil, nil, aborted(ctx)
		}
		if !errors.Is(err, errors.ErrUnsupported) {
			return nil, nil, &ConfigError{err}
		}
	}
	s, err := interp.New(ctx, interp.Options{
		Name: name, Source: source, Load: moduleLoader(w), Words: builtins.New(w.Connection.Driver), Print: printed,
	})
	if err != nil {
		return nil, nil, &ConfigError{err}
	}
	return s, nil, nil
}

// aborted is the fault of a run that was told to end before it had begun.
func aborted(ctx context.Context) *action.Fault {
	if f := (*action.Fault)(nil); errors.As(context.Cause(ctx), &f) {
		return f
	}
	return &action.Fault{Kind: action.KindAborted, Message: context.Cause(ctx).Error()}
}

// isolated refuses a workload that wants the whole sandbox and does not get it, and
// logs what another one does not get.
func (p *prepared) isolated(w config.Workload, features []worker.Feature) error {
	missing := missingFrom(features)
	if missing == "" {
		return nil
	}
	if w.Isolation == config.IsolationFull {
		return configError("%s:%d: [%s] isolation: full is not available: %s", w.File, w.Line, w.Name, missing)
	}
	p.Log.Debug().Str("workload", w.Name).Msg("isolation is not full: " + missing)
	return nil
}

// missingFrom names what is not in force of the isolation of a script, and why.
func missingFrom(features []worker.Feature) string {
	if features == nil {
		return "the script runs in the process of starhost, as one that is trusted"
	}
	var missing []string
	for _, f := range features {
		if !f.InForce {
			missing = append(missing, f.Name+" ("+f.Why+")")
		}
	}
	return strings.Join(missing, ", ")
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
	alone := bundled.Alone && w.Connection.IsZero()
	if bundled.Database != "" && w.Connection.Driver != bundled.Database && !alone {
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
		if file, ok := strings.CutPrefix(module, scripts.Prefix); ok {
			return scripts.Source(file)
		}
		if w.ScriptPath == "" || !moduleName.MatchString(module) {
			return nil, fmt.Errorf("got %q, want a .star file in the folder of the script, or %sNAME.star", module, scripts.Prefix)
		}
		return config.ReadFile(filepath.Join(filepath.Dir(w.ScriptPath), module), config.ReadOptions{MaxSize: interp.MaxSource})
	}
}
