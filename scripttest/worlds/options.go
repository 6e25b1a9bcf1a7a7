package worlds

import (
	"fmt"
	"slices"
	"strings"

	"github.com/starhost/starhost/action"
)

// An option is one of a kind of server, with what sets it.
type option[S any] struct {
	Option
	set func(s S, v action.Value) error
}

// told are options as [Info] tells of them.
func told[S any](table []option[S]) []Option {
	var all []Option
	for _, o := range table {
		all = append(all, o.Option)
	}
	return all
}

// setOne sets the option of that name.
func setOne[S any](s S, product string, table []option[S], name string, value action.Value) error {
	var names []string
	for _, o := range table {
		if o.Name == name {
			if err := o.set(s, value); err != nil {
				return fmt.Errorf("option %s: %w", name, err)
			}
			return nil
		}
		names = append(names, o.Name)
	}
	slices.Sort(names)
	return fmt.Errorf("%s has no option %q here: want one of %s", product, name, strings.Join(names, ", "))
}

// begin sets every option of a new server once, in the order of the table: an option may
// speak of what one before it has made, in whichever order somebody has named them.
func begin(s Server, table []Option, chosen action.Value) error {
	for _, o := range table {
		v := o.Default
		if slices.Contains(chosen.Keys(), o.Name) {
			v = chosen.Get(o.Name)
		}
		if err := s.Set(o.Name, v); err != nil {
			return err
		}
	}
	for _, name := range chosen.Keys() {
		if !slices.ContainsFunc(table, func(o Option) bool { return o.Name == name }) {
			return s.Set(name, chosen.Get(name)) // which says what there is
		}
	}
	return nil
}
