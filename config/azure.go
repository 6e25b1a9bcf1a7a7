package config

import (
	"errors"
	"fmt"
	osuser "os/user"
	"strings"

	"github.com/starhost/starhost/internal/asuser"
)

// azureKeys are keys of Azure's workload.conf that [workload] takes too. What they
// cannot do here is an error, not a line without effect.
var azureKeys = []key{
	{name: "credString", set: func(b *build, text string) error { b.azure.credString = text; return nil }},
	{name: "role", set: oneOf(func(b *build) *string { return &b.azure.role }, "master", "slave")},
	{name: "enforceSlaveOnly", set: oneOf(func(b *build) *string { return &b.azure.slaveOnly }, "0", "1")},
	{name: "dbnames", set: setDatabases},
	{name: "customScriptEnabled", set: setCustomScript},
	{name: "configuration_path", set: func(b *build, text string) error { b.azure.oratab = text; return nil }},
	{name: "command", set: func(*build, string) error {
		return errors.New("it is command_path in this section; rename it, or remove it: no client program is needed")
	}},
}

// templateKeys may have no value, because Azure's template has them all.
var templateKeys = []string{"command_path", "linux_user", "credString", "ipc_folder", "timeout", "configuration_path"}

// azure is what the keys of Azure say, before it means something.
type azure struct {
	credString, role, slaveOnly string
	oratab                      string // configuration_path
	databases                   []string
}

func setDatabases(b *build, text string) error {
	for name := range strings.SplitSeq(text, ";") {
		switch name = strings.Trim(name, " \t"); {
		case name == "":
			continue
		case strings.Contains(name, ","):
			return errors.New("there is a comma; write ; between the names")
		}
		b.azure.databases = append(b.azure.databases, name)
	}
	if len(b.azure.databases) == 0 {
		return errors.New("there is no name; write names with ; between, or remove the line: the whole server is quiesced")
	}
	return nil
}

func setCustomScript(_ *build, text string) error {
	if text == "0" {
		return nil
	}
	return errors.New("scripts in SQL or shell are not run; write script = /path/of/it.star and remove this line, or write 0")
}

// clientOf are the workloads whose client's command line is understood.
var clientOf = map[string]string{"mysql": MySQL, "mariadb": MySQL, "postgres": Postgres, oracleName: Oracle}

// finishAzure makes connection and settings of the keys of Azure. It needs the other
// keys, wherever they stand.
func (b *build) finishAzure(sec *section) {
	fail := func(key string, err error) { b.fail(sec, &entry{key: key}, sec.keys[key], err) }
	user, noUser := b.lookup(b.LinuxUser)
	if noUser != nil && b.LinuxUser != "" {
		if _, unknown := errors.AsType[osuser.UnknownUserError](noUser); unknown {
			noUser = fmt.Errorf("there is no user %s on this machine; correct the name", show(b.LinuxUser))
		}
		fail("linux_user", noUser)
		return
	}
	b.replica(sec, fail)
	if b.Script == "" {
		return // it was told of; what follows depends on it
	}
	if b.byPrograms(sec, user, fail) {
		return
	}
	if len(b.azure.databases) > 0 {
		b.setSetting("databases", strings.Join(b.azure.databases, ","), sec.keys["dbnames"])
	}
	hasURL := sec.keys["connection"] > 0
	if hasURL && b.azure.credString == "" {
		if b.Connection.User == "" && b.Connection.Driver != "" && b.Connection.Driver != SQLite {
			b.Connection.User = b.LinuxUser
		}
		return
	}
	key, err := b.clientKey(hasURL)
	if err == nil && key != "" && noUser != nil {
		err = fmt.Errorf("whoever runs starhost is no user of this machine: %w; write linux_user", noUser)
	}
	if err == nil && key != "" {
		err = b.connectAsClient(user, func(msg string) { b.warn(sec, key, msg) })
	}
	if err != nil {
		fail(key, err)
	}
}

// clientKey returns the key that asks for what the database's own client would do, "" if
// none does, and why that cannot be done.
func (b *build) clientKey(hasURL bool) (key string, err error) {
	driver := clientOf[b.Script]
	switch {
	case b.azure.credString != "" && hasURL:
		return "credString", errors.New("there is a connection as well; remove one of the two")
	case b.azure.credString == "" && (b.LinuxUser == "" || driver == "" || b.ScriptPath != ""):
		return "", nil
	case b.azure.credString == "":
		return "linux_user", nil
	case driver == "":
		return "credString", errors.New("it is understood for mysql, mariadb, postgres and oracle; write connection in its place")
	}
	return "credString", nil
}

// connectAsClient takes over where and as whom the client would connect.
func (b *build) connectAsClient(user asuser.User, warn func(string)) error {
	got, err := b.credentials(clientOf[b.Script], user, warn)
	if err != nil {
		return err
	}
	b.Connection, b.credPassword = got.connection, got.inText
	b.Connection.OfClient = true
	return nil
}

// credentials reads the credString, or what the client does without one.
func (b *build) credentials(driver string, user asuser.User, warn func(string)) (credentials, error) {
	c := client{user: user.Name, home: user.Home, files: b.files(user), warn: warn}
	switch driver {
	case Postgres:
		return psqlCredentials(b.azure.credString, c)
	case Oracle:
		return oracleCredentials(b.azure.credString)
	}
	return mysqlCredentials(b.azure.credString, c, b.Script == "mariadb")
}

// replica checks role with enforceSlaveOnly, and hands the script what they ask for.
func (b *build) replica(sec *section, fail func(string, error)) {
	switch slaveOnly := b.azure.slaveOnly == "1"; {
	case slaveOnly && b.azure.role != "slave":
		fail("enforceSlaveOnly", errors.New("it is 1 and role is not slave; write role = slave, or 0"))
	case slaveOnly:
		b.setSetting("replica", "only", sec.keys["enforceSlaveOnly"])
	}
}

// setSetting adds a line to those of the [settings] section.
func (b *build) setSetting(key, text string, line int) {
	b.Settings = append(b.Settings, Setting{Key: key, Text: text, Line: line})
}
