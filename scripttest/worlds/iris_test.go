package worlds_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/scripttest/worlds"
)

// TestIrisTalks is a dialogue with the stand-in: each line is a command, its exit code
// and a part of what it says. "| " begins what is set in between.
func TestIrisTalks(t *testing.T) {
	const session = "/usr/bin/iris session A -U%SYS "
	for name, lines := range map[string][]string{
		"a freeze and a thaw, as in the published transcript": {
			session + `##Class(Backup.General).IsWDSuspendedExt() -> 3 `,
			session + `##class(backup.general).ExternalFreeze("","text, with a comma",1,10,0,0,600,"","",100) -> 5 01/02/2026 03:04:05: Backup.General.ExternalFreeze: Suspending system`,
			session + `##class(Backup.General).IsWDSuspendedExt() -> 5 `,
			`/usr/bin/iris stat A -> 0 WDSUSPD`,
			`/usr/bin/irissession A -U %SYS ##class(Backup.General).ExternalThaw() -> 5 01/02/2026 03:04:07: Backup.General.ExternalThaw: System resumed`,
			`/usr/bin/iris stat A -> 0 Global Module Flags:`,
			session + `##class(Backup.General).IsWDSuspendedExt() -> 3 `,
		},
		"it resumes by itself": {
			session + `##class(Backup.General).ExternalFreeze("","",1,10,0,0,600,"","",100) -> 5 Journal marker set at`,
			"| elapse=99", session + `##class(Backup.General).IsWDSuspendedExt() -> 3 `,
		},
		"it pauses": {
			session + `##class(Backup.General).ExternalFreeze() -> 5 offset 262272 of /journal/a/20260102.003`,
			"| elapse=598", session + `##class(Backup.General).IsWDSuspendedExt() -> 5 `,
			"| elapse=1", session + `##class(Backup.General).IsWDSuspendedExt() -> waits`,
			`/usr/bin/iris stat A -W -> 0 `,
			session + `##class(Backup.General).IsWDSuspendedExt() -> 3 `,
		},
		"what no manual says": {
			session + `##class(Backup.General).ExternalThaw() -> 3 stand-in`,
			session + `##class(Backup.General).ExternalFreeze("","",0) -> 5 with journal file: /journal/a/20260102.002`,
			session + `##class(Backup.General).ExternalFreeze() -> 3 stand-in`,
			"/usr/bin/iris session NONE -U%SYS ##class(Backup.General).ExternalFreeze() -> 1 stand-in",
			"/usr/bin/iris stat NONE -> 1 stand-in",
			"/usr/bin/iris freeze NONE -> 1 stand-in",
		},
		"the commands of 2021": {
			"/usr/bin/iris freeze A -> 0 System suspended", "/usr/bin/iris freeze A -> 1 ",
			"/usr/bin/iris thaw A -> 0 System resumed", "/usr/bin/iris thaw A -> 1 ",
		},
		"lists": {
			"/usr/bin/iris qlist A -> 0 A^/usr/irissys/a^2024.1.0.263.0^running, since Fri Jan  2 03:04:05 2026^iris.cpf^1972^52773^0^ok^IRIS^^^/usr/irissys/a",
			"/usr/bin/iris qall -> 0 up >A ",
			`| down=A`, "/usr/bin/iris qlist -> 0 ^down, last used", "/usr/bin/iris qall -> 0 dn >A ", session + "##class(Backup.General).ExternalThaw() -> 1 is down",
		},
		"what is not known": {
			"/usr/bin/iris -> unknown", "/usr/bin/iris stop A -> unknown", "/usr/bin/iris stat -> unknown", "/usr/bin/iris stat A -p1 -> unknown", "/usr/bin/iris thaw -> unknown",
			"/usr/bin/csession A -U%SYS ##class(Backup.General).ExternalThaw() -> unknown", "/bin/cat /etc/passwd -> unknown",
			"/usr/bin/iris session A -> unknown", session + "##class(Backup.General).AbortBackup() -> unknown", session + "zn -> unknown",
		},
	} {
		t.Run(name, func(t *testing.T) {
			world := newWorld(t, "iris-2024", option("instances", action.List(action.String("A"))))
			for _, line := range lines {
				if set, ok := strings.CutPrefix(line, "| "); ok {
					change(t, world, set)
					continue
				}
				command, want, _ := strings.Cut(line, " -> ")
				code, part, _ := strings.Cut(want, " ")
				if got := told(world.(worlds.Programs), command); !strings.HasPrefix(got, code) || !strings.Contains(got, part) {
					t.Errorf("%s\ngot  %q\nwant %q", command, got, want)
				}
			}
		})
	}
}

