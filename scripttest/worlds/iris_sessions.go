package worlds

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// classMethod is what a session is asked to do, in any case.
var classMethod = regexp.MustCompile(`(?i)^##class\(Backup\.General\)\.([A-Za-z]+)\((.*)\)$`)

// session is a session that makes one call in the namespace %SYS and ends.
func (s *iris) session(args []string, stdin string) Ended {
	if len(args) == 4 && args[1] == "-U" {
		args = []string{args[0], args[1] + args[2], args[3]}
	}
	if len(args) != 3 || !strings.EqualFold(args[1], "-U%SYS") {
		return Ended{Unknown: true}
	}
	call := classMethod.FindStringSubmatch(args[2])
	if call == nil {
		return Ended{Unknown: true}
	}
	i, failed := s.find(args[0])
	if i == nil {
		return failed
	}
	if refused, in := s.logIn(i, stdin); !in {
		return refused
	}
	switch strings.ToLower(call[1]) {
	case "iswdsuspendedext":
		return s.misbehaving("query", func() Ended { return s.isSuspended(i) })
	case "externalfreeze":
		return s.misbehaving("freeze", func() Ended { return s.freeze(i, arguments(call[2])) })
	case "externalthaw":
		return s.misbehaving("thaw", func() Ended { return s.thaw(i) })
	case "externalsethistory":
		s.history++
		return says(irisYes, "")
	}
	return Ended{Unknown: true}
}

// logIn lets a session in, or says why not.
func (s *iris) logIn(i *instance, stdin string) (refused Ended, in bool) {
	switch {
	case slices.Contains(s.inhibited, i.name):
		return says(irisFailed, "Sign-on inhibited: Startup or Installation in progress\n"), false
	case s.login == "hang", s.health == "hung", s.paused(i):
		return Ended{Waits: true}, false
	case s.login == "os":
		return Ended{}, true
	}
	lines := strings.Split(stdin, "\n")
	if s.login == "password" && len(lines) >= 2 && strings.EqualFold(lines[0], s.user) && lines[1] == s.password {
		return Ended{}, true
	}
	if s.login == "password" {
		return says(irisFailed, "\nUsername: \nPassword: \nAccess Denied\n"), false
	}
	return says(irisFailed, "\nAccess Denied\n"), false
}

// arguments are those of a call; strings lose their quotes.
func arguments(text string) []string {
	args, quoted := []string{""}, false
	for _, r := range text {
		last := &args[len(args)-1]
		switch {
		case r == '"':
			quoted = !quoted
		case r == ',' && !quoted:
			args = append(args, "")
		default:
			*last += string(r)
		}
	}
	return args
}

func (s *iris) isSuspended(i *instance) Ended {
	if s.suspended(i) {
		return says(irisYes, "")
	}
	return says(irisNo, "")
}

// seconds is an argument that is a number of seconds; the default for none.
func seconds(args []string, n int, otherwise int64) int64 {
	if n >= len(args) {
		return otherwise
	}
	if v, err := strconv.ParseInt(args[n], 10, 64); err == nil && v > 0 {
		return v
	}
	return otherwise
}

// The arguments of ExternalFreeze, by their position.
const (
	argSwitch       = 2
	argPause        = 6 // ExternalFreezeTimeOut: 600 if it is none, never more than 1200
	argSuspendLimit = 9
)

// freeze suspends the write daemon, switches the journal and sets a marker in it.
func (s *iris) freeze(i *instance, args []string) Ended {
	if s.suspended(i) {
		if s.doubleFreeze == "fail" {
			return says(irisNo, "%s: stand-in: the system is suspended already\n", s.stamp("ExternalFreeze"))
		}
		return says(irisYes, "%s: System suspended\n", s.stamp("ExternalFreeze"))
	}
	var out strings.Builder
	fmt.Fprintf(&out, "%s: Suspending system\n", s.stamp("ExternalFreeze"))
	if argSwitch >= len(args) || args[argSwitch] != "0" {
		i.journal, i.offset = i.journal+1, 262272
		fmt.Fprintf(&out, "\nJournal file switched to:\n%s\n", s.journal(i))
	}
	fmt.Fprintf(&out, "%s: Start a journal restore for this backup with journal file: %s\n\n", s.stamp("ExternalFreeze"), s.journal(i))
	fmt.Fprintf(&out, "Journal marker set at\noffset %d of %s\n", i.offset, s.journal(i))
	s.suspend(i, args)
	s.now += s.settle
	fmt.Fprintf(&out, "%s: System suspended\n", s.stamp("ExternalFreeze"))
	return says(irisYes, "%s", &out)
}

// suspend suspends the write daemon, as the arguments of a freeze say.
func (s *iris) suspend(i *instance, args []string) {
	i.freeze = &suspension{pauses: s.now + min(seconds(args, argPause, 600), 1200)}
	if limit := seconds(args, argSuspendLimit, 0); limit > 0 {
		i.freeze.resumes = s.now + limit
	}
}

func (s *iris) thaw(i *instance) Ended {
	if !s.suspended(i) {
		if s.unasked == "fail" {
			return says(irisNo, "%s: stand-in: the system is not suspended\n", s.stamp("ExternalThaw"))
		}
		return says(irisYes, "%s: System resumed\n", s.stamp("ExternalThaw"))
	}
	begun := s.stamp("ExternalThaw")
	i.freeze = nil
	s.now += s.settle
	return says(irisYes, "%s: Resuming system\n%s: System resumed\n", begun, s.stamp("ExternalThaw"))
}

func (s *iris) stamp(method string) string {
	return s.clock().Format("01/02/2006 15:04:05") + ": Backup.General." + method
}

func (s *iris) journal(i *instance) string {
	return path.Join("/journal", strings.ToLower(i.name), fmt.Sprintf("%s.%03d", s.clock().Format("20060102"), i.journal))
}
