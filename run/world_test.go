package run

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/journal"
	"github.com/starhost/starhost/undo"
)

// host is the world of one member.
type host struct {
	f      *fixture
	member string
	lost   []string
	broken error // of Open
}

// Do notes "orders: lock", or the statement where nothing is held, and answers as the
// test says.
func (h *host) Do(ctx context.Context, a action.Action) (action.Result, error) {
	line := h.member + ": " + a.Text()
	if a.Hold != "" {
		line = h.member + ": " + a.Hold
	}
	res := h.f.happens(ctx, line, len(a.Undo) > 0)
	if res.State == "" {
		return res, errors.New("the waist is broken")
	}
	if a.Releases != "" && res.State == action.Applied {
		h.f.given(h.member + ": " + a.Releases)
	}
	return res, nil
}

func (h *host) Undo(ctx context.Context, hold undo.Hold, _ action.Op) (action.State, string) {
	return h.f.undone(ctx, h.member+": "+hold.Name)
}

func (h *host) Open(_ context.Context, name string) (journal.Session, bool, error) {
	return journal.Session{Name: name, ID: "7"}, true, h.broken
}

func (h *host) Lost() []string { return h.lost }

// filesystems are those of the world.
type filesystems struct {
	f        *fixture
	named    []string
	level    func(i int) int // of those named; nil puts each on the one before
	err      error           // of Named
	none     bool            // the script needs no freeze
	carriers []string
}

func (s *filesystems) Do(ctx context.Context, a action.Action) (action.Result, error) {
	s.f.mu.Lock()
	if s.f.size == 0 {
		s.f.size = s.f.journalSize()
	}
	s.f.mu.Unlock()
	return s.f.happens(ctx, "freeze "+a.FS.Mountpoint, true), nil
}

// Undo thaws. Until then nothing was written to the journal since the first freeze.
func (s *filesystems) Undo(ctx context.Context, _ undo.Hold, step action.Op) (action.State, string) {
	if size := s.f.journalSize(); size != s.f.size {
		s.f.Errorf("the journal grew from %d to %d bytes while filesystems were frozen", s.f.size, size)
	}
	return s.f.undone(ctx, "freeze "+step.FS.Mountpoint)
}

func (s *filesystems) Named(context.Context) ([]action.FS, error) {
	var list []action.FS
	for i, m := range s.named {
		fs := action.FS{Device: "8:" + m, Mountpoint: m, Level: i}
		if s.level != nil {
			fs.Level = s.level(i)
		}
		list = append(list, fs)
	}
	return list, s.err
}

func (s *filesystems) Declared(string) (named, none bool) { return len(s.named) > 0, s.none }

// Carriers are those of the members whose filesystems we freeze, or of the others.
func (s *filesystems) Carriers(frozen bool) []string {
	if frozen != (s.f.Members[0].FSFreeze == FreezeNamed) {
		return nil
	}
	return s.carriers
}

// happens notes a line and answers it: applied, unless the test says otherwise.
func (f *fixture) happens(ctx context.Context, line string, holds bool) action.Result {
	f.note(line)
	res := action.Result{State: action.Applied}
	if answer := f.on[line]; answer != nil {
		res = answer(ctx)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if holds && res.State != action.NotApplied {
		f.held[line] = true
	}
	return res
}

// undone notes "undo" and the line that took it.
func (f *fixture) undone(ctx context.Context, line string) (action.State, string) {
	f.note("undo " + line)
	state := journal.Done
	if answer := f.give[line]; answer != nil {
		state = answer(ctx)
	}
	if state != journal.Failed {
		f.given(line)
	}
	return state, "said the world"
}

func (f *fixture) given(line string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.held, line)
}

// eventLog notes names of events; hold and resume stand among them.
type eventLog struct{ f *fixture }

func (e eventLog) Emit(name, _ string, _ action.Value) {
	e.f.mu.Lock()
	defer e.f.mu.Unlock()
	e.f.events = append(e.f.events, name)
}

func (e eventLog) Hold() {
	e.Emit("(hold)", "", action.Value{})
	if e.f.beforeHold != nil {
		e.f.beforeHold()
	}
}

func (e eventLog) Resume() { e.Emit("(resume)", "", action.Value{}) }

// disk is the disk of the journal, which a test can break: from then on every write fails.
type disk struct {
	journal.OS
	broken atomic.Bool
}

var errDiskFull = errors.New("no space left on device")

func (d *disk) Create(path string) (journal.File, error) {
	file, err := d.OS.Create(path)
	return &diskFile{file, d}, err
}

type diskFile struct {
	journal.File
	d *disk
}

func (f *diskFile) Write(p []byte) (int, error) {
	if f.d.broken.Load() {
		return 0, errDiskFull
	}
	return f.File.Write(p)
}
