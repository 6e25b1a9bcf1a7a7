// Package systemd has the units of starhost, so that the program can put them in place
// where no package has. It is plain data.
package systemd

import _ "embed"

// The unit that undoes at boot what a run left that had died. Program is the path in it
// that stands for the program.
const (
	RecoverName = "starhost-recover.service"
	Program     = "/usr/local/bin/starhost"
)

// Recover is the text of that unit.
//
//go:embed starhost-recover.service
var Recover string
