//go:build linux

package main

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/starhost/starhost/internal/testcaller"
)

// site is a place where a real program calls our hooks around its snapshot. One file
// notes in order what the hooks were asked and answered, and whether the database was
// held when the snapshot was taken.
type site struct {
	*sqliteWorld
	t     *testing.T
	notes string
	free  func() // ends the lock that the test has; nil if it has none
}

// newSite makes one. more is for the config of our hooks.
func newSite(t *testing.T, more string) *site {
	t.Helper()
	dir := memoryDir(t)
	database := filepath.Join(dir, "orders.db")
	c := newSupervised(t, "[workload \"orders\"]\nworkload_name = sqlite\nconnection = sqlite://"+database+"\nfs_freeze = snapshot\n"+more)
	c.plainly(true)
	s := &site{sqliteWorld: &sqliteWorld{c, database}, t: t, notes: filepath.Join(dir, "notes")}
	if err := s.exec(t, "CREATE TABLE orders (id INTEGER PRIMARY KEY)"); err != nil {
		t.Fatal(err)
	}
	return s
}

// script writes a shell script that has the environment of our command.
func (s *site) script(name, text string) (path string) {
	s.t.Helper()
	path = filepath.Join(s.command.dir, name)
	testcaller.WriteProgram(s.t, path, s.shell(text))
	return path
}

func (s *site) shell(text string) string {
	return "#!/bin/sh\nexport " + strings.Join(s.command.hookEnv(), " ") + "\n" + text + "\n"
}

// hook is what a caller has in place of a hook: ours, whose word and answer are noted.
// The word is an argument, or in the environment as env.
func (s *site) hook(caller, env string) string {
	return fmt.Sprintf(`%s hook %s "$@" 2>>%s </dev/null; code=$?
echo "${%s:-$*} $code" >>%s
exit $code`, s.command.ourselves(), caller, saysFile(s.command), env, s.notes)
}

// snapshot notes that one was taken.
func (s *site) snapshot() string {
	return fmt.Sprintf("%s status | grep -q ALIVE && echo snapshot held >>%[2]s || echo snapshot >>%[2]s", s.command.ourselves(), s.notes)
}

// breakIt makes our pre fail: there is no database any more.
func (s *site) breakIt() {
	s.t.Helper()
	text, err := os.ReadFile(s.command.config)
	if err != nil {
		s.t.Fatal(err)
	}
	write(s.t, s.command.config, strings.ReplaceAll(string(text), s.database, s.database+".absent"))
}

// calls runs a caller to its end, and fails the test unless it ends with that status and
// these notes were made, and nothing is held.
func (s *site) calls(cmd *exec.Cmd, exit int, notes ...string) {
	s.t.Helper()
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = &out, &out, time.Second
	ended := (*exec.ExitError)(nil)
	if err := cmd.Run(); err != nil && !errors.As(err, &ended) {
		s.t.Fatalf("%v\n%s", err, &out)
	}
	if code := cmd.ProcessState.ExitCode(); code != exit {
		s.t.Errorf("%s ended with %d, want %d", cmd.Args[0], code, exit)
	}
	s.noted(notes...)
	if s.t.Failed() {
		s.t.Logf("%s\n%s", &out, s.command.said())
	}
}

// noted fails the test unless these notes were made, and nothing is held.
func (s *site) noted(notes ...string) {
	s.t.Helper()
	text, _ := os.ReadFile(s.notes)
	if got := strings.Split(strings.TrimSpace(string(text)), "\n"); !slices.Equal(got, notes) {
		s.t.Errorf("noted was %q, want %q", got, notes)
	}
	if s.free != nil {
		s.free()
	}
	s.nothingHeld(s.t)
}

// lock takes the lock that our script waits for, until the notes are looked at.
func (s *site) lock() {
	s.t.Helper()
	db, err := sql.Open("sqlite", s.database)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = db.Close() })
	tx, err := db.BeginTx(s.t.Context(), nil)
	if err == nil {
		_, err = tx.ExecContext(s.t.Context(), "INSERT INTO orders DEFAULT VALUES")
	}
	if err != nil {
		s.t.Fatal(err)
	}
	s.free = func() { _ = tx.Rollback() }
}

