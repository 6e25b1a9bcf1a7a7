package starhost_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/starhost/starhost"
	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/config"
	"github.com/starhost/starhost/run"
)

// contextScript records the fields of ctx, with their types, in each phase.
const contextScript = `
API = 1

SETTINGS = {"x": 1}

def prescript(ctx):
    freeze()
    return {name: type(getattr(ctx, name)) for name in dir(ctx)}

def verify(ctx):
    if sorted(ctx.recovery_point) != sorted(dir(ctx)):
        fail("other fields than in prescript: %s" % dir(ctx))

def postscript(ctx):
    return {name: type(getattr(ctx, name)) for name in dir(ctx)}
`

// TestContextFields makes sure that ctx has what is declared, in every phase of a run.
func TestContextFields(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"x.star":        contextScript,
		"workload.conf": "[workload \"x\"]\nworkload_name = x\nscript = x.star\nfs_freeze = off\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	file, err := config.Load(filepath.Join(dir, "workload.conf"))
	if err != nil {
		t.Fatal(err)
	}
	report, err := starhost.Run(t.Context(), starhost.Options{
		Config: file, StateDir: filepath.Join(dir, "state"), RuntimeDir: filepath.Join(dir, "run"), InProcess: true,
		Snapshot: func(context.Context, run.Snapshot) error { return nil },
	})
	if err != nil || report.Exit != run.ExitDone {
		t.Fatalf("the run: %+v, %v", report, err)
	}
	point := report.Members[0].RecoveryPoint
	for phase, got := range map[string]action.Value{"prescript": point.Before, "postscript": point.After} {
		for _, f := range action.ContextFields {
			want := f.Type.Name
			if f.Type.Name[0] == '"' {
				want = "string"
			}
			if f.Name == "recovery_point" {
				want = map[string]string{"prescript": "NoneType", "postscript": "dict"}[phase]
			}
			if f.Name == "verified" {
				want = "NoneType" // the verify above only proves
			}
			if text := got.Get(f.Name).Text(); text != want {
				t.Errorf("ctx.%s is %q in %s, action.ContextFields says %q", f.Name, text, phase, want)
			}
		}
		if n := len(got.Keys()); n != len(action.ContextFields) {
			t.Errorf("ctx has %q in %s, which is not what action.ContextFields declares", got.Keys(), phase)
		}
	}
}
