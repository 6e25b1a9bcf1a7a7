package oracle

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"regexp"
	"strconv"
	"sync"
	"time"

	ora "github.com/sijms/go-ora/v2"
	"github.com/sijms/go-ora/v2/configurations"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/host/driver"
	"github.com/starhost/starhost/host/driver/internal/pin"
)

// peer is how one server is reached. All but links is not written to once it was made.
type peer struct {
	cfg  configurations.ConnectionConfig
	tls  *tls.Config // nil is plain TCP
	host string
	port int

	mu    sync.Mutex
	links map[string]*link // those that are open, by id
}

var _ pin.Peer = (*peer)(nil)

// sessionForm is what sessions are set to: what a date, a timestamp and a number is as a text.
const sessionForm = `ALTER SESSION SET NLS_DATE_FORMAT = 'YYYY-MM-DD HH24:MI:SS'` +
	` NLS_TIMESTAMP_FORMAT = 'YYYY-MM-DD HH24:MI:SS.FF'` +
	` NLS_TIMESTAMP_TZ_FORMAT = 'YYYY-MM-DD HH24:MI:SS.FF TZH:TZM'` +
	` NLS_NUMERIC_CHARACTERS = '.,'`

// Dial opens a connection. The library does not end with a context while it waits for a
// handshake, so that the socket is closed under it.
func (p *peer) Dial(ctx context.Context) (pin.Link, error) {
	l := &link{peer: p}
	var mu sync.Mutex // a redirection dials again while ctx may end
	cfg := p.cfg
	cfg.TLSConfig = p.tls.Clone()
	cfg.RegisterDial(func(_ context.Context, network, address string) (net.Conn, error) {
		w, err := dialWire(ctx, network, address, p.tls == nil)
		if err != nil {
			return nil, err
		}
		mu.Lock()
		defer mu.Unlock()
		l.wire = w
		return w, nil
	})
	shut := func() {
		mu.Lock()
		defer mu.Unlock()
		if l.wire != nil {
			_ = l.wire.Close()
		}
	}
	stop := context.AfterFunc(ctx, shut)
	defer stop()
	err := l.open(&cfg)
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	if err != nil {
		shut()
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.links[l.id] = l
	return l, nil
}

// open logs on.
func (l *link) open(cfg *configurations.ConnectionConfig) (err error) {
	defer func() {
		if p := recover(); p != nil { // the library trusts what it reads
			err = fmt.Errorf("the server's answers are not those of an Oracle server: %v", p)
		}
	}()
	if l.conn, err = ora.NewConnection("", cfg); err != nil {
		return err
	}
	if err := l.conn.OpenWithContext(context.Background()); err != nil {
		return err
	}
	l.id = l.conn.SessionProperties["AUTH_SESSION_ID"] + "," + l.conn.SessionProperties["AUTH_SERIAL_NUM"]
	if r := l.Run(sessionForm, nil, nil); r.Err != nil {
		return r.Err
	}
	return nil
}

func (p *peer) forget(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.links, id)
}

// Identify asks for the identity. An instance that has no database open or mounted has its
// address for one.
func (p *peer) Identify(ctx context.Context, l pin.Link, ask pin.Asker) (driver.Identity, error) {
	id := driver.Identity{Product: "Oracle Database", Address: p.address(), Local: l.(*link).wire.Local()}
	rows, err := ask(ctx, "SELECT instance_number, instance_name, version, startup_time FROM v$instance")
	if err == nil && (len(rows.Rows) != 1 || len(rows.Rows[0]) != 4) {
		err = errors.New("V$INSTANCE has not one row of four columns")
	}
	if err != nil {
		return id, fmt.Errorf("V$INSTANCE cannot be read (GRANT SELECT ON SYS.V_$INSTANCE): %w", err)
	}
	instance := rows.Rows[0]
	id.Version = instance[2].Text()
	if id.Started, err = time.Parse(isoDate, instance[3].Text()); err != nil {
		return id, fmt.Errorf("STARTUP_TIME of V$INSTANCE: %w", err)
	}
	rows, err = ask(ctx, "SELECT dbid, name FROM v$database")
	switch fault, refused := errors.AsType[*action.Fault](err); {
	case err == nil && len(rows.Rows) == 1:
		id.Server = fmt.Sprintf("%s:%s:%s", plainText(rows.Rows[0][0]), plainText(rows.Rows[0][1]), plainText(instance[0]))
	case err == nil, refused && !fault.Lost && fault.Kind == action.KindRefused:
		id.Server = id.Address
	default:
		return id, err
	}
	return id, nil
}

func plainText(v action.Value) string {
	if i, ok := v.AsInt(); ok {
		return strconv.FormatInt(i, 10)
	}
	return v.Text()
}

// Interrupt breaks the statement of a session. The server's answer to a break that comes
// too late is taken by the statement without effect. CANCEL SQL is of Oracle 18c (SQL
// Language Reference, "ALTER SYSTEM", cancel_sql_clause); it ends the statement with the same
// error as a break, ORA-01013, and leaves the session.
func (p *peer) Interrupt(ctx context.Context, ask pin.Asker, id string) error {
	p.mu.Lock()
	l := p.links[id]
	p.mu.Unlock()
	if l == nil {
		return driver.ErrGone
	}
	if p.tls == nil {
		return l.wire.interrupt(ctx)
	}
	_, err := ask(ctx, "ALTER SYSTEM CANCEL SQL '"+id+"'")
	return gone(err)
}

var idForm = regexp.MustCompile(`^[0-9]{1,10},[0-9]{1,10}$`)

// End ends a session with its process, which closes the socket. KILL SESSION would mark the
// session, and leave the socket open until the next call. The database must be open for
// either (SQL Language Reference, "ALTER SYSTEM", end_session_clauses).
func (p *peer) End(ctx context.Context, ask pin.Asker, id string) error {
	if !idForm.MatchString(id) {
		return fmt.Errorf("%q is not a session of Oracle (sid,serial#)", id) // adopted ids come from a file
	}
	_, err := ask(ctx, "ALTER SYSTEM DISCONNECT SESSION '"+id+"' IMMEDIATE")
	return gone(err)
}

// Errors about the sessions of others.
const (
	noSuchSession  = 30
	markedForKill  = 31
	missingSession = 26
)

func gone(err error) error {
	fault, ok := errors.AsType[*action.Fault](err)
	if !ok {
		return err
	}
	switch code, _ := fault.Code.AsInt(); code {
	case noSuchSession, missingSession:
		return driver.ErrGone
	case markedForKill:
		return nil
	}
	return err
}

// Settle is a statement without effect.
func (p *peer) Settle() string { return "SELECT 1 FROM DUAL" }
