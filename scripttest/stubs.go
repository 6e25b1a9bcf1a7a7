package scripttest

import (
	"fmt"
	"path"

	"go.starlark.net/starlark"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/interp"
)

// onSQL is t.sql.on.
func (t *test) onSQL(_ *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	s := &sqlStub{}
	var text, message string
	var rows *starlark.List
	var code starlark.Value
	if err := starlark.UnpackArgs(b.Name(), args, kwargs, "pattern", &text, "rows?", &rows, "error?", &code, "message?", &message, "session?", &s.session,
		"acquires?", &s.acquires, "releases?", &s.releases, "times?", &s.times); err != nil {
		return nil, err
	}
	if t.stage.database == "" {
		return nil, fmt.Errorf(`%s: nobody has said which database this is: t.database("mysql"), or a ready-made t.world(…)`, b.Name())
	}
	s.pattern = pattern(text)
	if code != nil && code != starlark.None {
		v, err := interp.ToValue(code)
		if err != nil || v.Kind() != action.IntKind && v.Kind() != action.StringKind {
			return nil, fmt.Errorf("%s: for parameter \"error\": got %s, want the server's code: a number, or a string for PostgreSQL", b.Name(), code.Type())
		}
		if message == "" {
			message = fmt.Sprintf("error %s of the server", v)
		}
		s.fault = &action.Fault{Kind: action.KindRefused, Code: v, Message: message}
	}
	if rows != nil && s.fault != nil {
		return nil, fmt.Errorf("%s: got both rows and error, want one answer", b.Name())
	}
	if rows != nil {
		var err error
		if s.rows, err = rowsOf(rows); err != nil {
			return nil, fmt.Errorf("%s: for parameter \"rows\": %w", b.Name(), err)
		}
	}
	t.stage.sql = append(t.stage.sql, s)
	return starlark.None, nil
}

// rowsOf makes a result set of a list of dicts, which all have the same keys.
func rowsOf(list *starlark.List) (*action.Rows, error) {
	rows := &action.Rows{Columns: []string{}, Rows: [][]action.Value{}}
	for i := range list.Len() {
		v, err := interp.ToValue(list.Index(i))
		if err != nil {
			return nil, err
		}
		if v.Kind() != action.DictKind {
			return nil, fmt.Errorf("got a %s in the list, want dicts of columns to values", v.Kind())
		}
		if i == 0 {
			rows.Columns = v.Keys()
		}
		row := make([]action.Value, len(rows.Columns))
		for j, column := range rows.Columns {
			row[j] = v.Get(column)
		}
		if len(v.Keys()) != len(rows.Columns) {
			return nil, fmt.Errorf("row %d has the columns %q, the first one %q", i+1, v.Keys(), rows.Columns)
		}
		rows.Rows = append(rows.Rows, row)
	}
	return rows, nil
}

// onExec is t.exec.on.
func (t *test) onExec(_ *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	s := &execStub{}
	var argv *starlark.List
	if err := starlark.UnpackArgs(b.Name(), args, kwargs, "argv", &argv, "user?", &s.user, "code?", &s.code, "stdout?", &s.stdout, "stderr?", &s.stderr,
		"error?", &s.fault, "acquires?", &s.acquires, "releases?", &s.releases, "times?", &s.times); err != nil {
		return nil, err
	}
	for i := range argv.Len() {
		text, ok := starlark.AsString(argv.Index(i))
		if !ok {
			return nil, fmt.Errorf("%s: for parameter \"argv\": got a %s in the list, want strings", b.Name(), argv.Index(i).Type())
		}
		s.argv = append(s.argv, text)
	}
	t.stage.exec = append(t.stage.exec, s)
	return starlark.None, nil
}

// onFreeze is t.freeze.on.
func (t *test) onFreeze(_ *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	m := mountStub{}
	if err := starlark.UnpackArgs(b.Name(), args, kwargs, "mount", &m.mount, "error?", &m.fault); err != nil {
		return nil, err
	}
	if !path.IsAbs(m.mount) {
		return nil, fmt.Errorf("%s: for parameter \"mount\": got %q, want an absolute path", b.Name(), m.mount)
	}
	m.mount = path.Clean(m.mount)
	t.stage.mounts = append(t.stage.mounts, m)
	return starlark.None, nil
}
