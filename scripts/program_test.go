package scripts_test

import (
	"testing"

	"github.com/starhost/starhost/scripts"
)

func TestProgramIsFilled(t *testing.T) {
	for _, c := range []struct {
		name      string
		program   scripts.Program
		config    map[string]string
		want      scripts.Program
		forbidden bool
	}{
		{name: "plain", program: scripts.Program{User: "root", Path: "/bin/sync"}, want: scripts.Program{User: "root", Path: "/bin/sync"}},
		{
			name: "a home", program: scripts.Program{User: "{linux_user}", Path: "{oracle_home}/bin/sqlplus"},
			config: map[string]string{"linux_user": "oracle", "oracle_home": "/u01/19-3"}, want: scripts.Program{User: "oracle", Path: "/u01/19-3/bin/sqlplus"},
		},
		{
			name: "a default", program: scripts.Program{User: "{linux_user}", Path: "{command_path|/usr/bin}/iris"},
			config: map[string]string{"linux_user": "irisusr"}, want: scripts.Program{User: "irisusr", Path: "/usr/bin/iris"},
		},
		{
			name: "not the default", program: scripts.Program{User: "{linux_user}", Path: "{command_path|/usr/bin}/iris"},
			config: map[string]string{"linux_user": "irisusr", "command_path": "/iris/bin"}, want: scripts.Program{User: "irisusr", Path: "/iris/bin/iris"},
		},
		{name: "no user", program: scripts.Program{User: "{linux_user}", Path: "/bin/sync"}, forbidden: true},
		{name: "no home", program: scripts.Program{User: "x", Path: "{oracle_home}/bin/sqlplus"}, forbidden: true},
		{
			name: "braces in the config", program: scripts.Program{User: "{linux_user}", Path: "/x"},
			config: map[string]string{"linux_user": "{oracle_home}", "oracle_home": "root"}, want: scripts.Program{User: "{oracle_home}", Path: "/x"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, allowed := c.program.Filled(func(key string) string { return c.config[key] })
			if allowed == c.forbidden || allowed && got != c.want {
				t.Errorf("%+v, %v", got, allowed)
			}
		})
	}
}
