// Package terminal tells a terminal from a file or a pipe.
//
// It has no state; its function may be called from several goroutines.
package terminal

import "os"

// Is reports whether w is a terminal, at which somebody reads.
func Is(w any) bool {
	f, ok := w.(*os.File)
	return ok && isTerminal(f.Fd())
}
