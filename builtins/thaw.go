package builtins

import (
	"fmt"

	"go.starlark.net/starlark"

	"github.com/starhost/starhost/action"
)

func thaw(c *call) (starlark.Value, error) {
	var holds []string
	for _, v := range c.rest {
		s, ok := v.(starlark.String)
		if !ok {
			return nil, c.wrong("holds", v)
		}
		if !isName(string(s)) {
			return nil, c.wrongValue("holds", fmt.Sprintf("%.80q", string(s)))
		}
		holds = append(holds, string(s))
	}
	res, err := c.do(action.Op{Thaw: &action.Thaw{Holds: holds}})
	if err != nil {
		return nil, err
	}
	return stringList(res.Undone), nil
}
