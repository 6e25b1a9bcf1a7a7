// Package mysql is the driver of MySQL 5.6 and later, Percona Server and MariaDB.
//
// It is a thin layer on the connections of go-sql-driver/mysql, without the pool
// of database/sql. Statements always use the text protocol, with parameters put
// in their places on this side: FLUSH, BACKUP STAGE and others cannot be prepared,
// and values have the same types with and without parameters. A script must
// therefore not change the character set of its session.
//
// Nothing is set on the server. A session is in utf8mb4.
//
// Identity: Server is @@server_uuid. MariaDB has none; its server_uid is a hash of
// hardware address and port, the same for all servers of a machine that have no port
// (measured on 10.11). There Server is made of host name, data directory and port.
// Started is computed from Uptime.
//
// Parameters of the connection: "tls" is "false" (the default), "true", "verify-ca"
// (the host name is not looked at), "skip-verify" or "preferred"; "sslrootcert" is a
// file of certificates to trust, "sslcert" and "sslkey" are what we show ourselves by.
package mysql

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strconv"

	"github.com/go-sql-driver/mysql"

	"github.com/starhost/starhost/host/driver"
	"github.com/starhost/starhost/host/driver/internal/pin"
	"github.com/starhost/starhost/host/driver/internal/secure"
	"github.com/starhost/starhost/internal/asuser"
)

const defaultPort = 3306

// Connect opens the emergency connection to the server.
func Connect(ctx context.Context, cfg driver.Config) (driver.Server, error) {
	p, err := newPeer(cfg)
	if err != nil {
		return nil, err
	}
	server, err := pin.Connect(ctx, p, cfg.Timeout())
	if err != nil {
		return nil, fmt.Errorf("cannot connect to MySQL at %s as %q: %w", p.address(), cfg.User, plain(err))
	}
	return server, nil
}

// peer is how one server is reached. It is not written to once it was made.
type peer struct {
	cfg mysql.Config
	as  asuser.User
}

var _ pin.Peer = (*peer)(nil)

func newPeer(cfg driver.Config) (*peer, error) {
	if cfg.User == "" {
		return nil, errors.New("connection: a user is required (mysql://USER@…)")
	}
	if err := cfg.Known("tls", "sslrootcert", "sslcert", "sslkey"); err != nil {
		return nil, err
	}
	as, err := cfg.As()
	if err != nil {
		return nil, err
	}
	c := mysql.NewConfig()
	c.User, c.Passwd, c.DBName = cfg.User, string(cfg.Password), cfg.Database
	c.Logger = &mysql.NopLogger{} // the default one writes to standard error
	c.InterpolateParams = true
	c.CheckConnLiveness = false // of use to a pool only
	c.ConnectionAttributes = "program_name:starhost,starhost_run:" + cfg.RunID
	if err := c.Apply(mysql.Charset("utf8mb4", "")); err != nil {
		return nil, err
	}
	switch {
	case cfg.Socket != "":
		c.Net, c.Addr = "unix", cfg.Socket
		return &peer{*c, as}, nil // TLS has no use there, as in MySQL's own clients
	case cfg.Host == "":
		return nil, errors.New("connection: neither a socket nor a host is given (mysql://user@/?socket=/run/mysqld/mysqld.sock)")
	}
	port := cfg.Port
	if port == 0 {
		port = defaultPort
	}
	c.Net, c.Addr = "tcp", net.JoinHostPort(cfg.Host, strconv.Itoa(port))
	err = cfg.Reading(func() (err error) {
		c.TLS, c.AllowFallbackToPlaintext, err = transport(cfg)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &peer{*c, as}, nil
}

// preferred is a mode of "tls" that only MySQL has: a server without TLS is spoken to without.
const preferred = "preferred"

// transport returns what "tls" and the files ask for.
func transport(cfg driver.Config) (t *tls.Config, plaintextToo bool, err error) {
	mode := cfg.Params["tls"]
	if plaintextToo = mode == preferred; plaintextToo {
		mode = "skip-verify"
	}
	t, err = secure.Config(cfg, mode, preferred)
	return t, plaintextToo, err
}

func (p *peer) address() string { return p.cfg.Net + ":" + p.cfg.Addr }
