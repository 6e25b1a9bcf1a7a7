package scripttest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"go.starlark.net/starlark"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/scripttest/recording"
)

// replay is a world made of a real run: it answers each action as it was answered then,
// the same one again with the next answer, the last of them for ever. What is held is
// what the actions took that had an undo then, until one of its steps is made.
type replay struct {
	member  *recording.Member
	answers map[string][]action.Result // by what was asked
	holds   map[string]taken           // by what was asked
	gives   map[string]string          // by the undo that is made: what it gives back
	guarded map[string]bool            // reads that allow an undo
}

// taken is what an action takes.
type taken struct {
	name    string
	session bool // it ends with its session
}

func newReplay(source []byte, workload string) (*replay, error) {
	lines, err := recording.Read(source, workload)
	if err != nil {
		return nil, err
	}
	r := &replay{
		member: lines[0].Member, answers: map[string][]action.Result{}, holds: map[string]taken{}, gives: map[string]string{},
		guarded: map[string]bool{},
	}
	for _, l := range lines {
		if l.Action != nil {
			r.add(l.Action, l.Result)
		}
	}
	return r, nil
}

func (r *replay) add(a *action.Action, res *action.Result) {
	key := keyOf(a.Op)
	r.answers[key] = append(r.answers[key], *res)
	if a.Releases != "" {
		r.gives[key] = a.Releases
	}
	if len(a.Undo) == 0 || res.State == action.NotApplied {
		return
	}
	name := a.Hold
	if name == "" {
		name = oneLine(a.Text())
	}
	r.holds[key] = taken{name, a.Scope == action.ScopeSession}
	r.undoneBy(a.Undo, name)
}

func (r *replay) undoneBy(steps []action.Op, name string) {
	for _, step := range steps {
		if step.SQL != nil && step.SQL.When != "" {
			r.guarded[oneLine(step.SQL.When)] = true
		}
		r.gives[keyOf(step)] = name
		r.undoneBy(step.AnyOf, name)
	}
}

// keyOf is what an operation asks, whoever asks it: statements of one session are told
// apart from those of another, and by their parameters.
func keyOf(op action.Op) string {
	if op.SQL != nil {
		op = action.Op{SQL: &action.SQL{Session: op.SQL.Session, Query: oneLine(op.SQL.Query), Params: revealed(op.SQL.Params)}}
	}
	if op.Exec != nil {
		e := *op.Exec
		e.OK, e.Leave = nil, false // what becomes of an answer, not what is asked
		op = action.Op{Exec: &e}
	}
	text, err := json.Marshal(op)
	if err != nil {
		return op.Text() // nothing that a script can say
	}
	return string(text)
}

// revealed has placeholders for secrets: a server sees texts, a recording has names.
func revealed(params []action.Value) []action.Value {
	out := slices.Clone(params)
	for i, p := range out {
		if p.Kind() == action.SecretKind {
			out[i] = action.String(placeholder(p.Text()))
		}
	}
	return out
}

// answer answers an operation in a world, and changes what is held there.
func (r *replay) answer(w *world, op action.Op, session string) (action.Result, bool) {
	key := keyOf(op)
	gives, undoes := r.gives[key]
	list := r.answers[key]
	if len(list) == 0 && !undoes {
		return action.Result{}, false
	}
	res := action.Result{State: action.Applied} // of an undo that nobody had to make
	if len(list) > 0 {
		res = list[min(w.asked[key], len(list)-1)]
		w.asked[key]++
	}
	if res.State == action.NotApplied {
		return res, true
	}
	if undoes {
		delete(w.taken, gives)
	}
	if hold, ok := r.holds[key]; ok {
		if !hold.session {
			session = ""
		}
		w.taken[hold.name] = session
	}
	return res, true
}

// statement answers a statement of a session.
func (r *replay) statement(c *session, query string, params []action.Value) action.Result {
	if r.guarded[oneLine(query)] {
		return action.Result{State: action.Applied, Rows: &action.Rows{Columns: []string{"yes"}, Rows: [][]action.Value{{action.Bool(true)}}}}
	}
	res, ok := r.answer(c.w, action.Op{SQL: &action.SQL{Session: strings.TrimSuffix(c.name, "+undo"), Query: query, Params: params}}, c.id)
	if !ok {
		return c.unexpected(query)
	}
	return res
}

// settings are those of the run, as far as the script still has them.
func (r *replay) settings(defaults action.Value) action.Value {
	given := r.member.Context.Get("settings")
	for i, name := range given.Keys() {
		if slices.Contains(defaults.Keys(), name) {
			defaults = defaults.With(name, given.Items()[i])
		}
	}
	return defaults
}

// context is ctx as the script saw it in the recorded run: a user, a time or an
// identifier may be part of what it asked for, and has an answer under that name alone.
// What a run fills in, and the settings, are left as they are.
func (r *replay) context(ctx action.Value) action.Value {
	for _, name := range ctx.Keys() {
		if slices.Contains([]string{"settings", "recovery_point", "snapshot", "verified"}, name) {
			continue
		}
		if slices.Contains(r.member.Context.Keys(), name) {
			ctx = ctx.With(name, r.member.Context.Get(name))
		}
	}
	return ctx
}

// replay is t.replay.
func (t *test) replay(_ *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	var file, workload string
	if err := starlark.UnpackArgs(b.Name(), args, kwargs, "file", &file, "workload?", &workload); err != nil {
		return nil, err
	}
	source, err := t.o.Load(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", b.Name(), err)
	}
	r, err := newReplay(source, workload)
	if err != nil {
		return nil, fmt.Errorf("%s: %s: %w", b.Name(), file, err)
	}
	t.stage.server, t.stage.replay, t.stage.database = nil, r, r.member.Database
	*t.database = r.member.Database
	return starlark.None, nil
}
