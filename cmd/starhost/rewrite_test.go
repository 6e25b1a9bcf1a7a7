//go:build linux

package main

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// A file that root formats still belongs to its author, and what cannot be
// replaced stays as it is, with nothing left beside it.
func TestRewrite(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can give files away")
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "x.star")
	if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(path, 12, 34); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o2750); err != nil {
		t.Fatal(err)
	}
	before := stat(t, path)
	if err := rewrite(path, []byte("new")); err != nil {
		t.Fatal(err)
	}
	after := stat(t, path)
	if text, _ := os.ReadFile(path); string(text) != "new" {
		t.Errorf("the text is %q", text)
	}
	if after.Uid != 12 || after.Gid != 34 || after.Mode != before.Mode || after.Ino == before.Ino {
		t.Errorf("before %+v, after %+v", before, after)
	}
	if err := rewrite(dir, []byte("new")); err == nil {
		t.Error("a directory was replaced")
	}
	for _, d := range []string{dir, filepath.Dir(dir)} {
		if left, _ := filepath.Glob(filepath.Join(d, ".starhost-fmt-*")); len(left) > 0 {
			t.Errorf("left behind: %q", left)
		}
	}
}

func stat(t *testing.T, path string) *syscall.Stat_t {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Sys().(*syscall.Stat_t)
}
