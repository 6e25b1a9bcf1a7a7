package config

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/starhost/starhost/action"
)

// scriptKind is one of the two programs of a pair: the key that names it in Azure's
// file, its setting of legacy.star, and what is wrong with it.
type scriptKind struct {
	key, setting         string
	notFound, permission AzureError
}

var (
	prescriptOf  = scriptKind{"preScriptLocation", "prescript", PreScriptNotFound, InsufficientPermissionPreScript}
	postscriptOf = scriptKind{"postScriptLocation", "postscript", PostScriptNotFound, InsufficientPermissionPostScript}
)

// hookMark begins a line of every script that calls `starhost hook`.
const hookMark = "# starhost hook"

// check returns an error unless path is a script that only root, or the user of this
// process, can write, read and run, and that does not lead back to us.
func (k scriptKind) check(path string) error {
	f, st, err := openChecked(path)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR), err != nil && isOther(path):
		return k.notFound.as(err)
	case err != nil:
		return k.permission.as(err)
	}
	defer func() { _ = f.Close() }() // nothing was written
	if err := st.checkScript(path); err != nil {
		return k.permission.as(err)
	}
	if isSelf(f) {
		return IncorrectJSONConfigFile.as(fileError(path, "is starhost itself, which would call itself; name the script that it is to run"))
	}
	text, err := io.ReadAll(io.LimitReader(f, MaxFileSize))
	if err != nil {
		return k.permission.as(osError(path, err))
	}
	if err := checkProgram(path, text); err != nil {
		return IncorrectJSONConfigFile.as(err)
	}
	return nil
}

// checkProgram returns an error if text, the content of the script path, calls us, or
// cannot be run.
func checkProgram(path string, text []byte) error {
	for line := range bytes.Lines(text) {
		if bytes.HasPrefix(bytes.TrimSpace(line), []byte(hookMark)) {
			return fileError(path, "calls starhost hook, which would call it again; name the script that it is to run")
		}
	}
	if strings.HasSuffix(path, starlarkFile) {
		return nil // it is read, and its mistakes are told elsewhere
	}
	if len(text) == 0 {
		return fileError(path, "is empty, so it cannot be run; write the script, or #!/bin/sh alone if there is nothing to do")
	}
	return checkInterpreter(path, text)
}

// checkInterpreter returns an error unless the program is there that the first line
// names, if it does. The kernel would only say that something does not exist.
func checkInterpreter(path string, text []byte) error {
	line, ok := bytes.CutPrefix(text, []byte("#!"))
	if !ok {
		return nil
	}
	line, _, _ = bytes.Cut(line, []byte("\n"))
	name, _, _ := strings.Cut(strings.TrimLeft(string(line), " \t"), "\x00")
	if i := strings.IndexAny(name, " \t"); i >= 0 {
		name = name[:i]
	}
	if name == "" {
		return nil // the shell runs it
	}
	info, err := os.Stat(filepath.Join("/", name)) // scripts are started there
	switch {
	case err != nil && strings.HasSuffix(name, "\r"):
		return fileError(path, `has lines that end with a carriage return (CRLF), so that its first line names the interpreter %q, which is not there; convert the file with: sed -i 's/\r$//' %s`, name, path)
	case err != nil:
		return fileError(path, "names in its first line the interpreter %s, which is not there; install it, or correct the line", show(name))
	case !info.Mode().IsRegular() || info.Mode()&0o111 == 0:
		return fileError(path, "names in its first line the interpreter %s, which is no program; correct the line", show(name))
	}
	return nil
}

// checkScript returns an error unless st is a regular file of mode 0700 or 0500; a .star
// file, which is only read, can do without x.
func (st stat) checkScript(path string) error {
	if err := st.checkFile(path, false); err != nil {
		return err
	}
	modes, advice := []fs.FileMode{0o700, 0o500}, "700"
	if strings.HasSuffix(path, starlarkFile) {
		modes, advice = append(modes, 0o600, 0o400), "600"
	}
	switch perm := st.mode.Perm(); {
	case st.mode&(fs.ModeSetuid|fs.ModeSetgid) != 0:
		return fileError(path, "runs as another user or group (setuid, setgid); chmod ug-s %s", path)
	case !slices.Contains(modes, perm):
		return fileError(path, "has the mode %04o, only its owner may have access to it; chmod %s %s", perm, advice, path)
	}
	return nil
}

// isOther reports whether there is something at path that is neither a file nor a link.
func isOther(path string) bool {
	st, err := os.Lstat(path)
	return err == nil && !st.Mode().IsRegular() && st.Mode()&fs.ModeSymlink == 0
}

// isSelf reports whether f is the program that runs.
func isSelf(f *os.File) bool {
	ours, err := os.Stat("/proc/self/exe")
	if err != nil {
		return false // there is no such thing on this system
	}
	st, err := f.Stat()
	return err == nil && os.SameFile(ours, st)
}

// findPairs checks the programs of the workloads that run legacy.star, allows them, and
// settles how long one may take as an undo.
func (f *File) findPairs() error {
	p := problems{file: f.Path}
	for i := range f.Workloads {
		if w := &f.Workloads[i]; w.Script == legacy && w.ScriptPath == "" {
			w.findPair(&p)
			if w.Require == Filesystem && w.FSFreeze.Mode == FreezeAuto {
				warning := Error{
					File: f.Path, Line: w.Line, Section: sectionLabel(workloadSection, w.Name), Key: "fs_freeze",
					Msg: "a pair of programs names no filesystem to freeze, so the verdict is crash unless a caller freezes; write mount points, snapshot or caller",
				}
				f.Warnings = append(f.Warnings, warning.Error())
			}
		}
	}
	return p.err()
}

func (w *Workload) findPair(p *problems) {
	section := sectionLabel(settingsSection, w.Name)
	if w.Require == Application {
		where := Error{Line: w.Line, Section: sectionLabel(workloadSection, w.Name), Key: "require"}
		p.add(where, errors.New("nothing can prove what a pair of programs has quiesced; write filesystem or crash"))
	}
	var paths []string
	for _, k := range []scriptKind{prescriptOf, postscriptOf} {
		where := Error{Line: w.Line, Section: section, Key: k.setting}
		i := slices.IndexFunc(w.Settings, func(s Setting) bool { return s.Key == k.setting })
		if i < 0 {
			p.add(where, errors.New("the setting is missing; add it with the full path of the script"))
			continue
		}
		where.Line = w.Settings[i].Line
		path := w.Settings[i].Text
		err := checkPath(path)
		if err == nil {
			err = k.check(path)
		}
		if err != nil {
			p.add(where, err)
		}
		paths = append(paths, path)
	}
	w.ExecAs = append(w.ExecAs, rules(paths...)...)
	if given := slices.ContainsFunc(w.Settings, func(s Setting) bool { return s.Key == "undo_timeout" }); !given && w.UndoTimeout > 0 {
		w.Settings = append(w.Settings, Setting{Key: "undo_timeout", Line: w.Line, Value: action.Int(int64(w.UndoTimeout / time.Second))})
	}
}
