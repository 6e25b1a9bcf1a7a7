//go:build linux

package main

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/starhost/starhost/internal/testcaller"
)

// The guest agent of Google runs the scripts of /etc/google/snapshots when its service
// asks it to, and answers with what they ended with.
func TestGoogleGuestAgent(t *testing.T) {
	agent := testcaller.Require(t, "google-guest-agent")
	const (
		pre, post          = 1, 2 // types of operations
		noError, unhandled = 0, 4 // codes of the agent
	)
	for _, tt := range []struct {
		name   string
		broken bool
		ask    []int // types of operations, each with the codes of the answer
		script []int
		agent  []int
		want   []string
	}{
		{"ok", false, []int{pre, post}, []int{0, 0}, []int{noError, noError}, []string{"pre 1/2,3/4 0", "snapshot held", "post 1/2,3/4 0"}},
		{"pre fails: the service takes no snapshot and asks for nothing more", true, []int{pre}, []int{3}, []int{unhandled}, []string{"pre 1/2,3/4 3"}},
		{"post without a pre", false, []int{post}, []int{0}, []int{noError}, []string{"post 1/2,3/4 0"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, "")
			if tt.broken {
				s.breakIt()
			}
			room := testcaller.NewRoom(t)
			for _, word := range []string{"pre", "post"} {
				// It waits for the end of the streams that we inherit.
				room.Put(t, "/etc/google/snapshots/"+word+".sh", s.shell(fmt.Sprintf("%s hook gcp %s \"$@\"\ncode=$?\necho \"%[2]s $* $code\" >>%[3]s\nexit $code", s.command.ourselves(), word, s.notes)), 0o700)
			}
			room.Put(t, "/etc/default/instance_configs.cfg", googleConfig, 0o644)
			service := startGoogleAgent(t, room, agent)
			take := s.script("snapshot", s.snapshot())
			for i, operation := range tt.ask {
				script, code := service.ask(t, i+1, operation, "1/2,3/4")
				if script != tt.script[i] || code != tt.agent[i] {
					t.Errorf("operation %d: the script ended with %d, the agent says %d; want %d, %d\n%s", operation, script, code, tt.script[i], tt.agent[i], s.command.said())
				}
				if operation == pre && code == noError {
					if err := exec.Command(take).Run(); err != nil {
						t.Fatal(err)
					}
				}
			}
			s.noted(tt.want...)
		})
	}
}

// googleConfig turns off what has nothing to do with snapshots.
const googleConfig = `[Snapshots]
enabled = true
snapshot_service_ip = 127.0.0.1
snapshot_service_port = 8081
[InstanceSetup]
network_enabled = false
optimize_local_ssd = false
set_multiqueue = false
[Daemons]
accounts_daemon = false
clock_skew_daemon = false
network_daemon = false
`

// snapshotService is the service that the agent waits for the questions of: gRPC, whose
// messages are so few that they are written by hand.
type snapshotService struct {
	questions chan []byte
	answers   chan []byte
}

// startGoogleAgent starts an agent and its service, in a network of their own.
func startGoogleAgent(t *testing.T, room *testcaller.Room, agent testcaller.Package) *snapshotService {
	t.Helper()
	cmd := room.Command(agent, "sh", "-c", "echo there; read -r _; exec /usr/bin/google_guest_agent noservice")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	testcaller.StartKept(t, cmd)
	out := bufio.NewReader(stdout)
	if _, err := out.ReadString('\n'); err != nil {
		t.Fatalf("the agent is not there: %v", err)
	}
	s := &snapshotService{make(chan []byte), make(chan []byte, 8)}
	protocols := &http.Protocols{}
	protocols.SetUnencryptedHTTP2(true)
	server := &http.Server{Handler: s, Protocols: protocols, ReadHeaderTimeout: time.Minute}
	listener := testcaller.Listen(t, cmd.Process.Pid, "127.0.0.1:8081")
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	if _, err := io.WriteString(stdin, "go\n"); err != nil {
		t.Fatal(err)
	}
	go func() { _, _ = io.Copy(io.Discard, out) }()
	return s
}

func (s *snapshotService) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/grpc")
	w.Header().Set("Trailer", "Grpc-Status")
	message, err := readMessage(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	defer w.Header().Set("Grpc-Status", "0")
	if strings.HasSuffix(r.URL.Path, "/HandleResponsesFromGuest") {
		s.answers <- message
		_, _ = w.Write(frame(nil))
		return
	}
	flush := http.NewResponseController(w)
	for _ = flush.Flush(); ; _ = flush.Flush() {
		select {
		case question := <-s.questions:
			_, _ = w.Write(frame(question))
		case <-r.Context().Done():
			return
		}
	}
}

// ask asks for an operation and returns what the script ended with and what the agent
// says.
func (s *snapshotService) ask(t *testing.T, id, operation int, disks string) (script, agent int) {
	t.Helper()
	request := append([]byte{1 << 3, byte(id), 2<<3 | 2, byte(len(disks))}, disks...)
	request = append(request, 3<<3, byte(operation))
	timeout := time.After(30 * time.Second)
	select {
	case s.questions <- append([]byte{1<<3 | 2, byte(len(request))}, request...):
	case <-timeout:
		t.Fatal("the agent does not wait for questions")
	}
	select {
	case answer := <-s.answers:
		fields, err := varints(answer)
		if err != nil || fields[1] != uint64(id) {
			t.Fatalf("the answer to %d is %v, %v", id, fields, err)
		}
		return int(fields[2]), int(fields[3])
	case <-timeout:
		t.Fatal("the agent does not answer")
	}
	return 0, 0
}

// frame is a message as gRPC sends it: not compressed, after its length.
func frame(message []byte) []byte {
	return append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(message))), message...)
}

func readMessage(r io.Reader) ([]byte, error) {
	var head [5]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	message := make([]byte, binary.BigEndian.Uint32(head[1:])&0xFFFF)
	_, err := io.ReadFull(r, message)
	return message, err
}

// varints reads a message all of whose fields are numbers.
func varints(message []byte) (map[int]uint64, error) {
	fields := map[int]uint64{}
	for len(message) > 0 {
		key, n := binary.Uvarint(message)
		value, m := binary.Uvarint(message[max(n, 0):])
		if n <= 0 || m <= 0 || key&7 != 0 {
			return fields, errors.New("this is not a message of numbers")
		}
		fields[int(key>>3)], message = value, message[n+m:]
	}
	return fields, nil
}
