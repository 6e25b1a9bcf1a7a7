package scripttest

import (
	"path"
	"strings"

	"github.com/starhost/starhost/action"
	realhost "github.com/starhost/starhost/host"
	"github.com/starhost/starhost/scripttest/worlds"
)

// execStub answers programs whose command line looks like its argv.
type execStub struct {
	stub
	user           string // empty: of every user
	argv           []string
	code           int
	stdout, stderr string
	fault          string // it cannot be started
}

// anyMore, as the last element of an argv, stands for any further arguments.
const anyMore = "..."

func (s *execStub) matches(e *action.Exec) bool {
	if s.user != "" && s.user != e.User {
		return false
	}
	argv := s.argv
	if n := len(argv); n > 0 && argv[n-1] == anyMore && len(e.Argv) >= n-1 {
		argv = argv[:n-1]
	} else if n != len(e.Argv) {
		return false
	}
	for i, want := range argv {
		if !glob(want, e.Argv[i]) {
			return false
		}
	}
	return true
}

// exec answers a program as the host does.
func (w *world) exec(e *action.Exec) action.Result {
	for i := len(w.stage.exec) - 1; i >= 0; i-- {
		s := w.stage.exec[i]
		if !s.left(w.used[s]) || !s.matches(e) {
			continue
		}
		w.used[s]++
		w.take(s.stub, "")
		res := s.result(e)
		if res.Err == nil {
			w.mustAcquire(s.stub, strings.Join(e.Argv, " "))
		}
		return res
	}
	if w.replay != nil {
		if res, ok := w.replay.answer(w, action.Op{Exec: e}, ""); ok {
			return res
		}
	}
	if res, ok := w.program(e); ok {
		return res
	}
	line := strings.Join(e.Argv, " ")
	text := w.surprised("unexpected program as %s: %s\nadd t.exec.on([%s])", e.User, line, quotedList(e.Argv))
	return action.Result{State: action.NotApplied, Err: &action.Fault{Kind: action.KindScript, Message: text}}
}

// program asks the server of the world, if programs speak to it.
func (w *world) program(e *action.Exec) (res action.Result, ok bool) {
	server, ok := w.server.(worlds.Programs)
	if !ok {
		return res, false
	}
	stdin, err := w.input(e.Stdin)
	if err != nil {
		return action.Refuse(action.KindConfig, "%v", err), true
	}
	p := worlds.Program{User: e.User, Argv: e.Argv, Stdin: stdin, Env: map[string]string{}}
	for i, name := range e.Env.Keys() {
		if p.Env[name], err = w.reveal(e.Env.Items()[i]); err != nil {
			return action.Refuse(action.KindConfig, "%v", err), true
		}
	}
	switch ended := server.Run(p); {
	case ended.Unknown:
		return res, false
	case ended.Waits:
		res := unknown(action.KindTimeout, path.Base(e.Argv[0])+" was killed with everything it started (it would not end)", false)
		res.Exit = killed(ended.Exit)
		return res, true
	default:
		return answered(e, ended.Exit), true
	}
}

// killed is how a program ended that the host has killed.
func killed(e action.Exit) *action.Exit {
	e.Code, e.Signal = 128+9, "SIGKILL"
	return &e
}

// answered is the result of a program that has ended.
func answered(e *action.Exec, exit action.Exit) action.Result {
	res := action.Result{State: action.Applied, Exit: &exit}
	if res.Err = realhost.ExitFault(e, res.Exit); res.Err != nil {
		res.State = action.Unknown
	}
	return res
}

func (s *execStub) result(e *action.Exec) action.Result {
	if s.fault != "" {
		return action.Result{State: action.NotApplied, Err: &action.Fault{Kind: action.KindScript, Message: s.fault}}
	}
	return answered(e, action.Exit{Code: s.code, Stdout: s.stdout, Stderr: s.stderr})
}
