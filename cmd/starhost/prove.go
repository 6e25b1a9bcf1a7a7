package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/starhost/starhost/run"
	"github.com/starhost/starhost/scripts"
	"github.com/starhost/starhost/scripttest"
	"github.com/starhost/starhost/scripttest/worlds"
)

func (a *app) prove() *cobra.Command {
	o := proveOptions{}
	cmd := &cobra.Command{
		Use:   "prove SCRIPT",
		Short: "Fail a script at every action in every way, and show what is left held",
		Long: `Makes a whole run of SCRIPT in a world of mocks, counts its actions, freezes and
undos, and repeats it with every fault at each of them. Nothing may be left held
at the end, and no snapshot may be called application that is none. SCRIPT is a
file, or a script in the binary. The world is a ready-made one (--world), those that
fit a script in the binary, what a real server answered (--replay, made by starhost
run --record), or else what the function world(t) of the tests beside it says.

Exit status: 0 proven; 1 something was left held, a false application was given, or
the run failed without a fault; 2 usage.`,
		Example: `  starhost prove mysql
  starhost prove my.star                     in the world of my_test.star
  starhost prove my.star --world mariadb-10.11
  starhost prove mysql --world mysql-5.6 --option read_only=True
  starhost prove my.star --replay orders.rec`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.proveScript(cmd.Context(), args[0], o) },
	}
	f := cmd.Flags()
	f.StringArrayVar(&o.worlds, "world", nil, "a ready-made world: "+strings.Join(worldNames(""), ", "))
	f.StringArrayVar(&o.options, "option", nil, "an option of the world, as `NAME=VALUE` in the script's syntax")
	f.StringVar(&o.replay, "replay", "", "the world is what was recorded in `FILE`")
	f.StringVar(&o.workload, "workload", "", "which `WORKLOAD` of the recording; the first if not given")
	return cmd
}

type proveOptions struct {
	worlds, options  []string
	replay, workload string
	recording        []byte // the text of replay
	tests            []byte // of the script, if they are to say what the world is like
}

// readRecording reads the recording, if one is to be the world.
func (o *proveOptions) readRecording() (err error) {
	if o.replay == "" {
		return nil
	}
	if o.recording, err = os.ReadFile(o.replay); err != nil {
		return usage("--replay: %w", err)
	}
	if len(o.recording) == 0 {
		return usage("--replay: %s is empty, and so no recording: make one by starhost run --record FILE", o.replay)
	}
	return nil
}

func (a *app) proveScript(ctx context.Context, name string, o proveOptions) (err error) {
	source, load, done, err := scriptToProve(name, &o)
	if err != nil {
		return usage("%w", err)
	}
	defer func() { err = errors.Join(err, done()) }()
	if err := o.readRecording(); err != nil {
		return err
	}
	proofs := []scripttest.Proof{}
	faulty, failed := false, false
	for _, r := range o.requests() {
		if r.Name, r.Source = filepath.Base(name), source; filepath.Ext(r.Name) == "" {
			r.Name += ".star"
		}
		p, err := scripttest.SandboxedProof(ctx, r, load)
		if err != nil {
			return usage("%s: %w", name, err)
		}
		proofs = append(proofs, p)
		faulty, failed = faulty || p.Usage, failed || !p.Proven()
		if !a.json {
			if err := a.say(printable(proofText(p))); err != nil {
				return err
			}
		}
	}
	if a.json {
		if err := a.print(map[string]any{"proven": !failed, "proofs": proofs}); err != nil {
			return err
		}
	}
	return verdictOf(faulty, failed)
}

// requests are the proofs that are asked for, without the script.
func (o proveOptions) requests() []scripttest.ProveRequest {
	if o.replay != "" {
		return []scripttest.ProveRequest{{Recording: o.recording, Workload: o.workload}}
	}
	if o.tests != nil {
		return []scripttest.ProveRequest{{Tests: o.tests}}
	}
	list := make([]scripttest.ProveRequest, len(o.worlds))
	for i, name := range o.worlds {
		list[i].World, list[i].WorldOptions = name, o.options
	}
	return list
}

// scriptToProve reads a script and chooses its worlds, if nobody did.
func scriptToProve(name string, o *proveOptions) (source []byte, load func(string) ([]byte, error), done func() error, err error) {
	if len(o.worlds) > 0 && o.replay != "" {
		return nil, nil, nil, errors.New("--world and --replay are two worlds: give one")
	}
	if b, lerr := scripts.Lookup(name); lerr == nil {
		if len(o.worlds) == 0 && o.replay == "" {
			if o.worlds = worldsOf(b); len(o.worlds) == 0 {
				return nil, nil, nil, fmt.Errorf("%s is about no database, so there is no ready-made world for it: give --replay FILE", b.Name)
			}
		}
		source, err = scripts.Source(b.File)
		return source, scripts.Source, func() error { return nil }, err
	}
	dir, err := os.OpenRoot(filepath.Dir(name))
	if err != nil {
		return nil, nil, nil, err
	}
	load = scripttest.Loader(dir.FS(), ".")
	if source, err = load(filepath.Base(name)); err != nil {
		return nil, nil, nil, errors.Join(err, dir.Close())
	}
	if len(o.worlds) == 0 && o.replay == "" {
		tests := scripttest.TestsOf(filepath.Base(name))
		if o.tests, err = load(tests); err != nil {
			return nil, nil, nil, errors.Join(fmt.Errorf("nobody has said in which world, and there is no %s with a function world(t): give --world (%s) or --replay FILE",
				tests, strings.Join(worldNames(""), ", ")), dir.Close())
		}
	}
	return source, load, dir.Close, nil
}

