package scripttest

import (
	"strings"

	"github.com/starhost/starhost/action"
	realhost "github.com/starhost/starhost/host"
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
	line := strings.Join(e.Argv, " ")
	text := w.surprised("unexpected program as %s: %s\nadd t.exec.on([%s])", e.User, line, quotedList(e.Argv))
	return action.Result{State: action.NotApplied, Err: &action.Fault{Kind: action.KindScript, Message: text}}
}

func (s *execStub) result(e *action.Exec) action.Result {
	if s.fault != "" {
		return action.Result{State: action.NotApplied, Err: &action.Fault{Kind: action.KindScript, Message: s.fault}}
	}
	res := action.Result{State: action.Applied, Exit: &action.Exit{Code: s.code, Stdout: s.stdout, Stderr: s.stderr}}
	if res.Err = realhost.ExitFault(e, res.Exit); res.Err != nil {
		res.State = action.Unknown
	}
	return res
}
