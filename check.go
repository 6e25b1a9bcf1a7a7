package starhost

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/config"
	"github.com/starhost/starhost/freeze"
	"github.com/starhost/starhost/internal/cgroup"
	"github.com/starhost/starhost/internal/lock"
	"github.com/starhost/starhost/run"
	"github.com/starhost/starhost/worker"
)

// Finding is one thing that [Check] has looked at.
type Finding struct {
	Workload string `json:"workload,omitempty"` // empty: of the host
	What     string `json:"what"`
	OK       bool   `json:"ok"`
	Warn     bool   `json:"warn,omitempty"` // runs work, but with less than there could be
	Detail   string `json:"detail"`
}

// Check looks at everything a run needs, and changes nothing. The error is a
// [*ConfigError] if the configuration or a script is not right, or a
// [*DeadRunError] if a dead run has left something held.
func Check(ctx context.Context, o Options) ([]Finding, error) {
	p, err := prepare(ctx, o)
	if err != nil {
		return nil, err
	}
	defer p.close()
	if _, err := p.config(); err != nil {
		return nil, err
	}
	list := []Finding{p.checkDir("state directory", o.StateDir), p.checkDir("runtime directory", o.RuntimeDir), checkGroup(cgroup.CanLeave())}
	for i, w := range p.workloads {
		list = append(list, p.checkWorkload(ctx, w, p.loaded[i])...)
	}
	red := o.Redactor()
	for i := range list {
		list[i].Detail = red.String(list[i].Detail)
	}
	return list, p.refuseDeadRuns()
}

// checkDir looks whether a directory is there, or its parent can take it.
func (p *prepared) checkDir(what, dir string) Finding {
	st, err := os.Stat(dir)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return Finding{What: what, OK: true, Detail: dir + " will be made"}
	case err != nil:
		return Finding{What: what, Detail: err.Error()}
	case !st.IsDir():
		return Finding{What: what, Detail: dir + " is no directory"}
	case st.Mode().Perm()&0o022 != 0:
		return Finding{What: what, Detail: fmt.Sprintf("%s can be written to by others: chmod go-w %s", dir, dir)}
	}
	return Finding{What: what, OK: true, Detail: dir}
}

// checkGroup says what becomes of the processes that hold when the control group of
// the caller ends: when the service that has called starhost is restarted, say.
func checkGroup(err error) Finding {
	if err != nil {
		return Finding{What: "control group", OK: true, Warn: true, Detail: "one kill of the caller's group takes supervisor and watchdog too: " + err.Error()}
	}
	return Finding{What: "control group", OK: true, Detail: "supervisor and watchdog survive the end of the caller's"}
}

func (p *prepared) checkWorkload(ctx context.Context, w config.Workload, l loaded) []Finding {
	info := l.script.Info()
	list := []Finding{
		{Workload: w.Name, What: "script", OK: true, Detail: fmt.Sprintf("%s %.12s: %s", info.Name, info.SHA256, info.Doc)},
		checkIsolation(w, l.features),
		checkTimeouts(w),
		p.checkMounts(w),
		p.checkConnection(ctx, w),
	}
	if owner := lock.Owner(p.locks(), workloadLock(w.Name)); owner != "" {
		list = append(list, Finding{Workload: w.Name, What: "lock", Detail: "in use by " + owner})
	}
	return append(list, checkPrograms(w)...)
}

// checkIsolation says what is in force of the sandbox.
func checkIsolation(w config.Workload, features []worker.Feature) Finding {
	f := Finding{Workload: w.Name, What: "isolation", OK: true, Detail: "a process of its own without privileges, files or network"}
	switch missing := missingFrom(features); {
	case features == nil:
		f.Detail = "none: " + missing
	case missing != "":
		f.Detail = "a process of its own, but not in force: " + missing
	}
	return f
}

// checkMounts looks whether the filesystems that the config lists can be frozen, and
// whether one that would be is a btrfs. With auto only the path of an SQLite database
// is known without a script: plan shows the others.
func (p *prepared) checkMounts(w config.Workload) Finding {
	f := Finding{Workload: w.Name, What: "fs_freeze", OK: true, Detail: w.FSFreeze.Mode}
	paths := w.FSFreeze.Mounts
	switch {
	case len(paths) > 0:
		f.Detail = strings.Join(paths, ", ")
	case w.FSFreeze.Mode == config.FreezeAuto && w.Connection.Driver == config.SQLite:
		paths = []string{w.Connection.Database}
	default:
		return f
	}
	found, err := freeze.Locate(paths, freeze.Options{Keep: []string{standing(p.RuntimeDir)}})
	var frozen []action.FS
	for _, fs := range found {
		frozen = append(frozen, action.FS{Mountpoint: fs.Mountpoint, Type: fs.Type})
		_ = fs.Close() // only looked at
	}
	if text := run.WaitsForThaw(frozen); text != "" {
		f.Warn, f.Detail = true, f.Detail+"; "+text
	}
	if err != nil && len(w.FSFreeze.Mounts) > 0 {
		f.OK, f.Detail = false, err.Error()
	}
	return f
}

func checkTimeouts(w config.Workload) Finding {
	return Finding{
		Workload: w.Name, What: "limits", OK: true,
		Detail: fmt.Sprintf("held at most %v, prescript %v, postscript %v, filesystems frozen %v", w.Timeout, w.PrescriptTimeout, w.PostscriptTimeout, w.FreezeTimeout),
	}
}

// checkConnection logs in, and out again.
func (p *prepared) checkConnection(ctx context.Context, w config.Workload) Finding {
	f := Finding{Workload: w.Name, What: "connection", OK: true, Detail: "none"}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	server, err := connect(ctx, w, p.id)
	if err != nil {
		f.OK, f.Detail = false, err.Error()
		return f
	}
	if server == nil {
		return f
	}
	id := server.Identity()
	f.Detail = fmt.Sprintf("%s %s at %s", id.Product, id.Version, id.Address)
	if !id.Local {
		f.Detail += "; not on this machine: its filesystems cannot be frozen here"
	}
	if err := server.Close(); err != nil {
		f.OK, f.Detail = false, err.Error()
	}
	return f
}

// refuseDeadRuns looks for runs of these workloads that died with something held.
func (p *prepared) refuseDeadRuns() error {
	list, err := Status(p.StateDir, p.RuntimeDir, 0)
	if err != nil {
		return configError("state directory: %w", err)
	}
	for _, s := range list {
		ours := slices.ContainsFunc(p.workloads, func(w config.Workload) bool { return slices.Contains(s.Members, w.Name) })
		if ours && s.State == RunDead && len(s.Held) > 0 {
			return &DeadRunError{Run: s.Run, Held: s.Held}
		}
	}
	return nil
}
