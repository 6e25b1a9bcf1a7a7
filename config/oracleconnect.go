package config

import (
	"errors"
	"strings"
)

// serviceForm is the name of a service of Oracle: a descriptor is made of it, in which a
// parenthesis would be more than a character.
var serviceForm = formOf(`^[A-Za-z0-9_$#.-]+$`, 128)

// checkService checks the database of a connection to Oracle.
func checkService(name string) error {
	switch {
	case name == "":
		return errors.New("there is no service after the host; write its name, as in //host:1521/ORCL")
	case !serviceForm.matches(name):
		return errors.New("the service after the host is not a name such as ORCL or orcl.example.com; correct it")
	}
	return nil
}

// Forms that sqlplus takes and nobody can honour here. None of the texts repeats a part of
// the login.
var (
	errNoPlace = errors.New("there is no @ with a host; write user/password@//host:1521/service, or / alone for a login by the operating system")
	errTwoAts  = errors.New("there is more than one @; put the password in double quotes")
	errAlias   = errors.New("there is no service after the @: a tnsnames.ora is not read; write user@//host:1521/service")
	errLogin   = errors.New("there is no user before the @, or something between quotes and what follows; write user/password@//host:1521/service")
	errLong    = errors.New("a whole descriptor cannot be honoured; write user@//host:1521/service")
	errPlus    = errors.New("parameters after ? cannot be honoured; remove them, or write connection in place of credString")
	errServer  = errors.New("what follows the service can be :dedicated and nothing else; remove the rest")
	errAs      = errors.New("after the service there can be as sysbackup or as sysdba, and nothing else; correct it")
)

// oracleCredentials reads what sqlplus takes to log on over a network:
// user/password@//host:port/service as sysbackup (SQL*Plus User's Guide, "CONNECT"; Net
// Services Administrator's Guide, "Easy Connect"). No file is read and no name is looked up.
func oracleCredentials(text string) (credentials, error) {
	if err := checkControl(text); err != nil {
		return credentials{}, err
	}
	c := Connection{Driver: Oracle, Port: usualPort(Oracle)}
	user, rest, err := oracleWord(text, "/@ \t")
	if err != nil {
		return credentials{}, err
	}
	password := ""
	if after, found := strings.CutPrefix(rest, "/"); found {
		if password, rest, err = oracleWord(after, "@ \t"); err != nil {
			return credentials{}, err
		}
	}
	place, found := strings.CutPrefix(rest, "@")
	switch {
	case !found:
		return credentials{}, errNoPlace
	case user == "":
		return credentials{}, errLogin
	case strings.Contains(place, "@"):
		return credentials{}, errTwoAts
	}
	c.User = user
	if text[0] == '"' {
		c.User = `"` + user + `"` // the server writes names without quotes in capital letters
	}
	if password != "" {
		c.Password = NewSecret(password)
	}
	words := strings.Fields(place)
	if len(words) == 0 {
		return credentials{}, errNoPlace
	}
	if err := c.setEasyConnect(words[0]); err != nil {
		return credentials{}, err
	}
	if err := c.setPrivilege(words[1:]); err != nil {
		return credentials{}, err
	}
	return credentials{connection: c, inText: password != ""}, nil
}

// oracleWord takes a name or a password, up to one of the ends. It may stand in double
// quotes, in which nothing has a meaning.
func oracleWord(text, ends string) (word, rest string, err error) {
	if quoted, found := strings.CutPrefix(text, `"`); found {
		word, rest, found = strings.Cut(quoted, `"`)
		switch {
		case !found:
			return "", "", errQuoteOpen
		case rest != "" && !strings.ContainsAny(rest[:1], ends):
			return "", "", errLogin
		}
		return word, rest, nil
	}
	end := strings.IndexAny(text, ends)
	if end < 0 {
		end = len(text)
	}
	return text[:end], text[end:], nil
}

// setEasyConnect reads what follows the @: //host:port/service, with tcps: before it for TLS.
func (c *Connection) setEasyConnect(place string) error {
	if strings.HasPrefix(place, "(") {
		return errLong
	}
	protocol, after, found := strings.Cut(place, "://")
	switch {
	case !found:
		after = strings.TrimPrefix(place, "//")
	case strings.EqualFold(protocol, "tcps"):
		c.Params = map[string]string{"tls": "true"}
	case !strings.EqualFold(protocol, "tcp"):
		return errors.New("before :// there can be tcp or tcps; correct it")
	}
	if strings.Contains(after, "?") {
		return errPlus
	}
	address, service, found := strings.Cut(after, "/")
	if !found {
		return errAlias
	}
	if err := c.setAddress(address); err != nil {
		return err
	}
	service, server, _ := strings.Cut(service, ":")
	if server != "" && !strings.EqualFold(server, "dedicated") || strings.Contains(service, "/") {
		return errServer
	}
	c.Database = service
	return checkService(service)
}

// setAddress reads host, host:port or [address]:port.
func (c *Connection) setAddress(address string) error {
	host, port, found := strings.Cut(address, ":")
	if bracketed, ok := strings.CutPrefix(address, "["); ok {
		host, port, _ = strings.Cut(bracketed, "]")
		port, found = strings.CutPrefix(port, ":")
		if !found && port != "" {
			host = ""
		}
	}
	if strings.Contains(host, ",") {
		return errors.New("there are several hosts; write one: one server, not several, can be quiesced")
	}
	if !isHost(host) {
		return errors.New("the host is neither a name nor an IP address; correct it, and put an address of IPv6 in brackets")
	}
	c.Host = host
	if !found {
		return nil
	}
	number, err := integer(port, 1, 65535)
	if err != nil {
		return errors.New("the port is not a number from 1 to 65535; correct it")
	}
	c.Port = number
	return nil
}

// setPrivilege reads "as sysbackup".
func (c *Connection) setPrivilege(words []string) error {
	if len(words) == 0 {
		return nil
	}
	as := strings.ToLower(strings.Join(words, " "))
	if loginWords[as] == "" {
		return errAs
	}
	if c.Params == nil {
		c.Params = map[string]string{}
	}
	c.Params["privilege"] = strings.TrimPrefix(as, "as ")
	return nil
}

// usualPort is the port of a driver's servers.
func usualPort(name string) int {
	for _, d := range drivers {
		if d.name == name {
			return d.port
		}
	}
	return 0
}
