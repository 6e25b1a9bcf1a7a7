//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/starhost/starhost/action"
)

// faultEnv is "N:kind": what happens at the Nth action of a run. faultTime names a
// file that gets the time at which it happened.
const (
	faultEnv  = "STARHOST_TEST_FAULT"
	faultTime = "STARHOST_TEST_FAULT_TIME"
)

// faultKinds are the ways in which an action can go wrong. "lost" is an action
// that was made and whose answer never came.
var faultKinds = []string{"error", "lost", "panic", "timeout", "sigterm"}

// faultFromEnv returns the executor that makes an action go wrong.
func faultFromEnv() func(string, action.Executor) action.Executor {
	number, kind, ok := strings.Cut(os.Getenv(faultEnv), ":")
	if !ok {
		return nil
	}
	at, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		panic(err)
	}
	count := &atomic.Int64{}
	return func(_ string, ex action.Executor) action.Executor {
		return action.ExecutorFunc(func(ctx context.Context, a action.Action) (action.Result, error) {
			if count.Add(1) != at {
				return ex.Do(ctx, a)
			}
			return fault(ctx, kind, a, ex)
		})
	}
}

func fault(ctx context.Context, kind string, a action.Action, ex action.Executor) (action.Result, error) {
	switch kind {
	case "error":
		happened()
		return action.Refuse(action.KindScript, "injected error"), nil
	case "lost":
		_, err := ex.Do(ctx, a)
		happened()
		return action.Result{State: action.Unknown, Err: &action.Fault{Kind: action.KindScript, Message: "injected loss of the answer"}}, err
	case "panic":
		happened()
		panic("injected panic")
	case "timeout":
		<-ctx.Done()
		happened()
		return action.Result{State: action.Unknown, Err: &action.Fault{Kind: action.KindTimeout, Message: "injected timeout"}}, nil
	case "sigterm":
		happened()
		if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
			panic(err)
		}
		<-ctx.Done() // the signal has arrived
		return ex.Do(ctx, a)
	}
	panic("unknown fault " + kind)
}

// happened notes the time: from here on nothing may be held for longer than a second.
func happened() {
	path, text := os.Getenv(faultTime), fmt.Sprint(time.Now().UnixNano())
	err := os.WriteFile(path+".new", []byte(text), 0o600)
	if err = errors.Join(err, os.Rename(path+".new", path)); err != nil { // whole, or not there
		panic(err)
	}
}
