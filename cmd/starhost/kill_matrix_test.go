//go:build linux

package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/starhost/starhost"
	"github.com/starhost/starhost/internal/lock"
	"github.com/starhost/starhost/internal/testdb"
	"github.com/starhost/starhost/internal/testfs"
	"github.com/starhost/starhost/journal"
	"github.com/starhost/starhost/run"
)

// tortureEnv is how many runs die at random instants; without it as many as the gate
// has time for, and only a part of the deaths at records.
const tortureEnv = "STARHOST_TORTURE"

// deadline is how long anything may stay held after a death.
func deadline() time.Duration {
	if raceEnabled {
		return 2 * time.Second
	}
	return time.Second
}

// matrix is the world of the kill matrix: one run over MariaDB on ext4 and PostgreSQL
// on xfs.
type matrix struct {
	*command
	workloads []string
	mounts    []string
	free      []func(what string) // fails the test unless a database is as nobody had ever held it
	records   []journal.Record    // of a run that nobody disturbed
	rows      map[string]*row
	best      run.Verdict   // as of faults
	patience  time.Duration // how long something may be held; deadline() if not given
}

func newMatrix(t *testing.T) *matrix {
	ext4, xfs := testfs.New(t, "ext4", 600), testfs.New(t, "xfs", 600)
	maria := testdb.MariaDB(t, testdb.Options{Dir: ext4.Dir, Args: []string{"--innodb-flush-log-at-trx-commit=0"}})
	m := &matrix{workloads: []string{"orders", "ledger"}, mounts: []string{ext4.Dir, xfs.Dir}, rows: map[string]*row{}}
	pg := testdb.Postgres(t, testdb.Options{Dir: xfs.Dir, Args: []string{"-c", "fsync=on"}})
	o := observe(t, maria)
	m.free = []func(string){func(what string) { mariaFree(o, what) }, func(what string) { postgresFree(t, pg, what) }}
	admin := pg.Pgx(t)
	for _, q := range []string{"CREATE TABLE probe (id SERIAL)", "CREATE ROLE starhost SUPERUSER LOGIN"} {
		if _, err := admin.Exec(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	}
	m.command = newCommand(t, configFor("mariadb", "mysql", maria.Socket, fmt.Sprintf(
		"[workload \"ledger\"]\nworkload_name = postgres\nconnection = postgres://starhost@localhost/postgres?socket=%s\npassword_file = PASSWORD_FILE\n",
		filepath.Dir(pg.Socket))))
	m.undisturbed()
	return m
}

// undisturbed leads a run without a death, which shows the records at which there can be one.
func (m *matrix) undisturbed() {
	t := m.t
	t.Helper()
	m.plainly(true)
	m.run("run", "--", "true").want(t, run.ExitDone)
	records, _, err := journal.Read(journal.OS{}, journalsOf(t, m.command)[0])
	if err != nil {
		t.Fatal(err)
	}
	m.records = records
}

// die leads a run with a death, and returns how long something stayed held after it;
// not struck means that the run was over before.
func (m *matrix) die(when, targets, signal string) (held time.Duration, struck bool) {
	m.t.Helper()
	m.forget()
	marker := filepath.Join(m.dir, "struck")
	_ = os.Remove(marker)
	cmd := m.process("run", "--json", "--", "true")
	cmd.Env = append(cmd.Env, deathEnv+"="+strings.Join([]string{when, targets, signal}, " "), faultTime+"="+marker)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = &stdout, &stderr, time.Second
	if err := cmd.Start(); err != nil {
		m.t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { defer close(ended); _ = cmd.Wait() }()
	hang := time.AfterFunc(30*time.Second, func() { _ = cmd.Process.Kill() })
	defer hang.Stop()
	eventually(m.t, 40*time.Second, "the run is struck, or over", func() bool {
		select {
		case <-ended:
			return true
		default:
			_, err := os.Stat(marker)
			return err == nil
		}
	})
	what := strings.Join([]string{when, targets, signal}, " ")
	if both(targets) {
		<-ended
		m.recoverBoth(what)
	}
	at, err := os.ReadFile(marker)
	if err == nil && !both(targets) {
		ns, _ := strconv.ParseInt(string(at), 10, 64)
		held = m.nothingHeld(what, time.Unix(0, ns))
	}
	<-ended
	m.over(what)
	m.judge(what, when, targets, stdout.Bytes(), err == nil)
	if m.t.Failed() {
		m.t.Fatalf("%s: stdout:\n%s\nstderr:\n%s", what, &stdout, &stderr)
	}
	return held, err == nil
}

func both(targets string) bool { return targets == "supervisor,watchdog" }

// recoverBoth is for the death of everybody who could undo anything.
func (m *matrix) recoverBoth(what string) {
	m.t.Helper()
	if got := m.run("recover"); got.exit != run.ExitDone && got.exit != run.ExitNothing {
		m.t.Errorf("%s: recover: exit status %d: %s", what, got.exit, got.stderr)
	}
	m.nothingHeld(what+", recovered", time.Now())
}

// nothingHeld waits until an outside observer sees nothing held, and returns how long
// after since that was.
func (m *matrix) nothingHeld(what string, since time.Time) time.Duration {
	m.t.Helper()
	for _, dir := range m.mounts {
		if err := testfs.CanWrite(m.t, dir, deadline()); err != nil {
			m.t.Errorf("%s: %s: %v", what, dir, err)
		}
	}
	for _, free := range m.free {
		free(what)
	}
	took, most := time.Since(since), cmp.Or(m.patience, deadline())
	if took > most {
		m.t.Errorf("%s: held for %v, want at most %v", what, took, most)
	}
	return took
}

// over waits until the locks are free and the journal has its end.
func (m *matrix) over(what string) {
	m.t.Helper()
	eventually(m.t, 10*time.Second, what+": the locks are free", func() bool {
		return !slices.ContainsFunc(m.workloads, func(name string) bool {
			return lock.Owner(filepath.Join(m.runtimeDir, "locks"), "workload "+name) != ""
		})
	})
	list, err := starhost.Status(m.stateDir, m.runtimeDir, 1)
	if err != nil || len(list) == 0 || list[0].State != starhost.RunEnded {
		m.t.Errorf("%s: status %+v, %v; want the run to have ended", what, list, err)
	}
}

// judge looks at the report of a leader that survived: a run that lost its worker before
// everything was proven has failed, and one that lost its watchdog before everything was
// thawed. A watchdog that is only stopped later may not be missed before the run is over.
func (m *matrix) judge(what, when, targets string, stdout []byte, struck bool) {
	m.t.Helper()
	n, err := strconv.Atoi(when)
	proven := m.first("verify", "postscript")
	if targets == "watchdog" && len(m.mounts) > 0 {
		proven = m.first("undone") // the records of a level come when all of it is thawed
	}
	if strings.Contains(targets, "supervisor") || err != nil || !struck || n >= proven {
		return
	}
	report := run.Report{}
	if err := json.Unmarshal(stdout, &report); err != nil {
		m.t.Errorf("%s: report: %v: %s", what, err, stdout)
	} else if report.Verdict == run.Application || report.Exit == run.ExitDone && cmp.Or(m.best, run.Application) == run.Application {
		m.t.Errorf("%s: exit status %d, verdict %q", what, report.Exit, report.Verdict)
	}
}

// first is the number of the first record of a type, or of that with which a phase begins:
// of the first of these that the run has.
func (m *matrix) first(names ...string) int {
	for _, name := range names {
		i := slices.IndexFunc(m.records, func(r journal.Record) bool { return r.Phase == name || string(r.Type) == name })
		if i >= 0 {
			return m.records[i].N
		}
	}
	m.t.Fatalf("the run has none of %q", names)
	return 0
}

// deaths are who dies, and how.
func deaths() (list [][2]string) {
	for _, targets := range []string{"worker", "supervisor", "watchdog", "worker,supervisor", "worker,watchdog", "supervisor,watchdog"} {
		for _, signal := range []string{"KILL", "STOP"} {
			if !both(targets) || signal == "KILL" { // nobody who is only stopped can be recovered from
				list = append(list, [2]string{targets, signal})
			}
		}
	}
	return list
}

// Whoever dies or is stopped, at whatever instant: soon after nothing is held. The
// negative control is the death of supervisor and watchdog at once, after which
// everything is held until recover: see TestRecoverAfterKill too.
func TestKillMatrix(t *testing.T) {
	m := newMatrix(t)
	defer m.print()
	all := deaths()
	torture, asked := os.LookupEnv(tortureEnv)
	for i, r := range m.records[1:] { // the first is the begin of the run
		part := all
		if !asked { // another one at each record, so that each is struck everywhere in turn
			part = [][2]string{all[i%len(all)]}
		}
		m.plainly(i%(len(all)-1) != 0) // each death once with the race detector, all over the run
		for _, death := range part {
			held, struck := m.die(fmt.Sprint(r.N), death[0], death[1])
			m.note("at a record", death, held, struck)
		}
	}
	phases := []string{"prescript", "freeze", "snapshot", "thaw", "verify", "postscript"}
	n := 8 * len(phases)
	if asked {
		n, _ = strconv.Atoi(torture)
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("random instants from seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	m.plainly(true)
	for i := range n {
		phase, death := phases[i%len(phases)], all[random.IntN(len(all))]
		delay := time.Duration(random.Int64N(int64(m.length(phase)) + 1))
		held, struck := m.die(phase+"+"+delay.String(), death[0], death[1])
		m.note("in "+phase, death, held, struck)
	}
}

// length is how long a phase took in the run that nobody disturbed.
func (m *matrix) length(phase string) time.Duration {
	i := slices.IndexFunc(m.records, func(r journal.Record) bool { return r.Phase == phase })
	for _, r := range m.records[i+1:] {
		if r.Type == journal.TypePhase || r.Type == journal.TypeEnd {
			return r.Time.Sub(m.records[i].Time)
		}
	}
	return 0
}

// Without a watchdog that acts the matrix finds what is held: the check can fail.
func TestKillMatrixCanFail(t *testing.T) {
	fs := testfs.New(t, "ext4", 600)
	server := testdb.MariaDB(t, testdb.Options{Dir: fs.Dir})
	o := observe(t, server, fs.Dir)
	c := newCommand(t, configFor("mariadb", "mysql", server.Socket, ""))
	cmd := c.frozen()
	dog := watchdogOf(t, cmd.Process.Pid)
	for _, k := range []struct {
		pid    int
		signal syscall.Signal
	}{{dog, syscall.SIGSTOP}, {cmd.Process.Pid, syscall.SIGKILL}} {
		if err := syscall.Kill(k.pid, k.signal); err != nil {
			t.Fatal(err)
		}
	}
	if err := testfs.CanWrite(t, fs.Dir, deadline()); err == nil {
		t.Error("nothing is held although the watchdog is stopped")
	}
	_ = cmd.Wait() // killed
	if err := syscall.Kill(dog, syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	o.nothingHeld("the watchdog goes on")
}
