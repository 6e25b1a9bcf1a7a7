package builtins

import (
	"fmt"
	"path"

	"go.starlark.net/starlark"

	"github.com/starhost/starhost/action"
)

func freeze(c *call) (starlark.Value, error) {
	paths := []string{}
	for _, v := range c.rest {
		s, ok := v.(starlark.String)
		if !ok {
			return nil, c.wrong("paths", v)
		}
		if !path.IsAbs(string(s)) {
			return nil, c.wrongValue("paths", fmt.Sprintf("%.200q", string(s)))
		}
		paths = append(paths, path.Clean(string(s)))
	}
	res, err := c.do(action.Op{Freeze: &action.Freeze{Paths: paths}})
	if err != nil {
		return nil, err
	}
	return stringList(res.Mounts), nil
}

func stringList(texts []string) *starlark.List {
	list := make([]starlark.Value, len(texts))
	for i, text := range texts {
		list[i] = starlark.String(text)
	}
	return starlark.NewList(list)
}
