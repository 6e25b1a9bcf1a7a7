package starhost

import (
	"strings"
	"testing"
)

func TestByBtrfs(t *testing.T) {
	for command, want := range map[string]bool{
		"btrfs subvolume snapshot /a /b":                true,
		"/usr/bin/btrfs -q subvolume snapshot -r /a /b": true,
		"btrfs sub snap -r /a /b":                       true,
		"btrfs subvolume show snapshot":                 false,
		"btrfs filesystem sync /a":                      false,
		"btrfs":                                         false,
		"snapshot.sh subvolume snapshot":                false,
	} {
		if got := byBtrfs(strings.Fields(command)); got != want {
			t.Errorf("%s: %v, want %v", command, got, want)
		}
	}
}
