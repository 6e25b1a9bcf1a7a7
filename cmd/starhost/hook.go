package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"github.com/starhost/starhost"
	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/config"
	"github.com/starhost/starhost/event"
	"github.com/starhost/starhost/platform"
	"github.com/starhost/starhost/run"
)

func (a *app) hook() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "hook CALLER [WORD] [ARG...]",
		Short: "What a backup product runs before and after its snapshot",
		Long: `Speaks the language of whatever calls it: its words, its exit statuses, its patience.
A call that fails has undone what it did. What is held has a deadline of its own, so a
second call that never comes does no harm; one that comes too late is told so. A second
call may come twice, or without a first one.

The callers are ` + strings.Join(platform.Names(), ", ") + `.
docs/callers has a page for each. Where a caller cannot give arguments, call the program
by a link named starhost-CALLER.`,
		Example: `  starhost hook qemu-ga freeze
  starhost hook qemu-ga thaw
  starhost hook qemu-ga check                would it work? Nothing is changed
  starhost hook vmware freezeFail
  starhost hook sanoid --within 20s pre
  starhost hook zrepl --workload orders      for the disk of one workload of several
  starhost hook aws pre-script 3b9b7a76-1c1e-4a9e-8d8e-000000000000`,
	}
	for _, name := range platform.Names() {
		cmd.AddCommand(a.hookOf(name))
	}
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		if len(args) == 0 {
			return usage("hook: who calls? The callers are %s", strings.Join(platform.Names(), ", "))
		}
		_, err := platform.Lookup(args[0])
		return usage("hook: %w", err)
	}
	return cmd
}

// hookOf is the hook of one caller. What follows the word is the caller's, flags or not.
func (a *app) hookOf(name string) *cobra.Command {
	var within time.Duration
	var workloads []string
	caller, err := platform.Lookup(name)
	if err != nil {
		panic(err) // the names are those of the table
	}
	cmd := &cobra.Command{
		Use:     name + " [WORD] [ARG...]",
		Short:   caller.Title,
		Example: "  starhost hook " + name + " " + caller.Words[0].Text,
		RunE: func(cmd *cobra.Command, args []string) error {
			signal.Ignore(syscall.SIGPIPE) // the exit status is the answer, whoever reads the rest
			call, err := caller.Parse(args, a.getenv)
			if err != nil {
				return &exitError{code: caller.Status(platform.Misused), err: err}
			}
			if cmd.Flags().Changed("within") {
				if within <= 0 {
					return &exitError{code: caller.Status(platform.Misused), err: fmt.Errorf("hook %s: --within is %v, want more than 0", name, within)}
				}
				call.Within(within)
			}
			if !cmd.Flags().Changed("log-level") && a.getenv("STARHOST_LOG_LEVEL") == "" {
				a.logLevel, a.warnings = "warn", zerolog.InfoLevel // some callers take the first line for the error
			}
			return a.answerCaller(cmd.Context(), call, workloads)
		},
	}
	cmd.Flags().SetInterspersed(!caller.TakesArguments())
	cmd.Flags().StringSliceVar(&workloads, "workload", nil, "quiesce this `WORKLOAD` and no other; may be given again")
	cmd.Flags().DurationVar(&within, "within", 0, "the `TIME` that the caller grants to this call, as 20s")
	return cmd
}

// answerCaller makes a call and ends with the status that its caller understands.
func (a *app) answerCaller(ctx context.Context, call platform.Call, workloads []string) error {
	if call.Verb == platform.Ignore { // whatever the state of our configuration
		return a.tellCaller(call, platform.Answer{Outcome: platform.Done})
	}
	o, closeLog, err := a.hookOptions(call, workloads)
	if err != nil {
		return a.tellCaller(call, platform.Refused(call, err))
	}
	defer closeLog()
	o.Wrap, o.Observe = nil, nil // they cannot reach the supervisor
	told := false
	answer := platform.Hook(ctx, call, o, func(held platform.Answer) error {
		told = true
		return a.printAnswer(call, held)
	})
	if told && answer.Outcome == platform.Done {
		return nil
	}
	answer.Err = redactedError(o, answer)
	if answer.Status == run.ExitDone && answer.Message() != "" { // nothing was to be done
		o.Log.Info().Msg(answer.Message())
	}
	return a.tellCaller(call, answer)
}

