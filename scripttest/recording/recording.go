// Package recording is a real run as it looked to its script: every action with the
// answer that it got.
//
// A recording is a file of JSON lines: for each member of the run one that says what it
// is, then its actions in the order in which they were made, and the steps of undos.
// starhost run --record writes it, t.replay and starhost prove make a world of it. It
// holds what the server answered: names of users, databases and hosts may be in it.
// Secrets are not.
//
// A [Recorder] may be used from several goroutines.
package recording

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/run"
	"github.com/starhost/starhost/undo"
)

// Version is that of the format.
const Version = 1

// Line is one line of a recording: a member, an action with its result, or a step of an
// undo with what became of it.
type Line struct {
	Workload string         `json:"workload"`
	Member   *Member        `json:"member,omitempty"`
	Action   *action.Action `json:"action,omitempty"`
	Result   *action.Result `json:"result,omitempty"`
	Undo     *action.Op     `json:"undo,omitempty"`
	State    action.State   `json:"state,omitempty"`
	Text     string         `json:"text,omitempty"`
}

// Member is what a member of the run was.
type Member struct {
	Version  int          `json:"version"`
	Script   string       `json:"script"`
	SHA256   string       `json:"sha256"`
	Database string       `json:"database"`
	FSFreeze string       `json:"fs_freeze"` // as in the config; a list of mount points is "list"
	Context  action.Value `json:"context"`   // ctx as the script saw it
}

// Recorder writes a recording. What it cannot write it drops; Err says why: a run does
// not end because its recording cannot be kept.
type Recorder struct {
	mu  sync.Mutex
	w   io.Writer
	err error
}

// NewRecorder returns a Recorder. The writer gets whole lines, while filesystems may be
// frozen: it must not be a file on one of them.
func NewRecorder(w io.Writer) *Recorder { return &Recorder{w: w} }

// Err is the first error.
func (r *Recorder) Err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

// Begin says what a member is.
func (r *Recorder) Begin(workload string, m Member) {
	m.Version = Version
	r.write(Line{Workload: workload, Member: &m})
}

func (r *Recorder) write(l Line) {
	r.mu.Lock()
	defer r.mu.Unlock()
	text, err := json.Marshal(l)
	if err == nil {
		_, err = r.w.Write(append(text, '\n'))
	}
	if err != nil && r.err == nil {
		r.err = err
	}
}

// Host returns a host that records what it is asked and what it answers.
func (r *Recorder) Host(workload string, h run.Host) run.Host { return recorded{h, r, workload} }

type recorded struct {
	run.Host
	r        *Recorder
	workload string
}

// Do implements [action.Executor].
func (h recorded) Do(ctx context.Context, a action.Action) (action.Result, error) {
	res, err := h.Host.Do(ctx, a)
	h.r.write(Line{Workload: h.workload, Action: &a, Result: &res})
	return res, err
}

// Undo implements [undo.Performer].
func (h recorded) Undo(ctx context.Context, hold undo.Hold, step action.Op) (action.State, string) {
	state, text := h.Host.Undo(ctx, hold, step)
	h.r.write(Line{Workload: h.workload, Undo: &step, State: state, Text: text})
	return state, text
}

// maxLine is the longest line that is read, in bytes: an answer of the largest size and
// what stands around it.
const maxLine = 2 * action.MaxBytes

// Read reads the lines of one workload, that of the first member if none is named. The
// first line that it returns says what the member is.
func Read(source []byte, workload string) ([]Line, error) {
	in := bufio.NewScanner(bytes.NewReader(source))
	in.Buffer(nil, maxLine)
	var lines []Line
	for n := 1; in.Scan(); n++ {
		l, err := parse(in.Bytes())
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		if workload == "" {
			workload = l.Workload
		}
		if l.Workload == workload {
			lines = append(lines, l)
		}
	}
	if err := in.Err(); err != nil {
		return nil, err
	}
	if len(lines) == 0 || lines[0].Member == nil {
		return nil, fmt.Errorf("it is no recording of a workload %q: make one by starhost run --record FILE", workload)
	}
	if v := lines[0].Member.Version; v != Version {
		return nil, fmt.Errorf("it has version %d, this starhost reads %d", v, Version)
	}
	return lines, nil
}

func parse(text []byte) (l Line, err error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&l); err != nil {
		return l, err
	}
	switch {
	case l.Member != nil:
	case l.Action != nil && l.Result != nil:
		err = l.Action.Op.Validate()
	case l.Undo != nil:
		err = l.Undo.Validate()
	default:
		err = errors.New("neither a member nor an action nor an undo")
	}
	return l, err
}
