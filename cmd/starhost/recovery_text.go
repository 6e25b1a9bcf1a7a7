package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/starhost/starhost"
	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/run"
	"github.com/starhost/starhost/scripts"
)

// printPoint prints a recovery point for somebody who has to restore: what it is, whether
// to rely on it, what is in it, where to read on. Without a workload all are shown.
func (a *app) printPoint(f *starhost.FoundPoint, workload string) error {
	members := f.Members
	if workload != "" {
		m, err := f.Member(workload)
		if err != nil {
			return &starhost.ConfigError{Err: err}
		}
		members = []run.RecoveryPointMember{*m}
	}
	var b strings.Builder
	row := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "%-9s %s\n", name, fmt.Sprintf(format, args...))
	}
	row("run", "%s", f.Run)
	row("recorded", "%s, %s", f.Time.Local().Format("2006-01-02 15:04:05 -0700"), ago(time.Since(f.Time)))
	row("file", "%s%s", f.Path, onDisk(f))
	for _, line := range verdictLines(f, members) {
		row("verdict", "%s", line)
	}
	if why := f.Doubt(); why != "" {
		row("CAREFUL", "%s", why)
	}
	for i := range members {
		printMember(&b, f, &members[i])
	}
	return a.say(printable(b.String()))
}

func onDisk(f *starhost.FoundPoint) string {
	if !f.Carried {
		return ""
	}
	return ", written before the snapshot of this run.\n" +
		"          A copy that was made at another time carries it too: compare the times."
}

// ago is an age as people say it.
func ago(d time.Duration) string {
	switch {
	case d < 0:
		return "which is still to come: compare the clocks"
	case d < time.Minute:
		return d.Round(time.Second).String() + " ago"
	case d < 48*time.Hour:
		return strings.TrimSuffix(d.Round(time.Minute).String(), "0s") + " ago"
	}
	return fmt.Sprintf("%d days ago", int(d.Hours()/24))
}

// verdictLines say what the snapshot is worth, as far as it is known here.
func verdictLines(f *starhost.FoundPoint, members []run.RecoveryPointMember) []string {
	if f.Verdicts == nil {
		ask := "not known here: no report of the run is kept in the state directory."
		if f.Carried && f.Status == nil {
			ask = "not known: the file was written before the snapshot was judged. Ask the machine that\n" +
				"          made the run: starhost recovery-point " + f.Run + ". Until then treat the copy as crash."
		}
		return []string{ask}
	}
	var lines []string
	for _, m := range members {
		verdict := "none: there is no snapshot"
		if v := f.Verdicts[m.Workload]; v != run.NoVerdict {
			verdict = v.String()
		}
		if len(f.Members) > 1 {
			verdict = m.Workload + ": " + verdict
		}
		lines = append(lines, verdict)
	}
	return lines
}

func printMember(b *strings.Builder, f *starhost.FoundPoint, m *run.RecoveryPointMember) {
	fmt.Fprintf(b, "\n%-9s %s\n%-9s %s, sha256 %.12s\n", "workload", m.Workload, "script", m.Script.Name, m.Script.SHA256)
	fmt.Fprintf(b, "%-9s %s\n", "next", nextPage(m.Script.Name))
	printValues(b, "before", m.Before)
	if !m.After.IsNone() {
		printValues(b, "after", m.After)
		return
	}
	switch {
	case f.Carried && f.Status == nil:
		fmt.Fprintf(b, "\nafter     not on the disk; ask the machine that made the run: starhost recovery-point %s\n", f.Run)
	default:
		fmt.Fprintf(b, "\nafter     nothing was recorded\n")
	}
}

// nextPage names the document that goes on from here. A script of the reader's own has
// none of its own, nor has a pair of programs, of which nobody knows what they do.
func nextPage(script string) string {
	page := "README"
	if bundled := func(s scripts.Script) bool { return s.File == script }; script != "legacy.star" && slices.ContainsFunc(scripts.All, bundled) {
		page = strings.TrimSuffix(script, ".star")
	}
	return fmt.Sprintf("docs/recovery/%s.md, in the source of starhost %s", page, starhost.Version)
}

// longText is how much of a string is shown in a row.
const longText = 100

// printValues prints each value with the path that --value takes.
func printValues(b *strings.Builder, path string, v action.Value) {
	leaves := leavesOf(nil, path, v)
	width := 0
	for _, l := range leaves {
		width = max(width, len(l.path))
	}
	b.WriteString("\n")
	for _, l := range leaves {
		fmt.Fprintf(b, "%-*s  %s\n", min(width, 40), l.path, shownValue(l))
	}
}

type leaf struct {
	path  string
	value action.Value
}

func leavesOf(list []leaf, path string, v action.Value) []leaf {
	items := v.Items()
	if len(items) == 0 {
		return append(list, leaf{path, v})
	}
	for i, item := range items {
		key := strconv.Itoa(i)
		if v.Kind() == action.DictKind {
			key = v.Keys()[i]
		}
		list = leavesOf(list, path+"."+key, item)
	}
	return list
}

func shownValue(l leaf) string {
	switch text := l.value.Text(); {
	case l.value.Kind() == action.SecretKind:
		return "a secret, which is recorded nowhere"
	case l.value.Kind() != action.StringKind && l.value.Kind() != action.BytesKind:
		return l.value.String()
	case strings.Contains(strings.TrimSuffix(text, "\n"), "\n") || len(text) > longText || l.value.Kind() == action.BytesKind:
		return fmt.Sprintf("%d bytes; print them: --value %s", len(text), l.path)
	default:
		return strconv.Quote(text)
	}
}

func endLine(text string) string {
	if strings.HasSuffix(text, "\n") {
		return text
	}
	return text + "\n"
}
