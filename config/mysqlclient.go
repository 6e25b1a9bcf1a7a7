package config

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
)

// credentials are what a client would have been told: where to, as whom.
type credentials struct {
	connection Connection
	inText     bool // the password stands in the text itself
}

// mysqlOptions are the options of the mysql client that credString may have.
var mysqlOptions = []clientOption{
	{short: 'u', name: "user", argument: requiredArgument},
	{short: 'p', name: "password", argument: optionalArgument},
	{short: 'h', name: "host", argument: requiredArgument},
	{short: 'P', name: "port", argument: requiredArgument},
	{short: 'S', name: "socket", argument: requiredArgument},
	{short: 'D', name: "database", argument: requiredArgument},
	{name: "protocol", argument: requiredArgument},
	{name: "connect-timeout", argument: requiredArgument},
	{name: "ssl-mode", argument: requiredArgument},
	{name: "ssl-ca", argument: requiredArgument},
	{name: "ssl-cert", argument: requiredArgument},
	{name: "ssl-key", argument: requiredArgument},
	{name: "password1", argument: optionalArgument, as: "password"},
	{name: "ssl", argument: optionalArgument},
	{name: "skip-ssl"},
	{name: "disable-ssl", as: "skip-ssl"},
	{name: "ssl-verify-server-cert", argument: optionalArgument},
	{name: "skip-ssl-verify-server-cert", ignored: true}, // it is the default here

	{short: 'A', name: "no-auto-rehash", ignored: true},
	{name: "skip-auto-rehash", ignored: true},
	{short: 's', name: "silent", ignored: true},
	{short: 'N', name: "skip-column-names", ignored: true},
	{short: 'B', name: "batch", ignored: true},
	{short: 'r', name: "raw", ignored: true},
	{short: 't', name: "table", ignored: true},
	{short: 'E', name: "vertical", ignored: true},
	{short: 'q', name: "quick", ignored: true},
	{short: 'n', name: "unbuffered", ignored: true},
	{short: 'v', name: "verbose", ignored: true},
	{short: 'b', name: "no-beep", ignored: true},
	{short: 'C', name: "compress", ignored: true},
	{name: "get-server-public-key", ignored: true}, // done without being asked
	{name: "default-character-set", argument: requiredArgument, ignored: true},
}

// mysqlRefused are options of a file that say where or how to connect, or what to run
// first, and cannot be honoured. Those in neither list are for people at a terminal.
var mysqlRefused = []string{
	"init-command", "bind-address", "dns-srv-name", "password2", "password3", "ssl-capath", "ssl-crl", "ssl-crlpath", "ssl-cipher",
	"tls-version", "tls-ciphersuites", "tls-fp", "tls-fplist", "plugin-dir", "default-auth", "enable-cleartext-plugin", "defaults-group-suffix",
}

// mysqlLogin is what the options say, files and all.
type mysqlLogin struct {
	client   client
	mariadb  bool
	values   map[string]string // by the name of the option
	prompt   error             // a password without a value, which nobody can type
	inText   bool              // the password is from the command line
	typed    map[string]bool   // the options of the command line
	database []string          // what is no option
}

// mysqlCredentials reads the options of a mysql command line, and the files that the
// client would read with them.
func mysqlCredentials(text string, c client, mariadb bool) (credentials, error) {
	m := &mysqlLogin{client: c, mariadb: mariadb, values: map[string]string{}, typed: map[string]bool{}}
	list, err := splitWords(text)
	if err != nil {
		return credentials{}, err
	}
	d, list, err := m.defaults(list)
	if err != nil {
		return credentials{}, err
	}
	if err := m.readFiles(d); err != nil {
		return credentials{}, err
	}
	p := commandLine{options: mysqlOptions, set: m.set}
	if m.database, err = p.parse(list); err != nil {
		return credentials{}, err
	}
	return m.credentials()
}

// mysqlDefaults are the options that say which files are read.
type mysqlDefaults struct {
	none        bool
	file, extra string
	loginPath   string
}

// defaults takes the options that say which files are read from the beginning of list.
func (m *mysqlLogin) defaults(list []string) (d mysqlDefaults, rest []string, err error) {
	for len(list) > 0 {
		name, value, has := strings.Cut(list[0], "=")
		switch {
		case name == "--no-defaults" && !has:
			d.none = true
		case name == "--defaults-file" && has:
			d.file, err = m.client.absolute(value)
		case name == "--defaults-extra-file" && has:
			d.extra, err = m.client.absolute(value)
		case name == "--login-path" && has && m.mariadb:
			err = errors.New("the client of MariaDB has no such option; use --defaults-extra-file=")
		case name == "--login-path" && has:
			d.loginPath = value
		default:
			return d, list, nil
		}
		if err != nil {
			return d, nil, fmt.Errorf("%s: %w", name, err)
		}
		list = list[1:]
	}
	return d, nil, nil
}

