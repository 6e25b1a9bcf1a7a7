// Package sigpipe writes to a pipe or a socket whose reader may be gone, without the
// signal.
//
// A command that wants to undo its work when nobody reads its output any more asks
// Go for SIGPIPE ([os/signal.Notify]), and from then on gets it for every descriptor:
// for a worker that was killed, or for a database server that hung up, too. Those are
// found out by the error of the write and mean something else. A signal that somebody
// else sends, and one for standard output, still comes.
//
// Its function may be called from several goroutines.
package sigpipe
