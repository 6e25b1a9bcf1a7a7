package scripttest

import (
	"fmt"
	"slices"
	"strings"

	"go.starlark.net/starlark"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/interp"
	"github.com/starhost/starhost/journal"
	"github.com/starhost/starhost/run"
	"github.com/starhost/starhost/undo"
)

// honest reports whether the verdict is not better than the truth, which the world
// knows: that everything which was quiesced when the prescript had returned was so until
// the snapshot had been taken, and every filesystem that was named was frozen; and that
// it was quiesced at all, if that is so without a fault.
func (o *outcome) honest() bool {
	return o.report.Verdict != run.Application || o.world.lasted && !o.open
}

// quiesced is what was held when the prescript had returned, and whether others could
// write although a server was there to stop them.
func (o *outcome) quiesced() (held []string, writable bool) {
	q := o.world.quiet
	if q == nil {
		return []string{}, false
	}
	return q.held, o.world.server != nil && !q.blocked
}

// opened reports whether a run held nothing, or let others write, where the same run
// without a fault did hold something, or did not: a script that goes on although its
// lock was refused.
func (o *outcome) opened(clean *outcome) bool {
	if o.world.quiet == nil || clean.world.quiet == nil {
		return false
	}
	was, is := clean.world.quiet, o.world.quiet
	return was.blocked && !is.blocked || len(was.held) > 0 && len(is.held) == 0
}

// missed says that the fault of the run was not made, or not where it was meant to be:
// then the run shows nothing. Empty if it was.
func (o *outcome) missed() string {
	f, points := o.world.fault, o.world.points
	if f.Kind == "" || f.Point <= len(points) && points[f.Point-1].text == f.Text {
		return ""
	}
	return fmt.Sprintf("the run was cut short, or does not do the same each time, so this fault could not be made: %s", f)
}

// message is what went wrong, empty if nothing did.
func (o *outcome) message() string {
	if o.report.Error == nil {
		return ""
	}
	return o.report.Error.Message
}

// actions are those of the script, in order.
func (o *outcome) actions() []run.ActionReport {
	if len(o.report.Members) == 0 {
		return nil
	}
	return o.report.Members[0].Actions
}

// undone names what was given back, all of it, in that order.
func (o *outcome) undone() []string {
	holds := map[int]string{}
	left := undo.Plan(o.records)
	list := []string{}
	for _, r := range o.records {
		if r.Type == journal.TypeIntent {
			holds[r.N] = undo.HoldName(r.N, r.Action)
		}
		if slices.ContainsFunc(left, func(h undo.Hold) bool { return h.Of == r.Of }) {
			continue
		}
		if r.Type == journal.TypeUndone && r.State != journal.Failed && !slices.Contains(list, holds[r.Of]) {
			list = append(list, holds[r.Of])
		}
	}
	return list
}

// result makes of an outcome what a test sees of it. Of a prescript alone, held is what
// it holds when it has returned, or what is left when it has failed and was undone;
// among runs with faults it is what is left, so that a fault of the undo is seen.
func (o *outcome) result() starlark.Value {
	w, alone := o.world, o.phase != ""
	held, value := o.held, o.report.Members[0].RecoveryPoint.Before
	if alone {
		value = o.value
		if o.phase == "prescript" && w.quiet != nil && !o.toEnd {
			held = w.quiet.held
		}
	}
	message, kind := starlark.Value(starlark.None), starlark.Value(starlark.None)
	if o.report.Error != nil && (!alone || o.failed || w.snapshot == nil) {
		message, kind = starlark.String(o.report.Error.Message), starlark.String(o.report.Error.Kind)
	}
	quiesced := []string{}
	if w.snapshot != nil {
		quiesced = w.snapshot.held
	}
	fields := []struct {
		name  string
		value starlark.Value
	}{
		{"value", interp.FromValue(value)},
		{"error", message},
		{"kind", kind},
		{"verdict", verdictValue(o.report.Verdict)},
		{"exit", starlark.MakeInt(o.report.Exit)},
		{"held", texts(held)},
		{"quiesced", texts(quiesced)},
		{"undone", texts(o.undone())},
		{"honest", starlark.Bool(o.honest())},
		{"lasted", starlark.Bool(w.lasted)},
		{"after", interp.FromValue(o.report.Members[0].RecoveryPoint.After)},
		{"actions", o.actionList()},
		{"events", eventList(w.events)},
		{"log", texts(w.log)},
		{"fault", starlark.String(w.fault.String())},
		{"transcript", starlark.String(o.transcript())},
	}
	names, values := make([]string, len(fields)), make([]starlark.Value, len(fields))
	for i, f := range fields {
		names[i], values[i] = f.name, f.value
	}
	s := interp.NewStruct(names, values)
	s.Freeze()
	return s
}

