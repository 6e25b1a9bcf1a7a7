package proctree

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Descriptors of a keeper with read ends of the program's output, if it may have to leave
// something. Both are the same if the output is.
const (
	stdoutFD = 5
	stderrFD = 6
)

// leave tells the keeper that what the program has left is to be left alone. Without
// this word it is killed: also if we die before we can say it.
func (f *flight) leave() bool {
	return json.NewEncoder(f.request).Encode(true) == nil
}

// share gives the keeper a read end of ours as well. It is a duplicate because whoever
// starts a process makes the descriptors that he passes on blocking.
func (p *pipes) share(f *os.File) {
	if p.err != nil {
		return
	}
	conn, err := f.SyscallConn()
	if err != nil {
		p.err = err
		return
	}
	fd := -1
	if failed := conn.Control(func(from uintptr) { fd, err = unix.FcntlInt(from, unix.F_DUPFD_CLOEXEC, 0) }); failed != nil {
		err = failed
	}
	if err != nil {
		p.err = os.NewSyscallError("fcntl", err)
		return
	}
	p.theirs = append(p.theirs, os.NewFile(uintptr(fd), f.Name()))
}

// stop ends our reading of a stream that others may write to for ever. What stood in the
// pipe before is still taken, see rest.
func (o *output) stop() { _ = o.from.SetReadDeadline(time.Unix(1, 0)) }

// rest takes what stands in the pipe, without waiting for more.
func (o *output) rest() {
	conn, err := o.from.SyscallConn()
	if err != nil {
		return
	}
	var text []byte
	_ = conn.Control(func(fd uintptr) { // text stays empty if it fails
		n, err := unix.IoctlGetInt(int(fd), unix.TIOCINQ)
		if err != nil || n <= 0 {
			return
		}
		text = make([]byte, n)
		n, err = unix.Read(int(fd), text)
		for errors.Is(err, unix.EINTR) {
			n, err = unix.Read(int(fd), text)
		}
		text = text[:max(n, 0)]
	})
	_, _ = o.Write(text) // a sink has no errors
}

// listen reads what the host says after the request: true is the word to leave alone
// what is there, the end of the pipe is the word to end the tree, or to begin to drain.
func (k *keeper) listen(dec *json.Decoder, input *os.File) {
	leave, cut := make(chan struct{}), make(chan struct{})
	k.leave, k.cut = leave, cut
	go func() {
		var word bool
		if dec.Decode(&word) == nil && word {
			close(leave)
		}
		_, _ = io.Copy(io.Discard, input)
		_ = input.Close()
		close(cut)
	}()
}

// told waits for the word of the host, and reports whether it is to leave what is there.
func (k *keeper) told() bool {
	select {
	case <-k.leave:
	case <-k.cut:
	}
	select {
	case <-k.leave: // it came first, if it came
		return true
	default:
		return false
	}
}

// letGo leaves alone what the program has left, and reads what that writes until
// nobody can write any more. It is still the parent of the orphans it has got, and reaps
// them; those to come are somebody else's.
func (k *keeper) letGo() {
	if k.reap() {
		k.report(report{Event: gone}) // there is nobody
		return
	}
	_ = unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0) // we would reap some more
	k.report(report{Event: released})
	_ = k.toHost.Close()
	<-k.cut // until then the host reads
	done := drainAll()
	for {
		k.reap()
		select {
		case <-k.wake:
		case <-done:
			return
		}
	}
}

// drainAll reads the streams to their ends. The channel is closed then.
func drainAll() <-chan struct{} {
	var reading sync.WaitGroup
	for _, fd := range []uintptr{stdoutFD, stderrFD} {
		from := os.NewFile(fd, "output")
		reading.Go(func() {
			_, _ = io.Copy(io.Discard, from)
			_ = from.Close()
		})
	}
	done := make(chan struct{})
	go func() {
		reading.Wait()
		close(done)
	}()
	return done
}

// leavesAfter reports whether c leaves alone what a program that ended so has left.
func (c *Command) leavesAfter(status syscall.WaitStatus) bool {
	return status.Exited() && c.leaves(status.ExitStatus())
}
