package skeleton

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"go.starlark.net/syntax"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/builtins"
	"github.com/starhost/starhost/interp"
	"github.com/starhost/starhost/scripttest"
)

// load returns the script of a skeleton, compiled, and its test.
func load(t *testing.T, database string) (*interp.Script, File) {
	t.Helper()
	list, err := Files("orders", database)
	if err != nil {
		t.Fatal(err)
	}
	words := builtins.New(strings.ReplaceAll(database, None, ""))
	s, err := interp.New(t.Context(), interp.Options{Name: list[0].Name, Source: []byte(list[0].Text), Words: words})
	if err != nil {
		t.Fatal(err)
	}
	return s, list[1]
}

// Every skeleton is a whole script, and its test is about that script.
func TestSkeletonsLoad(t *testing.T) {
	for _, database := range Databases {
		s, test := load(t, database)
		if got := s.Info(); !slices.Equal(got.Phases, interp.Phases[:]) || got.Doc != "Quiesces orders for a storage snapshot." {
			t.Errorf("%s: %+v", database, got)
		}
		f, err := (&syntax.FileOptions{}).Parse(test.Name, test.Text, 0)
		if err != nil {
			t.Error(err)
			continue
		}
		var tests []string
		for _, statement := range f.Stmts {
			switch st := statement.(type) {
			case *syntax.LoadStmt:
				if module := st.ModuleName(); module != "orders.star" {
					t.Errorf("%s: %s loads %s", database, test.Name, module)
				}
				for _, from := range st.From {
					if !slices.Contains(s.Info().Phases, from.Name) {
						t.Errorf("%s: %s loads %s, which is no phase", database, test.Name, from.Name)
					}
				}
			case *syntax.DefStmt:
				tests = append(tests, st.Name.Name)
			}
		}
		for _, want := range []string{"test_whole_run", "test_every_failure"} {
			if !slices.Contains(tests, want) {
				t.Errorf("%s: %s has %q, not %s", database, test.Name, tests, want)
			}
		}
	}
}

// redis answers as redis-cli does, of a server that has taken some writes.
type redis struct {
	changes string // since it was saved
	actions []action.Action
}

func (r *redis) Do(_ context.Context, a action.Action) (action.Result, error) {
	r.actions = append(r.actions, a)
	result := action.Result{State: action.Applied}
	if a.Exec == nil {
		return result, nil
	}
	result.Exit = &action.Exit{Stdout: "OK\n"}
	switch a.Exec.Argv[1] {
	case "INFO":
		result.Exit.Stdout = "# Persistence\r\nloading:0\r\nrdb_changes_since_last_save:" + r.changes + "\r\nrdb_last_save_time:17\r\n"
	case "SAVE":
		r.changes = "0"
	}
	return result, nil
}

// The skeleton of a program proves a quiesce that lasted, and notices one that did not.
func TestSkeletonOfAProgram(t *testing.T) {
	s, _ := load(t, None)
	server := &redis{changes: "5"}
	in := action.Dict(
		action.Entry{Key: "settings", Value: s.Info().Settings}, action.Entry{Key: "timeout", Value: action.Int(90)},
		action.Entry{Key: "linux_user", Value: action.String("redis")},
	)
	before, err := s.Call(t.Context(), "prescript", in, server)
	if err != nil || before.Get("changes").Text() != "0" {
		t.Fatalf("prescript: %v, %v", before, err)
	}
	i := slices.IndexFunc(server.actions, func(a action.Action) bool { return a.Hold == "pause" })
	if i < 0 || !slices.Equal(server.actions[i].Exec.Argv, []string{"/usr/bin/redis-cli", "CLIENT", "PAUSE", "100000", "WRITE"}) || len(server.actions[i].Undo) != 1 {
		t.Errorf("the actions are %+v, and none pauses with an undo", server.actions)
	}
	in = in.With("recovery_point", before)
	if _, err := s.Call(t.Context(), "verify", in, server); err != nil {
		t.Errorf("nothing was written: %v", err)
	}
	server.changes = "1"
	if _, err := s.Call(t.Context(), "verify", in, server); err == nil || !strings.Contains(err.Error(), "took writes") {
		t.Errorf("a write went through: %v", err)
	}
}

func TestFilesRefuses(t *testing.T) {
	for _, c := range []struct{ name, database, want string }{
		{"orders.star", None, "without .star"},
		{"", None, "want 1 to 64 letters"},
		{"../orders", None, "want 1 to 64 letters"},
		{"-x", None, "want 1 to 64 letters"},
		{strings.Repeat("x", 65), None, "want 1 to 64 letters"},
		{"orders_test", None, "is a test of one"},
		{"orders", "oracle", "want one of mysql, postgres, sqlite, none"},
	} {
		if _, err := Files(c.name, c.database); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q, %q: %v", c.name, c.database, err)
		}
	}
}

// All files or none, and what is there stays as it is.
func TestWriteNeverOverwrites(t *testing.T) {
	dir := t.TempDir()
	list := []File{{"a.star", "a"}, {"a_test.star", "b"}}
	mine := filepath.Join(dir, "a_test.star")
	if err := os.WriteFile(mine, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Write(dir, list); err == nil || !strings.Contains(err.Error(), mine+" is there already") {
		t.Errorf("overwritten: %v", err)
	}
	left, _ := filepath.Glob(dir + "/*")
	if text, _ := os.ReadFile(mine); string(text) != "mine" || !slices.Equal(left, []string{mine}) {
		t.Errorf("there is %q, and in a_test.star %q", left, text)
	}
	if err := os.Remove(mine); err != nil {
		t.Fatal(err)
	}
	paths, err := Write(dir, list)
	if err != nil || !slices.Equal(paths, []string{filepath.Join(dir, "a.star"), mine}) {
		t.Errorf("written: %q, %v", paths, err)
	}
	if _, err := Write(filepath.Join(dir, "nowhere"), list); err == nil {
		t.Error("written into a folder that is not there")
	}
}

// The tests of every skeleton pass as they are, and hardly leave a statement out.
func TestSkeletonsPass(t *testing.T) {
	for _, database := range Databases {
		list, err := Files("orders", database)
		if err != nil {
			t.Fatal(err)
		}
		fsys := fstest.MapFS{}
		for _, f := range list {
			fsys[f.Name] = &fstest.MapFile{Data: []byte(f.Text)}
		}
		got := scripttest.RunFile(t.Context(), scripttest.Options{
			Name: list[1].Name, Source: []byte(list[1].Text), Load: scripttest.Loader(fsys, "."), Cover: true,
		})
		if !got.Passed() || len(got.Tests) < 3 {
			t.Errorf("%s: %v, %+v", database, got.Error, got.Tests)
			continue
		}
		if percent := got.Coverage[0].Percent(); percent < 85 {
			t.Errorf("%s: %.1f%% of statements were run", database, percent)
		}
	}
}
