package run

import (
	"maps"
	"math/bits"
	"slices"
	"sync"

	"github.com/rs/zerolog"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/undo"
)

// failures count the attempts of undos that failed, for the log: an undo that keeps
// failing is tried dozens of times, and says the same each time. The zero value is
// ready; methods may be called from several goroutines.
type failures struct {
	mu   sync.Mutex
	seen map[failedStep]*failure
}

// failedStep is one step of the undo of one action.
type failedStep struct {
	of   int // the action's number in the journal
	undo string
}

type failure struct {
	hold undo.Hold
	text string // of the last attempt
	n    int
	told int // n of the last line in the log
}

// add notes an attempt. It is logged if it is the first one, if it says something else
// than the one before, and at every power of two.
func (f *failures) add(log *zerolog.Logger, h undo.Hold, step action.Op, text string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.seen == nil {
		f.seen = map[failedStep]*failure{}
	}
	key := failedStep{h.Of, step.Text()}
	it := f.seen[key]
	if it == nil {
		it = &failure{hold: h}
		f.seen[key] = it
	}
	same := text == it.text
	it.text, it.n = text, it.n+1
	if same && bits.OnesCount(uint(it.n)) != 1 {
		return
	}
	it.told = it.n
	it.line(log, key).Int("try", it.n).Msg("undo failed: " + text)
}

// total logs how often each undo failed whose last attempt had no line.
func (f *failures) total(log *zerolog.Logger) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, key := range slices.SortedFunc(maps.Keys(f.seen), func(a, b failedStep) int { return a.of - b.of }) {
		if it := f.seen[key]; it.n > it.told {
			it.line(log, key).Int("tries", it.n).Msg("undo failed, in all: " + it.text)
		}
	}
}

func (f *failure) line(log *zerolog.Logger, key failedStep) *zerolog.Event {
	return log.Error().Str("workload", f.hold.Member).Str("hold", f.hold.Name).Str("undo", key.undo)
}
