// Package mysqlwire is a stand-in for a MySQL server that cannot be had: MySQL 8.0, 8.4 and 9,
// as far as a client sees it on its connection. It answers with a world of package worlds.
//
// It rests on the chapter "Client/Server Protocol" of MySQL's source documentation and on the
// manual, and go-sql-driver/mysql is the only client that is known to log on to it. It shows
// what starhost does with such a server. It cannot show that a real one answers as its world does.
//
// There are no TLS, no prepared statements, no compression and no several statements at once:
// the driver uses none of them. Statements that the world does not know are errors of the test.
//
// A Server answers each connection from a goroutine of its own, one statement of the world
// at a time. The test changes the world through [Server.Do] alone. Everything ends with the test.
package mysqlwire

import (
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/starhost/starhost/scripttest/worlds"
)

// Options say who may log on and what goes wrong. The zero value is root without a password.
type Options struct {
	User, Password string
	// Native logs on by mysql_native_password, which 8.4 has switched off and 9 no longer has.
	// Otherwise it is caching_sha2_password.
	Native bool
	// TCP listens on a port of the loopback interface; Socket is then empty.
	TCP bool
	// Fault says what goes wrong with a statement, and may do it itself; nil is nothing. It is
	// called by the connections, so by several goroutines.
	Fault func(s *Server, query string) Fault
}

// Fault is what goes wrong with a statement.
type Fault int

// Faults.
const (
	None      Fault = iota
	Hang            // it is made, and answered when the session is killed
	CutBefore       // the connection ends and nobody has made it
	CutAfter        // it is made and the connection ends
)

// Server is a server that listens.
type Server struct {
	Socket  string // path of its unix socket, in a directory that the test may enter
	Address string // host:port, with TCP

	options  Options
	t        testing.TB
	listener net.Listener
	stop     chan struct{} // closed at the end
	all      sync.WaitGroup

	lock    sync.Mutex // guards what follows
	world   worlds.Server
	conns   map[*conn]bool
	asked   []string
	cached  bool          // the password is in the server's cache
	changed chan struct{} // closed when a statement was made
	running chan struct{} // closed while the server answers
}

// Start listens until the test ends.
func Start(t testing.TB, world worlds.Server, o Options) *Server {
	t.Helper()
	if o.User == "" {
		o.User = "root"
	}
	s := &Server{
		options: o, t: t, world: world, conns: map[*conn]bool{},
		stop: make(chan struct{}), changed: make(chan struct{}), running: make(chan struct{}),
	}
	close(s.running)
	s.listen()
	s.all.Go(s.accept)
	t.Cleanup(func() {
		close(s.stop)
		_ = s.listener.Close()
		s.Cut()
		s.all.Wait()
	})
	return s
}

func (s *Server) listen() {
	s.t.Helper()
	network, address := "tcp", "127.0.0.1:0"
	if !s.options.TCP {
		dir, err := os.MkdirTemp("", "mysqlwire") // a unix socket's path has at most 107 bytes
		if err != nil {
			s.t.Fatal(err)
		}
		s.t.Cleanup(func() { _ = os.RemoveAll(dir) })
		s.Socket = filepath.Join(dir, "s.sock")
		network, address = "unix", s.Socket
	}
	var err error
	if s.listener, err = net.Listen(network, address); err != nil {
		s.t.Fatal(err)
	}
	if s.options.TCP {
		s.Address = s.listener.Addr().String()
	}
}

func (s *Server) accept() {
	for {
		socket, err := s.listener.Accept()
		if err != nil {
			return // the test is over
		}
		s.all.Go(func() {
			defer socket.Close()
			if s.wait() {
				s.serve(socket)
			}
		})
	}
}

// Do has the test look at the world, or change it as an administrator does. Sessions that
// are not there afterwards are cut.
func (s *Server) Do(do func(worlds.Server)) {
	s.lock.Lock()
	defer s.lock.Unlock()
	do(s.world)
	s.settle()
}

// Asked returns the statements that were made until now.
func (s *Server) Asked() []string {
	s.lock.Lock()
	defer s.lock.Unlock()
	return append([]string(nil), s.asked...)
}

// Cut ends all connections, as a firewall does: their sessions end with them.
func (s *Server) Cut() {
	s.lock.Lock()
	defer s.lock.Unlock()
	for c := range s.conns {
		c.cut()
	}
}

// Pause has the server answer nobody, not even those that connect. Nothing is lost.
func (s *Server) Pause() {
	s.lock.Lock()
	defer s.lock.Unlock()
	s.running = make(chan struct{})
}

// Resume has a paused server go on.
func (s *Server) Resume() {
	s.lock.Lock()
	defer s.lock.Unlock()
	close(s.running)
}

// wait returns when the server answers; false at the end of the test.
func (s *Server) wait() bool {
	s.lock.Lock()
	running := s.running
	s.lock.Unlock()
	select {
	case <-running:
		return true
	case <-s.stop:
		return false
	}
}

// settle wakes those that wait, and cuts connections whose sessions are gone. The lock is held.
func (s *Server) settle() {
	close(s.changed)
	s.changed = make(chan struct{})
	for c := range s.conns {
		if !s.world.Alive(c.id) {
			c.end()
		}
	}
}
