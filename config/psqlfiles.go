package config

import (
	"errors"
	"fmt"
	"net/url"
	"path"
	"strconv"
	"strings"
)

var errKeywords = errors.New("this is not a connection string; write keyword=value with blanks between, and a value with blanks in single quotes")

// parseKeywords reads libpq's form keyword = value …
func parseKeywords(text string) (pairs [][2]string, err error) {
	const blanks = " \t\r\n\f\v"
	for text = strings.TrimLeft(text, blanks); text != ""; text = strings.TrimLeft(text, blanks) {
		name, rest, found := strings.Cut(text, "=")
		if name = strings.TrimRight(name, blanks); !found || name == "" || strings.ContainsAny(name, blanks) {
			return nil, errKeywords
		}
		value, rest, err := keywordValue(strings.TrimLeft(rest, blanks))
		if err != nil {
			return nil, err
		}
		pairs, text = append(pairs, [2]string{name, value}), rest
	}
	return pairs, nil
}

// keywordValue takes one value from the beginning of text: up to a blank, or in
// single quotes. A backslash takes the character after it as it is, in both.
func keywordValue(text string) (value, rest string, err error) {
	quoted := strings.HasPrefix(text, "'")
	if quoted {
		text = text[1:]
	}
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\' && i+1 < len(text):
			i++
			b.WriteByte(text[i])
		case quoted && c == '\'':
			return b.String(), text[i+1:], nil
		case !quoted && strings.IndexByte(" \t\r\n\f\v", c) >= 0:
			return b.String(), text[i:], nil
		default:
			b.WriteByte(c)
		}
	}
	if quoted {
		return "", "", errKeywords
	}
	return b.String(), "", nil
}

var errPostgresURI = errors.New("this is not a URL of PostgreSQL; write postgresql://user@host:5432/database, and percent-encode special characters of a password")

// parsePostgresURI reads libpq's form postgresql://user:password@host:port/dbname?….
// A host may be the folder of a socket, percent-encoded, which net/url refuses.
func parsePostgresURI(text string) ([][2]string, error) {
	_, text, _ = strings.Cut(text, "://")
	text, query, _ := strings.Cut(text, "?")
	authority, database, _ := strings.Cut(text, "/")
	var user, password string
	if before, after, found := strings.Cut(authority, "@"); found {
		authority = after
		user, password, _ = strings.Cut(before, ":")
	}
	if strings.ContainsAny(authority+database, "@?#") || strings.Contains(database, "/") {
		return nil, errPostgresURI
	}
	host, port, err := hostAndPort(authority)
	if err != nil {
		return nil, err
	}
	pairs := [][2]string{{"user", user}, {"password", password}, {"host", host}, {"port", port}, {"dbname", database}}
	for part := range strings.SplitSeq(query, "&") {
		name, value, found := strings.Cut(part, "=")
		if !found && part != "" {
			return nil, errPostgresURI
		}
		if name != "" {
			pairs = append(pairs, [2]string{name, value})
		}
	}
	for i := range pairs {
		for j := range pairs[i] {
			if pairs[i][j], err = url.PathUnescape(pairs[i][j]); err != nil {
				return nil, errPostgresURI
			}
		}
	}
	return pairs, nil
}

var errSeveralHosts = errors.New("there are several hosts; one server can be quiesced, write that one")

func hostAndPort(text string) (host, port string, err error) {
	if strings.Contains(text, ",") {
		return "", "", errSeveralHosts
	}
	rest, bracket := strings.CutPrefix(text, "[")
	if !bracket {
		host, port, _ = strings.Cut(text, ":")
		return host, port, nil
	}
	host, rest, found := strings.Cut(rest, "]")
	if port = strings.TrimPrefix(rest, ":"); !found || rest != "" && port == rest {
		return "", "", errPostgresURI
	}
	return host, port, nil
}

// serviceFiles are those after the user's own, by the maker of the package.
var serviceFiles = []string{"/etc/postgresql-common/pg_service.conf", "/etc/sysconfig/pgsql/pg_service.conf"}

// readService takes what the service file says and nothing else has said.
func (p *psqlLogin) readService() error {
	service := p.values["service"]
	if service == "" {
		return nil
	}
	said := make(map[string]bool, len(p.values))
	for name := range p.values {
		said[name] = true
	}
	for _, name := range append([]string{path.Join(p.client.home, ".pg_service.conf")}, serviceFiles...) {
		text, _, err := optional(p.client.files.read(name))
		if err != nil {
			return err
		}
		found, err := p.parseService(name, string(text), service, said)
		if found || err != nil {
			return err
		}
	}
	return errors.New("the service is in no file; write its section in ~/.pg_service.conf of linux_user")
}

func (p *psqlLogin) parseService(file, text, service string, said map[string]bool) (found bool, err error) {
	inside := false
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		switch {
		case line == "", line[0] == '#':
			continue
		case line[0] == '[':
			if found {
				return true, nil // the first section of the name counts
			}
			inside = line == "["+service+"]"
			found = found || inside
			continue
		case !inside:
			continue
		}
		name, value, ok := strings.Cut(line, "=")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		switch {
		case !ok:
			err = errors.New("there is no = in this line; write keyword=value")
		case name == "service":
			err = errors.New("a service cannot lead to another one; remove the line")
		case !said[name]:
			err = p.put(name, value)
		}
		if err != nil {
			return true, inFile(file, i+1, err)
		}
	}
	return found, nil
}

// fromPassfile looks for the password of c.
func (p *psqlLogin) fromPassfile(c Connection) (string, error) {
	name, explicit := p.values["passfile"], true
	if name == "" {
		name, explicit = path.Join(p.client.home, ".pgpass"), false
	}
	name, err := p.client.absolute(name)
	if err != nil {
		return "", fmt.Errorf("keyword passfile: %w", err)
	}
	text, mode, err := p.client.files.read(name)
	if !explicit {
		text, mode, err = optional(text, mode, err)
	}
	switch {
	case err != nil:
		return "", err
	case mode&0o077 != 0: // libpq does without, and says so
		p.client.warnOpen(name, mode)
		return "", nil
	}
	host := c.Host
	if c.Socket != "" {
		if host = p.values["host"]; host == "" || host == pgSockets[0] {
			host = "localhost"
		}
	}
	database := c.Database
	if database == "" {
		database = c.User
	}
	return findPassword(string(text), [4]string{host, strconv.Itoa(c.Port), database, c.User}), nil
}

// findPassword returns the password of the first line that fits: host:port:database:
// user:password, where * fits everything and \ stands before : and \.
func findPassword(text string, want [4]string) string {
	for line := range strings.SplitSeq(text, "\n") {
		line = strings.TrimRight(line, "\r")
		if line == "" || line[0] == '#' {
			continue
		}
		rest, fits := line, true
		for _, field := range want {
			var got string
			var whole bool
			got, rest, whole = passField(rest)
			fits = fits && whole && (got == "*" || strings.ReplaceAll(got, "\x00", "") == field)
		}
		if fits {
			password, _, _ := passField(rest)
			return strings.ReplaceAll(password, "\x00", "")
		}
	}
	return ""
}

// passField takes a field up to the next colon. A character that was escaped has a NUL
// before it, so that \* is not *.
func passField(text string) (field, rest string, colon bool) {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\' && i+1 < len(text):
			i++
			b.WriteByte(0)
			b.WriteByte(text[i])
		case c == ':':
			return b.String(), text[i+1:], true
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), "", false
}
