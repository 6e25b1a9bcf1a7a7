package scripttest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/starhost/starhost/worker"
)

// SandboxedFile runs the tests of a file in a process without privileges, as scripts
// run, where the system has one; otherwise in this process. Init of package starhost
// must have been called.
func SandboxedFile(ctx context.Context, r TestRequest, load func(name string) ([]byte, error)) (f File, err error) {
	err = sandboxed(ctx, Request{Test: &r}, load, &f)
	return f, err
}

// SandboxedProof proves a script as [SandboxedFile] tests one.
func SandboxedProof(ctx context.Context, r ProveRequest, load func(name string) ([]byte, error)) (p Proof, err error) {
	err = sandboxed(ctx, Request{Prove: &r}, load, &p)
	return p, err
}

func sandboxed(ctx context.Context, r Request, load func(name string) ([]byte, error), answer any) error {
	request, err := json.Marshal(r)
	if err != nil {
		return err
	}
	var text bytes.Buffer
	collect := func(piece []byte) error {
		if text.Len()+len(piece) > maxAnswer {
			return fmt.Errorf("the answer has more than %d bytes", maxAnswer)
		}
		_, err := text.Write(piece)
		return err
	}
	_, err = worker.Do(ctx, worker.JobOptions{
		Name: JobName, Input: request, Load: load, Out: collect,
		Limits: worker.Limits{Memory: jobMemory, CPU: jobTime},
	})
	if errors.Is(err, errors.ErrUnsupported) {
		_, err = job(ctx, request, load, collect)
	}
	if err != nil {
		return err
	}
	return json.Unmarshal(text.Bytes(), answer)
}

// Limits of a process that tests or proves: a test keeps the results of all runs of an
// enumeration.
const (
	jobMemory = 512 << 20
	jobTime   = 10 * time.Minute
	maxAnswer = 16 << 20 // bytes: decoding what a stranger sent can take a hundred times as many
)

// Job is what a worker has to be able to do: see [worker.Init].
func Job() worker.NamedJob { return worker.NamedJob{Name: JobName, Do: job} }

// job does what a [Request] asks for. The answer, which may be long, goes out in pieces.
func job(ctx context.Context, request []byte, load func(name string) ([]byte, error), out func([]byte) error) ([]byte, error) {
	answer, err := Do(ctx, request, load)
	if err != nil {
		return nil, err
	}
	for piece := range slices.Chunk(answer, worker.MaxData) {
		if err := out(piece); err != nil {
			return nil, err
		}
	}
	return nil, nil
}
