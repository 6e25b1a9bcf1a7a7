package config

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// Drivers of a [Connection].
const (
	MySQL    = "mysql" // MariaDB too
	Postgres = "postgres"
	Oracle   = "oracle"
	SQLite   = "sqlite"
)

// Connection is how to reach a database server. The zero Connection is none.
type Connection struct {
	// Driver is [MySQL], [Postgres], [Oracle] or [SQLite]; empty if there is no
	// connection.
	Driver string
	// User may be empty: then it is the driver's default.
	User     string
	Password Secret
	// Host is a name or an IP address without brackets. Empty means that Socket
	// is set or that the driver is SQLite.
	Host string
	// Port is the usual one of the driver if the URL has none; 0 for SQLite.
	Port int
	// Socket is the absolute path of a Unix socket, for PostgreSQL of its folder.
	// If it is set it is used in place of Host.
	Socket string
	// Database is the database, the service name of an Oracle server, or the
	// absolute path of an SQLite file. It is empty if the URL has none.
	Database string
	// Params are the other parameters of the URL; only those that are known and
	// have a legal value are let through. Names and values are those of
	// PostgreSQL's libpq, with tls of go-sql-driver/mysql, for Oracle too, and privilege
	// (sysdba, sysbackup) for Oracle. connect_timeout is in seconds.
	Params map[string]string
	// OfClient says that it is made of what the database's own client would read. The
	// files that Params name are read as linux_user then, who may have chosen them.
	OfClient bool
}

// IsZero reports whether there is no connection.
func (c Connection) IsZero() bool { return c.Driver == "" }

// driver describes the URLs of one kind of server.
type driver struct {
	name    string
	schemes []string
	port    int
	params  map[string]func(text string) error // checks of the known parameters
}

const socketParam = "socket"

