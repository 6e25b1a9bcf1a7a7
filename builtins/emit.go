package builtins

import (
	"fmt"

	"go.starlark.net/starlark"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/interp"
)

func emit(c *call) (starlark.Value, error) {
	event, err := c.name("event", "")
	if err != nil {
		return nil, err
	}
	if event == "" {
		return nil, c.wrong("event", c.args["event"])
	}
	entries := make([]action.Entry, 0, len(c.named))
	for _, kv := range c.named {
		value, err := interp.ToValue(kv[1])
		if err == nil {
			err = value.NoSecrets()
		}
		if err != nil {
			return nil, fmt.Errorf("for parameter %q: %w", string(kv[0].(starlark.String)), err)
		}
		entries = append(entries, action.Entry{Key: string(kv[0].(starlark.String)), Value: value})
	}
	_, err = c.do(action.Op{Emit: &action.Emit{Event: event, Data: action.Dict(entries...)}})
	return starlark.None, err
}
