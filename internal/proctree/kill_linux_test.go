package proctree

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/starhost/starhost/internal/procstate"
)

func TestKillSparesAPidUsedAgain(t *testing.T) {
	self, err := procstate.Read(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	p := process{self}
	p.Start += "0" // another process, which had our pid before
	if err := p.kill(); err == nil {
		t.Error("kill of a process that is gone succeeded")
	}
}

func TestRunNeedsInit(t *testing.T) {
	initialised.Store(false)
	defer initialised.Store(true)
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if _, err := (&Command{Path: "/bin/true"}).Run(ctx); !errors.Is(err, ErrStart) {
		t.Errorf("got %v, want ErrStart", err)
	}
}
