package starhost_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/starhost/starhost"
	"github.com/starhost/starhost/config"
)

// TestUndoNeedsTime: workloads that run together share the shortest timeout, and what the
// undo of one of them needs must fit into it.
func TestUndoNeedsTime(t *testing.T) {
	for _, c := range []struct{ name, a, b, want string }{
		{"fits", "timeout = 120\nundo_timeout = 80\n", "timeout = 110\n", ""},
		{"too long with the rest", "timeout = 120\nundo_timeout = 80\n", "timeout = 90\n", "the undo needs 1m35s of the 1m30s"},
		{"too long", "timeout = 120\nundo_timeout = 80\n", "timeout = 60\n", "the undo needs 1m32s of the 1m0s"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			for name, text := range map[string]string{
				"x.star":        "API = 1\n\ndef prescript(ctx):\n    freeze()\n",
				"workload.conf": "[workload \"a\"]\nworkload_name = x\nscript = x.star\n" + c.a + "[workload \"b\"]\nworkload_name = x\nscript = x.star\n" + c.b,
			} {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.Chmod(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			file, err := config.Load(filepath.Join(dir, "workload.conf"))
			if err != nil {
				t.Fatal(err)
			}
			_, err = starhost.Check(t.Context(), starhost.Options{Config: file, StateDir: dir, RuntimeDir: dir, InProcess: true})
			if c.want == "" {
				if err != nil {
					t.Errorf("got %v", err)
				}
				return
			}
			if _, ok := errors.AsType[*starhost.ConfigError](err); !ok || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}
