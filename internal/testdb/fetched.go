package testdb

import (
	"os"
	"path/filepath"
)

// fetched returns where tools/servers.sh keeps a server that Debian does not have.
func fetched(name string) string {
	cache := "/var/cache" // root's own is closed to the users of the servers
	if os.Geteuid() != 0 {
		cache, _ = os.UserCacheDir()
	}
	return filepath.Join(cache, "starhost-servers", name)
}