func verdictValue(v run.Verdict) starlark.Value {
	if v == run.NoVerdict {
		return starlark.None
	}
	return starlark.String(v.String())
}

func texts(list []string) *starlark.List {
	values := make([]starlark.Value, len(list))
	for i, text := range list {
		values[i] = starlark.String(text)
	}
	return starlark.NewList(values)
}

// actionList is a list of structs, one an action of the script.
func (o *outcome) actionList() *starlark.List {
	list := starlark.NewList(nil)
	for i, a := range o.actions() {
		_ = list.Append(interp.NewStruct( // a new list is not frozen
			[]string{"n", "word", "text", "session", "state", "hold", "undo", "undone", "error", "pos"},
			[]starlark.Value{
				starlark.MakeInt(i + 1), starlark.String(a.Name), starlark.String(oneLine(a.Text)), starlark.String(a.Session),
				starlark.String(a.State), starlark.String(a.Hold), texts(a.Undo), starlark.Bool(a.Undone), starlark.String(a.Error), starlark.String(a.Pos),
			}))
	}
	return list
}

// eventList is what the script has said on the messaging channel.
func eventList(events []event) *starlark.List {
	list := starlark.NewList(nil)
	for _, e := range events {
		_ = list.Append(interp.NewStruct([]string{"name", "data"}, []starlark.Value{starlark.String(e.name), interp.FromValue(e.data)}))
	}
	return list
}

// transcript tells a run, line by line, as a golden file keeps it: no times, no
// numbers that a change elsewhere would move.
func (o *outcome) transcript() string {
	var b strings.Builder
	for _, a := range o.actions() {
		fmt.Fprintf(&b, "%s%s %s\n", a.Name, bracketed(a.Session), oneLine(a.Text))
		if a.State != action.Applied {
			fmt.Fprintf(&b, "    %s: %s\n", a.State, oneLine(a.Error))
		}
		if len(a.Undo) > 0 {
			fmt.Fprintf(&b, "    holds %s, undo: %s\n", a.Hold, oneLine(strings.Join(a.Undo, "; ")))
		}
	}
	for _, line := range o.world.log {
		fmt.Fprintf(&b, "log: %s\n", line)
	}
	fmt.Fprintf(&b, "undone: %s\n", listed(o.undone()))
	fmt.Fprintf(&b, "held: %s\n", listed(o.held))
	if o.report.Error != nil {
		fmt.Fprintf(&b, "error: %s: %s\n", o.report.Error.Kind, oneLine(o.report.Error.Message))
	}
	fmt.Fprintf(&b, "verdict: %s, exit %d\n", orNone(o.report.Verdict.String()), o.report.Exit)
	return b.String()
}

func bracketed(session string) string {
	if session == "" {
		return ""
	}
	return "[" + session + "]"
}

func listed(names []string) string { return orNone(strings.Join(names, ", ")) }

func orNone(text string) string {
	if text == "" {
		return "none"
	}
	return text
}

// quoted is a text as a script writes it.
func quoted(text string) string { return starlark.String(text).String() }

func quotedList(texts []string) string {
	list := make([]string, len(texts))
	for i, text := range texts {
		list[i] = quoted(text)
	}
	return strings.Join(list, ", ")
}
