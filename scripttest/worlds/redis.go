package worlds

import (
	"time"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/host/driver"
)

func redisWorlds() []world {
	options := told(redisOptions)
	worldOf := func(info Info, product redis) world {
		info.Options = options
		return world{info: info, new: func(options action.Value) (Server, error) { return newRedis(product, options) }}
	}
	return []world{
		worldOf(Info{Name: "redis-7", Doc: "one Redis 7.0 server, spoken to by redis-cli", Checked: "Redis 7.0.15"}, redis{version: "7.0.15"}),
		worldOf(Info{Name: "valkey-8", Doc: "one Valkey 8.1 server, spoken to by valkey-cli"}, redis{version: "7.2.4", valkey: "8.1.0"}),
	}
}

// redis is one server of the family.
//
// Nothing here takes time: what the product does beside its clients goes on by one step with
// every INFO that is asked for. A pause does not end by itself.
type redis struct {
	version, valkey string
	life            int

	// What may be chosen.
	appendonly, cluster, sentinel, loading, saveFails bool
	aofStatus, rewriteStatus, link                    string
	role, dir, save, appendfsync, password            string
	percentage, minSize                               int64
	takes, unwritten                                  int64 // steps: of a save or a rewrite, until the AOF is written

	// What has become.
	stranger, paused              bool // somebody else has paused clients; they are paused
	saving, rewriting, unwrittens int64
	dirty, saves, rewrites        int64
	lastSave                      int64
	saveStatus                    string
	aofSize, aofBase              int64
}

func text(to func(s *redis) *string) func(s *redis, v action.Value) error {
	return func(s *redis, v action.Value) error {
		*to(s) = v.Text()
		return want(v, action.StringKind)
	}
}

func flag(to func(s *redis) *bool) func(s *redis, v action.Value) error {
	return func(s *redis, v action.Value) error {
		*to(s) = v.Truth()
		return want(v, action.BoolKind)
	}
}

func steps(to func(s *redis) *int64) func(s *redis, v action.Value) error {
	return func(s *redis, v action.Value) error { return count(v, to(s)) }
}

var redisOptions = []option[*redis]{
	{Option{"appendonly", "it keeps an AOF", action.Bool(true)}, flag(func(s *redis) *bool { return &s.appendonly })},
	{Option{"appendfsync", `"always", "everysec" or "no"`, action.String("everysec")}, text(func(s *redis) *string { return &s.appendfsync })},
	{Option{"save", "when it makes dumps by itself; empty for never", action.String("3600 1 300 100 60 10000")}, text(func(s *redis) *string { return &s.save })},
	{Option{"dir", "where its files are", action.String("/var/lib/redis")}, text(func(s *redis) *string { return &s.dir })},
	{Option{"password", "of the default user; empty for none", action.String("")}, text(func(s *redis) *string { return &s.password })},
	{Option{"role", `"master" or "slave"`, action.String("master")}, text(func(s *redis) *string { return &s.role })},
	{Option{"master_link_status", `of a replica: "up" or "down"`, action.String("up")}, text(func(s *redis) *string { return &s.link })},
	{Option{"cluster", "it is a node of a cluster", action.Bool(false)}, flag(func(s *redis) *bool { return &s.cluster })},
	{Option{"sentinel", "it is a sentinel", action.Bool(false)}, flag(func(s *redis) *bool { return &s.sentinel })},
	{Option{"loading", "it is still loading its data", action.Bool(false)}, flag(func(s *redis) *bool { return &s.loading })},
	{Option{"save_fails", "a save ends without a dump", action.Bool(false)}, flag(func(s *redis) *bool { return &s.saveFails })},
	{Option{"aof_last_write_status", `"ok" or "err"`, action.String("ok")}, text(func(s *redis) *string { return &s.aofStatus })},
	{Option{"aof_last_bgrewrite_status", `"ok" or "err"`, action.String("ok")}, text(func(s *redis) *string { return &s.rewriteStatus })},
	{Option{"aof_current_size", "bytes", action.Int(1000)}, steps(func(s *redis) *int64 { return &s.aofSize })},
	{Option{"aof_base_size", "bytes after the last rewrite", action.Int(1000)}, steps(func(s *redis) *int64 { return &s.aofBase })},
	{Option{"auto_aof_rewrite_percentage", "growth at which it rewrites the AOF by itself; 0 for never", action.Int(100)}, steps(func(s *redis) *int64 { return &s.percentage })},
	{Option{"auto_aof_rewrite_min_size", "bytes below which it does not", action.Int(64 << 20)}, steps(func(s *redis) *int64 { return &s.minSize })},
	{Option{"takes", "how often INFO shows a save or a rewrite before it is over", action.Int(1)}, steps(func(s *redis) *int64 { return &s.takes })},
	{Option{"saving", "how often INFO still shows a save that began before", action.Int(0)}, steps(func(s *redis) *int64 { return &s.saving })},
	{Option{"unwritten", "how often INFO shows, after writes were paused, that the AOF is not written yet", action.Int(1)}, steps(func(s *redis) *int64 { return &s.unwritten })},
	{Option{"paused", "somebody else has paused clients", action.Bool(false)}, func(s *redis, v action.Value) error {
		s.paused, s.stranger = v.Truth(), v.Truth()
		return want(v, action.BoolKind)
	}},
}

func newRedis(s redis, options action.Value) (Server, error) {
	s.saveStatus, s.lastSave = "ok", 1767323045
	return &s, begin(&s, told(redisOptions), options)
}

func (s *redis) Set(name string, value action.Value) error {
	return setOne(s, "Redis", redisOptions, name, value)
}

func (s *redis) Identity() driver.Identity {
	return driver.Identity{
		Product: "Redis", Version: s.version, Server: s.dir, Local: true,
		Started: time.Date(2026, time.January, 2, 3, 0, s.life, 0, time.UTC),
	}
}

// There are no sessions: whoever speaks to the server is a program.
func (s *redis) Connect() string                          { return "" }
func (s *redis) Do(string, string, []action.Value) Answer { return Answer{Unknown: true} }
func (s *redis) Disconnect(string)                        {}
func (s *redis) Alive(string) bool                        { return false }

// Restart begins a new life, in which nobody is paused and counters begin again.
func (s *redis) Restart() {
	s.life++
	s.paused, s.stranger = false, false
	s.saving, s.rewriting, s.unwrittens = 0, 0, 0
	s.dirty, s.saves, s.rewrites = 0, 0, 0
}

// The words of Held.
const (
	heldPause = "clients paused for writes"
	heldOther = "somebody else's pause of clients, which was ended"
)

func (s *redis) Held() []string {
	switch {
	case s.paused && !s.stranger:
		return []string{heldPause}
	case s.stranger && !s.paused:
		return []string{heldOther}
	}
	return nil
}

// Drop is somebody else's CLIENT UNPAUSE: a writer that has waited writes at once.
func (s *redis) Drop(held string) bool {
	if held != heldPause || !s.paused || s.stranger {
		return false
	}
	s.paused = false
	return s.Commit()
}

// Commit writes a key.
func (s *redis) Commit() bool {
	if s.paused {
		return false
	}
	s.dirty++
	if s.appendonly {
		s.aofSize += 27
	}
	return true
}

func (s *redis) Clone() Server {
	c := *s
	return &c
}
