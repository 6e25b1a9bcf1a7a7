package probe

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/starhost/starhost/internal/testfs"
)

func TestMain(m *testing.M) {
	Init()
	os.Exit(m.Run())
}

func TestWrite(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "folder")
	if err := Write(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("the folder has %v, %v", left, err)
	}
	err := Write(t.Context(), "/proc/nothing/here")
	if err == nil || errors.Is(err, ErrBlocked) || !strings.Contains(err.Error(), "/proc") {
		t.Errorf("/proc: %v", err)
	}
}

func TestWriteToFrozenFilesystem(t *testing.T) {
	fs := testfs.New(t, "ext4", 0)
	fs.Freeze(t)
	if err := Write(t.Context(), filepath.Join(fs.Dir, "folder")); !errors.Is(err, ErrBlocked) {
		t.Errorf("got %v", err)
	}
	if err := fs.Thaw(); err != nil {
		t.Fatal(err)
	}
	if err := Write(t.Context(), filepath.Join(fs.Dir, "folder")); err != nil {
		t.Errorf("after the thaw: %v", err)
	}
}
