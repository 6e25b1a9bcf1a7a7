package proctree

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// keeperName is argv[0] of a keeper.
const keeperName = "starhost-keeper"

// Descriptors of a keeper. 0, 1 and 2 are those of the program.
const (
	requestFD = 3
	reportFD  = 4
)

// How long a keeper tries to kill what is left.
const (
	// rescan is when to look again for processes to kill: one that was forked
	// during a scan was not seen, and sends no signal.
	rescan = 10 * time.Millisecond
	// stuckScans is how many scans in a row must find nobody to kill before the
	// keeper gives up: a quarter of a second's worth. They are counted because on
	// a starved machine that time may pass between a death and our seeing it.
	stuckScans = 25
	// killingFor is when it gives up in any case; only a tree that forks
	// faster than it can be killed lasts that long.
	killingFor = 10 * time.Second
)

// Init must be the first call of main, and of TestMain in tests that run
// programs. It returns at once, except in a process that was started as a
// keeper: there it does the keeper's work and does not return. [Command.Run]
// refuses to work without it.
func Init() {
	if len(os.Args) == 0 || os.Args[0] != keeperName || !isPipe(requestFD) || !isPipe(reportFD) {
		initialised.Store(true)
		return
	}
	keep()
	syscall.Exit(0) // not os.Exit, which in a race build first sleeps for a second
}

func isPipe(fd int) bool {
	var st unix.Stat_t
	return unix.Fstat(fd, &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFIFO
}

// keeper is the state of a keeper. One goroutine, on a thread of its own, has it all.
type keeper struct {
	toHost  *os.File
	reports *json.Encoder    // to toHost
	wake    <-chan os.Signal // a signal came: SIGCHLD, perhaps
	cut     <-chan struct{}  // closed when the host wants the tree ended, or is gone
	leave   <-chan struct{}  // closed when the host wants what is left to be left alone
	program int              // pid of the program, and of its process group
	ended   bool             // the program was reaped: program may be anybody's pid now
}

// keep runs the program of the request and returns when its tree is gone, or
// cannot be made to go.
func keep() {
	wake := notify()
	// The program is to die with the thread that forked it, see start. This
	// thread is ours as long as the process lasts.
	runtime.LockOSThread()
	closeOnExec()
	// A failure could only leave the request readable to our own user.
	_ = unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0)
	ordinary()
	unignore()

	input := os.NewFile(requestFD, "request")
	toHost := os.NewFile(reportFD, "report")
	k := &keeper{toHost: toHost, reports: json.NewEncoder(toHost), wake: wake}
	var req request
	dec := json.NewDecoder(input)
	if err := dec.Decode(&req); err != nil {
		k.report(report{Event: gone}) // the host is gone, or no longer wants it
		return
	}
	k.listen(dec, input)
	if errno := k.start(req); errno != 0 {
		k.report(report{Event: failed, Errno: errno})
		return
	}
	k.report(report{Event: started})
	k.wait(req.Grace)
	if req.Ask && k.ended && k.told() {
		k.letGo()
		return
	}
	if rest, all := k.killAll(); !all {
		k.report(report{Event: left, Left: rest})
		return
	}
	k.report(report{Event: gone})
}

// ordinary gives up the protection from the OOM killer that a host may have, and
// that the program would inherit (proc(5), oom_score_adj).
func ordinary() {
	const path = "/proc/self/oom_score_adj"
	if now, err := os.ReadFile(path); err == nil && len(now) > 0 && now[0] == '-' {
		_ = os.WriteFile(path, []byte("0"), 0) // raising it is allowed to everybody
	}
}

// unignore sets the signals that Go leaves alone, 32 and above, to their default if
// they were ignored when we started: the program would inherit that. Only the first
// word of the kernel's struct sigaction is looked at, the handler, which is first on
// every architecture; the rest of the size is room.
func unignore() {
	const ignored, last = 1, 64 // SIG_IGN, _NSIG
	for number := uintptr(32); number <= last; number++ {
		var now, byDefault [8]uintptr
		_, _, errno := unix.RawSyscall6(unix.SYS_RT_SIGACTION, number, 0, uintptr(unsafe.Pointer(&now)), last/8, 0, 0)
		if errno == 0 && now[0] == ignored {
			_, _, _ = unix.RawSyscall6(unix.SYS_RT_SIGACTION, number, uintptr(unsafe.Pointer(&byDefault)), 0, last/8, 0, 0)
		}
	}
}

// notify returns a channel that receives when a child may have ended. We take
// no notice of the other signals, for two reasons. Those a service manager sends
// to everybody must not end us before the tree. And one that is handled here has
// its default again in the program, where an ignored one would stay ignored: the
// runtime handles every signal by itself but the last four and, if they were
// ignored when we started, SIGHUP and SIGINT.
func notify() <-chan os.Signal {
	wake := make(chan os.Signal, 1)
	signal.Notify(wake, unix.SIGCHLD, unix.SIGTERM, unix.SIGQUIT, unix.SIGHUP, unix.SIGINT,
		unix.SIGCONT, unix.SIGTSTP, unix.SIGTTIN, unix.SIGTTOU)
	return wake
}

