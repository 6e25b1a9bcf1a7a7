package worker_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/pipe"
	"github.com/starhost/starhost/worker"
)

// jobs are what the workers of these tests can do.
var jobs = []worker.NamedJob{
	{Name: "concat", Do: concat},
	{Name: "fail", Do: func(context.Context, []byte, func(string) ([]byte, error), func([]byte) error) ([]byte, error) {
		return nil, fmt.Errorf("a reason: %w", &action.Fault{Kind: action.KindVerify, Message: "not so"})
	}},
	{Name: "fail plainly", Do: func(context.Context, []byte, func(string) ([]byte, error), func([]byte) error) ([]byte, error) {
		return nil, errors.New("a reason")
	}},
	{Name: "wait", Do: func(ctx context.Context, _ []byte, _ func(string) ([]byte, error), out func([]byte) error) ([]byte, error) {
		_ = out(nil)
		<-ctx.Done()
		return nil, fmt.Errorf("it has waited: %w", context.Cause(ctx))
	}},
	{Name: "spin", Do: alone(func([]byte) {
		for n := 0; ; n++ {
			runtime.KeepAlive(n)
		}
	})},
	{Name: "panic", Do: alone(func([]byte) { panic("at the disco") })},
	{Name: "panic elsewhere", Do: alone(func([]byte) {
		go func() { panic("at the disco") }()
		select {}
	})},
	{Name: "exit", Do: alone(func([]byte) { os.Exit(3) })},
	{Name: "stop", Do: alone(func([]byte) {
		_ = unix.Kill(os.Getpid(), unix.SIGSTOP)
		select {} // until every thread has stopped
	})},
	{Name: "hog", Do: alone(func([]byte) {
		for all := [][]byte{}; ; {
			all = append(all, bytes.Repeat([]byte("x"), 1<<20))
		}
	})},
	{Name: "recurse", Do: alone(func([]byte) { recurse(make([]byte, 1)) })},
	{Name: "raw", Do: alone(func(input []byte) { // over the pipe, past the package
		_, _ = unix.Write(4, input)
		select {}
	})},
	{Name: "hang up", Do: alone(func([]byte) {
		_ = unix.Close(4)
		select {}
	})},
	{Name: "large", Do: large},
	{Name: "large result", Do: func(ctx context.Context, input []byte, load func(string) ([]byte, error), _ func([]byte) error) ([]byte, error) {
		return large(ctx, input, load, func([]byte) error { return nil })
	}},
	{Name: "load for ever", Do: func(_ context.Context, _ []byte, load func(string) ([]byte, error), _ func([]byte) error) ([]byte, error) {
		for {
			_, _ = load("a")
		}
	}},
	{Name: "put out for ever", Do: func(_ context.Context, input []byte, _ func(string) ([]byte, error), out func([]byte) error) ([]byte, error) {
		for {
			_ = out(input)
		}
	}},
	{Name: "attack", Do: func(_ context.Context, input []byte, _ func(string) ([]byte, error), _ func([]byte) error) ([]byte, error) {
		name, host, _ := strings.Cut(string(input), " ")
		pid, _ := strconv.Atoi(host)
		return fmt.Append(nil, attacks[strings.ReplaceAll(name, "_", " ")](pid)), nil
	}},
}

// large puts out, then returns, as many bytes as its input says.
func large(_ context.Context, input []byte, _ func(string) ([]byte, error), out func([]byte) error) ([]byte, error) {
	n, err := strconv.Atoi(string(input))
	if err == nil {
		err = out(make([]byte, n))
	}
	if err != nil {
		return nil, err
	}
	return make([]byte, n), nil
}

// alone is a job that speaks to nobody and returns nothing.
func alone(do func(input []byte)) worker.Job {
	return func(_ context.Context, input []byte, _ func(string) ([]byte, error), _ func([]byte) error) ([]byte, error) {
		do(input)
		return nil, nil
	}
}

// recurse calls itself until the stack is full.
func recurse(x []byte) int {
	if len(x) == 0 {
		return 0
	}
	return 1 + recurse(append(x[:1:1], x[0]))
}