// sanoid runs the scripts of its configuration around the snapshots that it orders from
// zfs, which here notes them.
func TestSanoid(t *testing.T) {
	sanoid := testcaller.Require(t, "sanoid")
	for _, tt := range []struct {
		name, sanoid, settings string
		broken, locked         bool
		want                   []string
	}{
		{name: "ok", want: []string{"pre 0", "snapshot held", "post 0"}},
		{name: "pre fails, as sanoid comes", broken: true, want: []string{"pre 3", "snapshot"}},
		{name: "pre fails, post is forced", sanoid: "force_post_snapshot_script = yes\n", broken: true, want: []string{"pre 3", "snapshot", "post 0"}},
		{name: "pre fails, no inconsistent snapshot", sanoid: "no_inconsistent_snapshot = yes\n", broken: true, want: []string{"pre 3"}},
		// After script_timeout its own alarm kills it. That is 5 s, which is more than we take
		// unless the machine is busy.
		{name: "pre takes too long", sanoid: "no_inconsistent_snapshot = yes\nscript_timeout = 20\n", settings: "[settings \"orders\"]\nbusy_timeout = 60000\n", locked: true, want: []string{"pre 3"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, tt.settings)
			if tt.broken {
				s.breakIt()
			}
			hook := s.script("hook", s.hook("sanoid", "SANOID_SCRIPT"))
			s.script("zfs", "case $1 in snapshot) "+s.snapshot()+";; esac")
			write(t, filepath.Join(s.command.dir, "sanoid.conf"), "[tank/orders]\nautosnap = yes\nautoprune = no\nhourly = 1\ndaily = 0\nmonthly = 0\n"+
				"pre_snapshot_script = "+hook+"\npost_snapshot_script = "+hook+"\n"+tt.sanoid)
			if tt.locked {
				s.lock()
			}
			// The place of the defaults stands in the program.
			program := testcaller.NewRoom(t).Command(sanoid, "/usr/sbin/sanoid", "--take-snapshots", "--verbose", "--configdir", s.command.dir,
				"--cache-dir", filepath.Join(s.command.dir, "cache"), "--run-dir", filepath.Join(s.command.dir, "run"))
			program.Env = append(os.Environ(), "PATH="+s.command.dir+":"+os.Getenv("PATH"))
			s.calls(program, 0, tt.want...)
		})
	}
}

// borgmatic runs shell commands around borg, which here notes its backup.
func TestBorgmatic(t *testing.T) {
	borgmatic := testcaller.Require(t, "borgmatic")
	for _, tt := range []struct {
		name         string
		broken       bool
		exit, status int // of borg; of borgmatic
		want         []string
	}{
		{"ok", false, 0, 0, []string{"freeze 0", "snapshot held", "thaw 0"}},
		{"freeze fails", true, 0, 1, []string{"freeze 3", "abort 0"}},
		{"the backup fails", false, 2, 1, []string{"freeze 0", "snapshot held", "abort 0"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, "")
			if tt.broken {
				s.breakIt()
			}
			hook := s.script("hook", s.hook("borgmatic", "none"))
			borg := s.script("borg", fmt.Sprintf("case \"$*\" in --version*) echo borg 1.2.4;; *create*) %s; exit %d;; esac", s.snapshot(), tt.exit))
			config := filepath.Join(s.command.dir, "borgmatic.yaml")
			write(t, config, fmt.Sprintf(`location:
    source_directories: [%s]
    repositories: [%s/repo]
    local_path: %s
hooks:
    before_backup: ["%s freeze"]
    after_backup: ["%[4]s thaw"]
    on_error: ["%[4]s abort"]
`, s.command.dir, s.command.dir, borg, hook))
			cmd := exec.Command("/usr/bin/python3", borgmatic.Path("usr/bin/borgmatic"), "--config", config, "create")
			cmd.Env = append(append(os.Environ(), borgmatic.Env()...), "HOME="+s.command.dir)
			s.calls(cmd, tt.status, tt.want...)
		})
	}
}
