package worlds

import (
	"fmt"
	"slices"
	"strings"

	"github.com/starhost/starhost/action"
)

// a world is what can be had, and how it is made.
type world struct {
	info Info
	new  func(options action.Value) (Server, error)
}

// list of all worlds.
func list() []world {
	return slices.Concat(mysqlWorlds(), oracleWorlds(), postgresWorlds(), sqliteWorlds(), irisWorlds(), redisWorlds())
}

// All returns the worlds that can be had.
func All() []Info {
	var infos []Info
	for _, w := range list() {
		infos = append(infos, w.info)
	}
	return infos
}

// New makes a server of that name. Options are a dict, or none. The error names what there is.
func New(name string, options action.Value) (Server, error) {
	var names []string
	for _, w := range list() {
		if w.info.Name == name {
			return w.new(options)
		}
		names = append(names, w.info.Name)
	}
	return nil, fmt.Errorf("there is no world %q: want one of %s", name, strings.Join(names, ", "))
}

// Database is the kind of database of a world; empty for a name that there is not.
func Database(name string) string {
	for _, w := range list() {
		if w.info.Name == name {
			return w.info.Database
		}
	}
	return ""
}
