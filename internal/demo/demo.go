// Package demo leads a whole run on an embedded SQLite database with a live
// writer, and checks the snapshot: nothing needs to be installed.
//
// The writer is a goroutine of its own that ends with [Run]. Everything is in one
// temporary directory, which is removed.
package demo

import (
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite" of database/sql

	"github.com/starhost/starhost"
	"github.com/starhost/starhost/config"
	"github.com/starhost/starhost/run"
)

//go:embed demo.star
var script []byte

// The snapshot of the demo copies files through the page cache, which sees every
// write: it needs no filesystem freeze, and says so.
const configText = `[workload "demo"]
workload_name = sqlite
script = demo.star
connection = sqlite://%s
fs_freeze = snapshot
`

// settle is how many rows the writer commits before and after the run.
const settle = 200

// Result is what came out of a demo.
type Result struct {
	Report *run.Report
	// Restored is how many rows the copy has, Counted how many the script counted
	// while it held the lock, Acknowledged how many the writer knew of when the
	// snapshot was taken (it may not have heard of the last one), After how many it
	// committed later.
	Restored, Counted, Acknowledged, After int
	Intact                                 bool // PRAGMA integrity_check of the copy says ok
}

// Exact reports whether the copy is what it has to be: every row that was committed
// before the snapshot and none that came after.
func (r Result) Exact() bool {
	return r.Intact && r.Restored == r.Counted && r.Restored >= r.Acknowledged
}

// Run leads the run. prepare, if not nil, may change the options.
func Run(ctx context.Context, prepare func(*starhost.Options)) (res Result, err error) {
	dir, err := tempDir()
	if err != nil {
		return res, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	w, err := startWriter(ctx, filepath.Join(dir, "live.db"))
	if err != nil {
		return res, err
	}
	defer func() { err = errors.Join(err, w.stop()) }()
	if err := w.reach(ctx, settle); err != nil {
		return res, err
	}
	o, err := options(dir)
	if err != nil {
		return res, err
	}
	o.Snapshot = func(context.Context, run.Snapshot) error {
		res.Acknowledged = int(w.acknowledged.Load())
		return copyDatabase(filepath.Join(dir, "live.db"), filepath.Join(dir, "copy.db"))
	}
	if prepare != nil {
		prepare(&o)
	}
	if res.Report, err = starhost.Run(ctx, o); err != nil || res.Report.Verdict == run.NoVerdict {
		return res, err
	}
	counted, _ := res.Report.Members[0].RecoveryPoint.Before.Get("rows").AsInt()
	res.Counted = int(counted)
	if err := w.reach(ctx, int64(res.Acknowledged+settle)); err != nil {
		return res, err
	}
	res.After = int(w.acknowledged.Load()) - res.Acknowledged
	res.Restored, res.Intact, err = inspect(ctx, filepath.Join(dir, "copy.db"))
	return res, err
}

// tempDir prefers memory: a demo should not wait for a slow disk, nor leave a
// recovery point on the filesystem of somebody's machine.
func tempDir() (string, error) {
	if dir, err := os.MkdirTemp("/dev/shm", "starhost-demo-"); err == nil {
		return dir, nil
	}
	return os.MkdirTemp("", "starhost-demo-")
}

func options(dir string) (o starhost.Options, err error) {
	conf := filepath.Join(dir, "workload.conf")
	files := map[string][]byte{
		conf:                            fmt.Appendf(nil, configText, filepath.Join(dir, "live.db")),
		filepath.Join(dir, "demo.star"): script,
	}
	for path, text := range files {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			return o, err
		}
	}
	o = starhost.Options{StateDir: filepath.Join(dir, "state"), RuntimeDir: filepath.Join(dir, "run")}
	o.Config, err = config.Load(conf)
	return o, err
}

// copyDatabase is the snapshot: the file and, if there is one, its log.
func copyDatabase(from, to string) error {
	for _, suffix := range []string{"", "-wal"} {
		if err := copyFile(from+suffix, to+suffix); err != nil && (suffix == "" || !errors.Is(err, os.ErrNotExist)) {
			return err
		}
	}
	return nil
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }() // only read
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// inspect opens the copy as a restore would.
func inspect(ctx context.Context, path string) (rows int, intact bool, err error) {
	db, err := sql.Open("sqlite", path)
	if err != nil {
		return 0, false, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	answer := ""
	if err := db.QueryRowContext(ctx, "PRAGMA integrity_check").Scan(&answer); err != nil {
		return 0, false, err
	}
	err = db.QueryRowContext(ctx, "SELECT count(*) FROM commits").Scan(&rows)
	return rows, answer == "ok", err
}

// writer commits one row after the other.
type writer struct {
	db           *sql.DB
	acknowledged atomic.Int64
	progress     chan struct{} // has room for one: something was acknowledged
	cancel       context.CancelFunc
	done         chan error
}

func startWriter(ctx context.Context, path string) (*writer, error) {
	db, err := sql.Open("sqlite", path+"?_pragma=journal_mode(WAL)&_pragma=busy_timeout(10000)&_pragma=synchronous(NORMAL)")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	if _, err := db.ExecContext(ctx, "CREATE TABLE commits (id INTEGER PRIMARY KEY, at TEXT NOT NULL)"); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	ctx, cancel := context.WithCancel(ctx)
	w := &writer{db: db, progress: make(chan struct{}, 1), cancel: cancel, done: make(chan error, 1)}
	go func() { w.done <- w.write(ctx) }()
	return w, nil
}

func (w *writer) write(ctx context.Context) error {
	for ctx.Err() == nil {
		_, err := w.db.ExecContext(ctx, "INSERT INTO commits (at) VALUES (?)", time.Now().UTC().Format(time.RFC3339Nano))
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("the writer of the demo: %w", err)
		}
		w.acknowledged.Add(1)
		select {
		case w.progress <- struct{}{}:
		default:
		}
	}
	return nil
}

// reach waits until so many rows have been acknowledged.
func (w *writer) reach(ctx context.Context, rows int64) error {
	for w.acknowledged.Load() < rows {
		select {
		case <-w.progress:
		case err := <-w.done:
			w.done <- err
			if ctx.Err() != nil { // that is why it ended
				return context.Cause(ctx)
			}
			return errors.Join(errors.New("the writer of the demo has ended"), err)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

func (w *writer) stop() error {
	w.cancel()
	return errors.Join(<-w.done, w.db.Close())
}
