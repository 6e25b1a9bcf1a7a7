// Package oracle is the driver of Oracle Database, 11.2 and later, over TCP and TCPS.
//
// It is a thin layer on the connections of go-ora, without the pool of database/sql: that
// one makes a statement again on another connection when it is told that one is bad, and
// go-ora says so of ORA-01034 and others. The library is written in Go alone, so that no
// client of Oracle has to be installed. It is given neither a context nor a time limit that
// could end: when the time of a statement is over, a break is sent on its socket, as the
// library itself would send it. Over TCPS the socket cannot be written to beside the library;
// there the emergency session says ALTER SYSTEM CANCEL SQL, which Oracle knows since 18c. If
// that is of no use the session is ended by ALTER SYSTEM DISCONNECT SESSION, and the socket
// is closed.
//
// Each session is set to dates in ISO form and to a point in numbers. Each INSERT, UPDATE,
// DELETE, MERGE and PL/SQL block is committed by itself. Parameters are :1, :2 …; a statement
// has no semicolon at its end, but a PL/SQL block has. Integers are ints, other NUMBERs are
// strings. An empty text is NULL, in parameters too: Oracle has no other. Booleans as
// parameters are 1 and 0.
//
// Identity: Server is made of the database's DBID and name and of the number of the instance;
// where V$DATABASE cannot be read, of the address. Started is STARTUP_TIME, which the server
// writes in its local time: it is taken as if it were UTC, because it is compared and nothing
// else. Sessions show as "starhost <run>" in V$SESSION.PROGRAM.
//
// Privileges: SELECT on V_$INSTANCE, V_$DATABASE; ALTER SYSTEM to end a session.
//
// Parameters of the connection: "privilege" is "sysdba" or "sysbackup"; "tls" is "false" (the
// default), "true", "verify-ca" (the host name is not looked at) or "skip-verify";
// "sslrootcert" is a file of certificates to trust, "sslcert" and "sslkey" are what we show
// ourselves by.
//
// No Oracle server could be had for its tests: they run against internal/tns, a stand-in, whose
// documentation says what it does not play. On a cluster all sessions must meet in one instance.
// A session of a database that is not open cannot be ended at the server.
package oracle

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"regexp"
	"strconv"
	"strings"

	"github.com/sijms/go-ora/v2/configurations"

	"github.com/starhost/starhost/host/driver"
	"github.com/starhost/starhost/host/driver/internal/pin"
	"github.com/starhost/starhost/host/driver/internal/secure"
)

const defaultPort = 1521

// Connect opens the emergency connection to the server.
func Connect(ctx context.Context, cfg driver.Config) (driver.Server, error) {
	p, err := newPeer(cfg)
	if err != nil {
		return nil, err
	}
	server, err := pin.Connect(ctx, p, cfg.Timeout())
	if err != nil {
		return nil, fmt.Errorf("cannot connect to Oracle at %s as %q: %w", p.address(), cfg.User, plain(err))
	}
	return server, nil
}

// privileges by the words of the connection.
var privileges = map[string]configurations.DBAPrivilege{
	"": configurations.NONE, "sysdba": configurations.SYSDBA, "sysbackup": configurations.SYSBACKUP,
}

// serviceForm keeps a name from being more than a name in the descriptor that it is put in.
var serviceForm = regexp.MustCompile(`^[A-Za-z0-9_$#.-]{1,128}$`)

func newPeer(cfg driver.Config) (*peer, error) {
	switch {
	case cfg.User == "" || cfg.Password == "":
		return nil, errors.New("connection: a user and a password are required (oracle://USER@…); " +
			"a session by the rights of a user of this machine is made by sqlplus")
	case cfg.Socket != "":
		return nil, errors.New("connection: an Oracle server has no socket to connect to; give a host")
	case cfg.Host == "":
		return nil, errors.New("connection: no host is given (oracle://user@host:1521/service)")
	case !serviceForm.MatchString(cfg.Database):
		return nil, fmt.Errorf("connection: service %q: want a name, such as ORCL or orcl.example.com", cfg.Database)
	}
	if err := cfg.Known("privilege", "tls", "sslrootcert", "sslcert", "sslkey"); err != nil {
		return nil, err
	}
	privilege, known := privileges[cfg.Params["privilege"]]
	if !known {
		return nil, fmt.Errorf(`connection: privilege: got %q, want "sysdba" or "sysbackup"`, cfg.Params["privilege"])
	}
	port := cfg.Port
	if port == 0 {
		port = defaultPort
	}
	p := &peer{host: cfg.Host, port: port, links: map[string]*link{}}
	err := cfg.Reading(func() (err error) {
		p.tls, err = secure.Config(cfg, cfg.Params["tls"])
		return err
	})
	for _, param := range []string{"sslrootcert", "sslcert", "sslkey"} {
		if err == nil && p.tls == nil && cfg.Params[param] != "" {
			err = fmt.Errorf("connection: %s has no use without tls: add tls=true", param)
		}
	}
	if err != nil {
		return nil, err
	}
	p.cfg = options(cfg, port, privilege, p.tls != nil)
	return p, nil
}

const (
	rowsAtOnce = 200
	unit       = 8 << 10 // of a session's packets, the server's default
)

// options are those of the library. It is made without its parser of URLs, which looks at
// files and at the environment.
func options(cfg driver.Config, port int, privilege configurations.DBAPrivilege, encrypted bool) configurations.ConnectionConfig {
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	c := configurations.ConnectionConfig{PrefetchRows: rowsAtOnce}
	c.UserID, c.Password, c.ServiceName = cfg.User, string(cfg.Password), cfg.Database
	c.DBAPrivilege = privilege
	c.Location = "UTC" // dates are not moved
	c.Servers = []configurations.ServerAddr{{Addr: cfg.Host, Port: port}}
	c.SessionDataUnitSize, c.TransportDataUnitSize = unit, unit
	c.Protocol = "tcp"
	if encrypted {
		c.Protocol = "tcps"
	}
	c.SSL, c.SSLVerify = encrypted, true
	c.ProgramName = strings.TrimSpace("starhost " + cfg.RunID)
	c.ProgramPath, c.OSUserName, c.DriverName = "starhost", "starhost", "starhost"
	c.HostName, c.PID = descriptorName(host), os.Getpid()
	c.Language, c.Territory = "AMERICAN", "AMERICA"
	return c
}

// descriptorName leaves out what has a meaning in a descriptor.
func descriptorName(name string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune("()=\\\"'", r) || r <= ' ' {
			return -1
		}
		return r
	}, name)
}

func (p *peer) address() string { return "tcp:" + net.JoinHostPort(p.host, strconv.Itoa(p.port)) }