// change sets an option to a number, or to a list of one name.
func change(t *testing.T, world worlds.Server, set string) {
	t.Helper()
	name, text, _ := strings.Cut(set, "=")
	v := action.List(action.String(text))
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		v = action.Int(n)
	}
	if err := world.Set(name, v); err != nil {
		t.Fatal(err)
	}
}

// told is the exit code of a command and what it says. What is called in a session is
// one argument.
func told(world worlds.Programs, command string) string {
	command, call, _ := strings.Cut(command, " ##")
	argv := strings.Fields(command)
	if call != "" {
		argv = append(argv, "##"+call)
	}
	switch ended := world.Run(worlds.Program{User: "irisowner", Argv: argv}); {
	case ended.Unknown:
		return "unknown"
	case ended.Waits:
		return "waits"
	default:
		return fmt.Sprintf("%d %s", ended.Code, ended.Stdout)
	}
}

// Somebody who has a name and a password reads them to the prompts.
func TestIrisLogin(t *testing.T) {
	argv := []string{"/usr/bin/iris", "session", "IRIS", "-U%SYS", "##class(Backup.General).IsWDSuspendedExt()"}
	for _, c := range []struct {
		login, stdin string
		code         int
	}{
		{"os", "", 3},
		{"password", "", 1},
		{"password", "starhost\n", 1},
		{"password", "starhost\nwrong\n", 1},
		{"password", "starhost\nopensesame\n", 3},
		{"denied", "starhost\nopensesame\n", 1},
	} {
		world := newWorld(t, "iris-2024", option("login", action.String(c.login))).(worlds.Programs)
		ended := world.Run(worlds.Program{User: "irisowner", Argv: argv, Stdin: c.stdin})
		if ended.Code != c.code || c.code == 1 != strings.Contains(ended.Stdout, "Access Denied") {
			t.Errorf("%s with %q: %d, %q", c.login, c.stdin, ended.Code, ended.Stdout)
		}
	}
}

// Each misbehaviour ends as it says, having done its work or not, as often as is asked for.
func TestIrisMisbehaves(t *testing.T) {
	argv := []string{"/usr/bin/iris", "session", "IRIS", "-U%SYS", "##class(Backup.General).ExternalFreeze()"}
	for how, want := range map[string]string{
		"ok": "5 held", "fail": "3", "die": "137 SIGKILL", "hang": "0 waits", "exit 127": "127",
		"done, fail": "3 held", "done, die": "137 SIGKILL held", "done, hang": "5 waits held", "done, exit 0": "0 held",
	} {
		world := newWorld(t, "iris-2024", option("freeze", action.String(how)), option("times", action.Int(1))).(worlds.Programs)
		ended := world.Run(worlds.Program{User: "irisowner", Argv: argv})
		got := strings.TrimSpace(fmt.Sprint(ended.Code, " ", ended.Signal))
		if ended.Waits {
			got += " waits"
		}
		if len(world.Held()) > 0 {
			got += " held"
		}
		if got != want {
			t.Errorf("%s: %s, want %s", how, got, want)
		}
		world.Drop("write daemon of IRIS suspended")
		if ended := world.Run(worlds.Program{User: "irisowner", Argv: argv}); ended.Code != 5 {
			t.Errorf("%s: it misbehaves once more: %d", how, ended.Code)
		}
	}
	for _, bad := range []action.Value{action.String("exit 256"), action.String("exit x"), action.String("sing"), action.Int(1)} {
		if _, err := worlds.New("iris-2024", action.Dict(option("thaw", bad))); err == nil {
			t.Errorf("thaw = %s is taken", bad)
		}
	}
}

// What one world holds its clone does too, and they share nothing.
func TestIrisHeld(t *testing.T) {
	world := newWorld(t, "iris-2024", option("suspended", action.List(action.String("IRIS"))))
	const held = "write daemon of IRIS suspended"
	other := world.Clone()
	if world.Drop("something") || !world.Drop(held) || len(world.Held()) > 0 {
		t.Errorf("held after it was dropped: %q", world.Held())
	}
	if list := other.Held(); len(list) != 1 || list[0] != held || !other.Commit() {
		t.Errorf("the clone holds %q", list)
	}
	if err := other.Set("elapse", action.Int(600)); err != nil || other.Commit() {
		t.Errorf("updates go on although it pauses: %v", err)
	}
	id := other.Connect()
	started := other.Identity().Started
	if a := other.Do(id, "SELECT 1", nil); !a.Unknown || !other.Alive(id) {
		t.Errorf("a statement got %+v", a)
	}
	other.Restart()
	if len(other.Held()) > 0 || other.Alive(id) || other.Identity().Started.Equal(started) {
		t.Error("something outlived the restart")
	}
}
