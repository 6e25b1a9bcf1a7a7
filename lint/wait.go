package lint

import (
	"regexp"
	"strings"

	"go.starlark.net/syntax"
)

var (
	// waits are statements that wait for others without a limit of their own.
	waits = regexp.MustCompile(`(?i)\bFLUSH\s+(LOCAL\s+|NO_WRITE_TO_BINLOG\s+)?TABLES\b|^\s*LOCK\s+(TABLES?|INSTANCE)\b|\bBACKUP\s+STAGE\s+(START|FLUSH|BLOCK)|\bpg_(backup_start|start_backup)\s*\(`)
	// limits are statements that set one.
	limits = regexp.MustCompile(`(?i)\b(lock_wait_timeout|lock_timeout|statement_timeout|max_statement_time|max_execution_time)\b`)
	// limited are statements with a limit of their own.
	limited = regexp.MustCompile(`(?i)\b(NOWAIT|WAIT\s+\d+)\b`)
)

// waiting checks that what can wait has a limit.
func (w *way) waiting(u *use, s state) {
	if !w.phase || s.bounded || u.open || !none(u.args["timeout"]) {
		return
	}
	texts := []syntax.Expr{u.args["query"], u.args["stdin"]}
	argv, _ := elements(w.f.only(u.args["argv"]))
	for _, e := range append(texts, argv...) {
		if text, _ := w.f.text(e); waits.MatchString(text) && !limits.MatchString(text) && !limited.MatchString(text) {
			w.f.report("unbounded-wait", u.pos(), "%s may wait for ever: %s", u.spec.Name, strings.Join(strings.Fields(waits.FindString(text)), " "))
			return
		}
	}
}

// longest is how many seconds a prescript can be allowed at most.
const longest = 1800

// sleeping checks that loops which sleep end in time.
func (f *file) sleeping(n syntax.Node) {
	syntax.Walk(n, func(n syntax.Node) bool {
		loop, ok := n.(*syntax.ForStmt)
		if !ok {
			return true
		}
		rounds := f.times(loop.X)
		for _, s := range loop.Body {
			f.sleepingInLoop(s, rounds)
		}
		return true
	})
}

func (f *file) sleepingInLoop(n syntax.Node, rounds float64) {
	syntax.Walk(n, func(n syntax.Node) bool {
		c, ok := n.(*syntax.CallExpr)
		if ok && foreign(c.Fn, "sleep") && len(c.Args) == 1 && rounds*f.number(c.Args[0]) > longest {
			f.report("unbounded-wait", syntax.Start(c), "the loop sleeps for %.0f seconds in all", rounds*f.number(c.Args[0]))
		}
		return true
	})
}

// times is how often a loop over range(n) goes round, 0 if nobody knows.
func (f *file) times(over syntax.Expr) float64 {
	c, ok := f.only(over).(*syntax.CallExpr)
	if !ok || !foreign(c.Fn, "range") {
		return 0
	}
	switch len(c.Args) {
	case 1:
		return f.number(c.Args[0])
	case 2:
		return f.number(c.Args[1]) - f.number(c.Args[0])
	}
	return 0
}

// number is the value of a number that is written out, 0 of anything else.
func (f *file) number(e syntax.Expr) float64 {
	lit, ok := f.only(e).(*syntax.Literal)
	if !ok {
		return 0
	}
	switch v := lit.Value.(type) {
	case int64:
		return float64(v)
	case float64:
		return v
	}
	return 0
}
