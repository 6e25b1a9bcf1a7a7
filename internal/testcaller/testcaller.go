// Package testcaller gives tests the real programs that call hooks before and after a
// snapshot: those of Debian's packages, which tools/callers.sh has unpacked into a cache.
//
// No package is installed and no service started; a program runs for the length of a
// test, as a child of it. A test is skipped where a package is not there, unless CI is
// set: then it fails. Values are for the goroutine of the test.
package testcaller

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// Package is an unpacked package with what it needs.
type Package struct{ root string }

// Require returns a package, or skips the test.
func Require(t testing.TB, name string) Package {
	t.Helper()
	p := Package{filepath.Join(cache(), name)}
	if _, err := os.Stat(p.root); err != nil {
		Skip(t, "needs the package "+name+", which tools/callers.sh fetches")
	}
	return p
}

// Skip skips the test. With CI in the environment it fails instead: there, a test that
// does not run is a mistake.
func Skip(t testing.TB, reason string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatal(reason + " (not skipped because CI is set)")
	}
	t.Skip(reason)
}

// cache is where tools/callers.sh unpacks.
func cache() string {
	dir := "/var/cache"
	if os.Geteuid() != 0 {
		dir, _ = os.UserCacheDir()
	}
	return filepath.Join(dir, "starhost-callers")
}

// WriteProgram writes a program that is run soon. No process may be started meanwhile: it
// would have the file open for writing until it executes its own program, and a file that
// somebody writes to cannot be executed.
func WriteProgram(t testing.TB, path, text string) {
	t.Helper()
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	if err := os.WriteFile(path, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
}

// Path returns where a file of the package is: Path("/usr/sbin/qemu-ga").
func (p Package) Path(name string) string { return filepath.Join(p.root, name) }

// Env returns the environment that its programs need to find what belongs to them.
func (p Package) Env() []string {
	return []string{
		"LD_LIBRARY_PATH=" + p.Path("usr/lib/x86_64-linux-gnu") + ":" + p.Path("lib/x86_64-linux-gnu"),
		"PYTHONPATH=" + p.Path("usr/lib/python3/dist-packages"),
		"PERL5LIB=" + p.Path("usr/share/perl5"),
	}
}
