package supervise

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/internal/cgroup"
	"github.com/starhost/starhost/run"
)

// dialEnv names a socket that the test program connects to, as another user.
const dialEnv = "STARHOST_TEST_DIAL"

func TestMain(m *testing.M) {
	Init(lead)
	if path := os.Getenv(dialEnv); path != "" {
		conn, err := net.Dial("unix", path)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		_, _ = conn.Read(make([]byte, 1)) // until the other side has looked at us
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// lead is the run of a supervisor in these tests: a hold, and an ending that says what
// came of it.
func lead(s *Supervisor) Ending {
	var word string
	_ = json.Unmarshal(s.Order(), &word)
	if word == "describe" {
		return Ending{Refusal: &Refusal{Kind: RefusedInternal, Message: describe()}}
	}
	_, _ = s.Log().Write([]byte("before the hold\n"))
	r := &run.Report{Run: "R1", Held: []string{}, Phases: []run.Phase{}, Members: []run.MemberReport{}}
	err := s.Hold(s.Context(), Quiesced{Report: r, Left: time.Minute})
	if f, ok := errors.AsType[*action.Fault](err); ok {
		r.Exit, r.Error = run.ExitSnapshot, &run.Error{Kind: f.Kind, Message: f.Message, Stack: []string{}}
	}
	return Ending{Report: r}
}

func start(t *testing.T, word string) *Pending {
	t.Helper()
	p, err := Start(t.Context(), t.TempDir(), Claim{Workloads: []string{"orders"}}, word)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		if p.proc.wait(patience) {
			return
		}
		t.Error("the supervisor is still there")
		p.proc.kill()
	})
	return p
}

// pid finds the supervisor by its socket.
func pid(t *testing.T, p *Pending) int {
	t.Helper()
	return p.proc.process.Pid
}

// What the two sides say to each other, as far as pre is alive.
func TestConversation(t *testing.T) {
	tell := func(verb string) func(*testing.T, *Pending) {
		return func(t *testing.T, p *Pending) {
			e, err := ticketOf(t, p).Tell(t.Context(), verb)
			if err != nil {
				t.Fatal(err)
			}
			p.Ending = e
		}
	}
	kept := func(then func(*testing.T, *Pending)) func(*testing.T, *Pending) {
		return func(t *testing.T, p *Pending) {
			if err := p.Keep(); err != nil || p.Quiesced == nil {
				t.Fatalf("Keep: %v, %+v", err, p.Ending)
			}
			then(t, p)
		}
	}
	signal := func(t *testing.T, p *Pending) {
		if err := syscall.Kill(pid(t, p), syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		if !p.proc.wait(patience) {
			t.Fatal("the supervisor does not end")
		}
	}
	said := 1
	if cgroup.CanLeave() != nil {
		said++ // why not
	}
	for _, tt := range []struct {
		name    string
		do      func(*testing.T, *Pending)
		by      string
		kept    bool
		message string // "" is a snapshot
	}{
		{"post", kept(tell(Post)), Post, true, ""},
		{"abort", kept(tell(Abort)), Abort, true, "aborted by starhost abort"},
		{"signal, then post", kept(func(t *testing.T, p *Pending) { signal(t, p); tell(Post)(t, p) }), "", true, "terminated"},
		{"signal, then abort", kept(func(t *testing.T, p *Pending) { signal(t, p); tell(Abort)(t, p) }), "", true, "terminated"},
		{"pre without an answer", func(t *testing.T, p *Pending) {
			if err := p.Close(); err != nil {
				t.Fatal(err)
			}
		}, "", false, "pre ended before"},
		{"post before the answer", tell(Post), Post, false, "post came before"},
		{"abort before the answer", tell(Abort), Abort, false, "abort came before"},
		{"answer too late", func(t *testing.T, p *Pending) {
			tell(Post)(t, p)
			if err := p.Keep(); err != nil || p.Quiesced != nil {
				t.Errorf("Keep: %v, %+v", err, p.Quiesced)
			}
		}, Post, false, "post came before"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := start(t, "")
			if p.Quiesced == nil || p.Quiesced.Report.Run != "R1" || p.Quiesced.Left != time.Minute {
				t.Fatalf("got %+v", p.Quiesced)
			}
			tt.do(t, p)
			e := p.Ending
			if e == nil || e.By != tt.by || e.Kept != tt.kept || len(e.Log) != said {
				t.Fatalf("ending %+v", e)
			}
			if text := messageOf(e); (tt.message == "") != (text == "") || !strings.Contains(text, tt.message) {
				t.Errorf("message %q, want %q", text, tt.message)
			}
		})
	}
}

func messageOf(e *Ending) string {
	if e.Report.Error == nil {
		return ""
	}
	return e.Report.Error.Message
}

func ticketOf(t *testing.T, p *Pending) *Ticket {
	t.Helper()
	now, err := readTicket(p.dir, p.ID)
	if err != nil {
		t.Fatal(err)
	}
	return &now
}

