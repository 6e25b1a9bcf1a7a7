package config

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"unicode"
)

// credentials makes a connection of the options.
func (m *mysqlLogin) credentials() (credentials, error) {
	if m.prompt != nil {
		return credentials{}, m.prompt
	}
	c := Connection{Driver: MySQL, User: m.values["user"], Password: NewSecret(m.values["password"]), Database: m.values["database"]}
	if c.User == "" {
		c.User = m.client.user
	}
	switch len(m.database) {
	case 0:
	case 1:
		c.Database = m.database[0]
	default:
		return credentials{}, errors.New("there is more than one word that is no option; a value with blanks needs quotes, and -p takes none after a blank")
	}
	for _, step := range []func(*Connection) error{m.setPlace, m.setTransport, m.setTimeout} {
		if err := step(&c); err != nil {
			return credentials{}, err
		}
	}
	return credentials{c, m.inText}, checkTyped(c)
}

// checkTyped refuses what no one can have meant.
func checkTyped(c Connection) error {
	for _, text := range []string{c.User, c.Password.Reveal(), c.Host, c.Socket, c.Database} {
		if strings.ContainsFunc(text, unicode.IsControl) {
			return errors.New("there is a control character in a value; remove it")
		}
	}
	if strings.ContainsAny(c.Database, "/@:=") {
		return errors.New("a word is not the name of a database; write options as in -u user, and a password in the option for it")
	}
	if c.Host != "" && !isHost(c.Host) {
		return errors.New("the host is neither a name nor an IP address; correct it")
	}
	return nil
}

// setPort takes the text of a port; an empty one leaves the default.
func (c *Connection) setPort(text string) (err error) {
	if text == "" {
		return nil
	}
	if c.Port, err = integer(text, 1, 65535); err != nil {
		return errors.New("the port is not a number from 1 to 65535; correct it")
	}
	return nil
}

// mysqlSockets are where the server has its socket, by the maker of the package.
var mysqlSockets = []string{"/run/mysqld/mysqld.sock", "/var/lib/mysql/mysql.sock"}

// setPlace decides between a socket and TCP, as the client does.
func (m *mysqlLogin) setPlace(c *Connection) error {
	c.Port = 3306
	if text := m.values["port"]; text != "0" {
		if err := c.setPort(text); err != nil {
			return err
		}
	}
	host, protocol := m.values["host"], strings.ToLower(m.values["protocol"])
	local := host == "" || host == "localhost"
	switch {
	case protocol != "" && protocol != "tcp" && protocol != "socket":
		return errors.New("option --protocol: there are tcp and socket; write one of the two")
	case protocol == "socket" && !local:
		return errors.New("there are a host that is not this machine and --protocol=socket; remove one")
	case protocol == "tcp" || protocol == "" && !local:
		c.Host = host
		if host == "" {
			c.Host = "localhost"
		}
		return nil
	case protocol == "" && m.typed["port"] && !m.typed["socket"] && c.Port != 3306:
		return errors.New("a port without a host is a socket for the client of MySQL and TCP for that of MariaDB; add --protocol=tcp, or remove the port")
	}
	return m.setSocket(c)
}

func (m *mysqlLogin) setSocket(c *Connection) (err error) {
	if socket := m.values["socket"]; socket != "" {
		if c.Socket, err = m.client.absolute(socket); err != nil {
			return fmt.Errorf("option --socket: %w", err)
		}
		return nil
	}
	c.Socket = mysqlSockets[0]
	if i := slices.IndexFunc(mysqlSockets, func(s string) bool { return m.client.files.is(s, fs.ModeSocket) }); i > 0 {
		c.Socket = mysqlSockets[i]
	}
	return nil
}

// tlsOf are the words of --ssl-mode with those of the parameter tls.
var tlsOf = map[string]string{
	"DISABLED": "false", "PREFERRED": "preferred", "REQUIRED": "skip-verify", "VERIFY_CA": "verify-ca", "VERIFY_IDENTITY": "true",
}

// setTransport says what to do about TLS, which a socket does without.
func (m *mysqlLogin) setTransport(c *Connection) error {
	mode := strings.ToUpper(m.values["ssl-mode"])
	switch {
	case mode != "":
	case m.values["ssl-ca"] != "":
		mode = "VERIFY_CA"
	case m.values["ssl-cert"] != "":
		mode = "REQUIRED"
	default:
		mode = "PREFERRED"
	}
	tls, found := tlsOf[mode]
	if !found {
		return errors.New("option --ssl-mode: the value is none of its words; write DISABLED, PREFERRED, REQUIRED, VERIFY_CA or VERIFY_IDENTITY")
	}
	if c.Socket != "" {
		return nil
	}
	c.Params = map[string]string{"tls": tls}
	for option, param := range map[string]string{"ssl-ca": "sslrootcert", "ssl-cert": "sslcert", "ssl-key": "sslkey"} {
		if m.values[option] == "" || tls == "false" {
			continue
		}
		name, err := m.client.absolute(m.values[option])
		if err != nil {
			return fmt.Errorf("option --%s: %w", option, err)
		}
		c.Params[param] = name
	}
	return nil
}

func (m *mysqlLogin) setTimeout(c *Connection) error {
	text := m.values["connect-timeout"]
	if text == "" || text == "0" {
		return nil
	}
	if err := connectTimeout(text); err != nil {
		return errors.New("option --connect-timeout: the value is out of range; write 1 to 300, in seconds")
	}
	c.param("connect_timeout", text)
	return nil
}
