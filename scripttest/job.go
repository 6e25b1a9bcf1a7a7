package scripttest

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"

	"github.com/starhost/starhost/action"
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
	Name      string       `json:"name"`
	Source    []byte       `json:"source"`
	World     string       `json:"world,omitempty"`
	Recording []byte       `json:"recording,omitempty"`
	Workload  string       `json:"workload,omitempty"`
	Tests     []byte       `json:"tests,omitempty"`
	Settings  action.Value `json:"settings,omitzero"`
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
		return json.Marshal(Prove(ctx, ProveOptions{
			Name: r.Prove.Name, Source: r.Prove.Source, Load: load, World: r.Prove.World,
			Recording: r.Prove.Recording, Workload: r.Prove.Workload, Tests: r.Prove.Tests, Settings: r.Prove.Settings,
		}))
	}
	return nil, fmt.Errorf("request: it asks for nothing")
}
