package starhost

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"

	"github.com/starhost/starhost/run"
)

// maxPoint bounds the file of a recovery point: a disk may carry anything under its name.
const maxPoint = 32 << 20

var runID = regexp.MustCompile(`^[0-9A-HJKMNP-TV-Z]{26}$`)

// carriedPoint reads what the disk carries that is mounted at dir. Of a directory further
// down nothing is said but where to ask: a directory that was copied to somewhere on the
// disk of this machine is no copy of that disk.
func carriedPoint(dir string) (*FoundPoint, error) {
	carried := filepath.Join(run.CarriedDir, run.CarriedFile)
	f, err := readPoint(dir, carried)
	if errors.Is(err, fs.ErrNotExist) {
		if above, found := carrierAbove(whole(dir), carried); found {
			return nil, fmt.Errorf("%w; if all of the disk that is mounted at %s is the copy: starhost recovery-point %s", err, above, above)
		}
	}
	if err != nil {
		return nil, err
	}
	f.Carried = true
	return f, nil
}

// carrierAbove finds the nearest directory above dir, on the same filesystem, that has
// the file.
func carrierAbove(dir, carried string) (above string, found bool) {
	for {
		if above = filepath.Dir(dir); above == dir || !sameDevice(dir, above) {
			return "", false
		}
		if _, err := os.Lstat(filepath.Join(above, carried)); err == nil {
			return above, true
		}
		dir = above
	}
}

// whole is dir from the root, without symlinks: what is above it is then what holds it.
func whole(dir string) string {
	if abs, err := filepath.Abs(dir); err == nil {
		dir = abs
	}
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		dir = real
	}
	return dir
}

// readPoint reads a recovery point below dir. A disk that was restored may come from
// anybody: no symlink leads out of dir, and only a regular file of a bounded size is read.
func readPoint(dir, name string) (*FoundPoint, error) {
	path := filepath.Join(dir, name)
	text, info, err := readInside(dir, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &missing{path}
	}
	if errors.Is(err, fs.ErrPermission) {
		return nil, fmt.Errorf("%s: permission denied: only its owner may read it, who is root as a rule", path)
	}
	if err != nil {
		return nil, fmt.Errorf("%s cannot be read: %w", path, err)
	}
	f := &FoundPoint{Path: path, text: text}
	if err := json.Unmarshal(text, &f.RecoveryPointFile); err != nil {
		return nil, fmt.Errorf("%s is no recovery point: %w", path, err)
	}
	if f.Run == "" {
		return nil, fmt.Errorf("%s is no recovery point: it names no run", path)
	}
	f.uid, f.strange = strangeOwner(info)
	return f, nil
}

// missing says that there is no such file.
type missing struct{ path string }

func (e *missing) Error() string { return "there is no recovery point " + e.path }

func (e *missing) Is(target error) bool { return target == fs.ErrNotExist }

func readInside(dir, name string) (text []byte, info fs.FileInfo, err error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = root.Close() }()
	info, err = root.Lstat(name) // first: to open a named pipe would wait for its writer
	if err != nil {
		return nil, nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, nil, fmt.Errorf("it is no regular file, but %s", info.Mode())
	}
	file, err := root.Open(name)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = file.Close() }()
	text, err = io.ReadAll(io.LimitReader(file, maxPoint+1))
	if err == nil && len(text) > maxPoint {
		err = fmt.Errorf("it is longer than %d MiB, so it is none of ours", maxPoint>>20)
	}
	return text, info, err
}
