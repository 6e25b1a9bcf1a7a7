//go:build !linux

package asuser

import "fmt"

func (u User) do(func() error) error {
	return fmt.Errorf("cannot act as user %s: only Linux can change the user of one thread", u.Name)
}