// concat loads the files of its input, each in a goroutine, puts out how long they are
// and returns them in the order of the input.
func concat(_ context.Context, input []byte, load func(string) ([]byte, error), out func([]byte) error) ([]byte, error) {
	names := strings.Fields(string(input))
	texts := make([][]byte, len(names))
	var all sync.WaitGroup
	for i, name := range names {
		all.Go(func() {
			text, err := load(name)
			if err != nil {
				text = []byte(err.Error())
			}
			texts[i] = text
			_ = out(fmt.Appendf(nil, "%d", len(text)))
		})
	}
	all.Wait()
	return bytes.Join(texts, []byte(" ")), nil
}

// do does a job, after which nothing is left of it.
func do(t *testing.T, ctx context.Context, opts worker.JobOptions) ([]byte, error) {
	t.Helper()
	before := runtime.NumGoroutine()
	got, err := worker.Do(ctx, opts)
	if err := unix.Waitid(unix.P_ALL, 0, nil, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil); !errors.Is(err, unix.ECHILD) {
		t.Errorf("a process is left: %v", err)
	}
	for late := time.Now().Add(2 * time.Second); runtime.NumGoroutine() > before; runtime.Gosched() {
		if time.Now().After(late) {
			t.Fatalf("%d goroutines before, %d after", before, runtime.NumGoroutine())
		}
	}
	return got, err
}

func TestJob(t *testing.T) {
	var lengths []string
	var said []worker.Feature
	got, err := do(t, t.Context(), worker.JobOptions{
		Name: "concat", Input: []byte("a missing bb large"),
		Load: func(name string) ([]byte, error) {
			switch name {
			case "missing":
				return nil, errors.New("there is none")
			case "large":
				return make([]byte, pipe.MaxFrame), nil
			}
			if len(said) == 0 {
				t.Error("it loads before the isolation is known")
			}
			return []byte(name + "\xff"), nil
		},
		Out:       func(data []byte) error { lengths = append(lengths, string(data)); return nil },
		Isolation: func(features []worker.Feature) error { said = features; return nil },
	})
	slices.Sort(lengths)
	want := "a\xff there is none bb\xff large has 1048576 bytes, at most 785664 can be sent"
	if err != nil || string(got) != want || strings.Join(lengths, " ") != "13 2 3 51" {
		t.Errorf("got %q, %v; put out %v", got, err, lengths)
	}
	for _, f := range said {
		if f.InForce == slices.Contains(expected(), f.Name) {
			t.Errorf("%+v", f)
		}
	}
	if len(said) != len(worker.Features) {
		t.Errorf("got %v", said)
	}
}

// TestJobSizes: what fits goes through, what does not is an error of the job.
func TestJobSizes(t *testing.T) {
	size := 0
	opts := worker.JobOptions{Name: "large", Input: fmt.Append(nil, worker.MaxData), Out: func(data []byte) error { size += len(data); return nil }}
	got, err := do(t, t.Context(), opts)
	if err != nil || len(got) != worker.MaxData || size != worker.MaxData {
		t.Errorf("got %d and %d bytes, %v", len(got), size, err)
	}
	opts.Input = fmt.Append(nil, worker.MaxData+1)
	_, err = do(t, t.Context(), opts)
	mustFail(t, err, action.KindInternal, "a piece of output has 785665 bytes, at most 785664 can be sent")
	opts.Name = "large result"
	_, err = do(t, t.Context(), opts)
	mustFail(t, err, action.KindInternal, "the result has 785665 bytes, at most 785664 can be sent")
	_, err = do(t, t.Context(), worker.JobOptions{Name: "concat", Input: make([]byte, worker.MaxData+1)})
	mustFail(t, err, action.KindScript, "the input has 785665 bytes, at most 785664 can be sent")
	_, err = do(t, t.Context(), worker.JobOptions{Name: "concat", Input: make([]byte, worker.MaxData)})
	if err != nil {
		t.Error(err)
	}
}

