package azure_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/starhost/starhost"
	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/config"
	"github.com/starhost/starhost/platform/azure"
	"github.com/starhost/starhost/run"
)

func report(exit int, kind action.Kind, actions int) *run.Report {
	r := &run.Report{Exit: exit}
	if kind != "" {
		r.Error = &run.Error{Kind: kind, Message: "no"}
	}
	if actions >= 0 {
		r.Members = []run.MemberReport{{Error: r.Error, Actions: slices.Repeat([]run.ActionReport{{Undo: []string{"UNLOCK TABLES"}}}, actions)}}
	}
	return r
}

// TestErrorOf: every ending of a run, in the numbers of both frameworks; 0 is no error.
func TestErrorOf(t *testing.T) {
	inFile := &config.Error{File: "/c.json", Msg: "no"}
	for _, c := range []struct {
		name              string
		report            *run.Report
		err               error
		classic, enhanced int
	}{
		{"nothing", nil, nil, 0, 0},
		{"done", report(run.ExitDone, "", 3), nil, 0, 0},
		{"held until post", report(0, "", 1), nil, 0, 0},
		{"no verify", &run.Report{Members: []run.MemberReport{{Error: &run.Error{Kind: action.KindVerify}}}}, nil, 0, 0},
		{"prescript failed half way", report(run.ExitPrescript, action.KindScript, 2), nil, 300, 509},
		{"prescript failed at once", report(run.ExitPrescript, action.KindScript, 0), nil, 300, 500},
		{"prescript took too long", report(run.ExitPrescript, action.KindTimeout, 1), nil, 308, 510},
		{"prescript was killed", report(run.ExitPrescript, action.KindKilled, 1), nil, 300, 509},
		{"no connection", report(run.ExitPrescript, action.KindRefused, -1), nil, 300, 506},
		{"an action was refused", report(run.ExitPrescript, action.KindRefused, 1), nil, 300, 509},
		{"the host failed", report(run.ExitInternal, action.KindInternal, -1), nil, 300, 500},
		{"the snapshot failed", report(run.ExitSnapshot, action.KindSnapshot, 1), nil, 0, 0},
		{"aborted", report(run.ExitSnapshot, action.KindAborted, 1), nil, 0, 0},
		{"the hold was over", report(run.ExitSnapshot, action.KindTimeout, 1), nil, 311, 510},
		{"post came late", report(run.ExitVerdict, action.KindTimeout, 1), nil, 311, 510},
		{"the quiesce did not last", report(run.ExitVerdict, action.KindVerify, 1), nil, 300, 508},
		{"postscript failed", report(run.ExitPostscript, action.KindScript, 1), nil, 301, 504},
		{"postscript took too long", report(run.ExitPostscript, action.KindTimeout, 1), nil, 309, 504},
		{"still held", report(run.ExitHeld, action.KindUndo, 1), nil, 301, 504},
		{"nothing to do", report(run.ExitNothing, "", -1), nil, 0, 0},
		{"a config error", nil, &starhost.ConfigError{Err: errors.New("no")}, 305, 501},
		{"an error in a file", nil, inFile, 305, 501},
		{"one with a number", nil, &starhost.ConfigError{Err: fmt.Errorf("c: %w", config.PreScriptNotFound)}, 302, 302},
		{"only reads were made", &run.Report{Exit: run.ExitPrescript, Error: &run.Error{Kind: action.KindRefused}, Members: []run.MemberReport{{
			Error: &run.Error{Kind: action.KindRefused}, Actions: []run.ActionReport{{Name: "sql"}},
		}}}, nil, 300, 500},
		{"still held, the postscript took too long", &run.Report{Exit: run.ExitHeld, Error: &run.Error{Kind: action.KindUndo}, Members: []run.MemberReport{{
			Error: &run.Error{Kind: action.KindTimeout},
		}}}, nil, 309, 504},
		{"a dead run", nil, &starhost.DeadRunError{}, 301, 504},
		{"busy", nil, &starhost.BusyError{Err: errors.New("no")}, 300, 500},
		{"nobody answers", nil, fmt.Errorf("pre: %w", context.DeadlineExceeded), 310, 510},
	} {
		for enhanced, want := range map[bool]int{false: c.classic, true: c.enhanced} {
			got, ok := azure.ErrorOf(c.report, c.err, enhanced)
			if ok && got.Number != want || ok != (want != 0) {
				t.Errorf("%s, of workload.conf %t: got %v %t, want %d", c.name, enhanced, got, ok, want)
			}
		}
	}
}
