// Package postgres is the driver of PostgreSQL.
//
// It is a thin layer on the connections of pgx's pgconn. Every statement is made
// by the extended protocol, which takes one statement only, with parameters out of
// band; utility statements work in it too. All values are asked for in text form.
// A parameter has no type of its own (the server infers one, as from a quoted
// literal), except for bytes, which are bytea: write $1::bigint where the server
// cannot know.
//
// libpq's environment variables, service files, password files and certificates in
// a home directory have no influence. The library does read the service file if
// PGSERVICE is set, which is therefore an error.
//
// Identity: Server is the system identifier; without the privilege to read it, the
// address. Sessions show as "starhost <run>" in pg_stat_activity.
//
// Parameters of the connection: sslmode ("prefer" by default, on TCP), sslrootcert,
// sslcert and sslkey, with libpq's meanings.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/starhost/starhost/host/driver"
	"github.com/starhost/starhost/host/driver/internal/pin"
	"github.com/starhost/starhost/internal/asuser"
)

const (
	defaultPort = 5432
	// maxMessage bounds what one row can take of our memory before it is refused.
	maxMessage = 64 << 20
)

// Connect opens the emergency connection to the server.
func Connect(ctx context.Context, cfg driver.Config) (driver.Server, error) {
	p, err := newPeer(cfg)
	if err != nil {
		return nil, err
	}
	server, err := pin.Connect(ctx, p, cfg.Timeout())
	if err != nil {
		return nil, fmt.Errorf("cannot connect to PostgreSQL at %s as %q: %w", p.address(), cfg.User, plain(err))
	}
	return server, nil
}

// peer is how one server is reached. It is not written to once it was made.
type peer struct {
	cfg *pgconn.Config
	as  asuser.User
}

var _ pin.Peer = (*peer)(nil)

func newPeer(cfg driver.Config) (*peer, error) {
	if cfg.User == "" {
		return nil, errors.New("connection: a user is required (postgres://USER@…)")
	}
	if err := cfg.Known("sslmode", "sslrootcert", "sslcert", "sslkey"); err != nil {
		return nil, err
	}
	if os.Getenv("PGSERVICE") != "" {
		return nil, errors.New("the environment variable PGSERVICE is set, which could lead to another server: unset it")
	}
	as, err := cfg.As()
	if err != nil {
		return nil, err
	}
	host, port, err := place(cfg)
	if err != nil {
		return nil, err
	}
	var c *pgconn.Config
	err = cfg.Reading(func() error {
		if c, err = pgconn.ParseConfig(connection(cfg, host, port)); err != nil {
			return fmt.Errorf("connection: %w", errors.Unwrap(err)) // the outer text has the whole string
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	c.RuntimeParams = map[string]string{
		"application_name": strings.TrimSpace("starhost " + cfg.RunID),
		"client_encoding":  "UTF8",
	}
	c.MaxProtocolMessageBodyLen = maxMessage
	return &peer{c, as}, nil
}

// connection is the library's connection string. Whatever the library would take
// from elsewhere is in it, because it has precedence over the environment and over
// files in the home directory.
func connection(cfg driver.Config, host string, port int) string {
	return keywords([][2]string{
		{"host", host},
		{"port", strconv.Itoa(port)},
		{"user", cfg.User},
		{"password", string(cfg.Password)},
		{"dbname", cfg.Database},
		{"passfile", ""},
		{"servicefile", ""},
		{"connect_timeout", "0"},
		{"sslmode", or(cfg.Params["sslmode"], "prefer")},
		{"sslrootcert", cfg.Params["sslrootcert"]},
		{"sslcert", cfg.Params["sslcert"]},
		{"sslkey", cfg.Params["sslkey"]},
		{"sslpassword", ""},
		{"sslcertmode", "allow"},
		{"sslsni", "1"},
		{"sslnegotiation", "postgres"},
		{"target_session_attrs", "any"},
		{"min_protocol_version", "3.0"},
		{"max_protocol_version", "3.0"},
		{"channel_binding", "prefer"},
		{"require_auth", ""},
	})
}

// place returns what libpq calls host, a directory or a name, and the port.
func place(cfg driver.Config) (host string, port int, err error) {
	port = cfg.Port
	if port == 0 {
		port = defaultPort
	}
	if cfg.Socket == "" {
		if cfg.Host == "" {
			return "", 0, errors.New("connection: neither a socket nor a host is given (postgres://user@/?socket=/run/postgresql)")
		}
		if strings.Contains(cfg.Host, ",") {
			return "", 0, fmt.Errorf("connection: host %q: one server, not several, can be quiesced", cfg.Host)
		}
		return cfg.Host, port, nil
	}
	if !filepath.IsAbs(cfg.Socket) {
		return "", 0, fmt.Errorf("connection: socket %q is not an absolute path", cfg.Socket)
	}
	dir, file := filepath.Split(cfg.Socket)
	number, isFile := strings.CutPrefix(file, ".s.PGSQL.")
	if !isFile {
		return cfg.Socket, port, nil
	}
	if port, err = strconv.Atoi(number); err != nil {
		return "", 0, fmt.Errorf("connection: socket %q does not end in a port", cfg.Socket)
	}
	return filepath.Clean(dir), port, nil
}

// keywords writes libpq's keyword/value form.
func keywords(pairs [][2]string) string {
	escape := strings.NewReplacer(`\`, `\\`, `'`, `\'`)
	var b strings.Builder
	for _, pair := range pairs {
		fmt.Fprintf(&b, "%s='%s' ", pair[0], escape.Replace(pair[1]))
	}
	return b.String()
}

func or(value, otherwise string) string {
	if value == "" {
		return otherwise
	}
	return value
}

func (p *peer) address() string {
	network, address := pgconn.NetworkAddress(p.cfg.Host, p.cfg.Port)
	return network + ":" + address
}
