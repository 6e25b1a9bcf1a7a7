package builtins

import (
	"go.starlark.net/starlark"

	"github.com/starhost/starhost/stmt"
)

func quoteName(c *call) (starlark.Value, error) {
	name, err := c.text("name")
	if err != nil {
		return nil, err
	}
	quoted, err := stmt.QuoteName(c.database(), name)
	return starlark.String(quoted), err
}
