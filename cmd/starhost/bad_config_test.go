//go:build linux

package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/starhost/starhost/internal/testfs"
	"github.com/starhost/starhost/run"
)

// badConfig is one mistake. DIR in its texts is the folder of the config, where
// the marker is made if the snapshot command runs after all.
type badConfig struct {
	name   string
	config string
	// prepare makes what else there has to be, or spoils the config.
	prepare func(t *testing.T, c *command)
	// args are the workloads of the command line.
	args []string
	// wants are parts of the message: where, which key, what is wrong.
	wants []string
}

// A wrong config ends with exit status 2 and a message that says where, before
// anything was done: nothing was run, and no journal was begun.
func TestBadConfig(t *testing.T) {
	for _, table := range [][]badConfig{badTexts, badValues, badURLs, badFiles, badScripts, badSelections} {
		for _, tt := range table {
			t.Run(tt.name, func(t *testing.T) {
				t.Parallel()
				c := newCommand(t, "")
				names := strings.NewReplacer("DIR", c.dir)
				write(t, c.config, names.Replace(tt.config))
				if tt.prepare != nil {
					tt.prepare(t, c)
				}
				wants := make([]string, len(tt.wants))
				for i, text := range tt.wants {
					wants[i] = names.Replace(text)
				}
				nothingIsRun(t, c, tt.args, wants)
			})
		}
	}
}

// nothingIsRun runs the command with that config and fails the test unless it is
// refused as a wrong config has to be.
func nothingIsRun(t *testing.T, c *command, workloads, wants []string) {
	t.Helper()
	marker := filepath.Join(c.dir, "marker")
	got := c.run(append(append([]string{"run"}, workloads...), "--", "touch", marker)...).want(t, run.ExitUsage)
	for _, text := range wants {
		if !strings.Contains(got.stderr, text) {
			t.Errorf("%q is not in\n%s", text, got.stderr)
		}
	}
	if !strings.HasPrefix(lastLine(got.stderr), "starhost: ") || got.stdout != "" {
		t.Errorf("the message belongs on standard error:\n%s\n%s", got.stdout, got.stderr)
	}
	if strings.Contains(got.stderr, "goroutine ") || strings.Contains(got.stderr, "panic") {
		t.Errorf("the host panicked:\n%s", got.stderr)
	}
	if _, err := os.Lstat(marker); err == nil {
		t.Error("the snapshot command was run")
	}
	if journals := journalsOf(t, c); len(journals) > 0 {
		t.Errorf("a run was begun: %q", journals)
	}
}

// journalsOf returns the journals of the command's runs.
func journalsOf(t testing.TB, c *command) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(c.stateDir, "runs", "*.journal"))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// lastLine returns the line that begins the message of the command: what a config
// with several mistakes says goes on in further lines.
func lastLine(text string) string {
	if i := strings.LastIndex(text, "starhost: "); i >= 0 {
		return text[i:]
	}
	return text
}

// The functions below make what a [badConfig] needs. Names are of the folder of
// the config.

func all(steps ...func(*testing.T, *command)) func(*testing.T, *command) {
	return func(t *testing.T, c *command) {
		t.Helper()
		for _, step := range steps {
			step(t, c)
		}
	}
}

func file(name, text string, mode fs.FileMode) func(*testing.T, *command) {
	return func(t *testing.T, c *command) {
		t.Helper()
		path := filepath.Join(c.dir, name)
		write(t, path, text)
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
}

func mode(name string, mode fs.FileMode) func(*testing.T, *command) {
	return func(t *testing.T, c *command) {
		t.Helper()
		if err := os.Chmod(filepath.Join(c.dir, name), mode); err != nil {
			t.Fatal(err)
		}
	}
}

// owner gives a file to somebody else, which only root can.
func owner(name string, uid int) func(*testing.T, *command) {
	return func(t *testing.T, c *command) {
		t.Helper()
		testfs.RequireRoot(t)
		if err := os.Chown(filepath.Join(c.dir, name), uid, uid); err != nil {
			t.Fatal(err)
		}
	}
}

func symlink(target, name string) func(*testing.T, *command) {
	return func(t *testing.T, c *command) {
		t.Helper()
		if err := os.Symlink(filepath.Join(c.dir, target), filepath.Join(c.dir, name)); err != nil {
			t.Fatal(err)
		}
	}
}

// configAt lets the command look for its config elsewhere.
func configAt(name string) func(*testing.T, *command) {
	return func(_ *testing.T, c *command) { c.config = filepath.Join(c.dir, name) }
}

func fifo(name string) func(*testing.T, *command) {
	return func(t *testing.T, c *command) {
		t.Helper()
		if err := syscall.Mkfifo(filepath.Join(c.dir, name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// The lock files must stay writable while filesystems are frozen.
func TestRuntimeDirectoryOnFrozenFilesystem(t *testing.T) {
	f := testfs.New(t, "ext4", 0)
	c := newCommand(t, "[workload]\nworkload_name = custom\nscript = x.star\nfs_freeze = "+f.Dir+"\n")
	file("x.star", trivial, 0o600)(t, c)
	c.runtimeDir = filepath.Join(f.Dir, "run")
	nothingIsRun(t, c, nil, []string{c.config + ":1: ", "fs_freeze: ", c.runtimeDir})
}

// An unreachable server does not hide a mistake in the config of another workload:
// nobody is logged in to before everything that can be read has been checked.
func TestConfigIsCheckedBeforeServersAreReached(t *testing.T) {
	c := newCommand(t, "[workload \"a\"]\nworkload_name = postgres\nconnection = postgres://u@localhost/?socket=/nowhere\n"+
		"[workload \"b\"]\nworkload_name = custom\nscript = x.star\n[settings \"b\"]\nlimit = many\n")
	file("x.star", trivial, 0o600)(t, c)
	nothingIsRun(t, c, nil, []string{c.config + ":8: ", "limit", "many"})
}

// A snapshot command that cannot be run is found while nothing is held.
func TestBadSnapshotCommand(t *testing.T) {
	for _, tt := range badCommands {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := newCommand(t, good)
			file("x.star", trivial, 0o600)(t, c)
			got := c.run(append([]string{"run"}, tt.argv...)...).want(t, run.ExitUsage)
			for _, text := range tt.wants {
				if !strings.Contains(got.stderr, text) {
					t.Errorf("%q is not in\n%s", text, got.stderr)
				}
			}
			if journals := journalsOf(t, c); len(journals) > 0 {
				t.Errorf("a run was begun: %q", journals)
			}
		})
	}
}
