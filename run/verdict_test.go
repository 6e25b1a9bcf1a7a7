package run

import (
	"encoding/json"
	"errors"
	"testing"
)

// TestVerdictOf is the table of [verdictOf], row by row.
func TestVerdictOf(t *testing.T) {
	yes, no := true, false
	for _, c := range []struct {
		name                          string
		quiesced, named, none, frozen bool
		mode                          Mode
		want                          Verdict
	}{
		{"we froze what the script named", yes, yes, no, yes, FreezeNamed, Application},
		{"the freeze did not last", yes, yes, no, no, FreezeNamed, Crash},
		{"nothing was named", yes, no, no, no, FreezeNamed, Crash},
		{"what the config names is frozen, the script named nothing", yes, no, no, yes, FreezeNamed, Filesystem},
		{"the script needs no freeze", yes, no, yes, no, FreezeNamed, Application},
		{"it says both: what it named counts", yes, yes, yes, no, FreezeNamed, Crash},
		{"the snapshot is atomic", yes, yes, no, no, FreezeByTool, Application},
		{"the snapshot is atomic, nothing was named", yes, no, no, no, FreezeByTool, Application},
		{"the caller freezes", yes, yes, no, no, FreezeCaller, Application},
		{"nobody freezes", yes, yes, no, no, FreezeOff, Crash},
		{"nobody freezes, none is needed", yes, no, yes, no, FreezeOff, Application},
		{"not quiesced, we froze", no, yes, no, yes, FreezeNamed, Filesystem},
		{"not quiesced, the freeze did not last", no, yes, no, no, FreezeNamed, Crash},
		{"not quiesced, none is needed", no, no, yes, no, FreezeNamed, Crash},
		{"not quiesced, the caller freezes", no, yes, no, no, FreezeCaller, Filesystem},
		{"not quiesced, the snapshot is atomic", no, no, no, no, FreezeByTool, Filesystem},
		{"not quiesced, nobody freezes", no, yes, no, no, FreezeOff, Crash},
	} {
		p := proof{Quiesced: c.quiesced, Mode: c.mode, Named: c.named, None: c.none, Frozen: c.frozen}
		if got := verdictOf(p); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}

func TestVerdictJSON(t *testing.T) {
	for v, want := range map[Verdict]string{NoVerdict: "null", Crash: `"crash"`, Filesystem: `"filesystem"`, Application: `"application"`} {
		text, err := json.Marshal(v)
		var back Verdict
		if err == nil {
			err = json.Unmarshal(text, &back)
		}
		if err != nil || string(text) != want || back != v {
			t.Errorf("%v: %s, back %v, %v", v, text, back, err)
		}
	}
	for _, bad := range []string{`1`, `""`, `"none"`, `[]`, `"x`} {
		var v Verdict
		if err := json.Unmarshal([]byte(bad), &v); err == nil {
			t.Errorf("%s is %v", bad, v)
		}
	}
}

// TestExitOrder: where several apply, the order is 7, 5, 4, 6, 3.
func TestExitOrder(t *testing.T) {
	e := errors.New("x")
	for _, c := range []struct {
		name    string
		o       outcome
		held    bool
		verdict Verdict
		require Verdict
		want    int
	}{
		{"done", outcome{}, false, Application, Application, ExitDone},
		{"less is required", outcome{prescript: e}, false, Filesystem, Filesystem, ExitDone},
		{"less is required than there is", outcome{}, false, Application, Crash, ExitDone},
		{"internal, nothing taken", outcome{internal: e}, false, NoVerdict, Application, ExitInternal},
		{"internal, after the snapshot", outcome{internal: e}, false, Application, Application, ExitInternal},
		{"prescript", outcome{prescript: e}, false, NoVerdict, Application, ExitPrescript},
		{"freeze", outcome{freeze: e}, false, NoVerdict, Application, ExitPrescript},
		{"snapshot", outcome{snapshot: e}, false, NoVerdict, Application, ExitSnapshot},
		{"verdict", outcome{verify: e}, false, Filesystem, Application, ExitVerdict},
		{"postscript", outcome{postscript: e}, false, Application, Application, ExitPostscript},
		{"held before verdict", outcome{verify: e, postscript: e}, true, Filesystem, Application, ExitHeld},
		{"held before snapshot", outcome{snapshot: e}, true, NoVerdict, Application, ExitHeld},
		{"held before internal", outcome{internal: e}, true, NoVerdict, Application, ExitHeld},
		{"verdict before postscript", outcome{verify: e, postscript: e}, false, Filesystem, Application, ExitVerdict},
		{"snapshot before prescript", outcome{prescript: e, snapshot: e}, false, NoVerdict, Filesystem, ExitSnapshot},
		{"postscript before prescript", outcome{prescript: e, postscript: e}, false, Filesystem, Filesystem, ExitPostscript},
	} {
		if got := exitOf(c.o, c.held, c.verdict, c.verdict < c.require); got != c.want {
			t.Errorf("%s: got %d, want %d", c.name, got, c.want)
		}
	}
}
