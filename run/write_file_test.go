package run

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/starhost/starhost/action"
)

// watchedStorage writes down each step, and lets one fail.
type watchedStorage struct {
	rootStorage
	steps []string
	fails string
}

func (w *watchedStorage) step(name string) error {
	w.steps = append(w.steps, name)
	if name == w.fails {
		return errors.New("no space left on device")
	}
	return nil
}

func (w *watchedStorage) Create(name string) (newFile, error) {
	if err := w.step("create"); err != nil {
		return nil, err
	}
	f, err := w.rootStorage.Create(name)
	return &watchedFile{f, w}, err
}

func (w *watchedStorage) Rename(from, to string) error {
	if err := w.step("rename"); err != nil {
		return err
	}
	return w.rootStorage.Rename(from, to)
}

func (w *watchedStorage) SyncDir(dir string) error {
	return errors.Join(w.step("sync directory"), w.rootStorage.SyncDir(dir))
}

type watchedFile struct {
	newFile
	w *watchedStorage
}

func (f *watchedFile) Write(p []byte) (int, error) {
	if err := f.w.step("write"); err != nil {
		return 0, err
	}
	return f.newFile.Write(p)
}

func (f *watchedFile) Sync() error { return errors.Join(f.w.step("sync"), f.newFile.Sync()) }

func (f *watchedFile) Close() error { return errors.Join(f.w.step("close"), f.newFile.Close()) }

// A recovery point is on the disk before it has its name, and its name before the run goes
// on. Whatever fails, there is the old one or the new one, and nothing beside it.
func TestReplaceIsDurable(t *testing.T) {
	all := []string{"create", "write", "sync", "close", "rename", "sync directory"}
	for i, fails := range append(slices.Clone(all), "") {
		t.Run(fails, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "points", "01J.json")
			if err := writeBelow(dir, "points/01J.json", []byte("old")); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path+".new", []byte("of a run that was killed"), 0o600); err != nil {
				t.Fatal(err)
			}
			root, err := os.OpenRoot(dir)
			if err != nil {
				t.Fatal(err)
			}
			defer root.Close()
			w := &watchedStorage{rootStorage: rootStorage{root}, fails: fails}
			err = replace(w, "points/01J.json", []byte("new"))
			want, steps := "old", slices.DeleteFunc(slices.Clone(w.steps), func(s string) bool { return s == "close" })
			if i >= slices.Index(all, "sync directory") {
				want = "new"
			}
			if (err != nil) != (fails != "") || read(t, path) != want {
				t.Errorf("error %v, the file has %q, want %q", err, read(t, path), want)
			}
			if all := slices.DeleteFunc(slices.Clone(all), func(s string) bool { return s == "close" }); !slices.Equal(steps, all[:len(steps)]) {
				t.Errorf("the order was %s", strings.Join(w.steps, ", "))
			}
			if entries, err := os.ReadDir(filepath.Dir(path)); err != nil || len(entries) != 1 {
				t.Errorf("left beside it: %v, %v", entries, err)
			}
			info, err := os.Stat(path)
			if err != nil || info.Mode().Perm()&^fs.FileMode(0o600) != 0 {
				t.Errorf("others may read it: %v, %v", info.Mode(), err)
			}
		})
	}
}

// What the postscript returned may be what a restore needs, a label, say: if it cannot be
// kept, the run says so. The one of before stays.
func TestRecoveryPointAfterCannotBeWritten(t *testing.T) {
	f := newFixture(t)
	moved := f.dir + "/moved"
	f.scripts["orders"]["postscript"] = func(c *calling) (action.Value, error) {
		if err := os.Rename(f.RecoveryPoints, moved); err != nil {
			return action.Value{}, err
		}
		blocked(f, f.RecoveryPoints)
		return orders()["postscript"](c)
	}
	f.want(f.do(), ExitPostscript, Application, action.KindInternal, "could not be added to the recovery point")
	if text := read(t, filepath.Join(moved, "01J.json")); !strings.Contains(text, `"position": 42`) {
		t.Errorf("got %s", text)
	}
}

// The folder on a disk may be a trap of whoever owns that: a link to somewhere else.
func TestCarryLeadsNowhereElse(t *testing.T) {
	disk, elsewhere := t.TempDir(), t.TempDir()
	if err := os.Symlink(elsewhere, filepath.Join(disk, CarriedDir)); err != nil {
		t.Skip(err)
	}
	if err := writeBelow(disk, carriedName, []byte("text")); err == nil || !strings.Contains(err.Error(), "escapes") {
		t.Errorf("error %v", err)
	}
	if entries, err := os.ReadDir(elsewhere); err != nil || len(entries) > 0 {
		t.Errorf("written there: %v, %v", entries, err)
	}
}
