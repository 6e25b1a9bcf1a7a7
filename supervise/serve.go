package supervise

import (
	"errors"
	"net"
	"os"
	"runtime/debug"
	"time"
)

// open makes the ticket and the socket.
func (s *Supervisor) open() error {
	if err := os.MkdirAll(s.ticket.dir, 0o700); err != nil {
		return err
	}
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: s.ticket.file(socketFile), Net: "unix"})
	if err != nil {
		return err
	}
	s.listener = listener
	return errors.Join(os.Chmod(s.ticket.file(socketFile), 0o600), s.keepCrash(), s.ticket.write())
}

// keepCrash makes the Go runtime write why it gives up, if it does: standard error is
// /dev/null.
func (s *Supervisor) keepCrash() error {
	f, err := os.OpenFile(s.ticket.file(crashFile), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(debug.SetCrashOutput(f, debug.CrashOptions{}), f.Close())
}

// accept serves clients until the listener is closed.
func (s *Supervisor) accept() {
	for {
		conn, err := s.listener.AcceptUnix()
		if err != nil {
			return
		}
		if err := checkPeer(conn); err != nil {
			_, _ = s.log.Write([]byte(err.Error()))
			_ = conn.Close()
			continue
		}
		s.clients.Go(func() { s.serve(newLine(conn)) })
	}
}

// serve answers one post or abort.
func (s *Supervisor) serve(l *line) {
	defer l.close()
	f, err := l.receive(patience)
	if err != nil || f.Verb != Post && f.Verb != Abort {
		return
	}
	if !s.ask(f.Verb) {
		_ = l.send(frame{Busy: true})
		return
	}
	if s.beat(l, s.ended, nil) == nil {
		_ = l.send(frame{Ending: s.ending})
	}
}

// answerPre tells pre how far the run is, until it has answered or the run has ended.
func (s *Supervisor) answerPre(l *line) {
	defer l.close()
	if s.beat(l, s.quiesced, s.ended) != nil {
		return
	}
	if s.isDone(s.quiesced) {
		if l.send(frame{Quiesced: s.state}) != nil || s.beat(l, s.kept, s.ended) != nil {
			return
		}
	}
	if s.isDone(s.kept) {
		_ = l.send(frame{Kept: true})
		return
	}
	_ = l.send(frame{Ending: s.ending})
}

// hearPre waits for the answer of pre, or its end.
func (s *Supervisor) hearPre(l *line) {
	for {
		f, err := l.receive(0) // ends when answerPre closes the connection
		if err != nil {
			s.preGone()
			return
		}
		if f.Verb == keep {
			s.keep()
		}
	}
}

func (*Supervisor) isDone(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// beat waits for either of two events, and shows the client meanwhile that we live.
// The error is that the client is gone.
func (s *Supervisor) beat(l *line, a, b <-chan struct{}) error {
	tick := time.NewTicker(heartbeat)
	defer tick.Stop()
	for {
		select {
		case <-a:
			return nil
		case <-b:
			return nil
		case <-tick.C:
			if err := l.send(frame{Alive: true}); err != nil {
				return err
			}
		}
	}
}
