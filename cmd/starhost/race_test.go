//go:build race

package main

// raceEnabled says that the race detector is on: everything takes longer, and every
// byte of memory has several more of the detector's.
const raceEnabled = true
