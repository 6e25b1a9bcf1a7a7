// Package skeleton holds the scripts that an author starts from, each with its test: a
// folder for each kind of connection, as files that are what they become, but for the
// word NAME.
package skeleton

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

//go:embed */*.star
var files embed.FS

// None is the kind of a database that is reached by a program, not by a connection.
const None = "none"

// Databases are the kinds that there is a skeleton for. Nobody may write to it.
var Databases = []string{"mysql", "postgres", "sqlite", None}

// File is one file of a skeleton.
type File struct {
	Name string // "orders.star"
	Text string
}

var name = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]*$`) // 64 at most, which a pattern compiles 64 times

// testSuffix ends the name of a file of tests, without ".star".
const testSuffix = "_test"

// Files returns the script of that name and its test.
func Files(script, database string) ([]File, error) {
	if len(script) > 64 || !name.MatchString(script) {
		return nil, fmt.Errorf("got %q as the name of a script, want 1 to 64 letters, digits, - or _, without .star", script)
	}
	if strings.HasSuffix(script, testSuffix) {
		return nil, fmt.Errorf("got %q as the name of a script: a file that ends in %s.star is a test of one", script, testSuffix)
	}
	if !slices.Contains(Databases, database) {
		return nil, fmt.Errorf("got %q as the database, want one of %s", database, strings.Join(Databases, ", "))
	}
	list := []File{{Name: script + ".star"}, {Name: script + testSuffix + ".star"}}
	for i, from := range []string{"script.star", "test.star"} {
		text, err := files.ReadFile(database + "/" + from)
		if err != nil {
			return nil, err
		}
		list[i].Text = strings.ReplaceAll(string(text), "NAME", script)
	}
	return list, nil
}

// Write writes files into a folder, all or none. It never overwrites one.
func Write(dir string, list []File) (paths []string, err error) {
	for _, f := range list {
		path := filepath.Join(dir, f.Name)
		if err = create(path, f.Text); err != nil {
			for _, made := range paths {
				err = errors.Join(err, os.Remove(made))
			}
			return nil, err
		}
		paths = append(paths, path)
	}
	return paths, nil
}

// create makes a file that is not there. What cannot be written is taken away again.
func create(path, text string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s is there already, and is not overwritten: give another name or folder", path)
	}
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}
