package mysql

import (
	sqldriver "database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-sql-driver/mysql"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/host/driver/internal/pin"
)

// Errors of the server, by number (MySQL error reference; 1927 and 1969 are
// MariaDB's own).
var (
	// uncertain do not certify that the statement had no effect: it was interrupted
	// at a point nobody knows, or failed while its work was being made durable.
	uncertain = []uint16{
		1053, // server shutdown in progress
		1180, // error during COMMIT
		1213, // deadlock: the transaction, more than the statement, was rolled back
		1317, // query execution was interrupted
		1026, // error writing a file
		1021, // disk full
		1030, // error from the storage engine
		1969, // max_statement_time
		3024, // max_execution_time
	}
	// ending come just before the server closes the connection.
	ending = []uint16{1152, 1158, 1159, 1160, 1161, 1184, 1927, 3169, 4031}
)

// lockWaitTimeout is ER_LOCK_WAIT_TIMEOUT.
const lockWaitTimeout = 1205

// stepwise are the first words of statements that may have done a part of their
// work before an error: procedures and compound statements, and, on tables without
// transactions, statements about several rows. A comment hides what follows it.
var stepwise = []string{
	"CALL", "BEGIN", "EXECUTE", "LOAD", "INSERT", "REPLACE", "UPDATE", "DELETE", "/*", "--", "#",
}

// certified reports whether the server, by answering a statement with this error
// and nothing else, has certified that the statement was not applied: it refused
// it, or rolled it back.
func certified(query string, code uint16) bool {
	if slices.Contains(uncertain, code) || slices.Contains(ending, code) {
		return false
	}
	query = strings.ToUpper(strings.TrimSpace(query))
	if code == lockWaitTimeout && strings.HasPrefix(query, "FLUSH") {
		// MySQL takes the global read lock first, then waits for tables that are read. When
		// it gives up there, the session keeps the lock (measured on 5.6).
		return false
	}
	return !slices.ContainsFunc(stepwise, func(word string) bool { return strings.HasPrefix(query, word) })
}

// failed is the result of a statement that ended with err. Begun says that the
// server had sent part of the result before.
func failed(query string, err error, begun bool) action.Result {
	if reply, ok := errors.AsType[*mysql.MySQLError](err); ok {
		state := action.Unknown
		if !begun && certified(query, reply.Number) {
			state = action.NotApplied
		}
		kind, lost := action.KindRefused, slices.Contains(ending, reply.Number)
		if lost {
			kind = action.KindKilled
		}
		return action.Result{State: state, Err: &action.Fault{
			Kind: kind, Code: action.Int(int64(reply.Number)), Message: message(reply), Lost: lost,
		}}
	}
	switch {
	case errors.Is(err, sqldriver.ErrSkip):
		// What the library says when it cannot put the parameters in their places.
		return action.Refuse(action.KindScript, "the statement and its parameters do not fit: "+
			"there must be one ? for each parameter, outside of quotes and comments, and together at most max_allowed_packet bytes")
	case errors.Is(err, mysql.ErrPktTooLarge):
		return action.Refuse(action.KindScript, "the statement is too long to be sent")
	}
	return pin.LostResult(err)
}

// message is the text of a reply as the mysql command shows it.
func message(reply *mysql.MySQLError) string {
	if reply.SQLState == [5]byte{} {
		return fmt.Sprintf("%d: %s", reply.Number, reply.Message)
	}
	return fmt.Sprintf("%d (%s): %s", reply.Number, reply.SQLState[:], reply.Message)
}

// plain is an error of connecting in the same words.
func plain(err error) error {
	if reply, ok := errors.AsType[*mysql.MySQLError](err); ok {
		return errors.New(message(reply))
	}
	return err
}
