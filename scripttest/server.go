package scripttest

import (
	"fmt"

	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"

	"github.com/starhost/starhost/interp"
	"github.com/starhost/starhost/scripttest/worlds"
)

// serverValue is a server in the hands of a test: before a run, or while the snapshot
// of one is taken.
type serverValue struct {
	server worlds.Server // nil if there are stubs alone
	w      *world        // nil before a run
}

// newServerValue returns what a test sees of a server.
func newServerValue(server worlds.Server, w *world) starlark.Value {
	s := &serverValue{server, w}
	members := starlark.StringDict{}
	for name, do := range map[string]builtin{
		"kill": s.kill, "restart": s.restart, "commit": s.commit, "drop": s.drop, "set": s.set, "held": s.held,
	} {
		members[name] = starlark.NewBuiltin("server."+name, do)
	}
	return &starlarkstruct.Module{Name: "server", Members: members}
}

// kill ends a session, as an administrator does.
func (s *serverValue) kill(_ *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	session := "main"
	if err := starlark.UnpackArgs(b.Name(), args, kwargs, "session?", &session); err != nil {
		return nil, err
	}
	if s.w == nil {
		return nil, fmt.Errorf("%s: no session is there before a run: call it in the function that is given as snapshot=", b.Name())
	}
	if !s.w.loseNamed(session) {
		return nil, fmt.Errorf("%s: there is no session %q", b.Name(), session)
	}
	return starlark.None, nil
}

// restart restarts the server.
func (s *serverValue) restart(_ *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	if err := starlark.UnpackArgs(b.Name(), args, kwargs); err != nil {
		return nil, err
	}
	switch {
	case s.w != nil:
		s.w.restart()
	case s.server != nil:
		s.server.Restart()
	}
	return starlark.None, nil
}

// need says that there is no ready-made server to ask.
func (s *serverValue) need(b *starlark.Builtin) error {
	if s.server == nil {
		return fmt.Errorf("%s: the server is made of stubs, which do not know: take a ready-made t.world(…)", b.Name())
	}
	return nil
}

// commit is a write of another client; it reports whether it was possible.
func (s *serverValue) commit(_ *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	if err := starlark.UnpackArgs(b.Name(), args, kwargs); err != nil {
		return nil, err
	}
	if err := s.need(b); err != nil {
		return nil, err
	}
	return starlark.Bool(s.server.Commit()), nil
}

// drop takes away what is held, although nobody gave it back.
func (s *serverValue) drop(_ *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	var name string
	if err := starlark.UnpackArgs(b.Name(), args, kwargs, "held", &name); err != nil {
		return nil, err
	}
	if s.w != nil {
		if _, ok := s.w.taken[name]; ok {
			delete(s.w.taken, name)
			return starlark.None, nil
		}
	}
	if err := s.need(b); err != nil {
		return nil, err
	}
	if !s.server.Drop(name) {
		return nil, fmt.Errorf("%s: %q is not held; held is %q", b.Name(), name, s.server.Held())
	}
	return starlark.None, nil
}

// set sets options and variables of the server, as an administrator does.
func (s *serverValue) set(_ *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	if err := s.need(b); err != nil {
		return nil, err
	}
	if len(args) > 0 {
		return nil, fmt.Errorf("%s: got a positional argument, want name = value", b.Name())
	}
	for _, kv := range kwargs {
		v, err := interp.ToValue(kv[1])
		if err == nil {
			err = s.server.Set(string(kv[0].(starlark.String)), v)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", b.Name(), err)
		}
	}
	return starlark.None, nil
}

// held names what is held.
func (s *serverValue) held(_ *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	if err := starlark.UnpackArgs(b.Name(), args, kwargs); err != nil {
		return nil, err
	}
	if s.w != nil {
		return texts(s.w.held()), nil
	}
	if err := s.need(b); err != nil {
		return nil, err
	}
	return texts(s.server.Held()), nil
}
