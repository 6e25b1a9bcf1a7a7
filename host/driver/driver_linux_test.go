package driver_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/starhost/starhost/host/driver"
)

// TestReading wants the files of a user to be those that this user can read.
func TestReading(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can act as another user")
	}
	dir, err := os.MkdirTemp("/tmp", "reading-") // that of the test is closed to others
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	file := func(name string, mode fs.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, nil, mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	fifo := filepath.Join(dir, "fifo")
	if err := unix.Mkfifo(fifo, 0o644); err != nil {
		t.Fatal(err)
	}
	secret := file("secret", 0o600)
	for _, c := range []struct {
		path   string
		ofUser bool
		want   string
	}{
		{secret, false, ""},
		{secret, true, fs.ErrPermission.Error()},
		{file("open", 0o644), true, ""},
		{fifo, true, "sslkey: " + fifo + " is not a regular file"},
		{dir, true, "is not a regular file"},
		{filepath.Join(dir, "none"), true, "no such file"},
		{"", true, ""},
	} {
		cfg := driver.Config{OSUser: "daemon", FilesOfUser: c.ofUser, Params: map[string]string{"sslkey": c.path}}
		err := cfg.Reading(func() error {
			switch c.path {
			case "":
				return nil
			case fifo:
				return errors.New("a FIFO is read, which would wait for ever")
			}
			_, err := os.ReadFile(c.path)
			return err
		})
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%+v: %v", c, err)
		}
	}
	stranger := driver.Config{OSUser: "nobody-of-that-name", FilesOfUser: true}
	if err := stranger.Reading(func() error { return errors.New("called") }); err == nil || !strings.Contains(err.Error(), "linux_user") {
		t.Errorf("a user that there is not: %v", err)
	}
}
