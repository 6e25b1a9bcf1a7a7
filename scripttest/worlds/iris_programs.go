package worlds

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/starhost/starhost/action"
)

// Exit codes: the class reference gives 5 and 3 to what is called in a session; the
// commands of the machine end with 0 and 1.
const (
	irisYes    = 5 // done; suspended
	irisNo     = 3 // failed; not suspended
	irisFailed = 1
)

// Run answers the commands of the product, and /bin/cat of the file with its parameters.
func (s *iris) Run(p Program) Ended {
	if len(p.Argv) < 2 {
		return Ended{Unknown: true}
	}
	if s.asked++; s.asked == s.at && !s.change() {
		return Ended{Unknown: true}
	}
	control, session := "iris", "irissession"
	if s.cache {
		control, session = "ccontrol", "csession"
	}
	args := p.Argv[1:]
	switch path.Base(p.Argv[0]) {
	case "cat":
		return s.cat(args)
	case session:
		return s.session(args, p.Stdin)
	case control:
		return s.control(args, p.Stdin)
	}
	return Ended{Unknown: true}
}

// change sets the options that change later; false if there is no such option.
func (s *iris) change() bool {
	for i, name := range s.then.Keys() {
		if s.Set(name, s.then.Items()[i]) != nil {
			return false
		}
	}
	return true
}

func (s *iris) control(args []string, stdin string) Ended {
	switch verb, rest := args[0], args[1:]; verb {
	case "session", "terminal":
		return s.session(rest, stdin)
	case "qlist":
		return s.misbehaving("list", func() Ended { return s.list(rest) })
	case "qall":
		return s.all()
	case "stat":
		return s.stat(rest)
	case "freeze", "thaw":
		return s.frozenByCommand(verb, rest)
	}
	return Ended{Unknown: true}
}

// said is a program that has said something.
func says(code int, format string, args ...any) Ended {
	return Ended{Exit: action.Exit{Code: code, Stdout: fmt.Sprintf(format, args...)}}
}

// misbehaving does what is asked for in the way that the options say.
func (s *iris) misbehaving(what string, do func() Ended) Ended {
	how := s.misbehaves[what]
	if how == "ok" || s.times > 0 && s.struck >= s.times {
		return do()
	}
	s.struck++
	how, done := strings.CutPrefix(how, "done, ")
	var ended Ended
	if done {
		ended = do()
	}
	code, isExit := strings.CutPrefix(how, "exit ")
	switch {
	case how == "hang":
		ended.Waits = true
	case how == "die":
		ended.Code, ended.Signal = 128+9, "SIGKILL"
	case isExit:
		ended.Code, _ = strconv.Atoi(code) // the option was checked
	case what == "resume" || what == "list":
		ended.Code = irisFailed
	default:
		ended.Code = irisNo
	}
	return ended
}

// find returns an instance, if it is there and runs.
func (s *iris) find(name string) (*instance, Ended) {
	n := slices.IndexFunc(s.instances, func(i *instance) bool { return strings.EqualFold(i.name, name) })
	switch {
	case n < 0:
		return nil, says(irisFailed, "stand-in: there is no instance '%s'\n", name)
	case slices.Contains(s.down, s.instances[n].name):
		return nil, says(irisFailed, "stand-in: instance '%s' is down\n", name)
	}
	return s.instances[n], Ended{}
}

// list is one line an instance; its fields are those of qlist.
func (s *iris) list(names []string) Ended {
	var out strings.Builder
	for _, i := range s.instances {
		if len(names) > 0 && !slices.Contains(names, i.name) {
			continue
		}
		folder, health := s.folder(i), s.health
		status := "running, since " + irisEpoch.Format("Mon Jan _2 15:04:05 2006")
		switch {
		case slices.Contains(s.down, i.name):
			status, health = "down, last used "+irisEpoch.Format("Mon Jan _2 15:04:05 2006"), ""
		case slices.Contains(s.inhibited, i.name):
			status = "sign-on inhibited"
		}
		fields := []string{i.name, folder, irisVersion, status, s.parameters(), "1972", "52773", "0", health, s.product(), s.member, s.mirror, folder}
		fmt.Fprintln(&out, strings.Join(fields, "^"))
	}
	return says(0, "%s", &out)
}

func (s *iris) all() Ended {
	out := "Instance Name     Version ID        Port   Directory\n---------------   ----------------  -----  --------------------------------\n"
	for _, i := range s.instances {
		state := "up"
		if slices.Contains(s.down, i.name) {
			state = "dn"
		}
		out += fmt.Sprintf("%s >%-15s %-17s %5d  %s\n", state, i.name, irisVersion, 1972, s.folder(i))
	}
	return says(0, "%s", out)
}

// stat needs no login. With -W it resumes a write daemon that a backup has suspended.
func (s *iris) stat(args []string) Ended {
	if len(args) == 0 {
		return Ended{Unknown: true}
	}
	i, failed := s.find(args[0])
	switch {
	case i == nil:
		return failed
	case len(args) == 2 && args[1] == "-W":
		return s.misbehaving("resume", func() Ended {
			i.freeze = nil
			return says(0, "")
		})
	case len(args) > 1:
		return Ended{Unknown: true}
	case s.suspended(i):
		return says(0, "Global Module Flags: WDSUSPD\n")
	}
	return says(0, "Global Module Flags:\n")
}

// frozenByCommand is iris freeze and iris thaw, whose status is 0 or 1.
func (s *iris) frozenByCommand(verb string, args []string) Ended {
	if s.cache || len(args) == 0 {
		return Ended{Unknown: true}
	}
	i, failed := s.find(args[0])
	if i == nil {
		return failed
	}
	do := func() Ended { return s.thaw(i) }
	if verb == "freeze" {
		do = func() Ended { return s.freeze(i, nil) }
	}
	ended := s.misbehaving(verb, do)
	switch ended.Code {
	case irisYes:
		ended.Code = 0
	case irisNo:
		ended.Code = irisFailed
	}
	return ended
}

func (s *iris) folder(i *instance) string { return path.Join(s.directory, strings.ToLower(i.name)) }

// parameters is the name of the file with the parameters of an instance.
func (s *iris) parameters() string { return strings.ToLower(s.product()) + ".cpf" }

// cat shows the parameters of an instance.
func (s *iris) cat(args []string) Ended {
	for _, i := range s.instances {
		if folder := s.folder(i); len(args) == 1 && args[0] == path.Join(folder, s.parameters()) {
			return says(0, `[ConfigFile]
Product=%s
Version=2024.1

[Databases]
%[1]sSYS=%[2]s/mgr/
USER=%[2]s/mgr/user/
SHOP=/data/%[3]s/shop/,,1
FAR=/data/far/,elsewhere

[Journal]
AlternateDirectory=/journal/%[3]s/alternate/
CurrentDirectory=/journal/%[3]s/
FreezeOnError=0

[config]
wijdir=/wij/%[3]s/
`, s.product(), folder, strings.ToLower(i.name))
		}
	}
	return Ended{Unknown: true}
}
