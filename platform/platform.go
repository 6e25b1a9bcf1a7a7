// Package platform declares what calls starhost: for each caller the words it says,
// the time it grants, who freezes filesystems, and the exit statuses it understands.
//
// A [Caller] is data, one row of the table in callers.go. [Caller.Parse] reads what one
// said; [Hook] does it and answers. Documentation and contract tests walk the same
// table, so a caller cannot be half there.
//
// Everything a caller says is data: nothing of it is ever part of a command.
//
// # What every hook promises
//
// A call that fails has undone what it did before it returns, because most callers make
// no second call then. What is held has a deadline of its own, because a second call
// may never come. The second call may come twice, or without a first one: that is no
// error, unless the hold ended before it; then it says so. Nothing that outlives a call
// has a descriptor of the caller.
//
// Nothing here is shared between goroutines.
package platform

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/starhost/starhost/config"
)

// Verb is what a caller wants.
type Verb string

// The verbs.
const (
	Pre    Verb = "pre"    // quiesce and hold
	Post   Verb = "post"   // the snapshot was taken
	Abort  Verb = "abort"  // there is no snapshot
	Check  Verb = "check"  // a rehearsal: nothing may be changed
	Ignore Verb = "ignore" // nothing that concerns us
)

// Word is one word of a caller with what it means.
type Word struct {
	Text string
	Verb Verb
}

// Times are the times of a caller: of each call, and between the two. 0: no limit that
// is known.
type Times struct {
	Pre, Window, Post time.Duration
}

// Datum is something that a caller says besides its word. Scripts see it as
// ctx.params[Name].
type Datum struct {
	Name string
	Arg  int    // the number of the argument after the word, from 1; 0: it is not an argument
	Rest bool   // that argument and all after it, as a list
	Env  string // or the variable of the environment
	Doc  string
}

// Freezes says who sees to the filesystems while a caller takes its snapshot.
type Freezes int

// Who sees to the filesystems.
const (
	FreezeUs     Freezes = iota // nobody else: starhost freezes them
	FreezeCaller                // the caller, after our pre and until before our post
	FreezeTool                  // nobody needs to: its snapshot is atomic and syncs
)

// mode is what fs_freeze = auto means for a caller.
func (f Freezes) mode() string {
	return [...]string{"", config.FreezeCaller, config.FreezeSnapshot}[f]
}

// Caller is one thing that calls starhost before and after a snapshot.
type Caller struct {
	Name  string // of starhost hook NAME
	Title string // the product
	// Words are what it says, as the first argument or, if Env is set and there is no
	// argument, in that variable.
	Words []Word
	Env   string
	// Other is what any other word means: Ignore, or "" if it is an error.
	Other Verb
	// DryRun is the variable that is "true" when nothing may be changed.
	DryRun string
	// Failed is the variable that is "1" when the call before the snapshot has failed.
	Failed string
	// Data is what else it says. Window is the name of the one that tells two of its
	// windows apart; "" if it has one at a time.
	Data   []Datum
	Window string
	// Replaces says that a pre with another window gives up the one that is open.
	Replaces bool
	// Granted is when it loses patience, TimeoutEnv the variable with the seconds.
	Granted    Times
	TimeoutEnv string
	// Budget is when we end by ourselves, before that.
	Budget  Times
	Freezes Freezes
	// Statuses are the exit statuses that differ from those of starhost.
	Statuses map[Outcome]int
	// PluginConfig says that the classic configuration of Azure counts too.
	PluginConfig bool
	// Install is what puts the hook in place, and Manual what has to be done by hand,
	// in lines of which those to be copied are indented. @STARHOST@ in it stands for the
	// path of the program.
	Install []Put
	Manual  string
	// Cannot says in sentences what no hook can do for this caller.
	Cannot []string
}

// TakesArguments reports whether arguments after its word are what the caller says,
// whatever they look like.
func (c *Caller) TakesArguments() bool {
	return slices.ContainsFunc(c.Data, func(d Datum) bool { return d.Arg > 0 })
}

// Lookup returns the caller of that name.
func Lookup(name string) (*Caller, error) {
	if i := slices.IndexFunc(callers, func(c Caller) bool { return c.Name == name }); i >= 0 {
		return &callers[i], nil
	}
	return nil, fmt.Errorf("there is no caller %q; the callers are %s", name, strings.Join(Names(), ", "))
}

// Names are the names of all callers, in the order of the table.
func Names() []string {
	names := make([]string, len(callers))
	for i, c := range callers {
		names[i] = c.Name
	}
	return names
}

// prefix begins the names under which the program is a hook without arguments of ours.
const prefix = "starhost-"

// Called returns the caller whose hook a program is by its name, the first argument of a
// process, as a link to it has: starhost-CALLER, after digits that order hooks in a
// folder, as in /etc/vmware-tools/backupScripts.d/50-starhost-vmware.
func Called(path string) (*Caller, bool) {
	name := path[strings.LastIndexByte(path, '/')+1:]
	name = strings.TrimLeft(strings.TrimLeft(name, "0123456789"), "-")
	name, ok := strings.CutPrefix(name, prefix)
	if !ok {
		return nil, false
	}
	c, err := Lookup(name)
	return c, err == nil
}
