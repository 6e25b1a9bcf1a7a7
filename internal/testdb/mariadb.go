package testdb

import (
	"context"
	"path/filepath"
	"syscall"
	"testing"
)

// MariaDB starts a MariaDB server. Its superuser is root, without a password.
func MariaDB(t testing.TB, o Options) *Server {
	t.Helper()
	binary := program(t, o.Binary, "mariadbd", "/usr/sbin/mariadbd")
	install := program(t, "", "mariadb-install-db", "/usr/bin/mariadb-install-db")
	s := prepare(t, o, "mysql")
	if !s.restored {
		// A server that starts removes the temporary tables of all others from its tmpdir:
		// with /tmp, two installations at once break each other.
		run(t, s, install, "--no-defaults", "--datadir="+s.Dir, "--tmpdir="+s.home, "--auth-root-authentication-method=normal",
			"--skip-test-db", "--skip-name-resolve", "--innodb-log-file-size=8M")
	}
	return s.mysql(t, o, binary, "--lc-messages-dir=/usr/share/mysql", "--innodb-log-file-size=8M", "--skip-name-resolve")
}

// mysql starts a server of MySQL's kind on prepared data.
func (s *Server) mysql(t testing.TB, o Options, binary string, args ...string) *Server {
	t.Helper()
	s.User, s.stop = "root", syscall.SIGTERM
	s.Socket = filepath.Join(s.home, "s.sock")
	s.argv = append([]string{
		binary, "--no-defaults", "--datadir=" + s.Dir, "--socket=" + s.Socket,
		"--pid-file=" + filepath.Join(s.home, "pid"), "--skip-networking", "--server-id=1",
		"--log-bin=bin", "--binlog-format=ROW", "--innodb-buffer-pool-size=32M", "--tmpdir=" + s.home,
	}, append(args, o.Args...)...)
	s.ping = func(ctx context.Context) error {
		db, err := s.pool()
		if err != nil {
			return err
		}
		defer db.Close()
		return db.PingContext(ctx)
	}
	s.Start(t)
	return s
}
