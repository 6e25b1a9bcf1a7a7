package config

import "testing"

// Azure needs the folder of the client program; here it may be left out, or empty, and
// what is given reaches the script.
func TestCommandPath(t *testing.T) {
	for text, want := range map[string]string{"": "", "command_path =\n": "", "command_path = /usr/bin\n": "/usr/bin"} {
		f, err := parse("/w.conf", []byte("[workload]\nworkload_name = mysql\ncredString = -u x\n"+text), 0o600, withFiles(nil))
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if got := f.Workloads[0].CommandPath; got != want {
			t.Errorf("%q: command_path %q, want %q", text, got, want)
		}
	}
}
