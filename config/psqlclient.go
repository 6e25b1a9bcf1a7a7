package config

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
)

// psqlOptions are the options of psql that credString may have.
var psqlOptions = []clientOption{
	{short: 'U', name: "username", argument: requiredArgument},
	{short: 'h', name: "host", argument: requiredArgument},
	{short: 'p', name: "port", argument: requiredArgument},
	{short: 'd', name: "dbname", argument: requiredArgument},
	{short: 'W', name: "password"},

	{short: 'w', name: "no-password", ignored: true},
	{short: 'X', name: "no-psqlrc", ignored: true},
	{short: 'q', name: "quiet", ignored: true},
	{short: 'A', name: "no-align", ignored: true},
	{short: 't', name: "tuples-only", ignored: true},
	{short: 'n', name: "no-readline", ignored: true},
}

// psqlKeywords are the option's names in a connection string.
var psqlKeywords = map[string]string{"username": "user", "host": "host", "port": "port", "dbname": "dbname"}

// Keywords of a connection string: what is done with each.
var (
	pgUsed    = []string{"host", "port", "user", "password", "dbname", "passfile", "service", "sslmode", "sslrootcert", "sslcert", "sslkey", "connect_timeout"}
	pgIgnored = []string{
		"application_name", "fallback_application_name", "client_encoding", "keepalives", "keepalives_idle", "keepalives_interval",
		"keepalives_count", "tcp_user_timeout",
	}
	pgOnly = map[string][]string{ // the one value that says nothing
		"gssencmode": {"disable", "prefer"}, "target_session_attrs": {"any"}, "channel_binding": {"prefer", "disable"}, "sslcompression": {"0"}, "sslsni": {"1"},
	}
)

// psqlLogin is what options and files say, by the keywords of a connection string.
type psqlLogin struct {
	client client
	values map[string]string
	inText bool // the password is from the text itself
}

// bareConninfo is how a credString begins that is a connection string, and no options.
var bareConninfo = regexp.MustCompile(`^(postgres(ql)?://[^ \t]*$|[a-z_]+[ \t]*=)`)

// psqlCredentials reads the options of a psql command line, or a connection string,
// and the files that the client would read with them.
func psqlCredentials(text string, c client) (credentials, error) {
	p := &psqlLogin{client: c, values: map[string]string{}}
	err := checkControl(text)
	if err == nil {
		err = p.read(text)
	}
	if err == nil {
		p.inText = p.values["password"] != ""
		err = p.readService()
	}
	if err != nil {
		return credentials{}, err
	}
	return p.credentials()
}

func (p *psqlLogin) read(text string) error {
	if bareConninfo.MatchString(text) {
		return p.conninfo(text)
	}
	list, err := splitWords(text)
	if err != nil {
		return err
	}
	names := map[string]string{}
	line := commandLine{options: psqlOptions, set: func(o clientOption, value string, _ bool) error {
		if o.name == "password" {
			return errors.New("option -W asks for a password, and nobody is there to type it; remove it and write ~/.pgpass")
		}
		if !o.ignored {
			names[psqlKeywords[o.name]] = value
		}
		return nil
	}}
	rest, err := line.parse(list)
	if err != nil {
		return err
	}
	if len(rest) > 0 && names["dbname"] == "" {
		names["dbname"], rest = rest[0], rest[1:]
	}
	if len(rest) > 0 && names["user"] == "" {
		names["user"], rest = rest[0], rest[1:]
	}
	if len(rest) > 0 {
		return errors.New("there are more words than a database and a user; a value with blanks needs quotes")
	}
	database := names["dbname"]
	maps.Copy(p.values, names)
	if isConninfo(database) { // what it says overrules the options
		delete(p.values, "dbname")
		return p.conninfo(database)
	}
	return nil
}

// isConninfo reports whether the name of a database is a connection string.
func isConninfo(text string) bool { return strings.Contains(text, "=") || isPostgresURI(text) }

func isPostgresURI(text string) bool {
	return strings.HasPrefix(text, "postgres://") || strings.HasPrefix(text, "postgresql://")
}

