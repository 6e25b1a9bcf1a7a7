package interp

import (
	"fmt"
	"slices"
	"strings"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"

	"github.com/starhost/starhost/action"
)

// Struct is an immutable record with named fields: what try_sql returns, what a
// script makes with struct(), and ctx. It is ours because the library's own
// restarts its search for cycles at each struct, so that printing one that holds
// a list which holds the struct overflows the stack of the process.
type Struct struct {
	kind   string // "struct" or "ctx"
	names  []string
	values []starlark.Value
	frozen bool
}

// NewStruct returns a struct of these names, each with the value at the same place.
func NewStruct(names []string, values []starlark.Value) *Struct {
	return &Struct{kind: "struct", names: names, values: values}
}

// newContext returns the ctx of a phase: the entries of a dict as fields.
func newContext(in action.Value) *Struct {
	s := &Struct{kind: "ctx", names: in.Keys()}
	for _, item := range in.Items() {
		s.values = append(s.values, FromValue(item))
	}
	s.Freeze()
	return s
}

func makeStruct(_ *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	if len(args) > 0 {
		return nil, fmt.Errorf("struct: got a positional argument, want name = value")
	}
	s := &Struct{kind: "struct"}
	for _, kv := range kwargs {
		s.names = append(s.names, string(kv[0].(starlark.String)))
		s.values = append(s.values, kv[1])
	}
	return s, nil
}

// String returns the field names alone: the values may hold the struct itself.
func (s *Struct) String() string { return s.kind + "(" + strings.Join(s.names, ", ") + ")" }

// Type returns "struct" or "ctx".
func (s *Struct) Type() string { return s.kind }

// Truth returns true.
func (s *Struct) Truth() starlark.Bool { return true }

// Hash refuses: a struct may hold lists.
func (s *Struct) Hash() (uint32, error) { return 0, fmt.Errorf("unhashable type: %s", s.kind) }

// Freeze freezes the fields, once: a struct that holds one struct twice, and so on,
// is small and endless to walk.
func (s *Struct) Freeze() {
	if s.frozen {
		return
	}
	s.frozen = true
	for _, v := range s.values {
		v.Freeze()
	}
}

// Attr returns a field.
func (s *Struct) Attr(name string) (starlark.Value, error) {
	if i := slices.Index(s.names, name); i >= 0 {
		return s.values[i], nil
	}
	return nil, starlark.NoSuchAttrError(fmt.Sprintf("%s has no field %q, want one of %s", s.kind, name, strings.Join(s.names, ", ")))
}

// AttrNames returns the names of the fields.
func (s *Struct) AttrNames() []string { return slices.Clone(s.names) }

// CompareSameType compares field by field, in order.
func (s *Struct) CompareSameType(op syntax.Token, other starlark.Value, depth int) (bool, error) {
	if op != syntax.EQL && op != syntax.NEQ {
		return false, fmt.Errorf("%s %s %s is not possible", s.kind, op, other.Type())
	}
	o := other.(*Struct)
	equal := slices.Equal(s.names, o.names)
	for i := 0; equal && i < len(s.values); i++ {
		var err error
		if equal, err = starlark.EqualDepth(s.values[i], o.values[i], depth-1); err != nil {
			return false, err
		}
	}
	return equal == (op == syntax.EQL), nil
}

func (s *Struct) items() []starlark.Tuple {
	items := make([]starlark.Tuple, len(s.names))
	for i, name := range s.names {
		items[i] = starlark.Tuple{starlark.String(name), s.values[i]}
	}
	return items
}

// boundedRange is range() with a cap: most ways of filling the memory with one
// line begin with a huge range.
func boundedRange(t *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	got, err := starlark.Call(t, starlark.Universe["range"], args, kwargs)
	if err != nil {
		return nil, err
	}
	if n := starlark.Len(got); n > MaxRange {
		return nil, fmt.Errorf("range: %d elements, at most %d are allowed", n, MaxRange)
	}
	return got, nil
}
