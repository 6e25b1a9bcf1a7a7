package stmt

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// postgresNameBytes is the length at which PostgreSQL cuts a name off without an
// error (NAMEDATALEN - 1): a longer one would be another name.
const postgresNameBytes = 63

// QuoteName quotes a name (of a table, a database, a user) for a statement of
// database, so that it is one name whatever it contains. A name that no quoting
// makes safe is an error: an empty one, one with a NUL byte, one that is not
// UTF-8, and for postgres one above 63 bytes, which the server would cut off.
func QuoteName(database, name string) (string, error) {
	if _, err := dialectOf(database); err != nil {
		return "", err
	}
	switch {
	case name == "":
		return "", errors.New("the name is empty")
	case strings.IndexByte(name, 0) >= 0:
		return "", fmt.Errorf("the name %.80q has a NUL byte", name)
	case !utf8.ValidString(name):
		return "", fmt.Errorf("the name %.80q is not valid UTF-8", name)
	case database == "postgres" && len(name) > postgresNameBytes:
		return "", fmt.Errorf("the name %.80q is %d bytes long: PostgreSQL would cut it off after %d", name, len(name), postgresNameBytes)
	}
	quote := `"`
	if database == "mysql" {
		quote = "`"
	}
	return quote + strings.ReplaceAll(name, quote, quote+quote) + quote, nil
}