// readFiles reads the files in the order in which they overrule each other.
func (m *mysqlLogin) readFiles(d mysqlDefaults) error {
	f := optionFiles{client: m.client, groups: optionGroups, set: m.setFromFile}
	home := path.Join(m.client.home, ".my.cnf")
	switch {
	case d.file != "":
		if err := f.read(d.file, 0); err != nil {
			return fmt.Errorf("--defaults-file: %w", err)
		}
	case !d.none:
		for _, name := range []string{"/etc/my.cnf", "/etc/mysql/my.cnf", d.extra, home} {
			read := f.readIfThere
			if name == d.extra {
				read = f.read
			}
			if name == "" {
				continue
			}
			if err := read(name, 0); err != nil {
				return err
			}
		}
	}
	if m.mariadb {
		return nil
	}
	return m.readLoginPath(d.loginPath)
}

// readLoginPath reads ~/.mylogin.cnf, which --no-defaults does not turn off.
func (m *mysqlLogin) readLoginPath(group string) error {
	name := path.Join(m.client.home, ".mylogin.cnf")
	data, mode, err := m.client.files.read(name)
	if group == "" {
		data, mode, err = optional(data, mode, err)
	}
	switch {
	case err != nil:
		return fmt.Errorf("--login-path: %w", err)
	case data == nil:
		return nil
	case mode&0o077 != 0 && group == "":
		m.client.warnOpen(name, mode)
		return nil
	case mode&0o077 != 0:
		return fmt.Errorf("--login-path: %w", fileError(name, "holds passwords and others have access to it (mode %04o); chmod 600 %s", mode, name))
	}
	text, err := decryptLogin(data)
	if err != nil {
		return fileError(name, "%v", err)
	}
	f := optionFiles{client: m.client, groups: []string{"client", "mysql"}, set: m.setFromFile}
	if group != "" {
		f.groups = append(f.groups, group)
		if !slices.Contains(loginGroups(text), group) {
			return fmt.Errorf("--login-path: %w", fileError(name, "has no such login path; list them with mysql_config_editor print --all"))
		}
	}
	return f.parse(name, text, maxIncludes) // no file is included from there
}

// loginGroups are the login paths in a file.
func loginGroups(text string) (groups []string) {
	for line := range strings.SplitSeq(text, "\n") {
		if line = strings.TrimSpace(line); line != "" && line[0] == '[' {
			if group, err := groupOf(line); err == nil {
				groups = append(groups, group)
			}
		}
	}
	return groups
}

// setFromFile takes an option of a file, if it is about the connection.
func (m *mysqlLogin) setFromFile(o fileOption) error {
	if slices.Contains(mysqlRefused, o.name) {
		return fmt.Errorf("option %s cannot be honoured; move it to a group of another program, or use a file of your own with --defaults-file=", o.name)
	}
	for _, known := range mysqlOptions {
		if known.name != o.name && !known.ignored && strings.HasPrefix(known.name, o.name) && !isMySQLOption(o.name) {
			return fmt.Errorf("an option is cut short; write %s", known.name)
		}
		if known.name != o.name || known.ignored {
			continue
		}
		if known.argument == requiredArgument && !o.has {
			return fmt.Errorf("option %s has no value; write one", o.name)
		}
		return m.put(known, o.value, o.has, o.file)
	}
	return nil
}

func isMySQLOption(name string) bool {
	return slices.ContainsFunc(mysqlOptions, func(o clientOption) bool { return o.name == name })
}

// set takes an option of the command line.
func (m *mysqlLogin) set(o clientOption, value string, has bool) error {
	if !o.ignored {
		m.typed[o.name] = true
	}
	return m.put(o, value, has, "")
}

// put takes an option. file is where it stands; empty is the command line.
func (m *mysqlLogin) put(o clientOption, value string, has bool, file string) error {
	name := o.name
	if o.as != "" {
		name = o.as
	}
	switch name {
	case "password":
		m.prompt = nil
		if !has {
			m.prompt = errors.New("a password without a value would be asked for, and nobody is there to type it; write --password=… (or -p… without a blank), or leave it out")
			if file != "" {
				m.prompt = fmt.Errorf("%s: %w", file, m.prompt)
			}
		}
		m.inText = file == "" && value != ""
	case "ssl", "ssl-verify-server-cert", "skip-ssl":
		off := has && slices.Contains([]string{"0", "off", "false"}, strings.ToLower(value))
		if off && name == "ssl-verify-server-cert" {
			return nil // of the client's default, it is only that which is not asked for
		}
		name, value = "ssl-mode", sslMode(name, off)
	}
	if !o.ignored {
		m.values[name] = value
	}
	return nil
}

// sslMode translates the older options to --ssl-mode.
func sslMode(name string, off bool) string {
	switch {
	case name == "skip-ssl" || off:
		return "DISABLED"
	case name == "ssl-verify-server-cert":
		return "VERIFY_IDENTITY"
	}
	return "REQUIRED"
}
