// Package worker runs a script in a process of its own, which has no privileges,
// no files and no network, and can be killed.
//
// Starlark in Go cannot be contained by a goroutine and a timer: one instruction
// can run for ever, exhaust the memory of its process, overflow its stack or stop
// all goroutines for seconds. So the host starts its own program again
// (/proc/self/exe; the literal path, which also works once the file was replaced)
// under the name starhost-worker, and speaks to it as package pipe says. The
// worker restricts itself, says so, and is sent the script only then; it compiles
// the script, runs its phases, and asks the host for every action.
//
// # Isolation
//
// What keeps a script that took the worker over from doing anything is in
// [Features]; each is in force or not, as the machine allows ([Worker.Isolation]).
// The host believes /proc/PID/status and /proc/PID/limits where they can tell,
// not the worker. In the order in which they come into force:
//
//   - A user that is nobody else's, namespaces for network, processes, IPC and host
//     name: set when the process is made.
//   - No descriptor but /dev/null, the pipe and standard error, which the host
//     captures; the process is not dumpable.
//   - Limits (setrlimit(2)). RLIMIT_DATA and never RLIMIT_AS: the Go runtime
//     reserves address space by the gigabyte and dies of the latter. Not
//     RLIMIT_NPROC, which counts all processes of the user.
//   - no_new_privs, Landlock and seccomp.
//
// There is no mount namespace. It would be a copy of the table of mounts: with
// mounts that are private a filesystem that is unmounted meanwhile stays busy,
// which is not for a program that is about to have disks snapshot. The worker
// cannot mount: it has no capability, and Landlock and seccomp refuse it.
//
// # The end
//
// A phase whose context ends is cancelled, which gives an error with the stack of
// the script, and killed when that does not help within [pipe.Grace]. The worker
// dies with the thread that started it (PR_SET_PDEATHSIG is about the thread, so
// one is kept for each worker), and exits when its pipe ends.
//
// # Cost
//
// See BenchmarkStart and BenchmarkCall. On a virtual machine with two cores (Linux
// 6.18, 2026) a worker that compiles ten lines starts and ends in 6 ms, and one call
// of a builtin through the pipe takes 85 µs, where a bare byte to another process
// and back takes 38.
//
// # Concurrency
//
// A [Worker] belongs to one goroutine at a time, but for Kill, Gone and Isolation,
// which may be called from any. The package keeps no state but the fact that
// [Init] was called.
//
// # Jobs
//
// The same process can do something else than a run: see [Do]. What is said here of a
// script holds for a job, too.
package worker

import (
	"context"
	"time"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/interp"
	"github.com/starhost/starhost/pipe"
)

// Options say what to run.
type Options struct {
	// Name is the file name of the script for positions, and Source its text.
	Name   string
	Source []byte
	// Load returns the source of a module of a load() statement; nil forbids
	// load. It is called in the goroutine of Start, while Start is under way.
	Load func(module string) ([]byte, error)
	// Database is what the workload is about ("mysql", "postgres" …), empty if it
	// has no connection.
	Database string
	// Print receives what the script prints, in the goroutine that called Start or
	// Call; nil throws it away.
	Print func(pos, text string)
	// Limits are what the process may use.
	Limits Limits

	// deny are features to leave out, for tests: a machine that has all of them
	// cannot show what happens without.
	deny []string
}

// Limits are what a worker may use. The zero value of a field means its default.
type Limits struct {
	// Memory is how many bytes of data the process may have: by default 256 MiB,
	// which is heap for about 220 MB of values.
	Memory uint64
	// CPU is how much processor time the process may use in its whole life,
	// rounded up to seconds: by default 30 s. An honest phase is over in one.
	CPU time.Duration
	// Start is how long starting and compiling may take: by default 10 s.
	Start time.Duration
}

// The defaults of [Limits].
const (
	DefaultMemory = 256 << 20
	DefaultCPU    = 30 * time.Second
	DefaultStart  = 10 * time.Second
)

func (l Limits) withDefaults() Limits {
	if l.Memory == 0 {
		l.Memory = DefaultMemory
	}
	if l.CPU == 0 {
		l.CPU = DefaultCPU
	}
	if l.Start == 0 {
		l.Start = DefaultStart
	}
	return l
}

// Feature is one part of the isolation of a worker.
type Feature struct {
	// Name is one of [Features].
	Name    string
	InForce bool
	// Why says what keeps it from being in force.
	Why string
}

// The names of the features.
const (
	// FeatureUser: a user without privileges, no capabilities, in any thread.
	FeatureUser = "user"
	// FeatureNamespaces: network, processes, IPC and host name of its own.
	FeatureNamespaces = "namespaces"
	// FeatureLimits: memory, processor time, no file written, no core dumped.
	FeatureLimits = "limits"
	// FeatureNoNewPrivs: no program that is executed gives privileges.
	FeatureNoNewPrivs = "no_new_privs"
	// FeatureLandlock: no access to any filesystem, and what else the kernel's
	// Landlock can refuse.
	FeatureLandlock = "landlock"
	// FeatureSeccomp: the system calls that the Go runtime needs, and no others.
	FeatureSeccomp = "seccomp"
)

// Features are the names of all features, in the order in which they are shown.
var Features = [...]string{FeatureUser, FeatureNamespaces, FeatureLimits, FeatureNoNewPrivs, FeatureLandlock, FeatureSeccomp}

// Worker is a script in a process of its own; it implements [action.Script].
type Worker struct {
	remote   *pipe.Remote
	process  *process
	info     interp.Info
	features []Feature
}

// Start starts a worker and has it compile the script. ctx bounds both, nothing
// later. A worker has no file, so what Options.Load reads is read by the caller's
// process.
//
// The error is an *[action.ScriptError] if the worker was started: what is wrong
// with the script, or what its process died of while it compiled (kinds script,
// timeout, memory, killed). It wraps [errors.ErrUnsupported] where there are no
// workers, on any system but Linux; the script can be run in this process then, if
// it is trusted.
func Start(ctx context.Context, opts Options) (*Worker, error) { return start(ctx, opts) }

// Info returns what the script says of itself.
func (w *Worker) Info() interp.Info { return w.info }

// Isolation returns what is in force, in the order of [Features]. The slice is the
// caller's.
func (w *Worker) Isolation() []Feature { return append([]Feature(nil), w.features...) }

// Call runs a phase in the worker; see [action.Script]. The error is an
// *[action.ScriptError]. Its kind is timeout if ctx ended without another kind in
// its cause, or if the processor time is used up; memory if the process died of
// its limit or of its stack; killed if it was killed by somebody else or broke the
// protocol. The worker is gone after all of those, but for a timeout that the
// script could be cancelled for, and every later Call returns that error again.
func (w *Worker) Call(ctx context.Context, phase string, in action.Value, ex action.Executor) (action.Value, error) {
	return w.remote.Call(ctx, phase, in, ex)
}

// Gone is closed when the worker has died or can no longer be spoken to. Calls
// return errors from then on, so a run that holds something need not wait for its
// next phase to know.
func (w *Worker) Gone() <-chan struct{} { return w.remote.Gone() }

// Close ends the worker and waits until it is gone.
func (w *Worker) Close() error {
	w.Kill()
	return w.remote.Close()
}
