package scripttest

import (
	"context"
	"fmt"
	"slices"

	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/interp"
	"github.com/starhost/starhost/scripttest/worlds"
)

// builtin is a function of t.
type builtin = func(*starlark.Thread, *starlark.Builtin, starlark.Tuple, []starlark.Tuple) (starlark.Value, error)

// value is the t of a test.
func (t *test) value() starlark.Value {
	return module("t", map[string]starlark.Value{
		"sql":      module("t.sql", map[string]starlark.Value{"on": starlark.NewBuiltin("t.sql.on", t.onSQL)}),
		"exec":     module("t.exec", map[string]starlark.Value{"on": starlark.NewBuiltin("t.exec.on", t.onExec)}),
		"freeze":   module("t.freeze", map[string]starlark.Value{"on": starlark.NewBuiltin("t.freeze.on", t.onFreeze)}),
		"settings": t.settings,
		"params":   t.params,
		"context":  t.context,
		"secrets":  t.secrets,
	}, map[string]builtin{
		"database":        t.setDatabase,
		"world":           t.world,
		"replay":          t.replay,
		"run":             t.runPhase,
		"cycle":           t.cycle,
		"run_with_faults": t.runWithFaults,
		"eq":              t.eq,
		"ne":              t.ne,
		"true":            t.isTrue,
		"contains":        t.contains,
		"fail":            t.failNow,
		"transcript":      t.transcript,
	})
}

func module(name string, members map[string]starlark.Value, functions ...map[string]builtin) *starlarkstruct.Module {
	m := &starlarkstruct.Module{Name: name, Members: starlark.StringDict(members)}
	for _, list := range functions {
		for word, do := range list {
			m.Members[word] = starlark.NewBuiltin(name+"."+word, do)
		}
	}
	return m
}

// setDatabase says which database the statements of stubs are for.
func (t *test) setDatabase(_ *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	var name string
	if err := starlark.UnpackArgs(b.Name(), args, kwargs, "name", &name); err != nil {
		return nil, err
	}
	if known := []string{"mysql", "oracle", "postgres", "sqlite"}; !slices.Contains(known, name) {
		return nil, fmt.Errorf("%s: got %q, want one of %q", b.Name(), name, known)
	}
	t.stage.database, *t.database = name, name
	return starlark.None, nil
}

// world makes the server of the test a ready-made one.
func (t *test) world(_ *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	var name string
	if err := starlark.UnpackArgs(b.Name(), args, nil, "name", &name); err != nil {
		return nil, err
	}
	options := action.Dict()
	for _, kv := range kwargs {
		v, err := interp.ToValue(kv[1])
		if err != nil {
			return nil, fmt.Errorf("%s: %s: %w", b.Name(), kv[0], err)
		}
		options = options.With(string(kv[0].(starlark.String)), v)
	}
	server, err := worlds.New(name, options)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", b.Name(), err)
	}
	t.stage.server, t.stage.replay = server, nil
	t.stage.database = worlds.Database(name)
	*t.database = t.stage.database
	return newServerValue(server, nil), nil
}

// prepare takes over what the test has put into the dicts of t.
func (t *test) prepare() (err error) {
	for _, d := range []struct {
		name string
		from *starlark.Dict
		to   *action.Value
	}{{"settings", t.settings, &t.stage.settings}, {"params", t.params, &t.stage.params}, {"context", t.context, &t.stage.context}} {
		if *d.to, err = interp.ToValue(d.from); err != nil {
			return fmt.Errorf("t.%s: %w", d.name, err)
		}
	}
	t.stage.secrets = map[string]string{}
	for _, item := range t.secrets.Items() {
		name, _ := starlark.AsString(item[0])
		text, ok := starlark.AsString(item[1])
		if !ok || name == "" {
			return fmt.Errorf("t.secrets: got %s: %s, want a name and a text", item[0], item[1])
		}
		t.stage.secrets[name] = text
	}
	for _, field := range t.stage.context.Keys() {
		if !slices.Contains(contextFields, field) {
			return fmt.Errorf("t.context: ctx has no field %q that a test can set, want one of %q", field, contextFields)
		}
	}
	return nil
}

// contextFields are the fields of ctx that a test can set by t.context: all but those
// that the run fills in, or that have a dict of their own.
var contextFields = func() []string {
	var names []string
	for _, f := range action.ContextFields {
		if !slices.Contains([]string{"params", "settings", "recovery_point", "snapshot", "verified"}, f.Name) {
			names = append(names, f.Name)
		}
	}
	return names
}()

