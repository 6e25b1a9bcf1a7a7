package scripttest

import (
	"context"
	"fmt"
	"strings"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/builtins"
	"github.com/starhost/starhost/interp"
	"github.com/starhost/starhost/run"
	"github.com/starhost/starhost/scripttest/worlds"
)

// ProveOptions say what to prove.
type ProveOptions struct {
	// Name and Source are the script, Load finds what it loads.
	Name   string
	Source []byte
	Load   func(name string) ([]byte, error)
	// World is the name of a ready-made world, WorldOptions a dict of its options.
	World        string
	WorldOptions action.Value
	// Recording is the text of a recording; it takes the place of a world. Workload is
	// the one in it, the first if empty.
	Recording []byte
	Workload  string
	// Tests is the text of a file of tests, which is not run: its function world(t) says
	// what the world is like. It takes the place of a world, too.
	Tests []byte
	// Settings is a dict of settings that differ from the defaults.
	Settings action.Value
}

// Proof is what became of a script under every fault.
type Proof struct {
	Script string `json:"script"`
	World  string `json:"world"`
	// Usage says that there was no run: Error says why.
	Usage bool `json:"usage,omitempty"`
	// Error says why the run failed without any fault, or why there was none; empty if
	// it was well.
	Error   string      `json:"error,omitempty"`
	Verdict run.Verdict `json:"verdict"` // of the run without a fault
	// Quiesced is what was held then when the snapshot was taken, but for filesystems;
	// Writable says that the world knows that others could still write.
	Quiesced []string      `json:"quiesced"`
	Writable bool          `json:"writable"`
	Actions  int           `json:"actions"`
	Faults   []FaultResult `json:"faults"`
}

// FaultResult is what became of one run.
type FaultResult struct {
	Point      int         `json:"point"`
	Phase      string      `json:"phase"`
	Text       string      `json:"text"`
	NoSnapshot bool        `json:"no_snapshot"`
	Kind       Kind        `json:"kind"`
	Verdict    run.Verdict `json:"verdict"`
	Held       []string    `json:"held"` // at the end, by what the world knows
	False      bool        `json:"false_application"`
	Unknown    string      `json:"unknown,omitempty"` // a call that the world does not know
}

// Held counts the faults after which something was left held, False those with a verdict
// that was better than the truth.
func (p Proof) Held() int { return p.count(func(f FaultResult) bool { return len(f.Held) > 0 }) }

// False counts the faults with a verdict that was better than the truth.
func (p Proof) False() int { return p.count(func(f FaultResult) bool { return f.False }) }

// Unknown counts the faults after which the script made a call that the world does not
// know: what becomes of it then nobody has shown.
func (p Proof) Unknown() int { return p.count(func(f FaultResult) bool { return f.Unknown != "" }) }

func (p Proof) count(is func(FaultResult) bool) (n int) {
	for _, f := range p.Faults {
		if is(f) {
			n++
		}
	}
	return n
}

// Proven reports whether the script keeps its promises under every fault. A recording
// knows only what one run did, so what it does not know there does not count.
func (p Proof) Proven() bool {
	return p.Error == "" && p.Held() == 0 && p.False() == 0 && (p.Unknown() == 0 || p.World == recordedName)
}

// Prove runs a script in a world, once without a fault and once with each.
func Prove(ctx context.Context, o ProveOptions) Proof {
	proof := Proof{Script: o.Name, World: o.worldName(), Quiesced: []string{}, Faults: []FaultResult{}}
	p, err := o.plan(ctx)
	if err != nil {
		proof.Error, proof.Usage = failureOf(err).Message, true
		return proof
	}
	clean, results := enumerate(ctx, p, Kinds, resultOf)
	proof.Error, proof.Verdict, proof.Actions = clean.message(), clean.report.Verdict, len(clean.actions())
	proof.Quiesced, proof.Writable = clean.quiesced()
	if len(clean.held) > 0 {
		proof.Error = strings.TrimPrefix(proof.Error+"; left held: "+strings.Join(clean.held, ", "), "; ")
	}
	for _, r := range results {
		proof.Faults = append(proof.Faults, r.FaultResult)
		if proof.Error == "" {
			proof.Error = r.missed
		}
	}
	if len(clean.world.surprise) > 0 {
		proof.Error = strings.Join(clean.world.surprise, "; ") + "\n" + proof.elsewhere(o)
	}
	return proof
}

