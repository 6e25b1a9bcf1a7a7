package proctree

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// drainFor is how long the output may take to end after the tree has: a writer
// of the caller is slow, or somebody outside the tree was given the stream.
const drainFor = time.Second

// flight is one run under way: the keeper and our ends of its pipes.
type flight struct {
	keeper  *os.Process
	request *os.File // closed: end the tree
	reports *os.File
	stdout  *output
	stderr  *output        // the same as stdout if both go to one writer
	asked   bool           // the keeper asks before it kills what a program has left
	feeding sync.WaitGroup // whoever writes the request
}

// output is one stream of the program on its way to its sink.
type output struct {
	*sink
	from *os.File
	done chan struct{} // closed when all of it has arrived
}

// pipes makes the pipes of a flight. The ends of the keeper are in the order of
// its descriptors. After the first error nothing more is made.
type pipes struct {
	ours, theirs []*os.File
	err          error
}

// open adds a pipe and returns our end; the keeper reads from it if in.
func (p *pipes) open(in bool) *os.File {
	if p.err != nil {
		return nil
	}
	r, w, err := os.Pipe()
	if err != nil {
		p.err = err
		return nil
	}
	if in {
		r, w = w, r
	}
	p.ours, p.theirs = append(p.ours, r), append(p.theirs, w)
	return r
}

// input adds an input that holds text: a file in memory, not a pipe. A program that
// ends without reading all of a pipe would make us get a SIGPIPE, which a host that
// asked for that signal takes for the end of its own output.
func (p *pipes) input(text []byte) {
	if p.err != nil {
		return
	}
	fd, err := unix.MemfdCreate("stdin", unix.MFD_CLOEXEC)
	if err != nil {
		p.err = os.NewSyscallError("memfd_create", err)
		return
	}
	f := os.NewFile(uintptr(fd), "stdin")
	p.theirs = append(p.theirs, f)
	if _, err = f.Write(text); err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	p.err = err
}

// null adds an empty input.
func (p *pipes) null() {
	f, err := os.Open(os.DevNull)
	if err != nil {
		p.err = err
		return
	}
	p.theirs = append(p.theirs, f)
}

// repeat adds the last descriptor of the keeper once more.
func (p *pipes) repeat() {
	if p.err == nil {
		p.theirs = append(p.theirs, p.theirs[len(p.theirs)-1])
	}
}

func closeAll(files []*os.File) {
	for _, f := range files {
		_ = f.Close()
	}
}

// launch starts a keeper for c and everything that feeds it.
func (c *Command) launch() (*flight, error) {
	f, p := &flight{}, &pipes{}
	defer func() { closeAll(p.theirs) }()
	if c.Stdin == nil {
		p.null()
	} else {
		p.input(c.Stdin)
	}
	stdout, stderr := c.sinks()
	f.stdout = &output{stdout, p.open(false), make(chan struct{})}
	f.stderr = f.stdout
	if stderr == stdout {
		p.repeat()
	} else {
		f.stderr = &output{stderr, p.open(false), make(chan struct{})}
	}
	f.request, f.reports = p.open(true), p.open(false)
	f.shareWith(c, p)
	if p.err != nil {
		closeAll(p.ours)
		return nil, p.err
	}
	var err error
	// The literal path: os.Executable is a name, and the file of that name may
	// be another one after an upgrade.
	f.keeper, err = os.StartProcess("/proc/self/exe", []string{keeperName}, &os.ProcAttr{
		Dir: "/", Env: []string{}, Files: p.theirs, Sys: &syscall.SysProcAttr{Setsid: true},
	})
	if err != nil {
		closeAll(p.ours)
		return nil, err
	}
	f.feed(c)
	return f, nil
}

// shareWith gives the keeper the output as well if it may have to leave somebody who
// writes on.
func (f *flight) shareWith(c *Command, p *pipes) {
	if len(c.Leave) == 0 {
		return
	}
	f.asked = true
	p.share(f.stdout.from)
	p.share(f.stderr.from)
}

// feed starts the goroutines that move bytes. They end when their pipe ends or
// is closed by collect.
func (f *flight) feed(c *Command) {
	req := c.request()
	f.feeding.Go(func() { _ = json.NewEncoder(f.request).Encode(req) }) // stays open: its end means "end the tree"
	go f.stdout.drain()
	if f.stderr != f.stdout {
		go f.stderr.drain()
	}
}

func (o *output) drain() {
	defer close(o.done)
	if _, err := io.Copy(o.sink, o.from); errors.Is(err, os.ErrDeadlineExceeded) {
		o.rest()
	}
}

// complete waits until all of the output has arrived, or until the deadline.
func (o *output) complete(deadline time.Time) bool {
	timer := time.NewTimer(time.Until(deadline))
	defer timer.Stop()
	select {
	case <-o.done:
	case <-timer.C:
	}
	select {
	case <-o.done:
		return true
	default:
		return false
	}
}

// collect takes in what is left of the output, closes our ends of the pipes and
// returns the result; the keeper reads on if it has left somebody. Only a goroutine that
// waits for a keeper that has not exited, or for a writer of the caller, is left then.
func (f *flight) collect(o *outcome) Result {
	deadline := o.deadline
	if deadline.IsZero() {
		deadline = time.Now().Add(drainFor)
	}
	res := Result{Code: -1, Reaped: o.gone, Left: o.released && !o.gone}
	if o.ended {
		res.exit(o.status)
	}
	if res.Left {
		f.stdout.stop()
		f.stderr.stop()
	}
	var more bool
	res.Stdout, res.Truncated = f.stdout.close(f.stdout.complete(deadline))
	if f.stderr != f.stdout {
		res.Stderr, more = f.stderr.close(f.stderr.complete(deadline))
		res.Truncated = res.Truncated || more
	}
	closeAll([]*os.File{f.request, f.reports, f.stdout.from, f.stderr.from})
	f.feeding.Wait()
	return res
}