// conninfo takes what a connection string says.
func (p *psqlLogin) conninfo(text string) error {
	parse := parseKeywords
	if isPostgresURI(text) {
		parse = parsePostgresURI
	}
	pairs, err := parse(text)
	if err != nil {
		return err
	}
	for _, pair := range pairs {
		if err := p.put(pair[0], pair[1]); err != nil {
			return err
		}
	}
	return nil
}

var shownKeyword = formOf(`^[a-z_][a-z_]+$`, 40)

// put takes one keyword. An empty value is none.
func (p *psqlLogin) put(name, value string) error {
	values, fixed := pgOnly[name]
	switch {
	case value == "", slices.Contains(pgIgnored, name):
	case slices.Contains(pgUsed, name):
		p.values[name] = value
	case fixed && slices.Contains(values, value):
	case fixed:
		return fmt.Errorf("keyword %s: only %s can be honoured here; remove it", name, strings.Join(values, " or "))
	case shownKeyword.matches(name):
		return fmt.Errorf("keyword %s cannot be honoured here; remove it, or write connection in place of credString", name)
	default:
		return errors.New("there is a keyword that cannot be honoured here; remove it, or write connection in place of credString")
	}
	return nil
}

// pgSockets are where the server has its socket, by the maker of the package.
var pgSockets = []string{"/var/run/postgresql", "/run/postgresql"}

// credentials makes a connection of the keywords.
func (p *psqlLogin) credentials() (credentials, error) {
	v := p.values
	c := Connection{Driver: Postgres, User: v["user"], Database: v["dbname"], Port: 5432}
	if c.User == "" {
		c.User = p.client.user
	}
	if err := c.setPort(v["port"]); err != nil {
		return credentials{}, err
	}
	switch host := v["host"]; {
	case strings.Contains(host, ","):
		return credentials{}, errSeveralHosts
	case host == "":
		c.Socket = p.defaultSocket(c.Port)
	case host[0] == '/':
		c.Socket = path.Clean(host)
	default:
		c.Host = host
	}
	if err := p.setParams(&c); err != nil {
		return credentials{}, err
	}
	password := v["password"]
	if password == "" {
		var err error
		if password, err = p.fromPassfile(c); err != nil {
			return credentials{}, err
		}
	}
	c.Password = NewSecret(password)
	return credentials{c, p.inText}, checkTyped(c)
}

func (p *psqlLogin) defaultSocket(port int) string {
	for _, dir := range pgSockets {
		if p.client.files.is(fmt.Sprintf("%s/.s.PGSQL.%d", dir, port), fs.ModeSocket) {
			return dir
		}
	}
	return pgSockets[0]
}

// pgParams are the keywords that are parameters of a [Connection] as they are.
var pgParams = []string{"sslmode", "sslrootcert", "sslcert", "sslkey", "connect_timeout"}

func (p *psqlLogin) setParams(c *Connection) error {
	i := slices.IndexFunc(drivers, func(d driver) bool { return d.name == Postgres })
	for _, name := range pgParams {
		value := p.values[name]
		if value == "" || name == "connect_timeout" && value == "0" {
			continue
		}
		if err := drivers[i].params[name](value); err != nil {
			return fmt.Errorf("keyword %s: the value cannot be honoured; write one that the URL of a connection may have", name)
		}
		c.param(name, value)
	}
	if c.Socket == "" {
		p.setCertificates(c)
	}
	return nil
}

func (c *Connection) param(name, value string) {
	if c.Params == nil {
		c.Params = map[string]string{}
	}
	c.Params[name] = value
}

// setCertificates takes those in ~/.postgresql, which libpq uses if they are there.
func (p *psqlLogin) setCertificates(c *Connection) {
	at := func(name string) string { return path.Join(p.client.home, ".postgresql", name) }
	if root := at("root.crt"); c.Params["sslrootcert"] == "" && p.client.files.is(root, 0) {
		c.param("sslrootcert", root)
	}
	cert, key := at("postgresql.crt"), at("postgresql.key")
	if c.Params["sslcert"] == "" && c.Params["sslkey"] == "" && p.client.files.is(cert, 0) && p.client.files.is(key, 0) {
		c.param("sslcert", cert)
		c.param("sslkey", key)
	}
}
