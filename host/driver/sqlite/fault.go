package sqlite

import (
	"errors"
	"slices"

	lib "modernc.org/sqlite/lib"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/host/driver/internal/pin"
)

// uncertain are the primary result codes that do not certify that the statement
// had no effect. All others are refusals or leave the statement rolled back
// (SQLite manual, "Result and Error Codes").
var uncertain = []int{
	lib.SQLITE_INTERRUPT, lib.SQLITE_ABORT, lib.SQLITE_INTERNAL, lib.SQLITE_NOMEM, lib.SQLITE_IOERR,
	lib.SQLITE_CORRUPT, lib.SQLITE_FULL, lib.SQLITE_PROTOCOL, lib.SQLITE_MISUSE,
}

func isBusy(code action.Value) bool {
	n, ok := code.AsInt()
	return ok && n&0xff == lib.SQLITE_BUSY
}

// failed is the result of a statement that ended with err.
func failed(err error) action.Result {
	reply, ok := errors.AsType[*failure](err)
	if !ok {
		return pin.LostResult(err) // out of memory for a copy of the text
	}
	state := action.NotApplied
	if slices.Contains(uncertain, reply.code&0xff) {
		state = action.Unknown
	}
	return action.Result{State: state, Err: &action.Fault{
		Kind: action.KindRefused, Code: action.Int(int64(reply.code)), Message: reply.Error(),
	}}
}
