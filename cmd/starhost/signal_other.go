//go:build !unix

package main

import "os"

// takenSignal is nil: there is no such signal here.
var takenSignal os.Signal
