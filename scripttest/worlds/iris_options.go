package worlds

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/starhost/starhost/action"
)

const misbehaviour = `"ok", or how it misbehaves: "fail", "hang", "die" or "exit N"; "done, hang" and the like have done their work before`

var irisOptions = []option[*iris]{
	{Option{"product", `"IRIS", or "Cache", whose programs are ccontrol and csession`, action.String("IRIS")}, func(s *iris, v action.Value) error {
		s.cache = v.Text() == "Cache"
		return oneOf(v, "IRIS", "Cache")
	}},
	{Option{"directory", "where it is installed; each instance has a folder in it", action.String("/usr/irissys")}, func(s *iris, v action.Value) error {
		s.directory = v.Text()
		return want(v, action.StringKind)
	}},
	{Option{"instances", "list of their names", action.List(action.String("IRIS"))}, func(s *iris, v action.Value) error {
		var names []string
		err := texts(v, &names)
		s.instances = nil
		for _, name := range names {
			s.instances = append(s.instances, &instance{name: name, journal: 2, offset: 131072})
		}
		return err
	}},
	{Option{"suspended", "names of those whose write daemon somebody else has suspended", action.List()}, func(s *iris, v action.Value) error {
		var names []string
		err := texts(v, &names)
		for _, i := range s.instances {
			if slices.Contains(names, i.name) {
				s.suspend(i, nil)
			}
		}
		return err
	}},
	{Option{"down", "names of instances that do not run", action.List()}, func(s *iris, v action.Value) error {
		err := texts(v, &s.down)
		for _, i := range s.instances {
			if slices.Contains(s.down, i.name) {
				i.freeze = nil // what nobody does is not suspended
			}
		}
		return err
	}},
	{Option{"inhibited", "names of instances that run, and whom nobody can log in to", action.List()}, func(s *iris, v action.Value) error { return texts(v, &s.inhibited) }},
	{Option{"health", `what the list of instances says: "ok", "warn", "alert" or "hung"; nobody can log in to one that hangs`, action.String("ok")}, func(s *iris, v action.Value) error {
		s.health = v.Text()
		return oneOf(v, "ok", "warn", "alert", "hung")
	}},
	{Option{"member", `what it is in a mirror: "", "Failover", "Disaster Recovery", "Read-Only Reporting" …`, action.String("")}, func(s *iris, v action.Value) error {
		s.member = v.Text()
		return want(v, action.StringKind)
	}},
	{Option{"mirror", `its state there: "", "Primary", "Backup", "Connected" …`, action.String("")}, func(s *iris, v action.Value) error {
		s.mirror = v.Text()
		return want(v, action.StringKind)
	}},
	{Option{"login", `how a session starts: "os" (by the user of this machine), "password", "denied", or "hang": never`, action.String("os")}, func(s *iris, v action.Value) error {
		s.login = v.Text()
		return oneOf(v, "os", "password", "denied", "hang")
	}},
	{Option{"user", "who may log in by a password", action.String("starhost")}, func(s *iris, v action.Value) error {
		s.user = v.Text()
		return want(v, action.StringKind)
	}},
	{Option{"password", "of that user", action.String("opensesame")}, func(s *iris, v action.Value) error {
		s.password = v.Text()
		return want(v, action.StringKind)
	}},
	{Option{"freeze", "ExternalFreeze: " + misbehaviour, action.String("ok")}, misbehave("freeze")},
	{Option{"thaw", "ExternalThaw, in the same way", action.String("ok")}, misbehave("thaw")},
	{Option{"query", "IsWDSuspendedExt, in the same way", action.String("ok")}, misbehave("query")},
	{Option{"resume", "stat -W, in the same way", action.String("ok")}, misbehave("resume")},
	{Option{"list", "qlist, in the same way", action.String("ok")}, misbehave("list")},
	{Option{"times", "how often it misbehaves, from now on; 0 is always", action.Int(0)}, func(s *iris, v action.Value) error {
		s.struck = 0
		return count(v, &s.times)
	}},
	{Option{"double_freeze", `what a second freeze says, which no manual does: "ok" or "fail"`, action.String("fail")}, func(s *iris, v action.Value) error {
		s.doubleFreeze = v.Text()
		return oneOf(v, "ok", "fail")
	}},
	{Option{"thaw_unfrozen", `what a thaw of nothing says, which no manual does: "ok" or "fail"`, action.String("fail")}, func(s *iris, v action.Value) error {
		s.unasked = v.Text()
		return oneOf(v, "ok", "fail")
	}},
	{Option{"then", "dict of options that change later, for tests of what goes wrong half way", action.Dict()}, func(s *iris, v action.Value) error {
		s.then = v
		return want(v, action.DictKind)
	}},
	{Option{"at", "before which program from now on they do; 0 is never", action.Int(0)}, func(s *iris, v action.Value) error {
		s.asked = 0
		return count(v, &s.at)
	}},
	{Option{"settle", "seconds of its own time that a freeze or a thaw takes", action.Int(1)}, func(s *iris, v action.Value) error { return count(v, &s.settle) }},
	{Option{"elapse", "seconds of its own time that pass now", action.Int(0)}, func(s *iris, v action.Value) error {
		var seconds int64
		err := count(v, &seconds)
		s.now += seconds
		return err
	}},
}

func oneOf(v action.Value, words ...string) error {
	if slices.Contains(words, v.Text()) {
		return want(v, action.StringKind)
	}
	return fmt.Errorf("got %s, want one of %q", v, words)
}

// misbehave sets how something that is asked for misbehaves.
func misbehave(what string) func(s *iris, v action.Value) error {
	return func(s *iris, v action.Value) error {
		how := strings.TrimPrefix(v.Text(), "done, ")
		code, isExit := strings.CutPrefix(how, "exit ")
		n, err := strconv.Atoi(code)
		if isExit && (err != nil || n < 0 || n > 255) || !isExit && !slices.Contains([]string{"ok", "fail", "hang", "die"}, how) {
			return fmt.Errorf("got %s, want %s", v, misbehaviour)
		}
		s.misbehaves[what] = v.Text()
		return nil
	}
}