// worldsOf are the ready-made worlds that fit a script in the binary. Where programs alone
// speak to a server its name says whose it is.
func worldsOf(s scripts.Script) []string {
	if s.Database != "" {
		return worldNames(s.Database)
	}
	return slices.DeleteFunc(worldNames(""), func(name string) bool {
		return worlds.Database(name) != "" || !strings.HasPrefix(name, s.Name+"-")
	})
}

// worldNames are the ready-made worlds of a database, or all.
func worldNames(database string) []string {
	var names []string
	for _, info := range worlds.All() {
		if database == "" || info.Database == database {
			names = append(names, info.Name)
		}
	}
	return names
}

// columns are the kinds of faults as the table shows them.
var columns = []struct {
	kind scripttest.Kind
	head string
}{
	{scripttest.FaultError, "error"},
	{scripttest.FaultPanic, "panic"},
	{scripttest.FaultTimeout, "timeout"},
	{scripttest.FaultLostReply, "reply"},
	{scripttest.FaultKilled, "worker"},
	{scripttest.FaultCrashBefore, "crash<"},
	{scripttest.FaultCrashAfter, "crash>"},
	{scripttest.FaultSessionLost, "session"},
	{scripttest.FaultRestart, "restart"},
	{scripttest.FaultDropped, "dropped"},
}

// proofText tells a proof: its sum, the table of all faults, and what went wrong.
func proofText(p scripttest.Proof) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s on %s: %d actions, %d faults, %d left something held, %d got a false application%s\n",
		p.Script, p.World, p.Actions, len(p.Faults), p.Held(), p.False(), troubleText(p))
	if n := p.Unknown(); n > 0 {
		fmt.Fprintf(&b, "%s\n", indent(fmt.Sprintf("after %d faults (?) the script made a call that the world does not know", n)))
	}
	if p.Error != "" {
		fmt.Fprintf(&b, "%s\n", indent("without a fault: "+p.Error))
	}
	if len(p.Faults) == 0 {
		return b.String()
	}
	b.WriteString(faultTable(p.Faults))
	for _, f := range p.Faults {
		if len(f.Held) > 0 || f.False || f.Unknown != "" {
			fmt.Fprintf(&b, "     %s at %d, %s: %s\n", f.Kind, f.Point, pointText(f), badOutcome(f))
		}
	}
	return b.String()
}

// faultTable has a line for each point, whose faults stand together in the list.
func faultTable(faults []scripttest.FaultResult) string {
	head := ""
	for _, c := range columns {
		head += fmt.Sprintf(" %-7s", c.head)
	}
	table := fmt.Sprintf("%4s %-10s%s  %s\n", "", "phase", head, "what is struck")
	for len(faults) > 0 {
		first, n := faults[0], 1
		for n < len(faults) && faults[n].Point == first.Point && faults[n].NoSnapshot == first.NoSnapshot {
			n++
		}
		table += fmt.Sprintf("%4d %-10s%s  %s\n", first.Point, first.Phase, cells(faults[:n]), clipped(pointText(first)))
		faults = faults[n:]
	}
	return table + "     -: no snapshot, all undone; crash, files, app: the verdict; reply: made, but the answer was lost;\n" +
		"     worker: killed; crash<, crash>: the host was killed before, after it, and recovered\n"
}

// cells are the outcomes of the faults of one point, each in the column of its kind.
func cells(faults []scripttest.FaultResult) string {
	row := ""
	for _, c := range columns {
		cell := ""
		if i := slices.IndexFunc(faults, func(f scripttest.FaultResult) bool { return f.Kind == c.kind }); i >= 0 {
			cell = outcomeText(faults[i])
		}
		row += fmt.Sprintf(" %-7s", cell)
	}
	return row
}

// troubleText ends the first line, which may be all that somebody reads.
func troubleText(p scripttest.Proof) string {
	switch {
	case p.Error != "":
		return "; NOT PROVEN, even without a fault"
	case len(p.Quiesced) == 0 && p.Writable:
		return "; nothing was held, others could write"
	case len(p.Quiesced) == 0:
		return "; nothing was held"
	}
	return ""
}

func pointText(f scripttest.FaultResult) string {
	if f.NoSnapshot {
		return f.Text + " (the snapshot failed)"
	}
	return f.Text
}

func badOutcome(f scripttest.FaultResult) string {
	if len(f.Held) > 0 {
		return "left held: " + strings.Join(f.Held, ", ")
	}
	if f.False {
		return "the verdict application is false"
	}
	return f.Unknown
}

func outcomeText(f scripttest.FaultResult) string {
	switch {
	case len(f.Held) > 0:
		return "HELD"
	case f.False:
		return "FALSE"
	case f.Unknown != "":
		return "?"
	}
	return map[run.Verdict]string{run.NoVerdict: "-", run.Crash: "crash", run.Filesystem: "files", run.Application: "app"}[f.Verdict]
}

// clipped is a text that leaves the table a table.
func clipped(text string) string {
	if r := []rune(text); len(r) > 90 {
		return string(r[:90]) + "…"
	}
	return text
}
