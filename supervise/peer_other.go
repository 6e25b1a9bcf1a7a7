//go:build !linux

package supervise

import (
	"errors"
	"net"

	"github.com/starhost/starhost/internal/pidfd"
)

var errNoPeer = errors.New("the other side has ended")

func peerOf(*net.UnixConn) (*pidfd.FD, error) { return nil, errNoPeer }

func checkPeer(*net.UnixConn) error { return errNoPeer }
