//go:build !linux

package watchdog

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"time"

	"github.com/starhost/starhost/journal"
)

var errNone = errors.New("only Linux has watchdogs")

// Init does nothing: there are no watchdogs here.
func Init(func(json.RawMessage) (Successor, error)) {}

// Watchdog is never there.
type Watchdog struct{}

// Start fails: only Linux freezes filesystems.
func Start() (*Watchdog, error) { return nil, errNone }

// Begin does nothing.
func (*Watchdog) Begin(Order) {}

// Ready fails.
func (*Watchdog) Ready(context.Context) error { return errNone }

// Dead returns nil.
func (*Watchdog) Dead() <-chan struct{} { return nil }

// Reason says that there is none.
func (*Watchdog) Reason() string { return errNone.Error() }

// Record does nothing.
func (*Watchdog) Record(journal.Record) {}

// Share fails.
func (*Watchdog) Share(*os.File) error { return errNone }

// End does nothing.
func (*Watchdog) End() {}

func (*Watchdog) ask(context.Context, ask) (answer, bool) { return answer{}, false }

func (*Watchdog) gone(time.Duration) bool { return true }