// hookOptions are those of a call. What is held can be given back without them.
func (a *app) hookOptions(call platform.Call, workloads []string) (starhost.Options, func(), error) {
	classic := a.classic(workloads)
	if call.Caller.PluginConfig {
		classic = a.pluginConfig
	}
	if call.Verb == platform.Post || call.Verb == platform.Abort {
		return a.endOptions(workloads, classic)
	}
	return a.options(workloads, classic)
}

// redactedError is what went wrong, without secrets.
func redactedError(o starhost.Options, answer platform.Answer) error {
	if answer.Err == nil {
		return nil
	}
	return errors.New(o.Redactor().String(answer.Err.Error()))
}

// answerPatience is how long whoever reads an answer may take to do so, where nothing
// depends on it any more.
const answerPatience = time.Second

// tellCaller prints the answer, for a person what a rehearsal has found, and ends with the
// status that says it. A caller that throws away what we say leaves it among the events.
func (a *app) tellCaller(call platform.Call, answer platform.Answer) error {
	printed := make(chan error, 1) // the goroutine ends with the process, if nobody reads
	go func() {
		if !a.json && call.Word == platform.Rehearsal {
			printed <- a.printFindings(answer.Findings)
			return
		}
		printed <- a.printAnswer(call, answer)
	}()
	var err error
	select {
	case err = <-printed:
	case <-time.After(answerPatience):
		err = errors.New("nobody reads the answer")
	}
	if answer.Status != run.ExitDone {
		a.noteAnswer(call, answer)
		return &exitError{code: answer.Status, err: fmt.Errorf("%s %s: %s", call.Caller.Name, call.Word, answer.Message())}
	}
	if err != nil {
		return &exitError{code: call.Caller.Status(platform.Internal), err: err}
	}
	return nil
}

// noteAnswer puts an answer that is no success among the events. Nothing is frozen by us
// then; what others have frozen is not waited for.
func (a *app) noteAnswer(call platform.Call, answer platform.Answer) {
	sink, err := event.Open(a.stateDir)
	if err != nil {
		return // there is no state directory yet
	}
	data := action.Dict(
		action.Entry{Key: "caller", Value: action.String(call.Caller.Name)}, action.Entry{Key: "word", Value: action.String(call.Word)},
		action.Entry{Key: "outcome", Value: action.String(string(answer.Outcome))}, action.Entry{Key: "status", Value: action.Int(int64(answer.Status))},
		action.Entry{Key: "message", Value: action.String(answer.Message())})
	sink.Emit(event.Event{Type: event.Source + ".hook", Data: data})
	ctx, cancel := context.WithTimeout(context.Background(), answerPatience)
	defer cancel()
	_ = sink.Close(ctx) // the answer is what counts
}

// printAnswer prints the answer for programs, if that is wanted. Standard output may be a
// file on a filesystem that is frozen now.
func (a *app) printAnswer(call platform.Call, answer platform.Answer) error {
	if !a.json {
		return nil
	}
	var text bytes.Buffer
	out := *a
	out.stdout = &text
	report := hookReport{answer.Report, callerReport{call.Caller.Name, call.Word, answer.Outcome, answer.Status, answer.Message(), answer.Azure, answer.Findings}}
	if err := out.print(report); err != nil {
		return err
	}
	return a.writeAnswer(text.Bytes())
}

// hookReport is a report, if there is one, with what its caller was told.
type hookReport struct {
	*run.Report
	Caller callerReport `json:"caller"`
}

type callerReport struct {
	Name    string           `json:"name"`
	Word    string           `json:"word"`
	Outcome platform.Outcome `json:"outcome"`
	Status  int              `json:"status"`
	Message string           `json:"message,omitempty"`
	// Azure is what Azure calls it, for its hook alone.
	Azure    *config.AzureError `json:"azure,omitempty"`
	Findings []starhost.Finding `json:"findings,omitempty"`
}
