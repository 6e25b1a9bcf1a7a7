package builtins

import (
	"fmt"

	"go.starlark.net/starlark"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/interp"
)

// mainSession is the session of a statement that names none.
const mainSession = "main"

func (c *call) statement(session string) (*action.SQL, error) {
	query, err := c.text("query")
	if err != nil {
		return nil, err
	}
	params, err := c.values()
	if err != nil {
		return nil, err
	}
	if session, err = c.name("session", session); err != nil {
		return nil, err
	}
	return &action.SQL{Session: session, Query: query, Params: params}, nil
}

func (c *call) query() (action.Result, error) {
	stmt, err := c.statement(mainSession)
	if err != nil {
		return action.Result{}, err
	}
	return c.do(action.Op{SQL: stmt})
}

func sql(c *call) (starlark.Value, error) {
	res, err := c.query()
	if err != nil {
		return nil, err
	}
	return rowsOf(res.Rows), nil
}

func sqlOne(c *call) (starlark.Value, error) {
	res, err := c.query()
	if err != nil {
		return nil, err
	}
	rows := rowsOf(res.Rows)
	if rows.Len() != 1 {
		return nil, fmt.Errorf("the query returned %d rows, want exactly one", rows.Len())
	}
	return rows.Index(0), nil
}

func trySQL(c *call) (starlark.Value, error) {
	res, err := c.query()
	if err != nil {
		return nil, err
	}
	code, message := starlark.Value(starlark.None), starlark.Value(starlark.None)
	if res.Err != nil {
		code, message = interp.FromValue(res.Err.Code), starlark.String(res.Err.Message)
	}
	return interp.NewStruct(
		[]string{"ok", "rows", "code", "message"},
		[]starlark.Value{starlark.Bool(res.Err == nil), rowsOf(res.Rows), code, message},
	), nil
}

// rowsOf makes a list of dicts.
func rowsOf(rows *action.Rows) *starlark.List {
	list := starlark.NewList(nil)
	if rows == nil {
		return list
	}
	for _, row := range rows.Rows {
		d := starlark.NewDict(len(row))
		for i, value := range row {
			// A new dict with string keys takes every key.
			_ = d.SetKey(starlark.String(rows.Columns[i]), interp.FromValue(value))
		}
		_ = list.Append(d) // a new list is not frozen
	}
	return list
}
