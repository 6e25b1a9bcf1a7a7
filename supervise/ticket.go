package supervise

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Ticket says that a supervisor is, or was, there for its workloads. The supervisor
// writes it; whoever has taken its ending removes it.
type Ticket struct {
	ID string `json:"id"`
	Claim
	Run string `json:"run,omitempty"` // "" until everything is held
	// Kept says that pre has answered that everything is held.
	Kept   bool    `json:"kept,omitempty"`
	Ending *Ending `json:"ending,omitempty"`

	dir string
}

// Claim is what a supervisor is for.
type Claim struct {
	Workloads []string `json:"workloads"`
	Config    string   `json:"config,omitempty"` // the path of the configuration that they are of
	// Owner is who asked for the hold, and Window which of its holds this is, in the
	// words of the owner. Both are empty if nobody said.
	Owner  string `json:"owner,omitempty"`
	Window string `json:"window,omitempty"`
}

// dirOf is where tickets and sockets are.
func dirOf(runtimeDir string) string { return filepath.Join(runtimeDir, "pre") }

func (t *Ticket) file(suffix string) string { return filepath.Join(t.dir, t.ID+suffix) }

// The suffixes of the files of a supervisor.
const (
	ticketFile = ".json"
	socketFile = ".sock"
	crashFile  = ".crash" // what the Go runtime says when it gives up
)

// Tickets returns the tickets in a runtime directory, in no order that means anything.
func Tickets(runtimeDir string) ([]Ticket, error) {
	dir := dirOf(runtimeDir)
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var list []Ticket
	for _, e := range entries {
		id, ok := strings.CutSuffix(e.Name(), ticketFile)
		if !ok {
			continue
		}
		t, terr := readTicket(dir, id)
		if errors.Is(terr, fs.ErrNotExist) {
			continue // its run has ended meanwhile
		}
		if terr != nil {
			err = errors.Join(err, terr)
			continue
		}
		list = append(list, t)
	}
	return list, err
}

func readTicket(dir, id string) (t Ticket, err error) {
	path := filepath.Join(dir, id+ticketFile)
	text, err := os.ReadFile(path)
	if err != nil {
		return t, err
	}
	if err := json.Unmarshal(text, &t); err != nil {
		return t, fmt.Errorf("%s: %w", path, err)
	}
	t.dir, t.ID = dir, id
	return t, nil
}

// write replaces the ticket, whole.
func (t *Ticket) write() error {
	text, err := json.Marshal(t)
	if err != nil {
		return err
	}
	half := t.file(".new")
	if err := os.WriteFile(half, append(text, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(half, t.file(ticketFile))
}

// Leave keeps an ending for the owner of the run, who has not asked for it: somebody else
// has ended it.
func (t *Ticket) Leave(e *Ending) error {
	left := *e
	left.Foreign = true
	t.Ending = &left
	err := t.removeFiles(socketFile, crashFile)
	return errors.Join(err, t.write())
}

// older reports whether the ticket has not changed for so long.
func (t *Ticket) older(age time.Duration) bool {
	info, err := os.Stat(t.file(ticketFile))
	return err == nil && time.Since(info.ModTime()) > age
}

// dial connects to the supervisor.
func (t *Ticket) dial() (*net.UnixConn, error) {
	return net.DialUnix("unix", nil, &net.UnixAddr{Name: t.file(socketFile), Net: "unix"})
}

// Dead reports whether there is neither an ending nor a supervisor that could give one.
func (t *Ticket) Dead() bool {
	if t.Ending != nil {
		return false
	}
	conn, err := t.dial()
	if err != nil {
		return true
	}
	_ = conn.Close() // nothing was said
	return false
}

// Remove forgets the supervisor. It may be repeated.
func (t *Ticket) Remove() error { return t.removeFiles(socketFile, crashFile, ".new", ticketFile) }

func (t *Ticket) removeFiles(suffixes ...string) error {
	var err error
	for _, suffix := range suffixes {
		if e := os.Remove(t.file(suffix)); !errors.Is(e, fs.ErrNotExist) {
			err = errors.Join(err, e)
		}
	}
	return err
}

// Concerns reports whether the run has one of these workloads.
func (t *Ticket) Concerns(workloads []string) bool {
	return slices.ContainsFunc(t.Workloads, func(w string) bool { return slices.Contains(workloads, w) })
}

// Crash returns what the Go runtime of a supervisor said when it gave up, at most
// 4 KiB of it, or "".
func (t *Ticket) Crash() string {
	text, err := os.ReadFile(t.file(crashFile))
	if err != nil {
		return ""
	}
	return string(text[:min(len(text), 4<<10)])
}
