package undo_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/journal"
	"github.com/starhost/starhost/undo"
)

// hand makes steps for several goroutines by calling answer with what they say.
type hand struct {
	mu     sync.Mutex
	made   []string
	answer func(ctx context.Context, text string) action.State
}

func (p *hand) Undo(ctx context.Context, _ undo.Hold, step action.Op) (action.State, string) {
	state := p.answer(ctx, step.Text())
	p.mu.Lock()
	defer p.mu.Unlock()
	p.made = append(p.made, step.Text()+" "+string(state))
	return state, ""
}

func (p *hand) saw(text string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Contains(p.made, text)
}

func unwindMembers(t *testing.T, u *undo.Unwinder, p *hand, ranks [][]string, list ...journal.Record) (*journal.Memory, []undo.Hold) {
	t.Helper()
	u.Log, u.Perform = journal.NewMemory(records(list...), time.Now), p
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	_, left := u.UnwindMembers(ctx, ranks, nil)
	return u.Log.(*journal.Memory), left
}

// Filesystems come first, then each rank, each member newest first, whoever is in no
// rank last; however new the hold is.
func TestUnwindMembersInTheirOrder(t *testing.T) {
	p := &hand{answer: func(context.Context, string) action.State { return journal.Done }}
	log, left := unwindMembers(t, &undo.Unwinder{}, p, [][]string{{"b"}, {"a"}},
		intent("", "fs", 1), intent("a", "old", 1), intent("b", "other", 1), intent("a", "new", 1), intent("gone", "nobody's", 1))
	if got := strings.Join(p.made, ", "); got != "give fs 0 done, give other 0 done, give new 0 done, give old 0 done, give nobody's 0 done" {
		t.Errorf("made %s", got)
	}
	if held := undo.Plan(log.Records()); len(left)+len(held) > 0 {
		t.Errorf("left %v, held by the journal %v", left, held)
	}
}

// Members of one rank are undone at the same time: each waits for the other.
func TestUnwindMembersTogether(t *testing.T) {
	var both sync.WaitGroup
	both.Add(2)
	p := &hand{answer: func(context.Context, string) action.State { both.Done(); both.Wait(); return journal.Done }}
	if _, left := unwindMembers(t, &undo.Unwinder{}, p, [][]string{{"a", "b"}}, intent("a", "x", 1), intent("b", "y", 1)); len(left) > 0 {
		t.Errorf("left %v", left)
	}
}

// A failure of a higher rank keeps the lower one waiting for one try, and is tried again
// beside it.
func TestUnwindMembersAfterAFailure(t *testing.T) {
	p := &hand{}
	p.answer = func(_ context.Context, text string) action.State {
		if text == "give high 0" && !p.saw("give low 0 done") {
			return journal.Failed
		}
		return journal.Done
	}
	_, left := unwindMembers(t, &undo.Unwinder{}, p, [][]string{{"b"}, {"a"}}, intent("a", "low", 1), intent("b", "high", 1))
	if len(left) > 0 || p.made[0] != "give high 0 failed" || p.made[len(p.made)-1] != "give high 0 done" {
		t.Errorf("left %v after %v", left, p.made)
	}
}

// What is left is named newest first, after so many tries of each.
func TestUnwindMembersGivesUp(t *testing.T) {
	p := &hand{answer: func(context.Context, string) action.State { return journal.Failed }}
	pause := func(context.Context, time.Duration) bool { return true }
	_, left := unwindMembers(t, &undo.Unwinder{Tries: 3, Pause: pause}, p, [][]string{{"a", "b"}}, intent("a", "1", 1), intent("b", "2", 1), intent("a", "3", 1))
	var names []string
	for _, h := range left {
		names = append(names, h.Name)
	}
	if fmt.Sprint(names) != "[3 2 1]" || len(p.made) != 9 {
		t.Errorf("left %v after %d attempts", names, len(p.made))
	}
}
