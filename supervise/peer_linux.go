package supervise

import (
	"errors"
	"fmt"
	"net"
	"os"

	"golang.org/x/sys/unix"

	"github.com/starhost/starhost/internal/pidfd"
)

// errNoPeer says that the other side of a connection has ended.
var errNoPeer = errors.New("the other side has ended")

// peerOf returns the process that listens where we have connected to; it must be root's
// or ours.
func peerOf(conn *net.UnixConn) (*pidfd.FD, error) {
	cred, err := credentials(conn)
	if err != nil {
		return nil, err
	}
	p, err := pidfd.Open(int(cred.Pid))
	if errors.Is(err, unix.ESRCH) {
		return nil, errNoPeer
	}
	if err != nil {
		return nil, fmt.Errorf("process %d: %w", cred.Pid, err)
	}
	// The number was that of the listener when it began to listen. It still was when
	// we opened it, if the connection has not ended by now.
	if ended(conn) {
		p.Close()
		return nil, errNoPeer
	}
	return &p, nil
}

// checkPeer makes sure that the other side is root's or ours.
func checkPeer(conn *net.UnixConn) error {
	_, err := credentials(conn)
	return err
}

func credentials(conn *net.UnixConn) (*unix.Ucred, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	var cred *unix.Ucred
	var cerr error
	err = raw.Control(func(fd uintptr) {
		cred, cerr = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	})
	if err = errors.Join(err, cerr); err != nil {
		return nil, err
	}
	if cred.Uid != 0 && int(cred.Uid) != os.Geteuid() {
		return nil, fmt.Errorf("uid %d is on the control socket, only root and uid %d may be", cred.Uid, os.Geteuid())
	}
	return cred, nil
}

// ended reports whether the connection has ended with nothing left to read.
func ended(conn *net.UnixConn) bool {
	raw, err := conn.SyscallConn()
	if err != nil {
		return true
	}
	n, rerr := 0, error(nil)
	err = raw.Control(func(fd uintptr) {
		n, _, rerr = unix.Recvfrom(int(fd), make([]byte, 1), unix.MSG_PEEK|unix.MSG_DONTWAIT)
	})
	return err != nil || rerr == nil && n == 0 || rerr != nil && !errors.Is(rerr, unix.EAGAIN)
}