// script is the script under test.
func (t *test) script() (*interp.Script, error) {
	s, err := t.module.Script(t.ctx, scriptOf(t.o.Name))
	if err != nil {
		return nil, err
	}
	if err := fits(s.Info().Settings, t.stage.settings); err != nil {
		return nil, fmt.Errorf("t.settings: %w", err)
	}
	return s, nil
}

// fits reports what is wrong with settings for a script with these defaults.
func fits(defaults, settings action.Value) error {
	for i, name := range settings.Keys() {
		if !slices.Contains(defaults.Keys(), name) {
			return fmt.Errorf("the script declares no setting %q, it has %q", name, defaults.Keys())
		}
		if got, want := settings.Items()[i], defaults.Get(name); got.Kind() != want.Kind() {
			return fmt.Errorf("%s: got %s, want %s as its default", name, got.Kind(), want.Kind())
		}
	}
	return nil
}

// told is what a test keeps of a run.
type told struct {
	result   starlark.Value
	surprise []string
	missed   string
}

func tell(o *outcome) told { return told{o.result(), o.world.surprise, o.missed()} }

// done takes what a run did not expect over as failures of the test, and returns what
// the test sees of it.
func (t *test) done(th *starlark.Thread, run told) starlark.Value {
	t.runs++
	for _, text := range run.surprise {
		if !t.surprise[text] {
			t.surprise[text] = true
			t.fail(th, "%s", text)
		}
	}
	if run.missed != "" {
		t.fail(th, "%s", run.missed)
	}
	return run.result
}

// runPhase is t.run.
func (t *test) runPhase(th *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	a := asked{}
	if err := starlark.UnpackArgs(b.Name(), args, kwargs, "fn", &a.fn, "recovery_point?", &a.before); err != nil {
		return nil, err
	}
	return t.once(th, b, a)
}

// cycle is t.cycle.
func (t *test) cycle(th *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	a := asked{}
	if err := starlark.UnpackArgs(b.Name(), args, kwargs, "snapshot?", &a.snapshot, "fs_freeze?", &a.fsFreeze, "require?", &a.require); err != nil {
		return nil, err
	}
	return t.once(th, b, a)
}

// once makes one run without a fault.
func (t *test) once(th *starlark.Thread, b *starlark.Builtin, a asked) (starlark.Value, error) {
	p, err := t.plan(b.Name(), a)
	if err != nil {
		return nil, err
	}
	return t.done(th, tell(live(t.ctx, p))), t.over()
}

// runWithFaults is t.run_with_faults.
func (t *test) runWithFaults(th *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	a := asked{}
	if err := starlark.UnpackArgs(b.Name(), args, kwargs,
		"fn?", &a.fn, "kinds?", &a.kinds, "recovery_point?", &a.before, "fs_freeze?", &a.fsFreeze, "require?", &a.require); err != nil {
		return nil, err
	}
	kinds, err := kindsOf(a.kinds)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", b.Name(), err)
	}
	p, err := t.plan(b.Name(), a)
	if err != nil {
		return nil, err
	}
	clean, others := enumerate(t.ctx, p, kinds, tell)
	results := []starlark.Value{t.done(th, tell(clean))}
	if clean.message() != "" && (clean.phase == "" || clean.failed) {
		t.fail(th, "the run fails without a fault: %s", clean.message())
	}
	for _, run := range others {
		results = append(results, t.done(th, run))
	}
	return starlark.NewList(results), t.over()
}

// over ends a test whose time is over.
func (t *test) over() error {
	if t.ctx.Err() != nil {
		return context.Cause(t.ctx)
	}
	return nil
}

// kindsOf reads the names of kinds; none are all.
func kindsOf(names *starlark.List) ([]Kind, error) {
	if names == nil {
		return Kinds, nil
	}
	var kinds []Kind
	for i := range names.Len() {
		name, _ := starlark.AsString(names.Index(i))
		if !slices.Contains(Kinds, Kind(name)) {
			return nil, fmt.Errorf("for parameter \"kinds\": got %s, want some of %q", names.Index(i), Kinds)
		}
		kinds = append(kinds, Kind(name))
	}
	return kinds, nil
}