// worldName is what people know the world by.
func (o ProveOptions) worldName() string {
	switch {
	case o.Recording != nil:
		return recordedName
	case o.Tests != nil:
		return "the world of " + TestsOf(o.Name)
	}
	return o.World
}

// recordedName is what people know a recording by.
const recordedName = "the recording"

// TestsOf is the file with the tests of a script.
func TestsOf(script string) string { return strings.TrimSuffix(script, ".star") + Suffix }

// worldFunction is the function of a file of tests that makes the world of a proof.
const worldFunction = "world"

// planOfTests is a whole run of the script in the world of its tests.
func (o ProveOptions) planOfTests(ctx context.Context) (p plan, err error) {
	database := ""
	name := TestsOf(o.Name)
	load := func(file string) ([]byte, error) {
		if file == o.Name {
			return o.Source, nil
		}
		return o.Load(file)
	}
	m, err := interp.NewModule(ctx, interp.Options{
		Name: name, Source: o.Tests, Load: load, Words: builtins.For(func() string { return database }),
	})
	if err != nil {
		return p, err
	}
	functions := m.Functions(worldFunction)
	if len(functions) == 0 || functions[0].Name() != worldFunction {
		return p, fmt.Errorf("%s has no function %s(t) that says what the world is like: write one, or give a ready-made world or a recording", name, worldFunction)
	}
	t := newTest(ctx, &Options{Name: name, Load: load}, m, &database)
	if _, err := m.Call(ctx, functions[0], t.value()); err != nil {
		return p, err
	}
	return t.plan(worldFunction, asked{})
}

// result is what is kept of a run with a fault.
type result struct {
	FaultResult
	missed string // why it shows nothing; empty if it does
}

func resultOf(o *outcome) result {
	f := o.world.fault
	return result{missed: o.missed(), FaultResult: FaultResult{
		Point: f.Point, Phase: f.Phase, Text: f.Text, NoSnapshot: f.NoSnapshot, Kind: f.Kind,
		Verdict: o.report.Verdict, Held: o.held, False: !o.honest(), Unknown: strings.Join(o.world.surprise, "; "),
	}}
}

// elsewhere says what to do about a call that the world does not know: a proof has no stubs.
func (p Proof) elsewhere(o ProveOptions) string {
	if o.Recording != nil {
		return "the recorded run did not come to that, or the script has changed since: record a whole run of this script"
	}
	if o.Tests != nil {
		return "in the function " + worldFunction + " of " + TestsOf(o.Name)
	}
	return "in a test, after t.world(" + quoted(p.World) + "), or in its function " + worldFunction + "(t), which prove takes if no world is given"
}

// plan is a whole run of the script in its world.
func (o ProveOptions) plan(ctx context.Context) (p plan, err error) {
	if o.Tests != nil {
		return o.planOfTests(ctx)
	}
	s := &stage{settings: action.Dict(), params: action.Dict(), context: action.Dict()}
	if o.Settings.Kind() == action.DictKind {
		s.settings = o.Settings
	}
	switch {
	case o.Recording != nil:
		if s.replay, err = newReplay(o.Recording, o.Workload); err != nil {
			return p, fmt.Errorf("the recording: %w", err)
		}
		s.database = s.replay.member.Database
	default:
		if s.server, err = worlds.New(o.World, o.WorldOptions); err != nil {
			return p, err
		}
		s.database = worlds.Database(o.World)
	}
	p.stage = s
	p.script, err = interp.New(ctx, interp.Options{Name: o.Name, Source: o.Source, Load: o.Load, Words: builtins.New(s.database)})
	if err == nil {
		err = fits(p.script.Info().Settings, s.settings)
	}
	return p, err
}
