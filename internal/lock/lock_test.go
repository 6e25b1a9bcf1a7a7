package lock

import (
	"errors"
	"testing"
)

func TestOneOwnerAtATime(t *testing.T) {
	dir := t.TempDir()
	l, err := Acquire(dir, "workload:orders", "run A")
	if err != nil {
		t.Fatal(err)
	}
	_, err = Acquire(dir, "workload:orders", "run B")
	if held := (*HeldError)(nil); !errors.As(err, &held) || held.Owner != "run A" {
		t.Fatalf("the second owner got %v, want a HeldError that names run A", err)
	}
	if got := Owner(dir, "workload:orders"); got != "run A" {
		t.Errorf("Owner is %q", got)
	}
	l.Release()
	if got := Owner(dir, "workload:orders"); got != "" {
		t.Errorf("after the release Owner is %q", got)
	}
	if l, err = Acquire(dir, "workload:orders", "run B"); err != nil {
		t.Fatal(err)
	}
	l.Release()
}
