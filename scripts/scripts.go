// Package scripts holds the scripts in the binary. They are examples too: they
// will be copied, so they are written to be read.
//
// The package is data; it imports nothing of the project.
package scripts

import (
	"embed"
	"fmt"
	"slices"
	"strings"
)

//go:embed iris.star legacy.star mysql.star oracle.star postgres.star redis.star sqlite.star
var files embed.FS

// Prefix begins the name by which load() reaches a file in the binary.
const Prefix = "@starhost//"

// Script is one bundled script under one name.
type Script struct {
	Name     string    // as workload_name in the config
	File     string    // "mysql.star"; scripts for products of one family share a file
	Database string    // the kind of connection that it has; empty if none
	Alone    bool      // it can do without the connection, by its programs
	Programs []Program // what exec_as is allowed to run without a line in the config
	About    string
}

// All is the table of the bundled scripts, by name. Nobody may write to it.
var All = []Script{
	{Name: "iris", File: "iris.star", Programs: irisPrograms, About: "InterSystems IRIS and Caché by ExternalFreeze"},
	{Name: "legacy", File: "legacy.star", About: "a pair of programs made for another backup product, one before the snapshot and one after"},
	{Name: "mariadb", File: "mysql.star", Database: "mysql", About: "MariaDB 10.4 and later by BACKUP STAGE, before by FLUSH TABLES WITH READ LOCK"},
	{Name: "mysql", File: "mysql.star", Database: "mysql", About: "MySQL 5.6 and later, Percona Server, by FLUSH TABLES WITH READ LOCK"},
	{Name: "oracle", File: "oracle.star", Database: "oracle", Alone: true, Programs: oraclePrograms, About: "Oracle Database 11.2 and later by backup mode, over a connection or by sqlplus"},
	{Name: "postgres", File: "postgres.star", Database: "postgres", About: "PostgreSQL 10 and later by one atomic snapshot, or by pg_backup_start"},
	{Name: "redis", File: "redis.star", Programs: redisPrograms, About: "Redis 6.2 and later by CLIENT PAUSE for an AOF, by BGSAVE for a dump, through redis-cli"},
	{Name: "sqlite", File: "sqlite.star", Database: "sqlite", About: "SQLite 3 by BEGIN IMMEDIATE"},
	{Name: "valkey", File: "redis.star", Programs: redisPrograms, About: "Valkey by the same script, with cli = valkey-cli in its settings"},
}

// redisPrograms are the clients of Redis and Valkey; each speaks to both.
var redisPrograms = []Program{
	{"{linux_user|redis}", "{command_path|/usr/bin}/redis-cli"},
	{"{linux_user|redis}", "{command_path|/usr/bin}/valkey-cli"},
}

// irisPrograms are those of an instance, by their names in all versions, and what reads
// the file with its parameters.
var irisPrograms = []Program{
	{"{linux_user|irisowner}", "{command_path|/usr/bin}/iris"},
	{"{linux_user|irisowner}", "{command_path|/usr/bin}/irissession"},
	{"{linux_user|irisowner}", "{command_path|/usr/bin}/csession"},
	{"{linux_user|irisowner}", "{command_path|/usr/bin}/ccontrol"},
	{"{linux_user|irisowner}", "/bin/cat"},
}

// oraclePrograms are the client of the home in question.
var oraclePrograms = []Program{{"{linux_user}", "{oracle_home}/bin/sqlplus"}}

// Lookup returns the script of that name. The error lists the names there are.
func Lookup(name string) (Script, error) {
	i := slices.IndexFunc(All, func(s Script) bool { return s.Name == name })
	if i >= 0 {
		return All[i], nil
	}
	names := make([]string, len(All))
	for i, s := range All {
		names[i] = s.Name
	}
	return Script{}, fmt.Errorf("there is no bundled script %q; there are %s", name, strings.Join(names, ", "))
}

// Source returns the text of a file.
func Source(file string) ([]byte, error) {
	text, err := files.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("there is no bundled file %q", file)
	}
	return text, nil
}
