package scripttest

import (
	"fmt"
	"strings"

	"go.starlark.net/starlark"
)

// check unpacks what an assertion compares.
func check(b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple, names ...string) (values []starlark.Value, message string, err error) {
	values = make([]starlark.Value, len(names))
	var pairs []any
	for i, name := range names {
		pairs = append(pairs, name, &values[i])
	}
	pairs = append(pairs, "message?", &message)
	err = starlark.UnpackArgs(b.Name(), args, kwargs, pairs...)
	if message != "" {
		message = " (" + message + ")"
	}
	return values, message, err
}

func (t *test) eq(th *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	v, message, err := check(b, args, kwargs, "got", "want")
	if err != nil {
		return nil, err
	}
	equal, err := starlark.Equal(v[0], v[1])
	if err != nil {
		return nil, err
	}
	if !equal {
		t.fail(th, "got %s, want %s%s", shown(v[0]), shown(v[1]), message)
	}
	return starlark.Bool(equal), nil
}

func (t *test) ne(th *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	v, message, err := check(b, args, kwargs, "got", "other")
	if err != nil {
		return nil, err
	}
	equal, err := starlark.Equal(v[0], v[1])
	if err != nil {
		return nil, err
	}
	if equal {
		t.fail(th, "got %s, want something else%s", shown(v[0]), message)
	}
	return starlark.Bool(!equal), nil
}

func (t *test) isTrue(th *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	v, message, err := check(b, args, kwargs, "got")
	if err != nil {
		return nil, err
	}
	if !v[0].Truth() {
		t.fail(th, "got %s, want something true%s", shown(v[0]), message)
	}
	return v[0].Truth(), nil
}

// contains asserts that a text has a part, or a list or dict an element.
func (t *test) contains(th *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	v, message, err := check(b, args, kwargs, "got", "part")
	if err != nil {
		return nil, err
	}
	found, err := holds(v[0], v[1])
	if err != nil {
		return nil, fmt.Errorf("%s: %w", b.Name(), err)
	}
	if !found {
		t.fail(th, "got %s, want one with %s in it%s", shown(v[0]), shown(v[1]), message)
	}
	return starlark.Bool(found), nil
}

func holds(in, part starlark.Value) (bool, error) {
	switch in := in.(type) {
	case starlark.NoneType:
		return false, nil // an error that there is not
	case starlark.String:
		text, ok := starlark.AsString(part)
		if !ok {
			return false, fmt.Errorf("got %s to look for in a string, want a string", part.Type())
		}
		return strings.Contains(string(in), text), nil
	case starlark.Iterable:
		for v := range starlark.Elements(in) {
			if equal, err := starlark.Equal(v, part); equal || err != nil {
				return equal, err
			}
		}
		return false, nil
	}
	return false, fmt.Errorf("got %s, want a string, list, tuple, set or dict", in.Type())
}

func (t *test) failNow(th *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	var message string
	if err := starlark.UnpackArgs(b.Name(), args, kwargs, "message", &message); err != nil {
		return nil, err
	}
	t.fail(th, "%s", message)
	return starlark.None, nil
}

// transcript compares the tale of a run with a golden file.
func (t *test) transcript(th *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	var result starlark.HasAttrs
	var name string
	if err := starlark.UnpackArgs(b.Name(), args, kwargs, "result", &result, "file", &name); err != nil {
		return nil, err
	}
	v, err := result.Attr("transcript")
	text, ok := starlark.AsString(v)
	if err != nil || !ok {
		return nil, fmt.Errorf("%s: got %s, want what t.run or t.cycle returned", b.Name(), result.Type())
	}
	switch {
	case t.o.NoGolden:
		return starlark.None, nil
	case t.o.Update:
		t.golden[name] = text
		return starlark.None, nil
	}
	want, err := t.o.Load(name)
	if err != nil {
		t.fail(th, "%v: run the tests with -update to write it", err)
		return starlark.None, nil
	}
	if line, got, wanted := firstDifference(text, string(want)); line > 0 {
		t.fail(th, "%s:%d: got %q, want %q; -update writes it anew", name, line, got, wanted)
	}
	return starlark.None, nil
}

// firstDifference returns the first line, from 1, in which two texts differ; 0 if there is none.
func firstDifference(got, want string) (line int, a, b string) {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range max(len(g), len(w)) {
		a, b = "", ""
		if i < len(g) {
			a = g[i]
		}
		if i < len(w) {
			b = w[i]
		}
		if a != b || i >= len(g) || i >= len(w) {
			return i + 1, a, b
		}
	}
	return 0, "", ""
}

// shown is a value as a message shows it.
func shown(v starlark.Value) string {
	text := v.String()
	if len(text) > 2000 {
		text = strings.ToValidUTF8(text[:2000], "") + "…"
	}
	return text
}
