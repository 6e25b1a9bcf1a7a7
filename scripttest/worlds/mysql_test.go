package worlds_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/scripttest/worlds"
)

func grants(lines ...string) action.Value {
	var all []action.Value
	for _, line := range lines {
		all = append(all, action.String("GRANT "+line+" TO `backup`@`localhost`"))
	}
	return set("grants", action.List(all...))
}

func set(name string, value action.Value) action.Value {
	return action.Dict(action.Entry{Key: name, Value: value})
}

func long(id, time int64, statement string) action.Value {
	return action.Dict(action.Entry{Key: "id", Value: action.Int(id)}, action.Entry{Key: "user", Value: action.String("app")},
		action.Entry{Key: "time", Value: action.Int(time)}, action.Entry{Key: "statement", Value: action.String(statement)})
}

func TestMySQLWorlds(t *testing.T) {
	for _, play := range mysqlPlays {
		t.Run(play.name, func(t *testing.T) {
			world := newMySQLWorld(t, play.world, play.options)
			ids := map[string]string{}
			for _, line := range play.lines {
				// A copy answers alike, and what happens to it is nothing to us.
				copied := world.Clone()
				copiedIDs := map[string]string{}
				for who, id := range ids {
					copiedIDs[who] = id
				}
				onCopy := perform(t, copied, copiedIDs, line[0])
				if got := perform(t, world, ids, line[0]); got != line[1] || got != onCopy {
					t.Errorf("%s: got %s, on a copy %s, want %s", line[0], got, onCopy, line[1])
				}
			}
		})
	}
}

// perform makes one line happen and says what came of it.
func perform(t *testing.T, world worlds.Server, ids map[string]string, line string) string {
	t.Helper()
	verb, rest, _ := strings.Cut(line, " ")
	switch {
	case strings.HasSuffix(verb, ":"):
	case rest == "ends":
		world.Disconnect(ids[verb])
		return "ok"
	case verb == "held":
		return strings.Join(world.Held(), ", ")
	case verb == "commit":
		return fmt.Sprint(world.Commit())
	case verb == "drop":
		return fmt.Sprint(world.Drop(rest))
	case verb == "restart":
		before := world.Identity()
		world.Restart()
		if after := world.Identity(); after.SameLife(before) || after.Server != before.Server || !after.Local {
			t.Errorf("the identity was %v and is %v", before, after)
		}
		return "ok"
	case verb == "set":
		name, text, _ := strings.Cut(rest, " ")
		var value action.Value
		if err := value.UnmarshalJSON([]byte(text)); err != nil {
			t.Fatal(err)
		}
		if err := world.Set(name, value); err != nil {
			t.Error(err)
		}
		return "ok"
	}
	who := strings.TrimSuffix(verb, ":")
	if ids[who] == "" {
		ids[who] = world.Connect()
	}
	return answered(world.Do(ids[who], rest, nil))
}

func answered(a worlds.Answer) string {
	switch {
	case a.Unknown:
		return "unknown"
	case a.Waits:
		return "waits"
	case !a.Code.IsNone():
		return a.Code.String()
	case a.Rows == nil:
		return "ok"
	}
	rows := []action.Value{}
	for _, row := range a.Rows.Rows {
		rows = append(rows, action.List(row...))
	}
	return action.List(rows...).String()
}

// TestMySQLOptions has errors that name what there is.
func TestMySQLOptions(t *testing.T) {
	for _, c := range []struct {
		world   string
		options action.Value
		want    string
	}{
		{"mysql-4.1", action.Value{}, `there is no world "mysql-4.1": want one of mariadb-10.11, mysql-5.6, mysql-8.0, mysql-8.4, mysql-9`},
		{"mysql-8.4", action.Int(1), "want a dict"},
		{"mysql-8.4", set("bin_log", action.Bool(true)), `no option "bin_log": want one of binlog, galera`},
		{"mysql-8.4", set("sync_binlog", action.Int(1)), `no option "sync_binlog"`}, // by "variables"
		{"mysql-8.4", set("binlog", action.Int(1)), "want a bool"},
		{"mysql-8.4", set("read_only", action.String("maybe")), "read_only"},
		{"mysql-8.4", set("grants", action.List(action.String("RELOAD"))), "GRANT … ON … TO …"},
		{"mysql-8.4", set("grants", action.String("GRANT RELOAD ON *.* TO x")), "want a list"},
		{"mysql-8.4", set("long_queries", action.List(action.Dict())), `{"id": 12`},
		{"mysql-8.4", set("variables", set("x", action.List())), "x is []"},
		{"mysql-8.4", set("replica", action.String("east")), "want a bool"},
		{"mysql-8.4", set("redo_log", action.Int(1)), "want a bool"},
		{"mysql-8.4", set("xa_prepared", action.Int(1)), "want a list"},
		{"mysql-8.4", set("group_replication", action.Bool(true)), "want a string"},
		{"mysql-8.4", set("variables", set("sync_binlog", action.String("x"))), "sync_binlog"},
	} {
		if _, err := worlds.New(c.world, c.options); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("New(%s, %s): %v, want %q", c.world, c.options, err, c.want)
		}
	}
	for _, info := range worlds.All() {
		if info.Database != "mysql" {
			continue
		}
		world := newMySQLWorld(t, info.Name, action.Value{})
		if err := world.Set("nonsense", action.Int(1)); err == nil || !strings.Contains(err.Error(), "sync_binlog") {
			t.Errorf("%s: Set of nonsense: %v", info.Name, err)
		}
		for _, o := range info.Options {
			if err := world.Set(o.Name, o.Default); err != nil {
				t.Errorf("%s: the default of option %s: %v", info.Name, o.Name, err)
			}
		}
		if held := world.Held(); len(held) > 0 {
			t.Errorf("%s holds %q at first", info.Name, held)
		}
		if answered(world.Do("7", "SELECT 1", nil)) != "2006" {
			t.Errorf("%s answers a session that is not there", info.Name)
		}
	}
}
