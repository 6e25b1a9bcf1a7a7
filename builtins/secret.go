package builtins

import (
	"go.starlark.net/starlark"

	"github.com/starhost/starhost/interp"
)

func secret(c *call) (starlark.Value, error) {
	name, err := c.name("name", "")
	if err != nil {
		return nil, err
	}
	if name == "" {
		return nil, c.wrong("name", c.args["name"])
	}
	return interp.Secret{Name: name}, nil
}
