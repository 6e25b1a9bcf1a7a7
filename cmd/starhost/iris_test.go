//go:build linux

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/internal/standin"
	"github.com/starhost/starhost/scripttest/worlds"
)

// irisHost is one or more instances of a stand-in for InterSystems IRIS: programs of this
// machine that a user runs, in a folder with the files of parameters.
type irisHost struct {
	dir string
	*standin.Instance
}

// irisProgram builds the program of the stand-in once; others link to it.
func irisProgram(t *testing.T) string {
	t.Helper()
	dir := memoryDir(t)
	world, err := worlds.New("iris-2024", action.Value{})
	if err != nil {
		t.Fatal(err)
	}
	standin.Start(t, dir, world.(worlds.Programs), nil, "iris")
	return filepath.Join(dir, "iris")
}

// change is what happens to a world at a moment: options, by their names.
type change map[string]any

func (c change) to(world worlds.Server) {
	for name := range c {
		if err := world.Set(name, c.value(name)); err != nil {
			panic(err) // the test is wrong
		}
	}
}

// value is one of the options.
func (c change) value(name string) action.Value {
	switch v := c[name].(type) {
	case string:
		return action.String(v)
	case bool:
		return action.Bool(v)
	case int:
		return action.Int(int64(v))
	case []string:
		list := make([]action.Value, len(v))
		for i, text := range v {
			list[i] = action.String(text)
		}
		return action.List(list...)
	case change:
		dict := action.Dict()
		for name := range v {
			dict = dict.With(name, v.value(name))
		}
		return dict
	}
	panic(fmt.Sprintf("option %s = %v", name, c[name]))
}

// newIris starts a stand-in with these options.
func newIris(t *testing.T, program string, instances []string, takes func(worlds.Program) time.Duration, options change) *irisHost {
	t.Helper()
	h := &irisHost{dir: memoryDir(t)}
	world, err := worlds.New("iris-2024", action.Value{})
	if err != nil {
		t.Fatal(err)
	}
	change{"directory": filepath.Join(h.dir, "irissys"), "instances": instances}.to(world)
	options.to(world)
	for _, name := range instances {
		folder := filepath.Join(h.dir, "irissys", strings.ToLower(name))
		if err := os.MkdirAll(folder, 0o755); err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(folder, "iris.cpf")
		write(t, file, fmt.Sprintf("[Databases]\nIRISSYS=%s\nFAR=/far/,other\n[Journal]\nCurrentDirectory=%s\n", folder, folder))
		if err := os.Chmod(file, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(h.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	h.Instance = standin.Start(t, h.dir, world.(worlds.Programs), takes)
	if err := os.Link(program, filepath.Join(h.dir, "iris")); err != nil {
		t.Fatal(err)
	}
	return h
}

// set changes the world.
func (h *irisHost) set(what change) {
	h.Do(func(w worlds.Programs) { what.to(w) })
}

// held is what is suspended.
func (h *irisHost) held() (held []string) {
	h.Do(func(w worlds.Programs) { held = w.Held() })
	return held
}

// member is a section of the config for an instance; it is asked as nobody.
// Anything may be held for so many seconds, of which the undo has 3.
func (h *irisHost) member(name, instance string, timeout int) string {
	return fmt.Sprintf(`[workload %[1]q]
workload_name = iris
linux_user = nobody
command_path = %[2]s
fs_freeze = snapshot
timeout = %[4]d
undo_timeout = 3
[settings %[1]q]
instance = %[3]s
session_timeout = 1
freeze_wait = 2
undo_timeout = 3
`, name, h.dir, instance, timeout)
}
