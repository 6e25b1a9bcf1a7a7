package scripttest

import (
	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/interp"
	"github.com/starhost/starhost/run"
	"github.com/starhost/starhost/scripttest/worlds"
)

// stage is what a test has said about the world. Every run begins with a world made
// from it, so one run of a test leaves nothing behind for the next.
type stage struct {
	database string
	server   worlds.Server // nil: there are stubs alone
	replay   *replay       // nil: nothing was recorded
	sql      []*sqlStub
	exec     []*execStub
	mounts   []mountStub
	settings action.Value // dict: what differs from the defaults
	params   action.Value
	context  action.Value // fields of ctx that the test sets
	secrets  map[string]string
	fsFreeze string
	require  string
}

// stub is what all stubs have in common.
type stub struct {
	acquires, releases string
	times              int // 0: as often as it is called
}

// left reports whether a stub that was used so often answers once more.
func (s stub) left(used int) bool { return s.times == 0 || used < s.times }

// mode is how the filesystems are taken care of.
func (s *stage) mode() run.Mode {
	name := s.fsFreeze
	if name == "" && s.replay != nil {
		name = s.replay.member.FSFreeze
	}
	return modes[name]
}

// modes are the words of fs_freeze; where there is none, what the script names is frozen.
var modes = map[string]run.Mode{
	"": run.FreezeNamed, "auto": run.FreezeNamed, "list": run.FreezeNamed,
	"snapshot": run.FreezeByTool, "caller": run.FreezeCaller, "off": run.FreezeOff,
}

// verdict is the least that is a success.
func (s *stage) verdict() run.Verdict {
	if v, err := run.ParseVerdict(s.require); err == nil {
		return v
	}
	return run.Application
}

// ctx is what the script gets, but for what a run fills in.
func (s *stage) ctx(info interp.Info) action.Value {
	settings := info.Settings
	if s.replay != nil {
		settings = s.replay.settings(settings)
	}
	settings = merged(settings, s.settings)
	ctx := action.Dict(
		action.Entry{Key: "run", Value: action.String(runID)},
		action.Entry{Key: "workload", Value: action.String(workload)},
		action.Entry{Key: "timeout", Value: action.Int(int64(limits.Hold.Seconds()))},
		action.Entry{Key: "params", Value: s.params},
		action.Entry{Key: "settings", Value: settings},
		action.Entry{Key: "recovery_point", Value: action.Value{}},
		action.Entry{Key: "snapshot", Value: action.String("unknown")},
		action.Entry{Key: "verified", Value: action.Value{}},
		action.Entry{Key: "local", Value: action.Bool(true)},
		action.Entry{Key: "linux_user", Value: action.String("")},
		action.Entry{Key: "command_path", Value: action.String("")},
		action.Entry{Key: "ipc_folder", Value: action.String("")},
	)
	if s.replay != nil {
		ctx = s.replay.context(ctx)
	}
	if len(s.params.Keys()) > 0 {
		ctx = ctx.With("params", s.params)
	}
	return merged(ctx, s.context)
}
