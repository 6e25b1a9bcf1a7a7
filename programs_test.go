package starhost

import (
	"fmt"
	"testing"

	"github.com/starhost/starhost/config"
)

// What a bundled script may run is what its table says, filled in from the config, and
// nothing else.
func TestPrograms(t *testing.T) {
	home := func(path string) []config.Setting { return []config.Setting{{Key: "oracle_home", Text: path}} }
	for _, c := range []struct {
		name string
		w    config.Workload
		want string
	}{
		{"sqlplus of one home", config.Workload{Script: "oracle", LinuxUser: "oracle", Settings: home("/u01/db-1")}, "[{oracle /u01/db-1/bin/sqlplus}]"},
		{"a slash at the end", config.Workload{Script: "oracle", LinuxUser: "oracle", Settings: home("/u01/db-1/")}, "[{oracle /u01/db-1/bin/sqlplus}]"},
		{"no home", config.Workload{Script: "oracle", LinuxUser: "oracle"}, "[]"},
		{"no user", config.Workload{Script: "oracle", Settings: home("/u01")}, "[]"},
		{"a relative home", config.Workload{Script: "oracle", LinuxUser: "oracle", Settings: home("u01")}, "[]"},
		{"a script of one's own", config.Workload{Script: "oracle", ScriptPath: "/x.star", LinuxUser: "oracle", Settings: home("/u01")}, "[]"},
		{
			"lines of the config first",
			config.Workload{Script: "oracle", LinuxUser: "oracle", Settings: home("/u01"), ExecAs: []config.ExecRule{{User: "root", Path: "/bin/sync"}}},
			"[{root /bin/sync} {oracle /u01/bin/sqlplus}]",
		},
		{"none", config.Workload{Script: "mysql", LinuxUser: "mysql"}, "[]"},
	} {
		if got := fmt.Sprint(programs(c.w)); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}