// TestJobEnds ends jobs in every way.
func TestJobEnds(t *testing.T) {
	frame := func(text string) []byte {
		return append(binary.BigEndian.AppendUint32(nil, uint32(len(text))), text...)
	}
	for name, c := range map[string]struct {
		opts worker.JobOptions
		kind action.Kind
		want string
	}{
		"error with a kind": {worker.JobOptions{Name: "fail"}, action.KindVerify, "a reason: not so"},
		"error without":     {worker.JobOptions{Name: "fail plainly"}, action.KindInternal, "a reason"},
		"unknown":           {worker.JobOptions{Name: "x"}, action.KindInternal, `this program has no job "x"`},
		"panic":             {worker.JobOptions{Name: "panic"}, action.KindInternal, `panic in the job "panic": at the disco`},
		"panic elsewhere":   {worker.JobOptions{Name: "panic elsewhere"}, action.KindKilled, `the process of the job "panic elsewhere" ended by itself, with status 2: panic: at the disco`},
		"exit":              {worker.JobOptions{Name: "exit"}, action.KindKilled, "ended by itself, with status 3"},
		"stop":              {worker.JobOptions{Name: "stop"}, action.KindKilled, `the process of the job "stop" was stopped by somebody, so it was killed`},
		"hog":               {worker.JobOptions{Name: "hog"}, action.KindMemory, `the job "hog" needs more memory than the 256 MiB it may have`},
		"hog less":          {worker.JobOptions{Name: "hog", Limits: worker.Limits{Memory: 64 << 20}}, action.KindMemory, "more memory than the 64 MiB"},
		"recurse":           {worker.JobOptions{Name: "recurse"}, action.KindMemory, `the job "recurse" needs more memory`},
		"processor time":    {worker.JobOptions{Name: "spin", Limits: worker.Limits{CPU: time.Second}}, action.KindTimeout, `the job "spin" used more than 1s of processor time`},
		"garbage":           {worker.JobOptions{Name: "raw", Input: []byte("garbage")}, action.KindKilled, `the process of the job "raw" was killed: a frame of 1734439522 bytes`},
		"a frame of a run":  {worker.JobOptions{Name: "raw", Input: frame(`{"do":{"sleep":{"seconds":1}}}`)}, action.KindKilled, "it sent do in a job"},
		"hang up":           {worker.JobOptions{Name: "hang up"}, action.KindKilled, "it closed its pipe"},
		"many loads":        {worker.JobOptions{Name: "load for ever"}, action.KindKilled, "it asked for 10001 files"},
		"much output":       {worker.JobOptions{Name: "put out for ever", Input: make([]byte, 700_000)}, action.KindKilled, "it put out more than 67108864 bytes"},
		"empty output":      {worker.JobOptions{Name: "put out for ever"}, action.KindKilled, "it put out more than 67108864 bytes"},
		"slow start":        {worker.JobOptions{Name: "concat", Limits: worker.Limits{Start: 1}}, action.KindTimeout, `the process of the job "concat" took longer than 1ns to start`},
	} {
		t.Run(name, func(t *testing.T) {
			if cgo() && (c.kind == action.KindMemory || name == "empty output") {
				t.Skip("the race detector has memory of its own, and is slow")
			}
			if name == "stop" {
				c.opts.Deny(worker.FeatureNamespaces) // the first process of one cannot stop itself
			}
			c.opts.Load = func(string) ([]byte, error) { return nil, nil }
			got, err := do(t, t.Context(), c.opts)
			if mustFail(t, err, c.kind, c.want); got != nil {
				t.Errorf("it returned %q", got)
			}
		})
	}
}

// A job whose context ends says how far it was, and is killed if it does not.
func TestJobCancelled(t *testing.T) {
	cause := &action.Fault{Kind: action.KindAborted, Message: "ended by SIGTERM"}
	for name, want := range map[string]string{
		"wait": "it has waited: ended by SIGTERM",
		"spin": `ended by SIGTERM; the job "spin" did not stop, and its process was killed`,
	} {
		ctx, cancel := context.WithCancelCause(t.Context())
		var began time.Time
		_, err := do(t, ctx, worker.JobOptions{Name: name, Isolation: func([]worker.Feature) error {
			time.AfterFunc(50*time.Millisecond, func() { began = time.Now(); cancel(cause) })
			return nil
		}})
		mustFail(t, err, action.KindAborted, want)
		if took := time.Since(began); took > time.Second {
			t.Errorf("%s: took %v", name, took)
		}
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	_, err := do(t, ctx, worker.JobOptions{Name: "concat"})
	mustFail(t, err, action.KindAborted, "ended by SIGTERM")
}

// An error of the caller's own functions ends the job and comes back as it is.
func TestJobRefused(t *testing.T) {
	no := errors.New("no")
	for _, opts := range []worker.JobOptions{
		{Name: "wait", Out: func([]byte) error { return no }},
		{Name: "wait", Isolation: func([]worker.Feature) error { return no }},
	} {
		if _, err := do(t, t.Context(), opts); !errors.Is(err, no) {
			t.Errorf("got %v", err)
		}
	}
}
