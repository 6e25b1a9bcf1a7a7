package builtins_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/builtins"
	"github.com/starhost/starhost/interp"
	"github.com/starhost/starhost/policy"
)

var update = flag.Bool("update", false, "write what the scripts of testdata/err fail with to their ends")

// errDir has one script for every way in which a word can fail, named
// <word>-<case>.star. What it must fail with stands at its end.
const errDir = "../testdata/err"

// expectation begins the end of a script of errDir.
const expectation = "\n# Fails with kind "

// TestErrors pins every error text that a word can give, with its position and kind.
// Texts that changed on purpose are written by: go test ./builtins -run TestErrors -update.
func TestErrors(t *testing.T) {
	files, err := os.ReadDir(errDir)
	if err != nil {
		t.Fatal(err)
	}
	words := map[string]int{}
	for _, f := range files {
		word, _, ok := strings.Cut(strings.TrimSuffix(f.Name(), ".star"), "-")
		if !ok || filepath.Ext(f.Name()) != ".star" || action.LookupSpec(word) == nil {
			t.Errorf("%s/%s belongs to no word: want <word>-<case>.star", errDir, f.Name())
			continue
		}
		words[word]++
		t.Run(strings.TrimSuffix(f.Name(), ".star"), func(t *testing.T) { testError(t, f.Name()) })
	}
	for _, s := range action.Specs {
		if words[s.Name] == 0 {
			t.Errorf("no script of %s shows how %s fails", errDir, s.Name)
		}
	}
}

func testError(t *testing.T, name string) {
	path := filepath.Join(errDir, name)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	source, want, _ := strings.Cut(string(text), expectation)
	err = runPhases(t, name, source)
	script := (*action.ScriptError)(nil)
	if !errors.As(err, &script) {
		t.Fatalf("got %v, want a script error", err)
	}
	got := fmt.Sprintf("%s:\n#   %s\n", script.Kind, strings.ReplaceAll(script.Error(), "\n", "\n#   "))
	if *update {
		if err := os.WriteFile(path, []byte(source+expectation+got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// runPhases loads a script and calls its phases, against the policy of a MySQL
// workload, until one fails.
func runPhases(t *testing.T, name, source string) error {
	s, err := interp.New(t.Context(), interp.Options{Name: name, Source: []byte(source), Words: builtins.New("mysql")})
	if err != nil {
		return err
	}
	allowed := policy.Policy{Database: "mysql", Programs: []policy.Program{
		{User: "mysql", Path: "/bin/true"}, {User: "mysql", Path: "/bin/false"}, {User: "mysql", Path: "/bin/missing"},
	}}
	for _, phase := range interp.Phases {
		ex := action.ExecutorFunc(func(_ context.Context, a action.Action) (action.Result, error) {
			a, _, fault := allowed.Check(phase, a)
			if fault != nil {
				return action.Result{State: action.NotApplied, Err: fault}, nil
			}
			return answer(a), nil
		})
		if _, err := s.Call(t.Context(), phase, action.Dict(), ex); err != nil {
			return err
		}
	}
	return nil
}

// answer is a world in which some statements and programs fail.
func answer(a action.Action) action.Result {
	one := [][]action.Value{{action.Int(1)}}
	switch text := a.Text(); {
	case text == "SELECT none":
		return rows(nil)
	case text == "SELECT two":
		return rows(append(one, one...))
	case text == "SELECT refused":
		return failed(action.Fault{Kind: action.KindScript, Code: action.Int(1064), Message: "Error 1064 (42000): you have an error in your SQL syntax"})
	case text == "SELECT lost":
		return failed(action.Fault{Kind: action.KindScript, Code: action.Int(2013), Message: `session "main" has ended`, Lost: true})
	case a.Exec != nil && a.Exec.Argv[0] == "/bin/false":
		return failed(action.Fault{Kind: action.KindScript, Code: action.Int(1), Message: "false ended with exit code 1"})
	case a.Exec != nil && a.Exec.Argv[0] == "/bin/missing":
		return failed(action.Fault{Kind: action.KindScript, Message: "/bin/missing: no such file or directory"})
	case a.Thaw != nil && len(a.Thaw.Holds) > 0:
		return action.Refuse(action.KindScript, "%q is not held; held is nothing", a.Thaw.Holds[0])
	}
	return rows(one)
}

func rows(rows [][]action.Value) action.Result {
	return action.Result{State: action.Applied, Rows: &action.Rows{Columns: []string{"n"}, Rows: rows}}
}

func failed(f action.Fault) action.Result {
	return action.Result{State: action.NotApplied, Err: &f}
}
