//go:build linux

package worlds_test

import (
	"fmt"
	"slices"
	"strings"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/host/driver"
)

// watchedVariables are global ones that the sequences change.
var watchedVariables = []string{"innodb_flush_log_at_trx_commit", "lock_wait_timeout", "read_only", "sync_binlog"}

func (p *mysqlPair) watched() map[string]string {
	values := map[string]string{}
	for _, row := range p.stranger.must("SHOW GLOBAL VARIABLES WHERE variable_name IN ('" + strings.Join(watchedVariables, "', '") + "')").Rows {
		values[row[0].Text()] = row[1].Text()
	}
	return values
}

// compareHeld asks strangers what they can do, on the server and on a copy of the world,
// and whether Held says so.
func (p *mysqlPair) compareHeld(after string) {
	p.t.Helper()
	held := p.world.Held()
	var changed, said []string
	watched := p.watched()
	for name, now := range watched {
		if now != p.first[name] {
			changed = append(changed, fmt.Sprintf("global %s = %s, was %s", name, now, p.first[name]))
		}
	}
	has := func(word string) bool {
		return slices.ContainsFunc(held, func(h string) bool { return strings.Contains(h, word) })
	}
	for _, h := range held {
		if strings.HasPrefix(h, "global ") && h != "global read lock" {
			said = append(said, h)
		}
	}
	slices.Sort(changed)
	if !slices.Equal(changed, said) {
		p.t.Errorf("after %s: variables changed on the server: %q, in the world: %q", after, changed, said)
	}
	let := p.world.Clone().Commit()
	locked := (has("global read lock") || has("BLOCK_COMMIT")) && watched["read_only"] == "OFF" // which refuses at once
	r := p.writer.do("INSERT INTO app.t VALUES (1)", locked)
	if let != (r.Err == nil) {
		p.t.Errorf("after %s: a write on the server: %v; the world lets it through: %t", after, r.Err, let)
	}
	if blocked := r.Err != nil && r.Err.Kind == action.KindTimeout; blocked != locked {
		p.t.Errorf("after %s: a write waits: %t; held: %q", after, blocked, held)
	}
	probes := []string{"CREATE DATABASE IF NOT EXISTS mysql"}
	if p.name == "mariadb-10.11" {
		probes = append(probes, "BACKUP STAGE START")
	}
	for _, probe := range probes {
		world := p.world.Clone()
		if err := world.Set("grants", rootGrants); err != nil {
			p.t.Fatal(err)
		}
		want := world.Do(world.Connect(), probe, nil)
		got := p.stranger.do(probe, want.Waits)
		if diff := difference(want, got, false); diff != "" {
			p.t.Errorf("after %s: a stranger's %s: %s; held: %q", after, probe, diff, held)
		}
		if strings.HasPrefix(probe, "BACKUP") && got.Err == nil {
			p.stranger.must("BACKUP STAGE END")
		}
		if strings.HasPrefix(probe, "BACKUP") && (got.Err == nil) == has("backup stage") {
			p.t.Errorf("after %s: a stranger's stage: %v; held: %q", after, got.Err, held)
		}
	}
}

var rootGrants = action.List(action.String("GRANT ALL PRIVILEGES ON *.* TO `root`@`localhost`"))

// mysqlProbe looks at the real server from beside. Its statements are often ended while they
// wait, and on a busy machine their sessions with them: then it takes another one.
type mysqlProbe struct {
	pair    *mysqlPair
	server  driver.Server
	session driver.Session
}

// do makes a statement; a session that was lost while it waited says that it waited.
func (m *mysqlProbe) do(query string, waits bool) action.Result {
	if m.session == nil {
		m.session = open(m.pair.t, m.server)
	}
	res := m.pair.do(m.session, query, nil, waits)
	if res.Err != nil && res.Err.Lost {
		m.session = nil
		if waits {
			return action.Result{State: action.Unknown, Err: &action.Fault{Kind: action.KindTimeout, Message: res.Err.Message}}
		}
	}
	return res
}

// must makes a statement that must succeed.
func (m *mysqlProbe) must(query string) *action.Rows {
	res := m.do(query, false)
	if res.Err != nil {
		m.pair.t.Fatalf("%s: %v", query, res.Err)
	}
	return res.Rows
}
