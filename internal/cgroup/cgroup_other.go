//go:build !linux

package cgroup

import (
	"errors"
	"os"
)

var errOther = errors.New("only Linux has control groups")

// Leave says that there are no control groups here.
func Leave(name string) (back func(), err error) {
	if err := checkName(name); err != nil {
		return func() {}, err
	}
	return func() {}, refused(errOther)
}

// Make says that there are no control groups here.
func Make(string) (*os.File, error) { return nil, errOther }

// Remove does nothing: there are no control groups here.
func Remove(string) {}

// CanLeave says that there are no control groups here.
func CanLeave() error { return refused(errOther) }
