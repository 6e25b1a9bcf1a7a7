//go:build linux

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/starhost/starhost/internal/testdb"
	"github.com/starhost/starhost/internal/testfs"
	"github.com/starhost/starhost/run"
)

// The folder of a database is a symbolic link to another filesystem, which the server does
// not say: it calls the files ./linked/…. That filesystem is in the freeze, too.
func TestMariaDBFolderElsewhere(t *testing.T) {
	t.Parallel()
	fs, other := testfs.New(t, "ext4", 600), testfs.New(t, "ext4", 0)
	server := testdb.MariaDB(t, testdb.Options{Dir: fs.Dir})
	o := observe(t, server, fs.Dir)
	o.exec("CREATE DATABASE linked")
	move := exec.CommandContext(t.Context(), "sh", "-c", `chmod a+x "$1" && mv "$0" "$1/" && ln -s "$1/linked" "$0"`,
		filepath.Join(server.Dir, "linked"), other.Dir)
	if out, err := move.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", move, err, out)
	}
	o.exec("CREATE TABLE linked.orders (id INT PRIMARY KEY) ENGINE=InnoDB")

	c := newCommand(t, configFor("mariadb", "mysql", server.Socket, ""))
	c.run("run", "--", "true").want(t, run.ExitDone)
	for _, dir := range []string{fs.Dir, other.Dir} { // each that is frozen carries the recovery point
		if _, err := os.Stat(filepath.Join(dir, ".starhost", "recovery-point.json")); err != nil {
			t.Errorf("%s was not frozen: %v", dir, err)
		}
	}
}
