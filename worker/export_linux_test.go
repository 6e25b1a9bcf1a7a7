package worker

import "go.starlark.net/starlark"

// InitWith is Init for a worker whose scripts have other words.
func InitWith(words func(database string) starlark.StringDict, jobs ...NamedJob) {
	initWith(words, jobs)
}

// Deny leaves features out of the isolation.
func (o *Options) Deny(features ...string) { o.deny = features }

// Deny leaves features out of the isolation.
func (o *JobOptions) Deny(features ...string) { o.deny = features }

// PID is the process of a worker.
func (w *Worker) PID() int { return w.process.os.Pid }
