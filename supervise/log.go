package supervise

import (
	"fmt"
	"slices"
	"strings"
	"sync"
)

// Bounds of the lines that are kept.
const (
	maxLines = 256
	maxLine  = 8 << 10
)

// lines keeps the last log lines until somebody takes them. It is safe for
// concurrent use, and never waits.
type lines struct {
	mu      sync.Mutex
	kept    []string
	dropped int
}

// Write keeps one line.
func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.kept) == maxLines {
		l.kept = l.kept[1:]
		l.dropped++
	}
	l.kept = append(l.kept, strings.TrimSuffix(string(p[:min(len(p), maxLine)]), "\n"))
	return len(p), nil
}

// all returns what was kept.
func (l *lines) all() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.dropped == 0 {
		return slices.Clone(l.kept)
	}
	return append([]string{fmt.Sprintf("%d older log lines were dropped", l.dropped)}, l.kept...)
}

// take returns what was kept, and forgets it.
func (l *lines) take() []string {
	list := l.all()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.kept, l.dropped = nil, 0
	return list
}
