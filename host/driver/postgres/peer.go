package postgres

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/host/driver"
	"github.com/starhost/starhost/host/driver/internal/pin"
	"github.com/starhost/starhost/host/driver/internal/sock"
)

// Dial opens a connection. When a connection breaks the library dials once more,
// to send a cancel request, and waits for up to 15 s; that is none of its
// business here, so that a link can dial only until it is made.
func (p *peer) Dial(ctx context.Context) (pin.Link, error) {
	l := &link{}
	var made atomic.Bool
	cfg := p.cfg.Copy()
	cfg.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		if made.Load() {
			return nil, errors.New("a pinned connection is not opened again")
		}
		conn, err := sock.Dial(ctx, p.as, network, address)
		if err != nil {
			return nil, err
		}
		l.sock = conn
		return conn, nil
	}
	conn, err := pgconn.ConnectConfig(ctx, cfg)
	if err != nil {
		return nil, err // the library has closed the socket
	}
	made.Store(true)
	l.conn = conn
	l.id = strconv.FormatUint(uint64(conn.PID()), 10)
	return l, nil
}

// Identify asks for the identity. A server older than 9.6, or one that does not
// let this user read its control file, has its address for one.
func (p *peer) Identify(ctx context.Context, l pin.Link, ask pin.Asker) (driver.Identity, error) {
	id := driver.Identity{Product: "PostgreSQL", Address: p.address(), Local: l.(*link).sock.Local()}
	rows, err := ask(ctx, `SELECT current_setting('server_version') AS version,
		extract(epoch FROM pg_postmaster_start_time())::numeric AS started`)
	if err != nil {
		return id, err
	}
	id.Version = rows.Rows[0][0].Text()
	if id.Started, err = epoch(rows.Rows[0][1].Text()); err != nil {
		return id, err
	}
	rows, err = ask(ctx, "SELECT system_identifier FROM pg_control_system()")
	switch fault, refused := errors.AsType[*action.Fault](err); {
	case err == nil:
		i, _ := rows.Rows[0][0].AsInt()
		id.Server = strconv.FormatUint(uint64(i), 10)
	case refused && !fault.Lost && fault.Kind == action.KindRefused:
		id.Server = id.Address
	default:
		return id, err
	}
	return id, nil
}

// epoch reads seconds with a fraction.
func epoch(seconds string) (time.Time, error) {
	whole, fraction, _ := strings.Cut(seconds, ".")
	s, err := strconv.ParseInt(whole, 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("start time: %w", err)
	}
	micro, _ := strconv.ParseInt((fraction + "000000")[:6], 10, 64)
	return time.Unix(s, micro*1000).UTC(), nil
}

// Interrupt makes the server cancel the statement of a session.
func (p *peer) Interrupt(ctx context.Context, ask pin.Asker, id string) error {
	return signal(ctx, ask, "pg_cancel_backend", id)
}

// End makes the server end a session. The server answers before it is done.
func (p *peer) End(ctx context.Context, ask pin.Asker, id string) error {
	return signal(ctx, ask, "pg_terminate_backend", id)
}

// signal calls a function about a backend of our own user: a pid may have been
// given to another one since. A backend that is not there gives no row.
func signal(ctx context.Context, ask pin.Asker, function, id string) error {
	if _, err := strconv.ParseUint(id, 10, 31); err != nil {
		return fmt.Errorf("%q is not a backend pid", id) // adopted ids come from a file
	}
	rows, err := ask(ctx, `SELECT `+function+`(a.pid) AS done FROM pg_stat_activity a
		WHERE a.pid = $1 AND a.usename = session_user`, action.String(id))
	if err != nil {
		return err
	}
	if len(rows.Rows) == 0 || !rows.Rows[0][0].AsBool() {
		return driver.ErrGone
	}
	return nil
}

// Settle is a statement without effect.
func (p *peer) Settle() string { return "SELECT 1" }
