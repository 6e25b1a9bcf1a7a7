package interp

import (
	"fmt"
	"math/big"

	"go.starlark.net/starlark"

	"github.com/starhost/starhost/action"
)

// maxNodes bounds the work of converting a value: a list that holds one list
// many times is small in memory and endless to walk.
const maxNodes = 1 << 16

// Secret is a secret as a script sees it: a name and no text.
type Secret struct{ Name string }

// String returns the call that made it.
func (s Secret) String() string { return fmt.Sprintf("secret(%q)", s.Name) }

// Type returns "secret".
func (s Secret) Type() string { return "secret" }

// Freeze does nothing: a Secret is immutable.
func (s Secret) Freeze() {}

// Truth returns true.
func (s Secret) Truth() starlark.Bool { return true }

// Hash hashes the name.
func (s Secret) Hash() (uint32, error) { return starlark.String(s.Name).Hash() }

// ToValue converts what a script made, within the limits of [action.Value].
// Tuples and sets become lists, structs become dicts.
func ToValue(v starlark.Value) (action.Value, error) {
	c := converter{}
	return c.value(v, 0)
}

type converter struct{ nodes, bytes int }

func (c *converter) value(v starlark.Value, depth int) (action.Value, error) {
	if c.nodes++; c.nodes > maxNodes || c.bytes > action.MaxBytes {
		return action.Value{}, fmt.Errorf("value has more than %d items or %d bytes", maxNodes, action.MaxBytes)
	}
	if depth > action.MaxDepth {
		return action.Value{}, fmt.Errorf("value is nested deeper than %d", action.MaxDepth)
	}
	switch v := v.(type) {
	case nil, starlark.NoneType:
		return action.Value{}, nil
	case starlark.Bool:
		return action.Bool(bool(v)), nil
	case starlark.Int:
		return integer(v)
	case starlark.Float:
		return action.Float(float64(v)), nil
	case starlark.String:
		c.bytes += len(v)
		return action.String(string(v)), nil
	case starlark.Bytes:
		c.bytes += len(v)
		return action.Bytes([]byte(v)), nil
	case Secret:
		return action.Secret(v.Name), nil
	case starlark.IterableMapping:
		return c.dict(v.Items(), depth)
	case *Struct:
		return c.dict(v.items(), depth)
	case starlark.Iterable:
		return c.list(v, depth)
	}
	return action.Value{}, fmt.Errorf("got %s, want %s", v.Type(), action.TypeData.Name)
}

func integer(v starlark.Int) (action.Value, error) {
	if i, ok := v.Int64(); ok {
		return action.Int(i), nil
	}
	if u, ok := v.Uint64(); ok {
		return action.Uint(u), nil
	}
	return action.Value{}, fmt.Errorf("int does not fit 64 bits")
}

func (c *converter) list(v starlark.Iterable, depth int) (action.Value, error) {
	list := []action.Value{}
	iter := v.Iterate()
	defer iter.Done()
	var item starlark.Value
	for iter.Next(&item) {
		value, err := c.value(item, depth+1)
		if err != nil {
			return action.Value{}, err
		}
		list = append(list, value)
	}
	return action.List(list...), nil
}

func (c *converter) dict(items []starlark.Tuple, depth int) (action.Value, error) {
	entries := make([]action.Entry, 0, len(items))
	for _, item := range items {
		key, ok := starlark.AsString(item[0])
		if !ok {
			return action.Value{}, fmt.Errorf("key of a dict: got %s, want string", item[0].Type())
		}
		value, err := c.value(item[1], depth+1)
		if err != nil {
			return action.Value{}, err
		}
		c.bytes += len(key)
		entries = append(entries, action.Entry{Key: key, Value: value})
	}
	return action.Dict(entries...), nil
}

// FromValue makes a Starlark value of v: plain copies, never a live handle.
func FromValue(v action.Value) starlark.Value {
	switch v.Kind() {
	case action.BoolKind:
		return starlark.Bool(v.AsBool())
	case action.IntKind:
		if u, ok := v.AsUint(); ok {
			return starlark.MakeBigInt(new(big.Int).SetUint64(u))
		}
		i, _ := v.AsInt()
		return starlark.MakeInt64(i)
	case action.FloatKind:
		f, _ := v.AsFloat()
		return starlark.Float(f)
	case action.StringKind:
		return starlark.String(v.Text())
	case action.BytesKind:
		return starlark.Bytes(v.Text())
	case action.SecretKind:
		return Secret{v.Text()}
	case action.ListKind:
		list := make([]starlark.Value, len(v.Items()))
		for i, item := range v.Items() {
			list[i] = FromValue(item)
		}
		return starlark.NewList(list)
	case action.DictKind:
		return dictFrom(v)
	}
	return starlark.None
}

func dictFrom(v action.Value) *starlark.Dict {
	d := starlark.NewDict(len(v.Keys()))
	for i, key := range v.Keys() {
		// A string key of a dict that nobody iterates cannot fail.
		_ = d.SetKey(starlark.String(key), FromValue(v.Items()[i]))
	}
	return d
}
