package pipe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/starhost/starhost/action"
)

// A worker that neither answers nor reads is killed in time.
func TestSilentWorker(t *testing.T) {
	for name, c := range map[string]struct {
		send   []byte
		answer int // bytes of the answer to an action
	}{
		"computes":  {nil, 0},
		"reads not": {raw(`{"do":{"sql":{"session":"main","query":"Q"}}}`), 500_000},
	} {
		stop := make(chan struct{})
		f := open(t, func(conn net.Conn) {
			w := hostile(c.send)
			go func() { <-stop; _ = conn.Close() }()
			w(silent{conn, stop})
		})
		begin(t, f)
		ctx, cancel := context.WithTimeoutCause(t.Context(), 50*time.Millisecond, &action.Fault{Kind: action.KindTimeout, Message: "took too long"})
		began := time.Now()
		_, err := f.Call(ctx, "prescript", action.Dict(), action.ExecutorFunc(func(context.Context, action.Action) (action.Result, error) {
			return action.Result{State: action.Applied, Mounts: []string{strings.Repeat("x", c.answer)}}, nil
		}))
		cancel()
		close(stop)
		e := (*action.ScriptError)(nil)
		if !errors.As(err, &e) || e.Kind != action.KindTimeout || e.Msg != "took too long; the script did not stop, and its process was killed" || f.ended.Load() != 1 {
			t.Errorf("%s: %v", name, err)
		}
		if took := time.Since(began); took < Grace || took > 4*Grace {
			t.Errorf("%s: took %v", name, took)
		}
	}
}

// silent is a connection that reads nothing after the call.
type silent struct {
	net.Conn
	stop chan struct{}
}

func (s silent) Read(p []byte) (int, error) {
	n, err := s.Conn.Read(p)
	if strings.Contains(string(p[:n]), `"result"`) {
		<-s.stop
	}
	return n, err
}

// What a worker died of is what its owner says.
func TestDeath(t *testing.T) {
	for _, kind := range []action.Kind{action.KindMemory, action.KindTimeout, action.KindKilled} {
		dead := make(chan struct{})
		f := open(t, func(conn net.Conn) {
			go func() { <-dead; _ = conn.Close() }()
			hostile(raw(`{"do":{"sql":{"session":"main","query":"Q"}}}`))(conn)
		})
		f.died = &action.Fault{Kind: kind, Message: fmt.Sprintf("died of %s", kind)}
		begin(t, f)
		_, err := f.Call(t.Context(), "prescript", action.Dict(), action.ExecutorFunc(func(ctx context.Context, _ action.Action) (action.Result, error) {
			close(dead)
			<-ctx.Done()
			if fault := (*action.Fault)(nil); !errors.As(context.Cause(ctx), &fault) || fault.Kind != action.KindKilled {
				t.Errorf("the action ended for %v", context.Cause(ctx))
			}
			return action.Result{State: action.Unknown}, nil
		}))
		e := (*action.ScriptError)(nil)
		if !errors.As(err, &e) || e.Kind != kind || e.Msg != f.died.Message {
			t.Errorf("%s: %v", kind, err)
		}
	}
}
