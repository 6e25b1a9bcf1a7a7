package config

import (
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// key is one key of a [workload] section. set is called with each line of its
// value, of which there may be several only if lines is set; what it returns
// becomes the error of that line.
type key struct {
	name  string
	lines bool
	set   func(b *build, text string) error
}

const maxSeconds = 1800

// workloadKeys are the keys of [workload], in the order in which they are listed
// to people. It is never written to.
var workloadKeys = []key{
	{name: "workload_name", set: setWorkloadName},
	{name: "script", set: setScript},
	{name: "connection", set: setConnection},
	{name: "password_file", set: setPasswordFile},
	{name: "command_path", set: absolutePath(func(b *build) *string { return &b.CommandPath })},
	{name: "linux_user", set: setLinuxUser},
	{name: "instances", lines: true, set: setInstances},
	{name: "ipc_folder", set: absolutePath(func(b *build) *string { return &b.IPCFolder })},
	{name: "timeout", set: seconds(maxSeconds, func(b *build) *time.Duration { return &b.Timeout })},
	{name: "prescript_timeout", set: seconds(maxSeconds, func(b *build) *time.Duration { return &b.PrescriptTimeout })},
	{name: "postscript_timeout", set: seconds(maxSeconds, func(b *build) *time.Duration { return &b.PostscriptTimeout })},
	{name: "undo_timeout", set: seconds(maxSeconds, func(b *build) *time.Duration { return &b.UndoTimeout })},
	{name: "freeze_timeout", set: seconds(120, func(b *build) *time.Duration { return &b.FreezeTimeout })},
	{name: "retries", set: setRetries},
	{name: "order", set: setOrder},
	{name: "require", set: oneOf(func(b *build) *string { return &b.Require }, Application, Filesystem, Crash)},
	{name: "fs_freeze", lines: true, set: setFSFreeze},
	{name: "exec_as", lines: true, set: setExecAs},
	{name: "isolation", set: oneOf(func(b *build) *string { return &b.Isolation }, IsolationAvailable, IsolationFull)},
}

const secretPrefix = "secret."

// findKey returns the key of that name.
func findKey(name string) (key, error) {
	if i := slices.IndexFunc(workloadKeys, func(k key) bool { return k.name == name }); i >= 0 {
		return workloadKeys[i], nil
	}
	if secret, ok := strings.CutPrefix(name, secretPrefix); ok && nameForm.matches(secret) {
		return key{name: name, set: setSecret(secret)}, nil
	}
	if i := slices.IndexFunc(azureKeys, func(k key) bool { return k.name == name }); i >= 0 {
		return azureKeys[i], nil
	}
	for _, k := range azureKeys {
		if strings.EqualFold(k.name, name) {
			return key{}, fmt.Errorf("unknown key; keys are case-sensitive, write %s", k.name)
		}
	}
	names := make([]string, len(workloadKeys))
	for i, k := range workloadKeys {
		if strings.EqualFold(k.name, name) {
			return key{}, fmt.Errorf("unknown key; keys are case-sensitive, write %s", k.name)
		}
		names[i] = k.name
	}
	return key{}, fmt.Errorf("unknown key; the keys are %s and secret.NAME", strings.Join(names, ", "))
}

var (
	scriptNameForm = formOf(`^[a-z0-9_-]+$`, 64)
	userForm       = formOf(`^[A-Za-z0-9_][A-Za-z0-9_.@-]*$`, 64) // and a $ that may follow
)

func setWorkloadName(b *build, text string) error {
	if !scriptNameForm.matches(text) {
		return fmt.Errorf("%s is not the name of a script; write it in small letters, as in mysql, or give a file with script", show(text))
	}
	b.Script = text
	return nil
}

func setScript(b *build, text string) error {
	if !strings.HasSuffix(text, ".star") {
		return fmt.Errorf("%s does not end in .star; give the path of a Starlark file", show(text))
	}
	if !filepath.IsAbs(text) {
		text = filepath.Join(filepath.Dir(b.file), text)
	}
	b.ScriptPath = filepath.Clean(text)
	return nil
}

func setConnection(b *build, text string) error {
	c, err := parseConnection(text)
	b.Connection, b.urlPassword = c, !c.Password.IsZero()
	return err
}

func setPasswordFile(b *build, text string) (err error) {
	b.filePassword, err = b.readSecret(text, ignoreRest)
	return err
}

func setSecret(name string) func(*build, string) error {
	return func(b *build, text string) error {
		s, err := b.readSecret(text, refuseRest)
		if b.Secrets == nil {
			b.Secrets = map[string]Secret{}
		}
		b.Secrets[name] = s
		return err
	}
}

func setLinuxUser(b *build, text string) error {
	if err := checkUser(text); err != nil {
		return err
	}
	b.LinuxUser = text
	return nil
}

func checkUser(name string) error {
	if !userForm.matches(strings.TrimSuffix(name, "$")) {
		return fmt.Errorf("%s is not the name of a user; write a name as in /etc/passwd", show(name))
	}
	return nil
}

func setRetries(b *build, text string) (err error) {
	b.Retries, err = integer(text, 0, 10)
	return err
}

func setOrder(b *build, text string) (err error) {
	b.Order, err = integer(text, 0, 99)
	return err
}

// setFSFreeze takes one word, or mount points between commas and in several lines.
func setFSFreeze(b *build, text string) error {
	f, first := &b.FSFreeze, !b.freezeSet
	b.freezeSet = true
	if slices.Contains([]string{FreezeAuto, FreezeSnapshot, FreezeCaller, FreezeOff}, text) {
		if !first {
			return fmt.Errorf("%s must stand alone; remove the other lines", text)
		}
		f.Mode = text
		return nil
	}
	if !first && f.Mode != FreezeList {
		return fmt.Errorf("%s must stand alone; remove this line", f.Mode)
	}
	f.Mode = FreezeList
	for mount := range strings.SplitSeq(text, ",") {
		mount = strings.Trim(mount, " \t")
		if err := checkPath(mount); err != nil {
			return fmt.Errorf("%w; or write auto, snapshot, caller or off", err)
		}
		if slices.Contains(f.Mounts, mount) {
			return fmt.Errorf("mount point %s is given twice; remove one", show(mount))
		}
		f.Mounts = append(f.Mounts, mount)
	}
	return nil
}

func setExecAs(b *build, text string) error {
	user, program, found := strings.Cut(text, ":")
	if !found {
		return errors.New("this is not a rule; write user: /path/of/program, one in each line")
	}
	rule := ExecRule{strings.TrimRight(user, " \t"), strings.TrimLeft(program, " \t")}
	if err := checkUser(rule.User); err != nil {
		return err
	}
	if err := checkPath(rule.Path); err != nil {
		return err
	}
	if strings.Contains(rule.Path, ",") {
		return errors.New("this looks like several programs; write one user: /path/of/program in each line")
	}
	if slices.Contains(b.ExecAs, rule) {
		return errors.New("the rule is given twice; remove one")
	}
	b.ExecAs = append(b.ExecAs, rule)
	return nil
}

// checkPath returns an error unless text is an absolute path in its shortest form.
// It is a path of the machine that runs the script, with slashes.
func checkPath(text string) error {
	switch {
	case !path.IsAbs(text):
		return fmt.Errorf("%s is not an absolute path; begin it with a /", show(text))
	case path.Clean(text) != text:
		return fmt.Errorf("%s is not the plain form of the path; write %s", show(text), show(path.Clean(text)))
	}
	return nil
}

// The functions below return the set of a key that is stored at field.

func absolutePath(field func(*build) *string) func(*build, string) error {
	return func(b *build, text string) error {
		if text != "/" {
			text = strings.TrimSuffix(text, "/") // a folder is often written so
		}
		*field(b) = text
		return checkPath(text)
	}
}

func seconds(most int, field func(*build) *time.Duration) func(*build, string) error {
	return func(b *build, text string) error {
		n, err := integer(text, 1, most)
		if err != nil {
			return fmt.Errorf("%w, in seconds", err)
		}
		*field(b) = time.Duration(n) * time.Second
		return nil
	}
}

func oneOf(field func(*build) *string, words ...string) func(*build, string) error {
	return func(b *build, text string) error {
		if !slices.Contains(words, text) {
			return fmt.Errorf("got %s; write %s", show(text), strings.Join(words, " or "))
		}
		*field(b) = text
		return nil
	}
}

// integer reads a whole number from least to most: digits and nothing else.
func integer(text string, least, most int) (int, error) {
	n, err := strconv.Atoi(text)
	switch {
	case err != nil && !errors.Is(err, strconv.ErrRange):
		return 0, fmt.Errorf("%s is not a whole number; write plain digits from %d to %d", show(text), least, most)
	case err != nil || n < least || n > most:
		return 0, fmt.Errorf("%s is out of range; write %d to %d", show(text), least, most)
	}
	return n, nil
}
