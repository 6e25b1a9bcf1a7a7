package builtins

import (
	"go.starlark.net/starlark"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/interp"
)

func (c *call) program() (*action.Exec, error) {
	user, err := c.text("user")
	if err != nil {
		return nil, err
	}
	argv, err := c.argv()
	if err != nil {
		return nil, err
	}
	stdin, err := c.stdin()
	if err != nil {
		return nil, err
	}
	env, err := c.env()
	if err != nil {
		return nil, err
	}
	ok, err := c.codes()
	if err != nil {
		return nil, err
	}
	leave, err := c.leave()
	if err != nil {
		return nil, err
	}
	return &action.Exec{User: user, Argv: argv, Stdin: stdin, Env: env, OK: ok, Leave: leave}, nil
}

func execAs(c *call) (starlark.Value, error) {
	program, err := c.program()
	if err != nil {
		return nil, err
	}
	res, err := c.do(action.Op{Exec: program})
	if err != nil {
		return nil, err
	}
	return exitOf(res.Exit), nil
}

func tryExecAs(c *call) (starlark.Value, error) {
	program, err := c.program()
	if err != nil {
		return nil, err
	}
	if c.given("releases") == nil {
		program.OK = nil // any exit code is an answer
	} // else it is one too, but a program that failed has given nothing back
	res, err := c.do(action.Op{Exec: program})
	if err != nil {
		return nil, err
	}
	return exitOf(res.Exit), nil
}

func exitOf(exit *action.Exit) starlark.Value {
	if exit == nil {
		exit = &action.Exit{}
	}
	return interp.NewStruct(
		[]string{"code", "stdout", "stderr", "truncated"},
		[]starlark.Value{
			starlark.MakeInt(exit.Code), starlark.String(exit.Stdout), starlark.String(exit.Stderr), starlark.Bool(exit.Truncated),
		},
	)
}
