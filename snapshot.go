package starhost

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/internal/proctree"
	"github.com/starhost/starhost/run"
)

// snapshotGrace is how long a snapshot command may clean up when its time is over,
// before it is killed with everything that it started.
const snapshotGrace = 200 * time.Millisecond

// Command returns a snapshot that is taken by a program, with our environment and
// in our working directory. argv[0] is looked up in PATH now, while nothing is held.
func Command(argv []string, stdout, stderr io.Writer) (func(context.Context, run.Snapshot) error, error) {
	path, err := exec.LookPath(argv[0])
	if err != nil {
		return nil, configError("snapshot command: %w", err)
	}
	dir, err := os.Getwd()
	if err != nil {
		return nil, configError("working directory: %w", err)
	}
	return func(ctx context.Context, s run.Snapshot) error {
		if text := run.WaitsForThaw(s.Frozen); text != "" && byBtrfs(argv) {
			return &action.Fault{Kind: action.KindSnapshot, Message: "snapshot command not started: " + text}
		}
		c := proctree.Command{
			Path: path, Argv: argv, Dir: dir, Stdout: stdout, Stderr: stderr, Grace: snapshotGrace,
			Env: append(os.Environ(),
				"STARHOST_RUN="+s.Run,
				"STARHOST_RECOVERY_POINT="+s.RecoveryPoint,
				"STARHOST_DEADLINE="+strconv.Itoa(max(int(s.Left.Seconds()), 0))),
		}
		r, err := c.Run(ctx)
		switch {
		case err != nil:
			return &action.Fault{Kind: action.KindSnapshot, Message: "snapshot command: " + err.Error()}
		case r.Signal != "":
			return &action.Fault{Kind: action.KindSnapshot, Message: fmt.Sprintf("snapshot command %s was ended by %s", argv[0], r.Signal)}
		case r.Code != 0:
			return &action.Fault{Kind: action.KindSnapshot, Message: fmt.Sprintf("snapshot command %s ended with exit code %d", argv[0], r.Code)}
		}
		return nil
	}, nil
}

// byBtrfs reports whether a command is btrfs subvolume snapshot, whose words may be cut
// short. One that a shell runs is ended by freeze_timeout.
func byBtrfs(argv []string) bool {
	words := slices.DeleteFunc(slices.Clone(argv), func(word string) bool { return strings.HasPrefix(word, "-") })
	return len(words) > 2 && filepath.Base(words[0]) == "btrfs" &&
		strings.HasPrefix("subvolume", words[1]) && strings.HasPrefix("snapshot", words[2])
}

// Manual returns a snapshot that somebody else takes meanwhile: it is over when a
// line comes from in, or something from taken. The end of in means that there is
// no snapshot. The goroutine that reads in ends with the next line or the end of
// it, which may be after the run.
func Manual(in io.Reader, taken <-chan os.Signal, ready func(run.Snapshot)) func(context.Context, run.Snapshot) error {
	return func(ctx context.Context, s run.Snapshot) error {
		line := make(chan error, 1)
		go func() { line <- waitLine(in) }()
		ready(s)
		select {
		case err := <-line:
			return err
		case <-taken:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// waitLine reads up to a newline, byte by byte: what follows is not ours.
func waitLine(in io.Reader) error {
	b := make([]byte, 1)
	for {
		n, err := in.Read(b)
		if n == 1 && b[0] == '\n' {
			return nil
		}
		if err != nil {
			return &action.Fault{Kind: action.KindAborted, Message: "standard input ended before a newline came: the snapshot was not taken"}
		}
	}
}
