package postgres

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/host/driver/internal/pin"
)

// uncertain are the error codes, or their classes, that do not certify that the
// statement had no effect (PostgreSQL manual, appendix "Error Codes").
var uncertain = []string{
	"080",   // connection exception, but not 08P01: a message that was refused
	"40",    // transaction rollback: deadlock, serialization, completion unknown
	"57014", // query cancelled: pg_backup_stop, for one, has ended the backup by then
	"57P",   // operator intervention: shutdown, terminated, idle timeout
	"58",    // system error
	"XX",    // internal error
}

// stepwise are the first words of statements that are not one transaction. What
// they did before an error may stay.
var stepwise = []string{"CALL", "DO", "VACUUM", "REINDEX", "CLUSTER", "--", "/*"}

// certified reports whether the server, by answering a statement with this code,
// has certified that it was not applied. Everything else is rolled back.
func certified(query, code string) bool {
	if slices.ContainsFunc(uncertain, func(class string) bool { return strings.HasPrefix(code, class) }) {
		return false
	}
	query = strings.ToUpper(strings.TrimSpace(query))
	return !slices.ContainsFunc(stepwise, func(word string) bool { return strings.HasPrefix(query, word) }) &&
		!strings.Contains(query, "CONCURRENTLY") // leaves an invalid index behind
}

// failed is the result of a statement that ended with err.
func failed(query string, err error) action.Result {
	reply, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		return pin.LostResult(err)
	}
	state := action.Unknown
	if certified(query, reply.Code) {
		state = action.NotApplied
	}
	// FATAL and PANIC end the session.
	lost := reply.Severity == "FATAL" || reply.Severity == "PANIC" ||
		reply.SeverityUnlocalized == "FATAL" || reply.SeverityUnlocalized == "PANIC"
	kind := action.KindRefused
	if lost {
		kind = action.KindKilled
	}
	return action.Result{State: state, Err: &action.Fault{
		Kind: kind, Code: action.String(reply.Code), Message: message(reply), Lost: lost,
	}}
}

func message(reply *pgconn.PgError) string {
	text := fmt.Sprintf("%s: %s", reply.Code, reply.Message)
	if reply.Detail != "" {
		text += " (" + reply.Detail + ")"
	}
	return text
}

// plain is an error of connecting in the same words. The library's own repeats
// the server's words for each attempt.
func plain(err error) error {
	if reply, ok := errors.AsType[*pgconn.PgError](err); ok {
		return errors.New(message(reply))
	}
	if connecting, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return connecting.Unwrap()
	}
	return err
}
