package oracle

import (
	"context"
	sqldriver "database/sql/driver"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	ora "github.com/sijms/go-ora/v2"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/host/driver/internal/pin"
	"github.com/starhost/starhost/host/driver/internal/table"
)

// link is one connection. Its fields are not written to after Dial.
type link struct {
	peer *peer
	id   string
	conn *ora.Connection
	wire *wire
}

var _ pin.Link = (*link)(nil)

func (l *link) ID() string             { return l.id }
func (l *link) Ended() <-chan struct{} { return l.wire.Ended() }

// Break closes the socket.
func (l *link) Break() {
	l.peer.forget(l.id)
	_ = l.wire.Close()
}

// quitGrace bounds the goodbye, which waits for an answer.
const quitGrace = 20 * time.Millisecond

// Close says goodbye, so that the server does not have to find out.
func (l *link) Close() {
	l.peer.forget(l.id)
	_ = l.wire.Conn.SetDeadline(time.Now().Add(quitGrace))
	_ = l.conn.Close()
	_ = l.wire.Close()
}

// Run makes one statement. Rows are fetched in portions, so that a server need not be
// stopped when there are too many: no more are fetched.
func (l *link) Run(query string, params []action.Value, _ func()) action.Result {
	defer l.wire.idle()
	if refusal := unfit(params); refusal != nil {
		return *refusal
	}
	query = withoutComment(query)
	stmt := ora.NewStmt(query, l.conn)
	var r action.Result
	if returnsRows(query) {
		r = l.query(stmt, query, arguments(params))
	} else {
		r = action.Result{State: action.Applied}
		if _, err := stmt.ExecContext(context.Background(), arguments(params)); err != nil {
			r = failed(query, err)
		}
	}
	if r.Err != nil && r.Err.Lost {
		l.Break()
		return r
	}
	if err := stmt.Close(); err != nil && !isReply(err) {
		l.Break() // the result stands; the next statement is told that the session has ended
	}
	return r
}

func (l *link) query(stmt *ora.Stmt, query string, args []sqldriver.NamedValue) action.Result {
	found, err := stmt.QueryContext(context.Background(), args)
	if err != nil {
		return failed(query, err)
	}
	rows, ok := found.(*ora.DataSet)
	if !ok || len(rows.Columns()) == 0 {
		return action.Result{State: action.Applied}
	}
	t := table.New(rows.Columns(), nil)
	for t.Fault() == nil {
		cells := make([]sqldriver.Value, len(rows.Columns()))
		if err := rows.Next(cells); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return failed(query, err)
		}
		row := make([]action.Value, len(cells))
		for i, cell := range cells {
			if row[i], err = value(rows.ColumnTypeDatabaseTypeName(i), cell); err != nil {
				return action.Result{State: action.Applied, Err: &action.Fault{
					Kind: action.KindScript, Message: fmt.Sprintf("column %s: %v", rows.Columns()[i], err),
				}}
			}
		}
		t.Add(row)
	}
	return t.Result(action.Applied)
}

// withoutComment leaves out comments and space before the first word, which the library
// does not always recognise as such.
func withoutComment(query string) string {
	for {
		query = strings.TrimLeft(query, " \t\r\n")
		end, length := -1, 0
		switch {
		case strings.HasPrefix(query, "--"):
			end, length = strings.Index(query, "\n"), 1
		case strings.HasPrefix(query, "/*"):
			end, length = strings.Index(query, "*/"), 2
		}
		if end < 0 {
			return query
		}
		query = query[end+length:]
	}
}

// firstWord is in capital letters.
func firstWord(query string) string {
	word := strings.TrimLeft(withoutComment(query), "( \t\r\n")
	end := strings.IndexFunc(word, func(r rune) bool { return (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') })
	if end >= 0 {
		word = word[:end]
	}
	return strings.ToUpper(word)
}

func returnsRows(query string) bool {
	word := firstWord(query)
	return word == "SELECT" || word == "WITH"
}
