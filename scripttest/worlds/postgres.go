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

// postgresRelease is a version of PostgreSQL that the gate compares with the real one.
type postgresRelease struct {
	major          int
	version        string
	catalogVersion int64 // catalog_version_no
	control        int64 // pg_control_version
}

var postgresReleases = []postgresRelease{
	{14, "14.22", 202107181, 1300},
	{15, "15.18", 202209061, 1300},
	{18, "18.4", 202506291, 1800},
}

func postgresWorlds() []world {
	var all []world
	for _, r := range postgresReleases {
		all = append(all, world{
			info: Info{
				Name: "postgres-" + strconv.Itoa(r.major), Database: "postgres",
				Doc:     fmt.Sprintf("PostgreSQL %d, a primary or a standby", r.major),
				Checked: fmt.Sprintf("PostgreSQL %d", r.major),
				Options: postgresOptions(r),
			},
			new: func(options action.Value) (Server, error) { return newPostgres(r, options) },
		})
	}
	return all
}

// postgres is a server of PostgreSQL.
//
// Its log has one position: what is written is flushed at once.
type postgres struct {
	postgresRelease
	life       int // how often it was started before
	lastPid    int
	settings   pgSettings
	privileges []string
	standby    bool
	timeline   int64
	system     string
	spaces     []string // paths of tablespaces
	lsn        uint64
	first      uint64    // number of the first file of the log
	checkpoint uint64    // where the last one began
	paused     bool      // replay
	exclusive  *pgBackup // belongs to no session; until 14
	locks      []advisory
	sessions   map[string]*pgSession
}

// pgSession is what one session holds.
type pgSession struct {
	set    map[string]string // settings
	tx     *pgTransaction
	backup *pgBackup
}

// pgBackup is a backup that was begun. It is not written to.
type pgBackup struct {
	label   string
	lsn     uint64
	standby bool
}

// pgTransaction is an open one.
type pgTransaction struct {
	failed bool
	before map[string]string // settings of the session
	local  map[string]string // settings of the transaction
}

func newPostgres(r postgresRelease, options action.Value) (Server, error) {
	s := &postgres{
		postgresRelease: r, lastPid: 40, settings: newSettings(r), lsn: 0x1_5000_28, checkpoint: 0x1_5000_28, first: 0x1_5000_28 / segment,
		sessions: map[string]*pgSession{},
	}
	for _, o := range s.options() {
		if err := o.set(s, o.Default); err != nil {
			return nil, err
		}
	}
	for i, name := range options.Keys() {
		if err := s.Set(name, options.Items()[i]); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// born is when the first life of the servers of this package began.
var born = time.Date(2026, 1, 5, 8, 30, 0, 123456000, time.UTC)

func (s *postgres) started() time.Time { return born.Add(time.Duration(s.life) * time.Hour) }

func (s *postgres) Identity() driver.Identity {
	return driver.Identity{
		Product: "PostgreSQL", Version: s.version, Server: s.system, Started: s.started(),
		Address: "unix:/run/postgresql/.s.PGSQL.5432", Local: true,
	}
}

func (s *postgres) Connect() string {
	s.lastPid++
	id := strconv.Itoa(s.lastPid)
	s.sessions[id] = &pgSession{set: map[string]string{"application_name": "starhost"}}
	return id
}

func (s *postgres) Disconnect(id string) {
	delete(s.sessions, id)
	s.locks = slices.DeleteFunc(s.locks, func(l advisory) bool { return l.session == id })
}

func (s *postgres) Alive(id string) bool { return s.sessions[id] != nil }

func (s *postgres) Restart() {
	for id := range s.sessions {
		s.Disconnect(id)
	}
	s.life++
	s.paused, s.exclusive = false, nil
	s.settings.load(true)
	s.makeCheckpoint()
}

// The words of Held.
const (
	heldBackup      = "backup mode"
	heldExclusive   = "exclusive backup mode"
	heldTransaction = "open transaction"
	heldReplay      = "paused replay"
)

func (s *postgres) Held() []string {
	held := map[string]bool{heldExclusive: s.exclusive != nil, heldReplay: s.paused}
	for _, session := range s.sessions {
		held[heldBackup] = held[heldBackup] || session.backup != nil
		held[heldTransaction] = held[heldTransaction] || session.tx != nil
	}
	for _, l := range s.locks {
		held[l.held()] = true
	}
	for _, text := range s.settings.held() {
		held[text] = true
	}
	maps.DeleteFunc(held, func(_ string, is bool) bool { return !is })
	return slices.Sorted(maps.Keys(held))
}

func (s *postgres) Drop(held string) bool {
	if !slices.Contains(s.Held(), held) {
		return false
	}
	switch held {
	case heldExclusive:
		s.exclusive = nil
	case heldReplay:
		s.paused = false
	}
	for id, session := range s.sessions {
		switch {
		case held == heldBackup:
			session.backup = nil
		case held == heldTransaction && session.tx != nil:
			s.end(id, false)
		}
	}
	s.locks = slices.DeleteFunc(s.locks, func(l advisory) bool { return l.held() == held })
	s.settings.drop(held)
	return true
}

// Commit writes a row. On a standby it is the primary that does, and the standby replays it.
func (s *postgres) Commit() bool {
	if s.standby && s.paused || !s.standby && s.settings.now["default_transaction_read_only"] == "on" {
		return false
	}
	s.write(0x80)
	return true
}

// write moves the end of the log on.
func (s *postgres) write(bytes uint64) { s.lsn += bytes }

func (s *postgres) Clone() Server {
	c := *s
	c.settings = s.settings.clone()
	c.privileges, c.spaces, c.locks = slices.Clone(s.privileges), slices.Clone(s.spaces), slices.Clone(s.locks)
	c.sessions = map[string]*pgSession{}
	for id, session := range s.sessions {
		copied := *session
		copied.set = maps.Clone(session.set)
		if session.tx != nil {
			tx := *session.tx
			tx.before, tx.local = maps.Clone(tx.before), maps.Clone(tx.local)
			copied.tx = &tx
		}
		c.sessions[id] = &copied
	}
	return &c
}

// may reports whether the user has a right: a role, or the name of a function that not
// everybody may call.
func (s *postgres) may(right string) bool {
	has := func(r string) bool { return slices.Contains(s.privileges, r) }
	return has("superuser") || has(right) || has("pg_monitor") && (right == "pg_read_all_settings" || right == "pg_ls_archive_statusdir")
}
