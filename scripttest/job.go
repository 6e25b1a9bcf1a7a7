package scripttest

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/interp"
)

// JobName is the name of the job of a worker that does a [Request].
const JobName = "scripttest"

// Request is what a process without privileges is asked to do: the tests of a file, or a
// proof. Its own fields are those of [Options] and [ProveOptions] that are data.
type Request struct {
	Test  *TestRequest  `json:"test,omitempty"`
	Prove *ProveRequest `json:"prove,omitempty"`
}

// TestRequest asks for the tests of one file; the answer is a [File].
type TestRequest struct {
	Name   string `json:"name"`
	Source []byte `json:"source"`
	Run    string `json:"run,omitempty"` // a regular expression; empty matches all
	Update bool   `json:"update,omitempty"`
	Cover  bool   `json:"cover,omitempty"`
}

// ProveRequest asks for a [Proof].
type ProveRequest struct {
	Name   string `json:"name"`
	Source []byte `json:"source"`
	World  string `json:"world,omitempty"`
	// WorldOptions are options of the world, "NAME=VALUE" in the script's syntax each.
	WorldOptions []string     `json:"world_options,omitempty"`
	Recording    []byte       `json:"recording,omitempty"`
	Workload     string       `json:"workload,omitempty"`
	Tests        []byte       `json:"tests,omitempty"`
	Settings     action.Value `json:"settings,omitzero"`
}

// Do does what a [Request], as JSON, asks for, and returns the answer as JSON. Load
// returns files, as [Options.Load] does; there is no other way to one.
func Do(ctx context.Context, request []byte, load func(name string) ([]byte, error)) ([]byte, error) {
	var r Request
	if err := json.Unmarshal(request, &r); err != nil {
		return nil, fmt.Errorf("request: %w", err)
	}
	switch {
	case r.Test != nil:
		match, err := regexp.Compile(r.Test.Run)
		if err != nil {
			return nil, err
		}
		return json.Marshal(RunFile(ctx, Options{
			Name: r.Test.Name, Source: r.Test.Source, Load: load, Match: match.MatchString, Update: r.Test.Update, Cover: r.Test.Cover,
		}))
	case r.Prove != nil:
		options, err := worldOptions(r.Prove.WorldOptions)
		if err != nil {
			return json.Marshal(Proof{Script: r.Prove.Name, World: r.Prove.World, Usage: true, Error: err.Error()})
		}
		return json.Marshal(Prove(ctx, ProveOptions{
			Name: r.Prove.Name, Source: r.Prove.Source, Load: load, World: r.Prove.World, WorldOptions: options,
			Recording: r.Prove.Recording, Workload: r.Prove.Workload, Tests: r.Prove.Tests, Settings: r.Prove.Settings,
		}))
	}
	return nil, fmt.Errorf("request: it asks for nothing")
}

// worldOptions evaluates options that stand on a command line.
func worldOptions(texts []string) (action.Value, error) {
	options := action.Dict()
	for _, text := range texts {
		name, value, ok := strings.Cut(text, "=")
		if !ok {
			return options, fmt.Errorf("option %q: want NAME=VALUE", text)
		}
		v, err := starlark.EvalOptions(&syntax.FileOptions{}, &starlark.Thread{}, "option "+name, value, nil)
		if err != nil {
			return options, fmt.Errorf("option %s: %q is no value of a script: %w", name, value, err)
		}
		got, err := interp.ToValue(v)
		if err != nil {
			return options, fmt.Errorf("option %s: %w", name, err)
		}
		options = options.With(name, got)
	}
	return options, nil
}
