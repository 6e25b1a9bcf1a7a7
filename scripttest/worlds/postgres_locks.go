package worlds

import (
	"slices"
	"strings"

	"github.com/starhost/starhost/action"
)

// advisory is an advisory lock that a session has.
type advisory struct {
	key, session string
	shared, xact bool
	times        int
}

func (l advisory) held() string { return "advisory lock " + l.key }

// pgAdvisoryFunctions are all that lock and unlock.
func pgAdvisoryFunctions() []pgFunction {
	all := []pgFunction{{name: "pg_advisory_unlock_all", call: func(c *pgCall, _ []action.Value) (action.Value, error) {
		c.locks = slices.DeleteFunc(c.locks, func(l advisory) bool { return l.session == c.id && !l.xact })
		return action.String(""), nil
	}}}
	for _, shared := range []string{"", "_shared"} {
		all = append(all, pgFunction{name: "pg_advisory_unlock" + shared, least: 1, most: 2, call: func(c *pgCall, args []action.Value) (action.Value, error) {
			return action.Bool(c.unlock(key(args), shared != "")), nil
		}})
		for _, xact := range []string{"", "xact_"} {
			all = append(all, pgFunction{name: "pg_advisory_" + xact + "lock" + shared, least: 1, most: 2, call: func(c *pgCall, args []action.Value) (action.Value, error) {
				if !c.lock(advisory{key(args), c.id, shared != "", xact != "", 1}) {
					return action.Value{}, c.wait()
				}
				return action.String(""), nil
			}}, pgFunction{name: "pg_try_advisory_" + xact + "lock" + shared, least: 1, most: 2, call: func(c *pgCall, args []action.Value) (action.Value, error) {
				return action.Bool(c.lock(advisory{key(args), c.id, shared != "", xact != "", 1})), nil
			}})
		}
	}
	return all
}

func key(args []action.Value) string {
	var parts []string
	for _, a := range args {
		parts = append(parts, plain(a))
	}
	return strings.Join(parts, ", ")
}

// lock takes a lock unless another session keeps it from us.
func (c *pgCall) lock(l advisory) bool {
	for i, other := range c.locks {
		switch {
		case other.key != l.key:
		case other.session != l.session && !(other.shared && l.shared):
			return false
		case other.session == l.session && other.shared == l.shared && other.xact == l.xact:
			c.locks[i].times++
			return true
		}
	}
	if l.xact && c.session.tx == nil {
		return true // it ends with the statement
	}
	c.locks = append(c.locks, l)
	return true
}

// unlock gives a lock of the session back once; it reports whether there was one.
func (c *pgCall) unlock(key string, shared bool) bool {
	i := slices.IndexFunc(c.locks, func(l advisory) bool {
		return l.key == key && l.session == c.id && l.shared == shared && !l.xact
	})
	if i < 0 {
		return false
	}
	if c.locks[i].times--; c.locks[i].times == 0 {
		c.locks = slices.Delete(c.locks, i, i+1)
	}
	return true
}

// wait is the end of a statement that waits for a lock.
func (c *pgCall) wait() error {
	for _, limit := range []struct{ setting, code string }{{"lock_timeout", "55P03"}, {"statement_timeout", "57014"}} {
		if v, _ := c.setting(limit.setting); v != "0" {
			return pgError(limit.code, "canceling statement due to %s", strings.ReplaceAll(limit.setting, "_", " "))
		}
	}
	return errWaits
}
