package cgroup

import (
	"strings"
	"testing"
)

// A name must be one of a directory below the root, and of a unit as it stands.
func TestCheckName(t *testing.T) {
	for name, ok := range map[string]bool{
		"supervisor-ABC234": true, "a.b_c": true,
		"": false, "a/b": false, "a b": false, "ä": false, "a@b": false, "a\x00": false, strings.Repeat("a", maxName+1): false,
	} {
		if err := checkName(name); (err == nil) != ok {
			t.Errorf("%q: %v", name, err)
		}
		if ok {
			continue // it would be this process that leaves
		}
		if back, err := Leave(name); err == nil || back == nil {
			t.Errorf("Leave(%q): %v", name, err)
		}
	}
}
