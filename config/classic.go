package config

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"time"

	"github.com/starhost/starhost/action"
)

// Classic is the name of the workload that is made of a VMSnapshotScriptPluginConfig.json.
const Classic = "classic"

// legacy is the bundled script that runs a pair of programs.
const legacy = "legacy"

// classicWindow is how long a snapshot of Azure may take; beyond it the pair is given back.
const classicWindow = 120 * time.Second

// LoadWith reads workload.conf at path, the VMSnapshotScriptPluginConfig.json at
// pluginConfig, or both. Each may be absent, but not both; an empty pluginConfig stands
// for none, and then path must be there. A VMSnapshotPluginHost.conf beside pluginConfig
// is read too.
//
// The pair of scripts is one more workload, with the name [Classic]. Errors of its files
// are an [AzureError] besides.
func LoadWith(path, pluginConfig string) (*File, error) {
	full, err := absolute(path)
	if err != nil {
		return nil, err
	}
	f, err := load(full)
	if pluginConfig == "" || err != nil && !isMissing(full, err) {
		return f, err
	}
	noConf := err
	if pluginConfig, err = absolute(pluginConfig); err != nil {
		return nil, err
	}
	w, warnings, err := loadClassic(pluginConfig)
	missing := isMissing(pluginConfig, err)
	switch {
	case missing && noConf != nil:
		return nil, errors.Join(PluginConfigNotFound.as(err), noConf)
	case missing:
		return f, nil
	case err != nil:
		return nil, err
	case noConf != nil:
		f = &File{Path: full}
	}
	for _, other := range f.Workloads {
		if other.Name == Classic {
			return nil, &Error{
				File: other.File, Line: other.Line, Section: sectionLabel(workloadSection, Classic), err: IncorrectJSONConfigFile,
				Msg: fmt.Sprintf("the name is that of the pair of scripts in %s; give this workload another one", pluginConfig),
			}
		}
	}
	f.PluginConfig = pluginConfig
	f.Workloads = append(f.Workloads, w)
	f.Warnings = append(f.Warnings, warnings...)
	return f, nil
}

// isMissing reports whether err says that the file path itself is not there.
func isMissing(path string, err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && errors.Is(e, fs.ErrNotExist) && e.Line == 0 && (e.File == path || strings.HasPrefix(path, e.File+"/"))
}

// loadClassic reads the pair at the absolute path of its configuration.
func loadClassic(path string) (w Workload, warnings []string, err error) {
	text, mode, err := readFile(path, ReadOptions{Secret: true})
	switch {
	case isMissing(path, err):
		return w, nil, err
	case errors.Is(err, errTooLarge):
		return w, nil, IncorrectJSONConfigFile.as(err)
	case err != nil:
		return w, nil, PluginConfigPermission.as(err)
	case mode != 0o600 && mode != 0o400:
		return w, nil, PluginConfigPermission.as(fileError(path, "has the mode %04o; chmod 600 %s", mode, path))
	}
	most, err := loadPluginHost(filepath.Join(filepath.Dir(path), "VMSnapshotPluginHost.conf"))
	if err != nil {
		return w, nil, err
	}
	c, err := parseClassic(path, text)
	if err != nil {
		return w, nil, err
	}
	return c.workload(most)
}

// workload makes a workload of the file and of the two scripts that it names; most is the
// timeout of the host.
func (c *classic) workload(most time.Duration) (w Workload, warnings []string, err error) {
	warn := func(key, format string, args ...any) {
		e := Error{File: c.file, Line: c.line(key), Key: key, Msg: fmt.Sprintf(format, args...)}
		warnings = append(warnings, e.Error())
	}
	if c.pluginName != scriptRunner {
		warn("pluginName", "the name is %s where Azure wants %s; it has no effect here", show(c.pluginName), scriptRunner)
	}
	limit := time.Duration(c.timeout) * time.Second
	if limit > most {
		warn("timeoutInSeconds", "VMSnapshotPluginHost.conf allows %d s, so it is %d s", most/time.Second, most/time.Second)
		limit = most
	}
	w = Workload{
		Section: Classic, Name: Classic, Script: legacy,
		Timeout: limit + classicWindow + limit, UndoTimeout: limit,
		PrescriptTimeout: limit, PostscriptTimeout: limit, FreezeTimeout: 10 * time.Second,
		Retries: c.preRetries, Require: Filesystem, NoFallback: true, ContinueOnFailure: c.goOn,
		FSFreeze: FSFreeze{Mode: FreezeCaller}, Isolation: IsolationAvailable,
		File: c.file, Line: 1,
	}
	if !c.freeze {
		w.Require, w.FSFreeze.Mode = Crash, FreezeOff
	}
	if strings.HasSuffix(c.pre, starlarkFile) {
		c.starlark(&w)
	} else {
		c.pair(&w)
	}
	return w, warnings, c.err()
}

const starlarkFile = ".star"

// starlark makes the workload one of a script of ours.
func (c *classic) starlark(w *Workload) {
	w.Script, w.ScriptPath = Classic, c.pre
	w.Params = action.Dict(
		action.Entry{Key: "preScriptParams", Value: texts(c.preParams)},
		action.Entry{Key: "postScriptParams", Value: texts(c.postParams)})
	c.script(prescriptOf, c.pre)
	if c.post != "" && c.post != c.pre {
		c.fail(postscriptOf.key, errors.New("preScriptLocation is a .star file, which holds the postscript too; write the same file, or \"\""))
	}
	if c.postRetries > 0 {
		c.fail("postScriptNoOfRetries", errors.New("the undo of a .star file is tried until the time is over; write 0"))
	}
}

// pair makes the workload one of legacy.star.
func (c *classic) pair(w *Workload) {
	pre, post := c.script(prescriptOf, c.pre), c.script(postscriptOf, c.post)
	if strings.HasSuffix(c.post, starlarkFile) {
		c.fail(postscriptOf.key, errors.New("it is a .star file and preScriptLocation is none; name the same .star file in both"))
	}
	w.ExecAs = rules(pre, post)
	w.Settings = []Setting{
		{Key: "prescript", Value: action.String(pre)},
		{Key: "prescript_params", Value: texts(c.preParams)},
		{Key: "postscript", Value: action.String(post)},
		{Key: "postscript_params", Value: texts(c.postParams)},
		{Key: "postscript_retries", Value: action.Int(int64(c.postRetries))},
		{Key: "undo_timeout", Value: action.Int(int64(w.UndoTimeout / time.Second))},
	}
}

// script checks the file that a key names, and returns its path.
func (c *classic) script(k scriptKind, path string) string {
	if path == "" {
		c.fail(k.key, k.notFound.as(fmt.Errorf("it is empty; write the full path of the script")))
		return ""
	}
	if err := checkPath(path); err != nil {
		c.fail(k.key, err)
		return ""
	}
	if err := k.check(path); err != nil {
		c.fail(k.key, err)
	}
	return path
}

// rules allow a script to run these programs as root.
func rules(paths ...string) (list []ExecRule) {
	for i, path := range paths {
		if i == 0 || path != paths[0] {
			list = append(list, ExecRule{"root", path})
		}
	}
	return list
}

func texts(list []string) action.Value {
	values := make([]action.Value, len(list))
	for i, text := range list {
		values[i] = action.String(text)
	}
	return action.List(values...)
}
