//go:build linux

package main

import (
	"database/sql"
	"errors"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/starhost/starhost/internal/testdb"
	"github.com/starhost/starhost/internal/testfs"
)

// docWorld is the machine that a document speaks of: its paths are other ones here.
type docWorld struct {
	dir      string
	paths    paths
	password string
	volume   string // the image of the filesystem with the orders, if snapshot-volume copies it
	status   int    // of the last command
}

// paths are pairs of one in a document and one here; longer ones come first.
type paths [][2]string

func (p paths) replace(text string, from, to int) string {
	for _, pair := range p {
		text = strings.ReplaceAll(text, pair[from], pair[to])
	}
	return text
}

func newDocWorld(t *testing.T, list []block) *docWorld {
	t.Helper()
	dir := memoryDir(t)
	w := &docWorld{dir: dir, password: "correct horse"}
	for _, name := range []string{"/etc/azure", "/etc/starhost", "/srv/orders", "/usr/local/sbin"} {
		if err := os.MkdirAll(dir+name, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	w.put("/etc/azure", dir+"/etc/azure")
	w.put("/etc/starhost", dir+"/etc/starhost")
	w.programs(t)
	orders := dir + "/srv/orders"
	if shows(list, "starhost hook ") { // some callers have us freeze
		orders = testfs.New(t, "ext4", 32).Dir
	}
	switch {
	case shows(list, "mariadb-binlog "):
		w.shop(t)
	case shows(list, " snapshot-volume"):
		size := 32
		if shows(list, "pg_ctl ") {
			size = 300
		}
		orders = w.copied(t, size)
	}
	w.put("/srv/orders", orders)
	w.put("/usr/local/sbin", dir+"/usr/local/sbin")
	w.put("/var/lib/starhost", dir+"/state")
	w.put("/run/starhost", dir+"/run")
	makeOrders(t, orders+"/orders.db")
	switch {
	case shows(list, "redis-cli "):
		w.redis(t, orders)
	case shows(list, "starhost run orders -- array-snapshot"):
		fs := testfs.New(t, "xfs", 300)
		w.mariadb(t, fs.Dir)
		w.put("/var/lib/mysql", fs.Dir)
		w.put("/mnt/restored", fs.Dir) // a copy would be mounted there: the same files
	case shows(list, "btrfs subvolume"):
		data, snapshots, fs := subvolume(t, "mysql")
		w.mariadb(t, data)
		w.put("/srv/db/snapshots", snapshots)
		w.put("/srv/db", fs.Dir)
	case shows(list, "pg_ctl "):
		w.postgres(t, orders)
	}
	return w
}

// copied makes a filesystem for the orders, and places for the copy of it and for what is
// read from there.
func (w *docWorld) copied(t *testing.T, sizeMiB int) (dir string) {
	t.Helper()
	fs := testfs.New(t, "ext4", sizeMiB)
	w.volume = fs.Image
	mounted := w.dir + "/mnt"
	if err := os.Mkdir(mounted, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = exec.Command("umount", "-q", mounted).Run() // a document that fails does not come to its end
		_ = os.Remove(fs.Image + ".copy")
	})
	w.put("/dev/storage/restored", fs.Image+".copy")
	w.put("/mnt/restored", mounted)
	w.put("/srv/restored", w.dir+"/restored")
	return fs.Dir
}

// shop starts a MariaDB with three orders on a filesystem that is copied, and makes a place
// for its logs. A server that the document starts on the copy ends with the test.
func (w *docWorld) shop(t *testing.T) {
	t.Helper()
	data := w.copied(t, 600)
	for _, name := range []string{"binlogs", "restored"} {
		if err := os.Mkdir(w.dir+"/"+name, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(os.Chmod(w.dir, 0o711), os.Chmod(w.dir+"/restored", 0o777)); err != nil {
		t.Fatal(err) // the server is not root
	}
	t.Cleanup(func() {
		text, _ := os.ReadFile(w.dir + "/restored/pid")
		if pid, err := strconv.Atoi(strings.TrimSpace(string(text))); err == nil {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	})
	w.put("/srv/binlogs", w.dir+"/binlogs")
	w.put("/var/lib/mysql", data)
	db := w.mariadb(t, data)
	for _, q := range []string{"CREATE DATABASE shop", "CREATE TABLE shop.orders (id INT PRIMARY KEY)", "INSERT INTO shop.orders VALUES (1), (2), (3)"} {
		if _, err := db.ExecContext(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	}
}

// programs makes what is not on this machine: users, and the instances of an oratab. Whoever
// runs their programs reads it.
func (w *docWorld) programs(t *testing.T) {
	t.Helper()
	for _, login := range []string{"oracle", "irisowner"} {
		w.put("linux_user = "+login+"\n", "linux_user = nobody\n")
	}
	err := errors.Join(os.Chmod(w.dir, 0o755), os.MkdirAll(w.dir+"/oracle/bin", 0o755))
	for _, file := range []struct{ path, text string }{
		{w.dir + "/oratab", "ORCL:" + w.dir + "/oracle:Y\nTEST:" + w.dir + "/oracle:N\n"},
		{w.dir + "/oracle/bin/sqlplus", "#!/bin/sh\n"},
	} {
		err = errors.Join(err, os.WriteFile(file.path, []byte(file.text), 0o755))
	}
	if err != nil {
		t.Fatal(err)
	}
	w.put("/etc/oratab", w.dir+"/oratab")
}

// shows reports whether a document shows a command.
func shows(list []block, command string) bool {
	return slices.ContainsFunc(list, func(b block) bool { return b.lang == "console" && strings.Contains(b.text, command) })
}

func (w *docWorld) put(shown, here string) {
	w.paths = append(w.paths, [2]string{shown, here})
	slices.SortFunc(w.paths, func(a, b [2]string) int { return len(b[0]) - len(a[0]) })
}

func (w *docWorld) here(text string) string  { return w.paths.replace(text, 0, 1) }
func (w *docWorld) shown(text string) string { return w.paths.replace(text, 1, 0) }

// makeOrders makes the SQLite database of the documents.
func makeOrders(t *testing.T, path string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range []string{"PRAGMA journal_mode = WAL", "CREATE TABLE orders (id INTEGER PRIMARY KEY)", "INSERT INTO orders VALUES (1), (2), (3)"} {
		if _, err = db.ExecContext(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// mariadb starts the server of the documents, with its data in dir, on a filesystem of
// its own. Its user has the rights that the documents name, and no others.
func (w *docWorld) mariadb(t *testing.T, dir string) *sql.DB {
	t.Helper()
	server := testdb.MariaDB(t, testdb.Options{Dir: dir})
	w.put("/run/mysqld/mysqld.sock", server.Socket)
	db := server.DB(t)
	b := sqlBlock(t, "databases/mysql.md", "-- MariaDB")
	for q := range strings.SplitSeq(strings.TrimSpace(strings.ReplaceAll(b.text, "'…'", "'"+w.password+"'")), ";\n") {
		if _, err := db.ExecContext(t.Context(), q); err != nil {
			t.Fatalf("docs/databases/mysql.md:%d: %s: %v", b.line, q, err)
		}
	}
	return db
}

// redis starts the server of the documents, with its data on the filesystem that is dir, and
// sees to it that one which a document starts on a copy ends.
func (w *docWorld) redis(t *testing.T, dir string) {
	t.Helper()
	server := testdb.Redis(t, testdb.Options{Dir: dir, Args: []string{"--appendonly", "yes", "--requirepass", w.password}})
	if _, err := server.Redis(t, w.password).Do("RPUSH", "orders", "1", "2", "3"); err != nil {
		t.Fatal(err)
	}
	w.put("/var/lib/redis", server.Dir)
	w.put("/run/redis/redis-server.sock", server.Socket)
	w.put("/mnt/restored/redis", w.here("/mnt/restored")+"/data")
	w.put("/srv/restored/redis.", w.here("/srv/restored")+"/redis.")
	w.put("/srv/restored/redis", w.here("/srv/restored")+"/data")
	t.Cleanup(func() {
		_ = exec.Command("redis-cli", "-s", w.here("/srv/restored/redis.sock"), "SHUTDOWN", "NOSAVE").Run()
	})
}

// sqlBlock returns the statements in a page of docs that begin with a comment.
func sqlBlock(t *testing.T, page, comment string) block {
	t.Helper()
	list := blocks(t, root+"/docs/"+page)
	i := slices.IndexFunc(list, func(b block) bool { return b.lang == "sql" && strings.HasPrefix(b.text, comment) })
	if i < 0 {
		t.Fatalf("docs/%s has no sql block that begins with %q", page, comment)
	}
	return list[i]
}
