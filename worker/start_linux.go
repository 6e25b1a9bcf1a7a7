package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/interp"
	"github.com/starhost/starhost/pipe"
)

// start starts a worker and has it compile its script.
func start(ctx context.Context, opts Options) (*Worker, error) {
	limits := opts.Limits.withDefaults()
	ctx, cancel := within(ctx, limits.Start, opts.Name, "load")
	defer cancel()
	w, err := open(ctx, setupOf(limits, opts.deny), "script", opts.Print)
	if err != nil {
		return nil, err
	}
	info, err := w.remote.Load(ctx, opts.Name, opts.Database, opts.Source, opts.Load)
	if err != nil {
		_ = w.Close() // the first error says more
		return nil, err
	}
	w.info = interp.Info(info)
	return w, nil
}

// do starts a worker, has it do a job and ends it.
func do(ctx context.Context, opts JobOptions) ([]byte, error) {
	limits := opts.Limits.withDefaults()
	subject := fmt.Sprintf("job %q", opts.Name)
	starting, cancel := within(ctx, limits.Start, "the process of the "+subject, "start")
	defer cancel()
	w, err := open(starting, setupOf(limits, opts.deny), subject, nil)
	if err != nil {
		return nil, err
	}
	defer w.Close()
	if opts.Isolation != nil {
		if err := opts.Isolation(w.Isolation()); err != nil {
			return nil, err
		}
	}
	return w.remote.Job(ctx, opts.Name, opts.Input, opts.Load, opts.Out)
}

// within bounds what somebody does.
func within(ctx context.Context, limit time.Duration, who, does string) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, limit, fault(action.KindTimeout, "%s took longer than %v to %s", who, limit, does))
}

// open makes the process, lets it restrict itself and sees that it did. It is sent
// nothing before.
func open(ctx context.Context, s setup, subject string, show func(pos, text string)) (*Worker, error) {
	if !initialised.Load() {
		return nil, errors.New("the worker cannot be started: worker.Init must be called first in main")
	}
	p, conn, missing, err := spawn(s)
	if err != nil {
		return nil, fmt.Errorf("the worker cannot be started: %w", err)
	}
	p.subject = subject
	w := &Worker{process: p, remote: pipe.New(conn, pipe.Options{Subject: subject, Print: show, End: p.end})}
	said, err := w.remote.Ready(ctx)
	if err != nil {
		_ = w.Close() // the first error says more
		return nil, err
	}
	w.features = p.features(said, missing)
	return w, nil
}

// seconds rounds up: a limit of the kernel has whole ones, and 0 is an immediate end.
func seconds(d time.Duration) uint64 {
	return uint64(max(1, (d+time.Second-1)/time.Second))
}

// features puts together what the worker says of itself, what was missing when it was
// made, and what is seen of it.
func (p *process) features(said, missing map[string]string) []Feature {
	for name, why := range p.verify() {
		missing[name] = why
	}
	var all []Feature
	for _, name := range Features {
		why := said[name]
		if why == "" { // what the worker knows of itself says more; it is not believed that all is well
			why = missing[name]
		}
		if p.setup.denies(name) && why == "" {
			why = "it is in force although it was denied"
		}
		all = append(all, Feature{Name: name, InForce: why == "", Why: why})
	}
	return all
}

// Kill ends the process with SIGKILL, through a pidfd where the kernel has them, and
// waits until it is gone. A call under way returns an error of the kind killed.
func (w *Worker) Kill() {
	w.process.kill()
	w.process.gone(reapFor)
}

// Namespaces of a worker. A mount namespace is left out, see the package comment.
const namespaces = unix.CLONE_NEWNET | unix.CLONE_NEWPID | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS

// workerUID is the user and the group of a worker that root starts. It lies between
// the users that systemd gives to services for their life (61184 to 65519) and
// nobody (65534), in a range where nobody puts users (systemd, "Users, Groups,
// UIDs and GIDs"): so no file and no other process is its own. It is what a user
// namespace shows the worker of any other user as, too.
const workerUID = 65533

// spawn makes a process with as much isolation as the machine allows, and says why
// it is not more, by the name of the feature.
func spawn(s setup) (*process, *connection, map[string]string, error) {
	missing := map[string]string{}
	var last error
	for _, a := range attempts(s.Deny) {
		p, conn, err := launch(a.attr, s)
		if err == nil {
			for _, name := range a.without {
				missing[name] = "denied"
				if last != nil {
					missing[name] = last.Error()
				}
			}
			return p, conn, missing, nil
		}
		last = err
	}
	return nil, nil, nil, last
}

// attempt is one way of making the process.
type attempt struct {
	attr    syscall.SysProcAttr
	without []string // the features that it is without
}

// attempts are the ways to try, the best first. The kernel tells only by refusing
// what a container, a policy or a binary that others may not execute leaves of them.
func attempts(deny []string) []attempt {
	var all []attempt
	if os.Geteuid() != 0 {
		all = []attempt{
			{attr: userNamespace(), without: nil},
			{attr: syscall.SysProcAttr{}, without: []string{FeatureNamespaces}},
		}
	} else {
		unprivileged := &syscall.Credential{Uid: workerUID, Gid: workerUID, Groups: []uint32{}}
		all = []attempt{
			{attr: syscall.SysProcAttr{Cloneflags: namespaces, Credential: unprivileged}},
			{attr: syscall.SysProcAttr{Credential: unprivileged}, without: []string{FeatureNamespaces}},
			{attr: syscall.SysProcAttr{Cloneflags: namespaces}, without: []string{FeatureUser}},
			{attr: syscall.SysProcAttr{}, without: []string{FeatureUser, FeatureNamespaces}},
		}
	}
	return slices.DeleteFunc(all, func(a attempt) bool {
		// Only what the kernel would have left.
		for _, name := range deny {
			known := name == FeatureNamespaces || name == FeatureUser && os.Geteuid() == 0
			if known && !slices.Contains(a.without, name) {
				return true
			}
		}
		return false
	})
}

// userNamespace lets a plain user make the namespaces: it is the owner of a user
// namespace that has nobody but itself, under another number.
func userNamespace() syscall.SysProcAttr {
	return syscall.SysProcAttr{
		Cloneflags:  unix.CLONE_NEWUSER | namespaces,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: workerUID, HostID: os.Geteuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: workerUID, HostID: os.Getegid(), Size: 1}},
	}
}

// setup is what a worker must know before it is ready. It stands in its command
// line: it is no secret, and shows whoever lists processes what is in force.
type setup struct {
	Memory uint64   `json:"memory"` // bytes
	CPU    uint64   `json:"cpu"`    // seconds
	Deny   []string `json:"deny,omitempty"`
}

func setupOf(l Limits, deny []string) setup {
	return setup{Memory: l.Memory, CPU: seconds(l.CPU), Deny: deny}
}

// denies reports whether a test leaves a feature out.
func (s setup) denies(name string) bool { return slices.Contains(s.Deny, name) }

// argv is the command line of a worker.
func (s setup) argv() ([]string, error) {
	text, err := json.Marshal(s)
	return []string{workerName, string(text)}, err
}
