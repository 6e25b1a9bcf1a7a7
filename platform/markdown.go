package platform

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Contract is what the table says of a caller, as the tables of its page.
func (c *Caller) Contract() string {
	var b strings.Builder
	c.writeWords(&b)
	c.writeData(&b)
	c.writeTimes(&b)
	c.writeStatuses(&b)
	b.WriteString("\n## What the caller cannot\n\n")
	for _, sentences := range c.Cannot {
		fmt.Fprintf(&b, "- %s\n", sentences)
	}
	return b.String()
}

// does says what a word makes starhost do.
func (v Verb) does() string {
	switch v {
	case Pre:
		return "quiesces and holds"
	case Post:
		return "the snapshot was taken: verifies, gives everything back"
	case Abort:
		return "there is no snapshot: gives everything back"
	case Check:
		return "a rehearsal: looks whether everything is ready, changes nothing"
	}
	return "nothing, exit status 0"
}

func (c *Caller) writeWords(b *strings.Builder) {
	where := "its first argument"
	if c.Env != "" {
		where = "its first argument or, if there is none, `" + c.Env + "`"
	}
	fmt.Fprintf(b, "## Words\n\nThe word is %s.\n\n| word | what starhost does |\n|---|---|\n", where)
	for _, w := range c.Words {
		fmt.Fprintf(b, "| `%s` | %s |\n", w.Text, w.Verb.does())
	}
	fmt.Fprintf(b, "| `%s` | a rehearsal for a person, nothing is changed |\n", Rehearsal)
	if c.Other != "" {
		fmt.Fprintf(b, "| any other | %s |\n", c.Other.does())
	} else {
		b.WriteString("| any other | an error |\n")
	}
	if c.DryRun != "" {
		fmt.Fprintf(b, "\nWith `%s=true` a word before a snapshot is a rehearsal, and one after it does nothing.\n", c.DryRun)
	}
	if c.Failed != "" {
		fmt.Fprintf(b, "\nWith `%s=1` there was no quiesce: everything is given back and nothing is verified.\n", c.Failed)
	}
}

func (c *Caller) writeData(b *strings.Builder) {
	fmt.Fprintf(b, "\n## What scripts see\n\nIn `ctx.params`, as data and never as part of a command. At most %d KiB.\n\n| name | where from | what |\n|---|---|---|\n", maxData>>10)
	fmt.Fprintf(b, "| `caller` | | `%s` |\n| `word` | | the word |\n", c.Name)
	for _, d := range c.Data {
		fmt.Fprintf(b, "| `%s` | %s | %s |\n", d.Name, d.from(), d.Doc)
	}
	if c.Window != "" {
		fmt.Fprintf(b, "\n`%s` tells windows apart: a word after the snapshot ends the one with the same, and a word before it with another one first gives back what is left.\n", c.Window)
	}
}

// from says where a datum comes from.
func (d Datum) from() string {
	switch {
	case d.Env != "":
		return "`" + d.Env + "`"
	case d.Rest:
		return fmt.Sprintf("the arguments after the word, from number %d on, a list", d.Arg)
	}
	return fmt.Sprintf("argument %d after the word", d.Arg)
}

func (c *Caller) writeTimes(b *strings.Builder) {
	fmt.Fprintf(b, "\n## Times\n\n| | the caller waits | starhost ends by itself after |\n|---|---|---|\n")
	fmt.Fprintf(b, "| the call before the snapshot | %s | %s, everything undone |\n", span(c.Granted.Pre, "as long as it takes"), span(c.Budget.Pre, "`prescript_timeout`"))
	fmt.Fprintf(b, "| between the calls | %s | %s, and `freeze_timeout` if it froze |\n", span(c.Granted.Window, "as long as it takes"), c.hold())
	fmt.Fprintf(b, "| the call after the snapshot | %s | %s |\n", span(c.Granted.Post, "as long as it takes"), span(c.Budget.Post, "`postscript_timeout`"))
	if c.TimeoutEnv != "" {
		fmt.Fprintf(b, "\n`%s` is how many seconds the caller waits this time: starhost ends after three quarters of that.\n", c.TimeoutEnv)
	}
	fmt.Fprintf(b, "\n`starhost hook %s --within TIME` says what the caller waits, where that was set to something else. The limits of the workload count too, if they are shorter.\n", c.Name)
	fmt.Fprintf(b, "\nFilesystems, with `fs_freeze = auto`: %s\n", c.Freezes.says())
}

// hold is how long something may stay held.
func (c *Caller) hold() string {
	if c.Budget.Window == 0 {
		return "`timeout`"
	}
	return "`timeout`, at most " + span(c.Budget.Window, "")
}

// says tells who sees to the filesystems.
func (f Freezes) says() string {
	return [...]string{
		"starhost freezes what the script names, and thaws it.",
		"the caller freezes them itself, after the first call and until before the second one; starhost does the part of the database.",
		"nobody freezes them, the snapshot of the caller is atomic; starhost does the part of the database.",
	}[f]
}

func (c *Caller) writeStatuses(b *strings.Builder) {
	b.WriteString("\n## Exit statuses\n\n| status | means |\n|---|---|\n")
	var statuses []int
	for _, row := range Outcomes {
		statuses = append(statuses, c.Status(row.Outcome))
	}
	slices.Sort(statuses)
	for _, status := range slices.Compact(statuses) {
		var meanings []string
		for _, row := range Outcomes {
			if c.Status(row.Outcome) == status {
				meanings = append(meanings, row.Meaning)
			}
		}
		fmt.Fprintf(b, "| %d | %s |\n", status, strings.Join(meanings, ". Or: "))
	}
}

// span is a time for people; otherwise is for 0.
func span(d time.Duration, otherwise string) string {
	switch {
	case d == 0:
		return otherwise
	case d%time.Minute == 0:
		return fmt.Sprintf("%d min", d/time.Minute)
	}
	return fmt.Sprintf("%d s", d/time.Second)
}

// Overview is a table of all callers, with the times side by side.
func Overview() string {
	var b strings.Builder
	b.WriteString("| caller | what it is | waits before, between, after | starhost ends by itself | who freezes |\n|---|---|---|---|---|\n")
	for i := range callers {
		c := &callers[i]
		fmt.Fprintf(&b, "| [%s](%s.md) | %s | %s | %s | %s |\n", c.Name, c.Name, c.Title, c.Granted.row(), c.Budget.row(),
			[...]string{"starhost", "the caller", "nobody needs to"}[c.Freezes])
	}
	return b.String()
}

func (t Times) row() string {
	return span(t.Pre, "–") + ", " + span(t.Window, "–") + ", " + span(t.Post, "–")
}
