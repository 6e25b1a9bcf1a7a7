package config

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
)

// usualOratab is where Oracle's tools write which instances a Linux machine has.
const usualOratab = "/etc/oratab"

// instance is one of several of a product on this machine.
type instance struct {
	name string
	home string // of Oracle
	from string // the file and line that it is from, if it is from an oratab
}

var (
	instanceForm = formOf(`^[A-Za-z0-9_][A-Za-z0-9_-]*$`, 64)
	// startFlags is the third field: what dbstart does when the machine boots. It says
	// nothing of what runs now. Oracle's assistants write N.
	startFlags = []string{"Y", "N", "W"}
)

// parseOratab reads the text of the oratab name: lines SID:HOME:Y, of which every
// instance counts, whatever its third field is. Lines of ASM (+ASM), of the repository of
// a cluster (-MGMTDB) and of a home without an instance (*) are none of a database that
// somebody would want to have quiesced.
//
// The form is what the head of the file itself says, and Oracle's Administrator's
// Reference for Linux, "Configuration of the oratab File". The agent of a cluster adds
// a comment at the end of a line.
func parseOratab(name string, text []byte) (list []instance, err error) {
	if line, err := checkBytes(name, text); err != nil {
		return nil, inFile(name, line, err)
	}
	lines := map[string]int{}
	for i, whole := range strings.Split(string(text), "\n") {
		line, _, _ := strings.Cut(whole, "#")
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		one, err := parseEntry(line)
		if first := lines[one.name]; err == nil && first > 0 {
			err = fmt.Errorf("duplicate instance %s, the first is in line %d; remove one", one.name, first)
		}
		if err != nil {
			return nil, inFile(name, i+1, err)
		}
		if one.name != "" {
			lines[one.name] = i + 1
			one.from = fmt.Sprintf("%s:%d", name, i+1)
			list = append(list, one)
		}
	}
	return list, nil
}

// parseEntry reads one line. It returns no name for what is no instance of a database.
func parseEntry(line string) (instance, error) {
	fields := strings.Split(line, ":")
	if len(fields) == 4 && fields[3] == "" { // a colon at the end, as the head of the file has it
		fields = fields[:3]
	}
	if len(fields) != 3 {
		return instance{}, errors.New("this is not an entry; write SID:HOME:Y or SID:HOME:N")
	}
	sid, home := fields[0], fields[1]
	if sid == "*" || strings.HasPrefix(sid, "+") || sid == "-MGMTDB" {
		return instance{}, nil
	}
	if !instanceForm.matches(sid) {
		return instance{}, fmt.Errorf("%s is not the name of an instance; write letters, digits and _", show(sid))
	}
	if err := checkHome(home); err != nil {
		return instance{}, err
	}
	if !slices.Contains(startFlags, fields[2]) {
		return instance{}, fmt.Errorf("the third field is %s; write Y, N or W", show(fields[2]))
	}
	return instance{name: sid, home: home}, nil
}

// checkHome checks the path of a home of Oracle, which may end with a slash: client and
// server find each other by the very text of ORACLE_HOME, so it is never changed.
func checkHome(home string) error {
	if home == "" {
		return errors.New("there is no home; write its path in the second field")
	}
	return checkPath(strings.TrimSuffix(home, "/"))
}

// sqlplus is the client in a home.
func sqlplus(home string) string { return path.Join(home, "bin", "sqlplus") }

// homes finds the instances that a section means; key is the one that a mistake is of.
func (b *build) homes() (list []instance, key string, err error) {
	file, key := b.azure.oratab, "configuration_path"
	if file == "" {
		file, key = usualOratab, b.local.key
	}
	home, err := b.homeOfCommand()
	if err != nil {
		return nil, "command_path", err
	}
	if b.azure.oratab == "" && home != "" && len(b.instances) > 0 {
		for _, name := range b.instances {
			list = append(list, instance{name: name, home: home})
		}
		return list, "command_path", b.checkClients(list, fileTrust{onlyRoot: true})
	}
	text, trust, err := b.oratab(b.local.user, file)
	if err != nil {
		return nil, key, err
	}
	if list, err = parseOratab(file, text); err != nil {
		return nil, key, err
	}
	if list, err = b.chosen(list, file, home); err != nil {
		return nil, b.choosing(key), err
	}
	return list, key, b.checkClients(list, trust)
}

// choosing is the key that has chosen among the instances of an oratab.
func (b *build) choosing(otherwise string) string {
	if len(b.instances) > 0 {
		return "instances"
	}
	return otherwise
}

// homeOfCommand is the home that command_path names, if it does.
func (b *build) homeOfCommand() (string, error) {
	switch {
	case b.CommandPath == "":
		return "", nil
	case path.Base(b.CommandPath) != "bin":
		return "", errors.New("it is not the folder bin of a home of Oracle; write HOME/bin, or remove the line if there is an oratab")
	}
	return path.Dir(b.CommandPath), nil
}

// chosen are the instances that the other keys leave. None is left out by accident: an
// instance that is not meant must not be named, and one that is must be there.
func (b *build) chosen(list []instance, file, home string) ([]instance, error) {
	var rest []instance
	for _, name := range b.instances {
		i := slices.IndexFunc(list, func(one instance) bool { return one.name == name })
		if i < 0 {
			return nil, fmt.Errorf("there is no instance %s in %s; correct the name", name, file)
		}
		rest = append(rest, list[i])
	}
	if len(b.instances) == 0 {
		rest = list
	}
	if home == "" && len(rest) == 0 {
		return nil, fmt.Errorf("there is no instance in %s; add a line SID:HOME:Y, or write instances and command_path", file)
	}
	if home == "" {
		return rest, nil
	}
	other := func(one instance) bool { return path.Clean(one.home) != home }
	if i := slices.IndexFunc(rest, other); i >= 0 && b.azure.oratab != "" {
		return nil, fmt.Errorf("%s has another home than command_path; remove command_path, or choose with instances", rest[i].from)
	}
	rest = slices.DeleteFunc(slices.Clone(rest), other)
	if len(rest) == 0 {
		return nil, fmt.Errorf("no line of %s has the home of command_path; write instances with the names of those that run from it", file)
	}
	return rest, nil
}

// checkClients looks at the program of each home.
func (b *build) checkClients(list []instance, trust fileTrust) error {
	for _, one := range list {
		if err := b.checkClient(b.local.user, one.home, trust); err != nil {
			if one.from != "" {
				err = fmt.Errorf("%s: %w", one.from, err)
			}
			return err
		}
	}
	return nil
}
