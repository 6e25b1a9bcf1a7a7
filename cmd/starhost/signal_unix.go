//go:build unix

package main

import (
	"os"
	"syscall"
)

// takenSignal says that the snapshot was taken.
var takenSignal os.Signal = syscall.SIGUSR1
