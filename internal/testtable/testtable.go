// Package testtable shows tables that tests make: in their logs, and for the gate, which
// does not print the logs of tests that pass, in files of the directory that
// STARHOST_TABLES names.
//
// Its function may be called from several tests at once.
package testtable

import (
	"os"
	"path/filepath"
	"testing"
)

// Show shows a table. The name is that of the file.
func Show(t testing.TB, name, text string) {
	t.Helper()
	t.Log(name + "\n" + text)
	dir := os.Getenv("STARHOST_TABLES")
	if dir == "" {
		return
	}
	if err := os.WriteFile(filepath.Join(dir, name+".txt"), []byte("== "+name+"\n"+text+"\n"), 0o644); err != nil {
		t.Error(err)
	}
}
