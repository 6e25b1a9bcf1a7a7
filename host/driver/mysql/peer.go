package mysql

import (
	"context"
	sqldriver "database/sql/driver"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/host/driver"
	"github.com/starhost/starhost/host/driver/internal/pin"
	"github.com/starhost/starhost/host/driver/internal/sock"
)

// Dial opens a connection and learns its id.
func (p *peer) Dial(ctx context.Context) (pin.Link, error) {
	l := &link{}
	cfg := p.cfg.Clone()
	cfg.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := sock.Dial(ctx, p.as, network, address)
		if err != nil {
			return nil, err
		}
		l.sock = conn
		return conn, nil
	}
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		return nil, err
	}
	conn, err := connector.Connect(ctx)
	if err != nil {
		return nil, err // the library has closed the socket
	}
	l.conn = conn
	l.query = conn.(sqldriver.QueryerContext)
	// Nothing is held yet, so that the library may close the socket when ctx ends.
	if l.id, err = connectionID(ctx, l.query); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

func connectionID(ctx context.Context, conn sqldriver.QueryerContext) (string, error) {
	rows, err := conn.QueryContext(ctx, "SELECT CONNECTION_ID()", nil)
	if err != nil {
		return "", err
	}
	defer rows.Close()
	dest := make([]sqldriver.Value, 1)
	if err := rows.Next(dest); err != nil {
		return "", err
	}
	return fmt.Sprint(dest[0]), nil
}

// Identify asks for the identity in statements that every version knows.
func (p *peer) Identify(ctx context.Context, l pin.Link, ask pin.Asker) (driver.Identity, error) {
	id := driver.Identity{Address: p.address(), Local: l.(*link).sock.Local()}
	rows, err := ask(ctx, "SELECT VERSION(), @@version_comment, @@hostname, @@datadir, @@port, UNIX_TIMESTAMP()")
	if err != nil {
		return id, err
	}
	cell := func(i int) string { return text(rows.Rows[0][i]) }
	id.Version, id.Product = cell(0), product(cell(0), cell(1))
	now, _ := rows.Rows[0][5].AsInt()
	id.Server = fmt.Sprintf("%s:%s:%s", cell(2), cell(3), cell(4))
	if rows, err = ask(ctx, "SHOW GLOBAL VARIABLES LIKE 'server_uuid'"); err != nil {
		return id, err
	}
	if len(rows.Rows) == 1 && text(rows.Rows[0][1]) != "" {
		id.Server = text(rows.Rows[0][1])
	}
	// The status variable is a table in information_schema or in performance_schema
	// or in neither, depending on version and settings; SHOW is everywhere.
	if rows, err = ask(ctx, "SHOW GLOBAL STATUS LIKE 'Uptime'"); err != nil {
		return id, err
	}
	if len(rows.Rows) != 1 {
		return id, errors.New("the server does not tell its uptime")
	}
	uptime, err := strconv.ParseInt(text(rows.Rows[0][1]), 10, 64)
	if err != nil {
		return id, fmt.Errorf("uptime: %w", err)
	}
	id.Started = time.Unix(now-uptime, 0).UTC()
	return id, nil
}

func product(version, comment string) string {
	switch {
	case strings.Contains(version, "MariaDB"):
		return "MariaDB"
	case strings.Contains(comment, "Percona"):
		return "Percona Server"
	}
	return "MySQL"
}

func text(v action.Value) string {
	if i, ok := v.AsInt(); ok {
		return strconv.FormatInt(i, 10)
	}
	return v.Text()
}

// Interrupt makes the server end the statement of a session.
func (p *peer) Interrupt(ctx context.Context, ask pin.Asker, id string) error {
	_, err := ask(ctx, "KILL QUERY "+id)
	return gone(err)
}

// End makes the server end a session. The server answers before it is done: the
// session keeps its locks until its thread has noticed.
func (p *peer) End(ctx context.Context, ask pin.Asker, id string) error {
	if _, err := strconv.ParseUint(id, 10, 64); err != nil {
		return fmt.Errorf("%q is not a connection id", id) // adopted ids come from a file
	}
	_, err := ask(ctx, "KILL CONNECTION "+id)
	return gone(err)
}

// noSuchThread is ER_NO_SUCH_THREAD.
const noSuchThread = 1094

func gone(err error) error {
	if fault, ok := errors.AsType[*action.Fault](err); ok {
		if code, ok := fault.Code.AsInt(); ok && code == noSuchThread {
			return driver.ErrGone
		}
	}
	return err
}

// Settle is a statement without effect.
func (p *peer) Settle() string { return "DO 0" }
