package worlds

import (
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/host/driver"
)

const irisVersion = "2024.1.0.263.0"

func irisWorlds() []world {
	options := told(irisOptions)
	return []world{{
		info: Info{
			Name: "iris-2024", Doc: "InterSystems IRIS or Caché, several instances of one machine, each of which can misbehave in many ways", Options: options,
		},
		new: newIris,
	}}
}

// iris is a stand-in for the instances of InterSystems IRIS, or of Caché, on one machine,
// as its commands show them. It rests on the class reference of Backup.General, on the
// guide to external backups, and on a published transcript of a freeze and a thaw.
//
// It has a time of its own: a freeze and a thaw take some of it, and the option elapse
// lets it pass. What the manuals do not say it plays in every way: see its options.
type iris struct {
	cache     bool // it is called Caché
	directory string
	now       int64 // seconds that have passed
	lives     int
	lastID    int
	sessions  map[string]bool // somebody is connected who does not exist: see Do
	instances []*instance

	down, inhibited       []string // names of instances
	health                string   // what the list says of each: ok, warn, alert, hung
	member, mirror        string
	login                 string
	user, password        string
	misbehaves            map[string]string // by what is asked for: freeze, thaw, query, resume
	times                 int64             // how often; 0 is always
	struck                int64
	doubleFreeze, unasked string // what comes of a second freeze, of a thaw of nothing
	settle                int64
	then                  action.Value // what changes before a program
	asked, at             int64
	history               int
}

// instance is one of them.
type instance struct {
	name    string
	journal int // number of the file of today
	offset  int64
	freeze  *suspension
}

// suspension is what a freeze began.
type suspension struct {
	resumes, pauses int64 // when it does; resumes 0 is never
}

func newIris(options action.Value) (Server, error) {
	s := &iris{lastID: 40, sessions: map[string]bool{}, misbehaves: map[string]string{}}
	return s, begin(s, told(irisOptions), options)
}

func (s *iris) product() string {
	if s.cache {
		return "Cache"
	}
	return "IRIS"
}

func (s *iris) Identity() driver.Identity {
	return driver.Identity{Product: s.product(), Version: irisVersion, Server: s.directory, Started: irisEpoch.Add(time.Duration(s.lives) * time.Hour), Local: true}
}

// irisEpoch is when the world begins.
var irisEpoch = time.Date(2026, time.January, 2, 3, 4, 5, 0, time.UTC)

func (s *iris) clock() time.Time { return irisEpoch.Add(time.Duration(s.now) * time.Second) }

// Connect opens a session by which nothing can be said: programs alone speak to it.
func (s *iris) Connect() string {
	s.lastID++
	id := strconv.Itoa(s.lastID)
	s.sessions[id] = true
	return id
}

func (s *iris) Do(string, string, []action.Value) Answer { return Answer{Unknown: true} }

func (s *iris) Disconnect(id string) { delete(s.sessions, id) }

func (s *iris) Alive(id string) bool { return s.sessions[id] }

// Restart restarts all instances: no suspension outlives that.
func (s *iris) Restart() {
	s.lives++
	clear(s.sessions)
	for _, i := range s.instances {
		i.freeze = nil
	}
}

// suspended reports whether the write daemon of an instance is, now.
func (s *iris) suspended(i *instance) bool {
	if f := i.freeze; f != nil && f.resumes > 0 && s.now >= f.resumes {
		i.freeze = nil // it resumes by itself
	}
	return i.freeze != nil
}

// paused reports whether an instance has been suspended for too long: updates wait, and
// nobody can log in.
func (s *iris) paused(i *instance) bool { return s.suspended(i) && s.now >= i.freeze.pauses }

func heldIris(i *instance) string { return "write daemon of " + i.name + " suspended" }

func (s *iris) Held() []string {
	var held []string
	for _, i := range s.instances {
		if s.suspended(i) {
			held = append(held, heldIris(i))
		}
	}
	slices.Sort(held)
	return held
}

func (s *iris) Drop(held string) bool {
	for _, i := range s.instances {
		if heldIris(i) == held && s.suspended(i) {
			i.freeze = nil
			return true
		}
	}
	return false
}

// Commit is possible while the write daemon is suspended: a write goes to memory and to
// the journal.
func (s *iris) Commit() bool {
	for _, i := range s.instances {
		if s.paused(i) {
			return false
		}
	}
	for _, i := range s.instances {
		i.offset += 64
	}
	return true
}

func (s *iris) Set(name string, value action.Value) error {
	return setOne(s, s.product(), irisOptions, name, value)
}

func (s *iris) Clone() Server {
	c := *s
	c.sessions, c.misbehaves = maps.Clone(s.sessions), maps.Clone(s.misbehaves)
	c.down, c.inhibited = slices.Clone(s.down), slices.Clone(s.inhibited)
	c.instances = nil
	for _, i := range s.instances {
		copied := *i
		if i.freeze != nil {
			freeze := *i.freeze
			copied.freeze = &freeze
		}
		c.instances = append(c.instances, &copied)
	}
	return &c
}