// drivers is never written to.
var drivers = []driver{
	{MySQL, []string{"mysql", "mariadb"}, 3306, map[string]func(string) error{
		socketParam: checkPath, "connect_timeout": connectTimeout, "sslrootcert": checkPath,
		"sslcert": checkPath, "sslkey": checkPath, "tls": word("true", "false", "verify-ca", "skip-verify", "preferred"),
	}},
	{Postgres, []string{"postgres", "postgresql"}, 5432, map[string]func(string) error{
		socketParam: checkPath, "connect_timeout": connectTimeout,
		"sslmode":     word("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
		"sslrootcert": checkPath, "sslcert": checkPath, "sslkey": checkPath,
	}},
	{Oracle, []string{"oracle"}, 1521, map[string]func(string) error{
		"connect_timeout": connectTimeout, "privilege": word("sysdba", "sysbackup"),
		"tls": word("true", "false", "verify-ca", "skip-verify"), "sslrootcert": checkPath, "sslcert": checkPath, "sslkey": checkPath,
	}},
	{SQLite, []string{"sqlite"}, 0, nil},
}

// Texts of errors never repeat a part of the URL that could belong to a password
// whose special characters were not percent-encoded, and never wrap an error of
// net/url, which quotes the URL.
var errURL = errors.New("this is not a URL of a database; write mysql://user@host:3306/?socket=/path, postgres://…, oracle://… or sqlite:///path, and percent-encode special characters of a password")

var hostForm = formOf(`^[A-Za-z0-9_]([A-Za-z0-9._-]*[A-Za-z0-9_.])?$`, 254)

// parseConnection reads the URL of a database.
func parseConnection(text string) (Connection, error) {
	scheme, rest, found := strings.Cut(text, "://")
	if !found {
		return Connection{}, errURL
	}
	i := slices.IndexFunc(drivers, func(d driver) bool { return slices.Contains(d.schemes, scheme) })
	if i < 0 {
		return Connection{}, errors.New("the URL has an unknown scheme; begin it with mysql://, mariadb://, postgres://, postgresql://, oracle:// or sqlite://")
	}
	if err := checkDelimiters(rest); err != nil {
		return Connection{}, err
	}
	u, err := url.Parse(text)
	if err != nil {
		return Connection{}, errURL
	}
	d := drivers[i]
	c := Connection{Driver: d.name}
	steps := []func(driver, *url.URL) error{c.setParams, c.setUser, c.setHost, c.setDatabase}
	for _, step := range steps {
		if err := step(d, u); err != nil {
			return Connection{}, err
		}
	}
	return c, nil
}

// checkDelimiters refuses what happens to a password with / ? or # in it: the
// URL is a legal one, but of another server and another database.
func checkDelimiters(rest string) error {
	if strings.Contains(rest, "#") {
		return errors.New("there is a # in the URL; write %23 if it belongs to the password")
	}
	if i := strings.IndexAny(rest, "/?"); i >= 0 && strings.Contains(rest[i:], "@") {
		return errors.New("there is an @ after the first / or ? of the URL; in a password write %2F for /, %3F for ? and %40 for @")
	}
	return nil
}

func (c *Connection) setUser(d driver, u *url.URL) error {
	if u.User == nil {
		return nil
	}
	c.User = u.User.Username()
	password, set := u.User.Password()
	switch {
	case d.name == SQLite:
		return errors.New("an SQLite file has no user; write sqlite:///path")
	case c.User == "":
		return errors.New("there is no user before the @; write one")
	case set && password == "":
		return errors.New("the password is empty; remove the colon after the user")
	case strings.ContainsFunc(c.User+password, unicode.IsControl):
		return errors.New("there is a control character in the user or the password; remove it")
	case set:
		c.Password = NewSecret(password)
	}
	return nil
}

func (c *Connection) setHost(d driver, u *url.URL) error {
	c.Host, c.Port = u.Hostname(), d.port
	if d.name == SQLite {
		if u.Host != "" {
			return errors.New("an SQLite file has no host; write sqlite:///path with three slashes")
		}
		return nil
	}
	if c.Host == "" && c.Socket == "" {
		return errors.New("there is no host; write one after user@, such as localhost, or add ?socket=/path if the server has a socket")
	}
	if c.Host != "" && !isHost(c.Host) {
		return errors.New("the host is neither a name nor an IP address; correct it, and percent-encode special characters of a password")
	}
	// u.Port does not tell an empty port from none.
	_, port, found := strings.Cut(strings.TrimPrefix(u.Host, "["+c.Host+"]"), ":")
	if !found {
		return nil
	}
	var err error
	if c.Port, err = strconv.Atoi(port); err != nil || c.Port < 1 || c.Port > 65535 {
		return errors.New("the port is not a number from 1 to 65535; correct it, and percent-encode special characters of a password")
	}
	return nil
}

func isHost(text string) bool {
	_, err := netip.ParseAddr(text)
	return err == nil || hostForm.matches(text)
}

func (c *Connection) setDatabase(d driver, u *url.URL) error {
	if strings.ContainsFunc(u.Path, unicode.IsControl) {
		return errors.New("there is a control character in the path of the URL; remove it")
	}
	if d.name == SQLite {
		c.Database = u.Path
		if u.Path == "" || strings.HasSuffix(u.Path, "/") {
			return errors.New("there is no file in the URL; write sqlite:///path")
		}
		return checkPath(u.Path)
	}
	c.Database = strings.TrimPrefix(u.Path, "/")
	if strings.Contains(c.Database, "/") {
		return errors.New("there is more than one / after the host; write one name, that of the database")
	}
	if d.name == Oracle {
		return checkService(c.Database)
	}
	return nil
}

func (c *Connection) setParams(d driver, u *url.URL) error {
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return errors.New("what follows the ? is not of the form name=value&name=value; correct it")
	}
	for _, name := range slices.Sorted(maps.Keys(query)) {
		check, found := d.params[name]
		if !found {
			return unknownParam(d, u, name)
		}
		values := query[name]
		if len(values) > 1 {
			return fmt.Errorf("parameter %s is given twice; remove one", name)
		}
		if strings.ContainsFunc(values[0], unicode.IsControl) {
			return fmt.Errorf("parameter %s holds a control character; remove it", name)
		}
		if err := check(values[0]); err != nil {
			return fmt.Errorf("parameter %s: %w", name, err)
		}
		if name == socketParam {
			c.Socket = values[0]
			continue
		}
		if c.Params == nil {
			c.Params = map[string]string{}
		}
		c.Params[name] = values[0]
	}
	return nil
}

// unknownParam shows the name only if the user part is complete, so that name
// cannot be the rest of a password.
func unknownParam(d driver, u *url.URL, name string) error {
	text := "unknown parameter"
	if u.User != nil && keyForm.matches(name) {
		text += " " + name
	}
	if len(d.params) == 0 {
		return fmt.Errorf("%s; %s URLs have none", text, d.name)
	}
	return fmt.Errorf("%s; those of %s are %s", text, d.name, strings.Join(slices.Sorted(maps.Keys(d.params)), ", "))
}

func connectTimeout(text string) error {
	_, err := integer(text, 1, 300)
	return err
}

func word(words ...string) func(string) error {
	return func(text string) error {
		if !slices.Contains(words, text) {
			return fmt.Errorf("got %s; write %s", show(text), strings.Join(words, " or "))
		}
		return nil
	}
}
