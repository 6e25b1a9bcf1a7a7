package journal

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

const suffix = ".journal"

var runName = regexp.MustCompile(`^[A-Za-z0-9_-]+$`) // 64 at most, which a pattern compiles 64 times

// Path returns the file of a run's journal in dir. The run's name must be 1 to 64
// letters, digits, - and _.
func Path(dir, run string) (string, error) {
	if len(run) > 64 || !runName.MatchString(run) {
		return "", fmt.Errorf("run %.80q: a run's name is 1 to 64 letters, digits, - and _", run)
	}
	return filepath.Join(dir, run+suffix), nil
}

// Info is one journal of a directory.
type Info struct {
	Run     string
	Path    string
	ModTime time.Time // of the last record, as far as the filesystem knows
	Begin   Record    // the zero Record if the journal has none
	End     Record    // the last end record; the zero Record if the journal has none
	// Ended says that the last record is an end record and that it leaves nothing
	// held. Otherwise the run lives, or is dead and has to be recovered.
	Ended bool
	Tail  Tail
	Err   error // why the journal could not be read, or not to its end
}

// List returns the journals in dir, the newest first. A directory that does not exist
// has none. A journal that cannot be read is listed with its error.
func List(fsys VFS, dir string) ([]Info, error) {
	entries, err := fsys.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("journals in %s: %w", dir, err)
	}
	var infos []Info
	for _, e := range entries {
		run, ok := strings.CutSuffix(e.Name(), suffix)
		path, err := Path(dir, run)
		if !ok || err != nil {
			continue
		}
		infos = append(infos, describe(fsys, run, path, e))
	}
	slices.SortFunc(infos, func(a, b Info) int {
		return cmp.Or(b.ModTime.Compare(a.ModTime), cmp.Compare(b.Run, a.Run))
	})
	return infos, nil
}

func describe(fsys VFS, run, path string, e fs.DirEntry) Info {
	info := Info{Run: run, Path: path}
	if stat, err := e.Info(); err == nil {
		info.ModTime = stat.ModTime()
	}
	recs, tail, err := Read(fsys, path)
	info.Tail, info.Err = tail, err
	for _, r := range recs {
		switch r.Type {
		case TypeBegin:
			info.Begin = r
		case TypeEnd:
			info.End = r
		}
	}
	if last := len(recs) - 1; last >= 0 && err == nil {
		info.Ended = recs[last].Type == TypeEnd && len(recs[last].Held) == 0
	}
	return info
}
