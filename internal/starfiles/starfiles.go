// Package starfiles finds the Starlark files that a command line names.
//
// It only reads directories, and is safe for use from any goroutine.
package starfiles

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

const suffix = ".star"

// Find returns the files that the arguments name, sorted and each once. An argument
// is a file of any name, a directory, whose *.star files are meant, or a directory
// followed by /..., which means all directories below it, too, but hidden ones and
// those called testdata. No argument is the current directory. An argument that
// names no file is an error.
func Find(args []string) ([]string, error) {
	if len(args) == 0 {
		args = []string{"."}
	}
	var files []string
	for _, arg := range args {
		found, err := find(arg)
		if err != nil {
			return nil, err
		}
		if len(found) == 0 {
			return nil, fmt.Errorf("%s: there are no *%s files", arg, suffix)
		}
		files = append(files, found...)
	}
	slices.Sort(files)
	return slices.Compact(files), nil
}

func find(arg string) ([]string, error) {
	if dir, ok := strings.CutSuffix(filepath.ToSlash(arg), "..."); ok && (dir == "" || strings.HasSuffix(dir, "/")) {
		return walk(filepath.Clean(filepath.FromSlash(dir)))
	}
	info, err := os.Stat(arg)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return []string{filepath.Clean(arg)}, nil
	}
	entries, err := os.ReadDir(arg)
	if err != nil {
		return nil, err
	}
	var files []string
	for _, e := range entries {
		if isScript(e) {
			files = append(files, filepath.Join(arg, e.Name()))
		}
	}
	return files, nil
}

// walk returns the files in a directory and below it.
func walk(root string) (files []string, err error) {
	err = filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && path != root && (hidden(e) || e.Name() == "testdata"):
			return fs.SkipDir
		case isScript(e):
			files = append(files, path)
		}
		return nil
	})
	return files, err
}

// isScript reports whether an entry of a directory is a file of ours. A pipe is none,
// whatever its name: to open it would wait for ever, and not even end with a signal.
func isScript(e fs.DirEntry) bool {
	return e.Type()&(fs.ModeDir|fs.ModeNamedPipe|fs.ModeSocket|fs.ModeDevice) == 0 && strings.HasSuffix(e.Name(), suffix) && !hidden(e)
}

func hidden(e fs.DirEntry) bool { return strings.HasPrefix(e.Name(), ".") }
