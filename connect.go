package starhost

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/starhost/starhost/config"
	"github.com/starhost/starhost/host/driver"
	"github.com/starhost/starhost/host/driver/mysql"
	"github.com/starhost/starhost/host/driver/oracle"
	"github.com/starhost/starhost/host/driver/postgres"
	"github.com/starhost/starhost/host/driver/sqlite"
)

// connect reaches the server of a workload; nil if it has no connection.
func connect(ctx context.Context, w config.Workload, runID string) (driver.Server, error) {
	c := w.Connection
	if c.IsZero() {
		return nil, nil
	}
	cfg := driver.Config{
		Driver: c.Driver, User: c.User, Password: driver.Password(c.Password.Reveal()), Host: c.Host, Port: c.Port,
		Socket: c.Socket, Database: c.Database, Params: map[string]string{}, RunID: runID,
		OSUser: w.LinuxUser, FilesOfUser: c.OfClient,
	}
	for name, value := range c.Params {
		if name != "connect_timeout" {
			cfg.Params[name] = value
			continue
		}
		seconds, err := strconv.Atoi(value) // checked by the config
		if err != nil {
			return nil, fmt.Errorf("connect_timeout: %w", err)
		}
		cfg.ConnectTimeout = time.Duration(seconds) * time.Second
	}
	switch c.Driver {
	case config.MySQL:
		return mysql.Connect(ctx, cfg)
	case config.Postgres:
		return postgres.Connect(ctx, cfg)
	case config.Oracle:
		return oracle.Connect(ctx, cfg)
	case config.SQLite:
		return sqlite.Connect(ctx, cfg)
	}
	return nil, fmt.Errorf("there is no driver %q yet", c.Driver)
}
