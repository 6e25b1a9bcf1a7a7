package oracle

import (
	sqldriver "database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/sijms/go-ora/v2/network"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/host/driver/internal/pin"
)

// Errors of the server, by number (Oracle, Database Error Messages).
var (
	// refusals certify that the statement was not begun, or was undone as a whole: the
	// words are wrong, the privilege or the state for it is missing.
	refusals = []int{
		1,     // unique constraint: the statement is rolled back
		26,    // missing or invalid session ID
		27,    // cannot kill current session
		30,    // no such session
		54,    // resource busy, NOWAIT given
		258,   // manual archiving in NOARCHIVELOG mode must identify the log
		1008,  // not all variables bound
		1031,  // insufficient privileges
		1036,  // illegal variable name or number
		1109,  // database not open
		1123,  // cannot start online backup; media recovery not enabled
		1128,  // cannot start online backup: a file is offline
		1142,  // cannot end online backup: no file is in backup
		1146,  // cannot start online backup: a file is already in backup
		1219,  // database not open: queries on fixed tables and views only
		1507,  // database not mounted
		2065,  // illegal option for ALTER SYSTEM
		2095,  // the parameter cannot be modified
		2097,  // the value is invalid
		2248,  // invalid option for ALTER SESSION
		16000, // database open for read-only access
	}
	// firstOfWords and lastOfWords bound the errors of parsing: ORA-00900 to ORA-00999.
	firstOfWords, lastOfWords = 900, 999
	// endings come with the end of the session.
	endings = []int{
		28,   // killed
		1012, // not logged on
		1033, // initialization or shutdown in progress
		1034, // not available
		1089, // immediate shutdown in progress
		1092, // instance terminated, disconnection forced
		2396, // exceeded maximum idle time
		2399, // exceeded maximum connect time
		3113, // end of file on communication channel
		3114, // not connected
		3135, // connection lost contact
		12528, 12537,
	}
)

const plsqlCompilation = 6550

// certified reports whether the server, by answering a statement with this error, has
// certified that it was not applied. A PL/SQL block, or a procedure, may have done a part of
// its work before it failed; one that could not be compiled has done nothing, unless the
// error is that of a block within it, which the stack of calls tells.
func certified(query string, code int, message string) bool {
	switch firstWord(query) {
	case "BEGIN", "DECLARE", "CALL":
		return code == plsqlCompilation && !strings.Contains(message, "ORA-06512")
	}
	return code >= firstOfWords && code <= lastOfWords || slices.Contains(refusals, code)
}

// failed is the result of a statement that ended with err.
func failed(query string, err error) action.Result {
	reply, ok := errors.AsType[*network.OracleError](err)
	if !ok && errors.Is(err, sqldriver.ErrBadConn) {
		return pin.LostResult(errors.New("the server has killed it, is shutting down or is not available " +
			"(one of ORA-00028, 01012, 01033, 01034, 01089, 03113, 03114, 03135)"))
	}
	if !ok {
		return pin.LostResult(err)
	}
	state := action.Unknown
	kind, lost := action.KindRefused, slices.Contains(endings, reply.ErrCode)
	switch {
	case lost:
		kind = action.KindKilled
	case certified(query, reply.ErrCode, reply.ErrMsg):
		state = action.NotApplied
	}
	return action.Result{State: state, Err: &action.Fault{
		Kind: kind, Code: action.Int(int64(reply.ErrCode)), Message: message(reply), Lost: lost,
	}}
}

// isReply reports whether the server has answered.
func isReply(err error) bool {
	reply, ok := errors.AsType[*network.OracleError](err)
	return ok && !slices.Contains(endings, reply.ErrCode)
}

// message is the server's text, in one line and without the place that the library adds.
func message(reply *network.OracleError) string {
	text := strings.TrimSpace(reply.ErrMsg)
	if text == "" {
		text = fmt.Sprintf("ORA-%05d", reply.ErrCode)
	}
	return strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' }), "; ")
}

// plain is an error of connecting in the same words.
func plain(err error) error {
	if reply, ok := errors.AsType[*network.OracleError](err); ok {
		return errors.New(message(reply))
	}
	if errors.Is(err, sqldriver.ErrBadConn) {
		return errors.New("the server ended the connection")
	}
	return err
}
