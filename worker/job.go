package worker

import (
	"context"

	"github.com/starhost/starhost/pipe"
)

// Job is something else that a worker can do than to be the script of a run, for work
// on code of strangers that is no run. It has no files and no network: load asks the
// host for what it needs, and out hands the host what it has meanwhile, both from any
// goroutine of the job, until it returns. No input, file, piece of output or result
// may be longer than [MaxData]; longer ones are errors.
//
// The kind of an error is that of the *[action.ScriptError] or *[action.Fault] in it,
// else that of the end of ctx, else internal. When ctx ends the job has
// [pipe.Grace] to return; then its process is killed.
type Job func(ctx context.Context, input []byte, load func(name string) ([]byte, error), out func(data []byte) error) ([]byte, error)

// MaxData is how many bytes fit one message from a job or to it.
const MaxData = pipe.MaxData

// NamedJob is a job that the workers of a program can do; see [Init].
type NamedJob struct {
	Name string
	Do   Job
}

// JobOptions say what job to do.
type JobOptions struct {
	// Name is that of one of the jobs that [Init] was given.
	Name  string
	Input []byte
	// Load answers the requests of the job for files; nil forbids them. A name is
	// whatever a hostile process sent. A job may ask [pipe.MaxLoads] times.
	Load func(name string) ([]byte, error)
	// Out takes in the output of the job, at most [pipe.MaxOutput] bytes in all; nil
	// throws it away. Its error ends the job, and is returned by Do.
	Out func(data []byte) error
	// Isolation, if set, is told what is in force before anything of the job is sent.
	// Its error ends the process, and is returned by Do.
	Isolation func(features []Feature) error
	// Limits are what the process may use. Start is for starting alone.
	Limits Limits

	deny []string // as in Options
}

// Do does a job in a process of its own, isolated as that of a script is, and returns
// its result. The process is gone when Do returns. ctx ends the job. Load, Out and
// Isolation are called in this goroutine, which waits for them whatever ctx says.
//
// The error is an *[action.ScriptError] if the worker was started, but for one of Out
// or Isolation. Its kind is that of the job's error, or says what the process died of,
// as in [Worker.Call]. It wraps [errors.ErrUnsupported] where there are no workers, on
// any system but Linux; the job can be done in this process then, if what it works on
// is trusted.
func Do(ctx context.Context, opts JobOptions) ([]byte, error) { return do(ctx, opts) }
