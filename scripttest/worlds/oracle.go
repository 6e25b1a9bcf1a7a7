package worlds

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/host/driver"
)

// oracleRelease is a version of Oracle Database.
type oracleRelease struct {
	name, version string
	containers    bool // CON_ID, SYSBACKUP and pluggable databases: from 12
}

var oracleReleases = []oracleRelease{
	{"oracle-11g", "11.2.0.4.0", false},
	{"oracle-19c", "19.0.0.0.0", true},
}

func oracleWorlds() []world {
	var all []world
	for _, r := range oracleReleases {
		all = append(all, world{
			info: Info{
				Name: r.name, Database: "oracle",
				Doc:     fmt.Sprintf("an instance of Oracle Database %s, to which sqlplus speaks as well", r.name[len("oracle-"):]),
				Options: oracleOptions(r),
			},
			new: func(options action.Value) (Server, error) { return newOracle(r, options) },
		})
	}
	return all
}

// oracle is one instance with its database. Nobody could compare it with the product: it
// rests on the manuals (SQL Language Reference, Database Reference, Backup and Recovery
// User's Guide, SQL*Plus User's Guide, Database Error Messages).
//
// Everything that changes something moves the system change number on.
type oracle struct {
	oracleRelease
	life    int // how often it was started before
	lastID  int
	status  string // OPEN, MOUNTED, STARTED
	dbid    int64
	scn     int64
	files   []oracleFile
	log     map[int64]int64         // the current sequence by thread
	archive []oracleLog             // archived, oldest first
	copies  []string                // control file copies that were written
	alert   []string                // lines that scripts wrote to the alert log
	stopped bool                    // ALTER SYSTEM SUSPEND
	wronged bool                    // a backup of somebody else was ended
	set     map[string]action.Value // options
	open    map[string]*oracleSession
}

// oracleFile is a data file.
type oracleFile struct {
	number, container int64
	space, path       string
	status, enabled   string // ONLINE, OFFLINE, RECOVER; READ WRITE, READ ONLY
	active            bool   // in backup mode …
	change, began     int64  // … since; the SCN at which it began, and when
	others            bool   // by somebody else
}

// oracleLog is an archived redo log.
type oracleLog struct{ thread, sequence, first, next int64 }

// oracleSession is a session.
type oracleSession struct {
	container string // empty: the option says it
	action    string // what V$SESSION says that it does
}

func newOracle(r oracleRelease, options action.Value) (Server, error) {
	s := &oracle{
		oracleRelease: r, lastID: 40, status: "OPEN", dbid: 1565012345, scn: 4_815_162, set: map[string]action.Value{}, open: map[string]*oracleSession{},
		log: map[int64]int64{},
	}
	return s, begin(s, oracleOptions(r), options)
}

func (s *oracle) started() time.Time {
	return born.Add(time.Duration(s.life) * time.Hour).Truncate(time.Second)
}

// Identity is local, and knows a database by its DBID and name.
func (s *oracle) Identity() driver.Identity {
	return driver.Identity{
		Product: "Oracle Database", Version: s.version, Server: fmt.Sprintf("%d/%s", s.dbid, oracleName), Started: s.started(),
		Address: "127.0.0.1:1521", Local: true,
	}
}

// oracleName is DB_UNIQUE_NAME and the name of the instance.
const oracleName = "ORCL"

func (s *oracle) Connect() string {
	s.lastID++
	id := strconv.Itoa(s.lastID)
	s.open[id] = &oracleSession{}
	return id
}

func (s *oracle) Disconnect(id string) { delete(s.open, id) }

func (s *oracle) Alive(id string) bool { return s.open[id] != nil }

// Restart is a crash, after which the instance is started again. With a file in backup
// mode the database cannot be opened (ORA-10873), so it stays mounted.
func (s *oracle) Restart() {
	clear(s.open)
	s.life++
	s.stopped = false
	if s.status == "OPEN" && s.active(nil) > 0 {
		s.status = "MOUNTED"
	}
	s.scn += 1000
}

// active counts the files in backup mode for which is, if it is given, is true.
func (s *oracle) active(is func(f oracleFile) bool) (n int) {
	for _, f := range s.files {
		if f.active && (is == nil || is(f)) {
			n++
		}
	}
	return n
}

// The words of Held.
const (
	heldMode      = "backup mode"
	heldSuspended = "suspended"
	heldWronged   = "the end of somebody else's backup"
)

func (s *oracle) Held() []string {
	held := []string{}
	if s.active(func(f oracleFile) bool { return !f.others }) > 0 {
		held = append(held, heldMode)
	}
	if s.stopped {
		held = append(held, heldSuspended)
	}
	if s.wronged {
		held = append(held, heldWronged)
	}
	slices.Sort(held)
	return held
}

// Drop is what another administrator does.
func (s *oracle) Drop(held string) bool {
	if !slices.Contains(s.Held(), held) {
		return false
	}
	switch held {
	case heldMode:
		for i := range s.files {
			s.files[i].active = s.files[i].active && s.files[i].others
		}
	case heldSuspended:
		s.stopped = false
	case heldWronged:
		s.wronged = false
	}
	s.scn += 10
	return true
}

// Commit writes a row. Backup mode does not keep anybody from that.
func (s *oracle) Commit() bool {
	if s.stopped || s.status != "OPEN" || s.text("open_mode") != "READ WRITE" {
		return false
	}
	s.scn += 3
	return true
}

func (s *oracle) Clone() Server {
	c := *s
	c.files, c.archive = slices.Clone(s.files), slices.Clone(s.archive)
	c.copies, c.alert = slices.Clone(s.copies), slices.Clone(s.alert)
	c.log, c.set, c.open = maps.Clone(s.log), maps.Clone(s.set), map[string]*oracleSession{}
	for id, session := range s.open {
		copied := *session
		c.open[id] = &copied
	}
	return &c
}

func (s *oracle) text(option string) string { return s.set[option].Text() }

func (s *oracle) yes(option string) bool { return s.set[option].Truth() }

func (s *oracle) number(option string) int64 {
	n, _ := s.set[option].AsInt()
	return n
}

// may reports whether the user has a privilege.
func (s *oracle) may(privilege string) bool {
	return slices.ContainsFunc(s.set["privileges"].Items(), func(v action.Value) bool {
		return v.Text() == privilege || (v.Text() == "SYSBACKUP" || v.Text() == "SYSDBA") && privilege != "DBMS_SYSTEM" || v.Text() == "SYSDBA"
	})
}
