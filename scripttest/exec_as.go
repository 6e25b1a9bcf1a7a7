package scripttest

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/starhost/starhost/action"
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
		if s.fault == "" && accepted(e.OK, s.code) {
			w.mustAcquire(s.stub, strings.Join(e.Argv, " "))
		}
		return s.result(e)
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
	if !accepted(e.OK, s.code) {
		res.State = action.Unknown
		res.Err = exitFault(e, res.Exit)
	}
	return res
}

// accepted reports whether an exit code is a success; no codes mean that all are.
func accepted(ok []int, code int) bool { return len(ok) == 0 || slices.Contains(ok, code) }

// exitFault is the failure of a program as the host tells it: with the last line that the
// program wrote.
func exitFault(e *action.Exec, exit *action.Exit) *action.Fault {
	text := fmt.Sprintf("%s ended with exit code %d", path.Base(e.Argv[0]), exit.Code)
	for _, out := range []string{exit.Stderr, exit.Stdout} {
		lines := strings.Split(strings.TrimSpace(out), "\n")
		if last := lines[len(lines)-1]; last != "" {
			text += ": " + last
			break
		}
	}
	return &action.Fault{Kind: action.KindScript, Code: action.Int(int64(exit.Code)), Message: text}
}
