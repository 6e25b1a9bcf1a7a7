package builtins

import (
	"fmt"
	"math"
	"path"
	"regexp"
	"time"

	"go.starlark.net/starlark"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/interp"
)

var nameRE = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

// isName reports whether text is a name. The bound is not in the pattern, which would
// be compiled 64 times whenever one of our processes starts.
func isName(text string) bool { return len(text) <= 64 && nameRE.MatchString(text) }

// wrong is the error for an argument of the wrong type.
func (c *call) wrong(param string, got starlark.Value) error {
	return fmt.Errorf("for parameter %q: got %s, want %s", param, got.Type(), c.want(param))
}

// wrongValue is the error for an argument of the right type and a bad value.
func (c *call) wrongValue(param, got string) error {
	return fmt.Errorf("for parameter %q: got %s, want %s", param, got, c.want(param))
}

func (c *call) want(param string) string {
	if p := c.spec.Param(param); p != nil {
		return p.Type.Name
	}
	return "nothing"
}

// given returns an argument, nil if it was not given or is None.
func (c *call) given(param string) starlark.Value {
	if v := c.args[param]; v != nil && v != starlark.None {
		return v
	}
	return nil
}

func (c *call) text(param string) (string, error) {
	v, ok := c.args[param].(starlark.String)
	if !ok {
		return "", c.wrong(param, c.args[param])
	}
	if v == "" {
		return "", fmt.Errorf("for parameter %q: got an empty string, want one that is not", param)
	}
	return string(v), nil
}

func (c *call) name(param, otherwise string) (string, error) {
	v := c.given(param)
	if v == nil {
		return otherwise, nil
	}
	s, ok := v.(starlark.String)
	if !ok {
		return "", c.wrong(param, v)
	}
	if !isName(string(s)) {
		return "", c.wrongValue(param, fmt.Sprintf("%.80q", string(s)))
	}
	return string(s), nil
}

func (c *call) scope() (action.Scope, error) {
	v := c.given("scope")
	if v == nil {
		return action.ScopeDefault, nil
	}
	s, ok := v.(starlark.String)
	if !ok {
		return 0, c.wrong("scope", v)
	}
	scope, err := action.ParseScope(string(s))
	if err != nil {
		return 0, c.wrongValue("scope", fmt.Sprintf("%.80q", string(s)))
	}
	return scope, nil
}

// maxTimeout bounds timeout=: no run holds anything for longer.
const maxTimeout = time.Hour

// duration returns a positive number of seconds up to a limit, 0 if it was not given.
func (c *call) duration(param string, limit time.Duration) (time.Duration, error) {
	v := c.given(param)
	if v == nil {
		return 0, nil
	}
	f, ok := starlark.AsFloat(v)
	if !ok {
		return 0, c.wrong(param, v)
	}
	if !(f > 0) {
		return 0, c.wrongValue(param, v.String())
	}
	if f > limit.Seconds() {
		return 0, fmt.Errorf("for parameter %q: got %s, want at most %v seconds", param, v, limit.Seconds())
	}
	return time.Duration(math.Ceil(f * float64(time.Second))), nil // never 0, which means none
}

// values converts positional arguments for placeholders.
func (c *call) values() ([]action.Value, error) {
	values := make([]action.Value, 0, len(c.rest))
	for _, v := range c.rest {
		value, err := interp.ToValue(v)
		if _, isInt := v.(starlark.Int); isInt && err != nil {
			return nil, fmt.Errorf("for parameter %q: %w", "params", err)
		}
		if err != nil || value.Kind() == action.ListKind || value.Kind() == action.DictKind {
			return nil, c.wrong("params", v)
		}
		values = append(values, value)
	}
	return values, nil
}

// strings converts a list of strings.
func (c *call) strings(param string) ([]string, error) {
	v, ok := c.args[param].(starlark.Iterable)
	if !ok {
		return nil, c.wrong(param, c.args[param])
	}
	var list []string
	for item := range starlark.Elements(v) {
		s, ok := item.(starlark.String)
		if !ok {
			return nil, c.wrongValue(param, "a list that holds "+item.Type())
		}
		list = append(list, string(s))
	}
	return list, nil
}

func (c *call) argv() ([]string, error) {
	argv, err := c.strings("argv")
	if err != nil {
		return nil, err
	}
	if len(argv) == 0 {
		return nil, c.wrongValue("argv", "an empty list")
	}
	if !path.IsAbs(argv[0]) {
		return nil, c.wrongValue("argv", fmt.Sprintf("%.80q as the program", argv[0]))
	}
	return argv, nil
}

func (c *call) codes() ([]int, error) {
	v := c.given("ok")
	if v == nil {
		return []int{0}, nil
	}
	list, ok := v.(starlark.Iterable)
	if !ok {
		return nil, c.wrong("ok", v)
	}
	var codes []int
	for item := range starlark.Elements(list) {
		n, err := starlark.AsInt32(item)
		if _, isInt := item.(starlark.Int); !isInt {
			return nil, c.wrongValue("ok", "a list that holds "+item.Type())
		}
		if err != nil || n < 0 || n > 255 {
			return nil, c.wrongValue("ok", "a list that holds "+item.String())
		}
		codes = append(codes, n)
	}
	if len(codes) == 0 { // an executor would take it for any exit code
		return nil, c.wrongValue("ok", "an empty list")
	}
	return codes, nil
}

func (c *call) leave() (bool, error) {
	v := c.given("leave")
	if v == nil {
		return false, nil
	}
	leave, ok := v.(starlark.Bool)
	if !ok {
		return false, c.wrong("leave", v)
	}
	return bool(leave), nil
}

func (c *call) stdin() (action.Value, error) {
	v := c.given("stdin")
	if v == nil {
		return action.Value{}, nil
	}
	value, err := interp.ToValue(v)
	if _, isList := v.(*starlark.List); err != nil || !isList && !isInput(value) {
		return value, c.wrong("stdin", v)
	}
	for _, part := range value.Items() {
		if !isInput(part) {
			return value, c.wrongValue("stdin", "a list that holds "+part.Kind().String())
		}
	}
	return value, nil
}

func isInput(v action.Value) bool {
	return v.Kind() == action.StringKind || v.Kind() == action.BytesKind || v.Kind() == action.SecretKind
}

func (c *call) env() (action.Value, error) {
	v := c.given("env")
	if v == nil {
		return action.Value{}, nil
	}
	value, err := interp.ToValue(v)
	if _, isDict := v.(*starlark.Dict); !isDict {
		return value, c.wrong("env", v)
	}
	if err != nil {
		return value, fmt.Errorf("for parameter %q: %w", "env", err)
	}
	for i, item := range value.Items() {
		if item.Kind() != action.StringKind && item.Kind() != action.SecretKind {
			return value, c.wrongValue("env", fmt.Sprintf("%s for %.80q", item.Kind(), value.Keys()[i]))
		}
	}
	return value, nil
}
