//go:build !race

package main

// raceEnabled says that the race detector is off.
const raceEnabled = false