// report tells the host. If it is gone there is nobody to tell.
func (k *keeper) report(r report) { _ = k.reports.Encode(r) }

// start forks and executes the program, then lets go of its descriptors.
func (k *keeper) start(req request) syscall.Errno {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return errnoOf(err)
	}
	// The mask is that of the forking thread, which we got from our parent.
	if err := unix.PthreadSigmask(unix.SIG_SETMASK, &unix.Sigset_t{}, nil); err != nil {
		return errnoOf(err)
	}
	sys := &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if u := req.User; u != nil {
		sys.Credential = &syscall.Credential{Uid: u.UID, Gid: u.GID, Groups: u.Groups}
	}
	attr := &syscall.ProcAttr{Dir: string(req.Dir), Env: toStrings(req.Env), Files: []uintptr{0, 1, 2}, Sys: sys}
	path, argv := string(req.Path), toStrings(req.Argv)
	pid, err := syscall.ForkExec(path, argv, attr)
	if errors.Is(err, syscall.ENOEXEC) && isText(path) {
		pid, err = syscall.ForkExec(shell, append([]string{shell, path}, argv[min(1, len(argv)):]...), attr)
	}
	if err != nil {
		return errnoOf(err)
	}
	k.program = pid
	releaseStreams()
	return 0
}

// shell runs a program that is text without a line that says what runs it, as execvp
// does and every shell.
const shell = "/bin/sh"

// isText reports whether a file that cannot be executed is no damaged or foreign binary.
func isText(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer func() { _ = f.Close() }() // nothing was written
	begin := make([]byte, 128)
	n, err := f.Read(begin)
	return err == nil && !bytes.ContainsRune(begin[:n], 0)
}

// wait waits for the end of the program. If the host wants the tree ended it
// sends SIGTERM to the program's group and waits for the group, for the grace.
func (k *keeper) wait(grace time.Duration) {
	for k.reap(); !k.ended; k.reap() {
		select {
		case <-k.wake:
		case <-k.cut:
			k.terminate(grace)
			return
		}
	}
}

// terminate ends the program's group: it is asked to, and then forced. Until
// the program is reaped nobody else's group can have its number.
func (k *keeper) terminate(grace time.Duration) {
	if grace > 0 {
		_ = unix.Kill(-k.program, unix.SIGTERM)
		_ = unix.Kill(-k.program, unix.SIGCONT) // a stopped process would not notice
		k.waitForGroup(grace)
	}
	if !k.ended {
		// At once for all of the group: it cannot fork its way out of this.
		_ = unix.Kill(-k.program, unix.SIGKILL)
	}
}

// waitForGroup waits until the program's group is empty or the grace is over.
func (k *keeper) waitForGroup(grace time.Duration) {
	timer := time.NewTimer(grace)
	defer timer.Stop()
	for {
		k.reap()
		if unix.Kill(-k.program, 0) == unix.ESRCH {
			return
		}
		select {
		case <-k.wake:
		case <-timer.C:
			return
		}
	}
}

// reap reaps whatever has ended and reports the end of the program. It answers
// true when we have no child left, and so no descendant: an orphan is our child.
func (k *keeper) reap() (none bool) {
	for {
		var status unix.WaitStatus
		// __WALL: a child made by clone(2) need not end with SIGCHLD.
		pid, err := unix.Wait4(-1, &status, unix.WNOHANG|unix.WALL, nil)
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return true // ECHILD
		case pid == 0:
			return false
		case pid == k.program && !k.ended:
			k.ended = true
			k.report(report{Event: ended, Status: syscall.WaitStatus(status)})
		}
	}
}

// killAll kills all descendants. It answers with those that are left when it
// had to give up.
func (k *keeper) killAll() (rest []string, all bool) {
	begin := time.Now()
	for useless := 0; !k.reap(); useless++ {
		rest = rest[:0]
		for _, p := range descendants(os.Getpid()) {
			err := p.kill()
			if !p.stuck() && !errors.Is(err, unix.EPERM) {
				useless = 0
			}
			rest = append(rest, p.String())
		}
		if useless >= stuckScans || time.Since(begin) > killingFor {
			return rest, false
		}
		if k.reapFor(rescan) {
			break
		}
	}
	return nil, true
}

// reapFor reaps what ends in the next d, and returns early with true when we
// have no child left.
func (k *keeper) reapFor(d time.Duration) (none bool) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	for {
		select {
		case <-k.wake:
			if k.reap() {
				return true
			}
		case <-timer.C:
			return false
		}
	}
}
