// Package asuser does a few things as another user of this machine: it connects to
// a unix socket, so that the server sees that user, and it reads files, so that the
// kernel decides what that user may read.
//
// Only one thread of the process changes, and it does nothing else: it is ended
// afterwards and never given back to the scheduler. Its real and saved ids stay
// those of the process, so that the other user can neither signal nor trace it.
//
// A User is plain data and may be shared between goroutines.
package asuser

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/user"
	"strconv"
)

// User is a user of this machine. The zero User is whoever runs this process.
type User struct {
	Name     string
	Home     string
	UID, GID int
	Groups   []int
}

// Lookup returns the user of that name.
func Lookup(name string) (User, error) {
	found, err := user.Lookup(name)
	if err != nil {
		return User{}, err
	}
	return fill(found)
}

// Current returns whoever runs this process.
func Current() (User, error) {
	// Not user.Current, which asks the environment: it names whoever logged in.
	found, err := user.LookupId(strconv.Itoa(os.Geteuid()))
	if err != nil {
		return User{}, err
	}
	return fill(found)
}

func fill(found *user.User) (u User, err error) {
	u = User{Name: found.Username, Home: found.HomeDir}
	if u.UID, err = strconv.Atoi(found.Uid); err != nil {
		return User{}, fmt.Errorf("user %s has no number here: %w", found.Username, err)
	}
	if u.GID, err = strconv.Atoi(found.Gid); err != nil {
		return User{}, fmt.Errorf("the group of user %s has no number here: %w", found.Username, err)
	}
	groups, err := found.GroupIds()
	if err != nil {
		return User{}, fmt.Errorf("groups of user %s: %w", found.Username, err)
	}
	for _, text := range groups {
		group, err := strconv.Atoi(text)
		if err != nil {
			return User{}, fmt.Errorf("groups of user %s: %w", found.Username, err)
		}
		u.Groups = append(u.Groups, group)
	}
	return u, nil
}

// Self reports whether u is whoever runs this process, so that nothing is changed.
func (u User) Self() bool { return u.Name == "" || u.UID == os.Geteuid() }

// Do calls f as u. What f starts, a goroutine or a process, does not belong to u:
// only the thread that f itself runs on does.
func (u User) Do(f func() error) error {
	if u.Self() {
		return f()
	}
	return u.do(f)
}

// Dial connects by d. As u if the address is that of a unix socket; there is no
// other place where a server can see who connects.
func (u User) Dial(ctx context.Context, d *net.Dialer, network, address string) (conn net.Conn, err error) {
	if network != "unix" {
		return d.DialContext(ctx, network, address)
	}
	// A unix socket is connected to at once, in the goroutine that asks for it.
	err = u.Do(func() error {
		conn, err = d.DialContext(ctx, network, address)
		return err
	})
	return conn, err
}
