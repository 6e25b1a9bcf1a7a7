package proctree

import (
	"errors"
	"syscall"
	"time"
)

// request is what the keeper is asked to run: the one message it reads. Strings
// of the operating system are bytes here because JSON would change those that
// are not UTF-8.
type request struct {
	Path  []byte
	Argv  [][]byte
	Env   [][]byte
	Dir   []byte
	User  *User
	Grace time.Duration
	// Ask says that the keeper has to ask before it kills what a program leaves that has
	// ended by itself, and that it has read ends of its output.
	Ask bool `json:",omitempty"`
}

// report is one message of the keeper. There are at most three: failed alone,
// or started, ended, and then gone, left or released.
type report struct {
	Event  event
	Errno  syscall.Errno      `json:",omitempty"` // of failed
	Status syscall.WaitStatus `json:",omitempty"` // of ended
	Left   []string           `json:",omitempty"` // of left: processes, for people
}

// event is what a report tells.
type event string

const (
	failed  event = "failed"  // the program cannot be started
	started event = "started" // the program runs
	ended   event = "ended"   // the program has ended and was reaped
	gone    event = "gone"    // no process of the tree is left
	left    event = "left"    // there are some, and SIGKILL does not help

	released event = "released" // there are some, which are left alone
)

// request returns c as the keeper reads it.
func (c *Command) request() request {
	return request{
		Path: []byte(c.Path), Argv: toBytes(c.argv()), Env: toBytes(c.Env),
		Dir: []byte(c.dir()), User: c.User, Grace: c.Grace, Ask: len(c.Leave) > 0,
	}
}

func toBytes(list []string) [][]byte {
	out := make([][]byte, len(list))
	for i, s := range list {
		out[i] = []byte(s)
	}
	return out
}

func toStrings(list [][]byte) []string {
	out := make([]string, len(list))
	for i, b := range list {
		out[i] = string(b)
	}
	return out
}

// errnoOf returns the number of an error of a system call, for a report.
func errnoOf(err error) syscall.Errno {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return errno
	}
	return syscall.EINVAL
}
