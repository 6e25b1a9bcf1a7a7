package sock

import (
	"errors"
	"fmt"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// hangUp are the events of poll(2) by which a peer that has ended the connection
// is known even if there is unread data. POLLRDHUP is Linux's own.
const hangUp = unix.POLLRDHUP | unix.POLLHUP | unix.POLLERR

// watch closes ended when the peer has ended the connection. The returned
// function stops watching and shuts the socket down.
//
// It works on a duplicate of the descriptor, which has an entry of its own in the
// runtime's epoll set: nothing is read, the owner's reads are not disturbed, and
// no thread is taken. The runtime registers every descriptor for EPOLLRDHUP, edge
// triggered, so that the state is looked at with poll(2) at each edge.
func watch(conn net.Conn, ended chan<- struct{}) (stop func(), err error) {
	dup, err := duplicate(conn)
	if err != nil {
		return nil, fmt.Errorf("cannot watch the socket: %w", err)
	}
	raw, err := dup.SyscallConn()
	if err != nil {
		_ = dup.Close()
		return nil, fmt.Errorf("cannot watch the socket: %w", err)
	}
	var ours atomic.Bool // our own end looks like the peer's
	go func() {
		gone := false
		// The error is that of the descriptor having been closed: not the peer's doing.
		_ = raw.Read(func(fd uintptr) bool {
			gone = hungUp(int(fd))
			return gone
		})
		if gone && !ours.Load() {
			close(ended)
		}
	}()
	return func() {
		ours.Store(true)
		// A duplicate keeps the connection open at the peer until it is closed too,
		// which the runtime does when the watcher has let go; shut down at once.
		_ = raw.Control(func(fd uintptr) { _ = unix.Shutdown(int(fd), unix.SHUT_RDWR) })
		_ = dup.Close()
	}, nil
}

func duplicate(conn net.Conn) (*os.File, error) {
	sys, ok := conn.(syscall.Conn)
	if !ok {
		return nil, errors.New("it has no descriptor")
	}
	raw, err := sys.SyscallConn()
	if err != nil {
		return nil, err
	}
	fd := -1
	if ctlErr := raw.Control(func(s uintptr) {
		fd, err = unix.FcntlInt(s, unix.F_DUPFD_CLOEXEC, 0)
	}); ctlErr != nil {
		return nil, ctlErr
	}
	if err != nil {
		return nil, err
	}
	file := os.NewFile(uintptr(fd), "watched socket")
	// Only a descriptor that the runtime polls has deadlines.
	if err := file.SetReadDeadline(time.Time{}); err != nil {
		_ = file.Close()
		return nil, err
	}
	return file, nil
}

func hungUp(fd int) bool {
	fds := []unix.PollFd{{Fd: int32(fd), Events: hangUp}}
	n, err := unix.Poll(fds, 0)
	return err == nil && n > 0 && fds[0].Revents&hangUp != 0
}