// Only the first of several is answered, and a ticket is read until it is removed.
func TestOnlyOneIsAnswered(t *testing.T) {
	p := start(t, "")
	if err := p.Keep(); err != nil {
		t.Fatal(err)
	}
	ticket := ticketOf(t, p)
	type answer struct {
		e   *Ending
		err error
	}
	answers := make(chan answer)
	for range 4 {
		go func() {
			mine := *ticket
			e, err := mine.Tell(t.Context(), Post)
			answers <- answer{e, err}
		}()
	}
	endings := 0
	for range 4 {
		a := <-answers
		switch {
		case a.err == nil:
			endings++
		case !errors.Is(a.err, ErrBusy):
			t.Error(a.err)
		}
	}
	// One that comes after the end of the process reads the ticket.
	if endings < 1 {
		t.Error("nobody was answered")
	}
	if !p.proc.wait(patience) {
		t.Fatal("the supervisor does not end")
	}
	if e, err := ticket.Tell(t.Context(), Post); err != nil || e.By != Post {
		t.Errorf("after the end: %+v, %v", e, err)
	}
	if err := ticket.Remove(); err != nil {
		t.Fatal(err)
	}
	if _, err := ticket.Tell(t.Context(), Post); !errors.Is(err, ErrGone) {
		t.Errorf("after Remove: %v, want ErrGone", err)
	}
	if left, _ := os.ReadDir(p.dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// A supervisor that is killed, or stopped, is known for dead, and is so afterwards.
func TestKilledSupervisor(t *testing.T) {
	for _, tt := range []struct {
		name   string
		signal syscall.Signal
	}{{"killed", syscall.SIGKILL}, {"stopped", syscall.SIGSTOP}} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel() // a stopped one is waited for
			p := start(t, "")
			if err := p.Keep(); err != nil {
				t.Fatal(err)
			}
			ticket := ticketOf(t, p)
			if err := syscall.Kill(pid(t, p), tt.signal); err != nil {
				t.Fatal(err)
			}
			arrived(t, pid(t, p))
			if _, err := ticket.Tell(t.Context(), Post); !errors.Is(err, ErrDied) {
				t.Errorf("got %v, want ErrDied", err)
			}
			if !ticket.Kept || ticket.Run != "R1" {
				t.Errorf("ticket %+v", ticket)
			}
			if !p.proc.wait(patience) {
				t.Error("the supervisor is still there")
			}
			if err := ticket.Remove(); err != nil {
				t.Error(err)
			}
		})
	}
}

// arrived waits until no thread of a process runs any more: a signal takes a moment
// to reach all of them, in which one could still answer.
func arrived(t *testing.T, pid int) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for running := true; running; {
		if time.Now().After(deadline) {
			t.Fatalf("process %d goes on", pid)
		}
		running = false
		threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid)) // none: it is gone
		for _, path := range threads {
			text, _ := os.ReadFile(path)
			_, state, _ := strings.Cut(string(text), ") ")
			running = running || state != "" && !strings.ContainsAny(state[:1], "TZX")
		}
	}
}

// Whoever ends before pre has its answer is noticed by pre, and the other way round.
func TestStart(t *testing.T) {
	t.Run("supervisor killed", func(t *testing.T) {
		p := start(t, "")
		p.proc.kill()
		if err := p.Keep(); !errors.Is(err, ErrDied) {
			t.Errorf("got %v, want ErrDied", err)
		}
		if p.Run != "R1" {
			t.Errorf("run %q", p.Run)
		}
	})
	t.Run("context ended", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		p, err := Start(ctx, t.TempDir(), Claim{Workloads: []string{"orders"}}, "")
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Close(); err != nil || p.Ending == nil || !strings.Contains(messageOf(p.Ending), "pre ended") {
			t.Errorf("%+v, %v", p.Ending, err)
		}
		if !p.proc.wait(patience) {
			t.Error("the supervisor is still there")
		}
	})
	t.Run("runtime directory", func(t *testing.T) {
		p, err := Start(t.Context(), "/proc/none", Claim{Workloads: []string{"orders"}}, "")
		if err != nil {
			t.Fatal(err)
		}
		if p.Ending == nil || p.Ending.Refusal == nil || p.Ending.Refusal.Kind != RefusedConfig {
			t.Errorf("got %+v", p.Ending)
		}
	})
}

// Rubbish, silence and strangers do not disturb a hold.
func TestRubbishOnTheSocket(t *testing.T) {
	p := start(t, "")
	if err := p.Keep(); err != nil {
		t.Fatal(err)
	}
	ticket := ticketOf(t, p)
	for _, text := range []string{"", "\n", "{}\n", "{\"verb\":\"keep\"}\n", "{\"verb\":\"thaw\"}\n", "\x00\xff\n", "[1]\n", strings.Repeat("[", 1<<20) + "\n"} {
		conn, err := net.Dial("unix", ticket.file(socketFile))
		if err != nil {
			t.Fatal(err)
		}
		_, _ = conn.Write([]byte(text))
		_ = conn.(*net.UnixConn).CloseWrite()
		_ = conn.SetReadDeadline(time.Now().Add(patience))
		if n, _ := conn.Read(make([]byte, 1)); n > 0 {
			t.Errorf("%.20q was answered", text)
		}
		_ = conn.Close()
	}
	if e, err := ticket.Tell(t.Context(), Post); err != nil || messageOf(e) != "" {
		t.Errorf("post after that: %+v, %v", e, err)
	}
	if err := ticket.Remove(); err != nil {
		t.Error(err)
	}
}
