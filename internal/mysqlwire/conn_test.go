package mysqlwire

import (
	"net"
	"testing"
	"time"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/scripttest/worlds"
)

// A client that connects while the test ends, and says nothing, does not keep it from ending.
func TestLateClient(t *testing.T) {
	t.Parallel()
	world, err := worlds.New("mysql-8.4", action.Value{})
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{
		world: world, conns: map[*conn]bool{},
		stop: make(chan struct{}), changed: make(chan struct{}), running: make(chan struct{}),
	}
	close(s.stop)
	ours, theirs := net.Pipe()
	defer theirs.Close()
	ended := make(chan struct{})
	go func() {
		s.serve(ours)
		close(ended)
	}()
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Error("it waits for the client")
		_ = ours.Close()
		<-ended
	}
}
