//go:build linux

package worlds_test

import (
	"fmt"
	"slices"
	"strings"

	"github.com/starhost/starhost/action"
)

// watchedVariables are global ones that the sequences change.
var watchedVariables = []string{"innodb_flush_log_at_trx_commit", "lock_wait_timeout", "read_only", "sync_binlog"}

func (p *mysqlPair) watched() map[string]string {
	values := map[string]string{}
	for _, row := range p.must(p.stranger, "SHOW GLOBAL VARIABLES WHERE variable_name IN ('"+strings.Join(watchedVariables, "', '")+"')").Rows {
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
	r := p.do(p.writer, "INSERT INTO app.t VALUES (1)", nil, !let)
	if let != (r.Err == nil) {
		p.t.Errorf("after %s: a write on the server: %v; the world lets it through: %t", after, r.Err, let)
	}
	locked := (has("global read lock") || has("BLOCK_COMMIT")) && watched["read_only"] == "OFF" // which refuses at once
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
		got := p.do(p.stranger, probe, nil, want.Waits)
		if diff := difference(want, got, false); diff != "" {
			p.t.Errorf("after %s: a stranger's %s: %s; held: %q", after, probe, diff, held)
		}
		if strings.HasPrefix(probe, "BACKUP") && got.Err == nil {
			p.must(p.stranger, "BACKUP STAGE END")
		}
		if strings.HasPrefix(probe, "BACKUP") && (got.Err == nil) == has("backup stage") {
			p.t.Errorf("after %s: a stranger's stage: %v; held: %q", after, got.Err, held)
		}
	}
}

var rootGrants = action.List(action.String("GRANT ALL PRIVILEGES ON *.* TO `root`@`localhost`"))
