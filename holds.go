package starhost

import (
	"fmt"
	"slices"
	"strings"

	"github.com/starhost/starhost/supervise"
)

// Hold is a run that Pre has left held, or one that was and whose report nobody has
// asked for yet.
type Hold struct {
	Run           string // "" while its pre has not answered
	Workloads     []string
	Owner, Window string // as in [Options]
	// Over says that it has ended by itself: Post will say that it came too late.
	Over bool

	ticket supervise.Ticket
}

// Dead asks whether its supervisor was killed: Post recovers it, and says so.
func (h Hold) Dead() bool { return h.ticket.Dead() }

// ownerText names an owner, with its window if that has a name.
func ownerText(owner, window string) string { return strings.TrimSpace(owner + " " + window) }

// String names the run and whose it is.
func (h Hold) String() string {
	text := "run " + h.Run
	if h.Run == "" {
		text = "a run that is still quiescing"
	}
	if h.Owner != "" {
		text += " of " + ownerText(h.Owner, h.Window)
	}
	return text
}

// Holds returns what Pre has left for any of the workloads, in no order that means
// anything; without Options.Config for any of all configurations. Options.Run, Owner and
// Window choose among them.
func Holds(o Options) ([]Hold, error) {
	tickets, err := o.concerned()
	if err != nil {
		return nil, err
	}
	var list []Hold
	for _, t := range tickets {
		if h := holdOf(t); o.Chooses(h) {
			list = append(list, h)
		}
	}
	return list, nil
}

func holdOf(t supervise.Ticket) Hold {
	return Hold{Run: t.Run, Workloads: t.Workloads, Owner: t.Owner, Window: t.Window, Over: t.Ending != nil, ticket: t}
}

// Chooses reports whether a hold is one of those that Run, Owner and Window name.
func (o Options) Chooses(h Hold) bool {
	return (o.Run == "" || o.Run == h.Run) && (o.Owner == "" || o.Owner == h.Owner) && (o.Window == "" || o.Window == h.Window)
}

// concerned returns the tickets of the workloads; without names those of the
// configuration, as it is now or was when they began.
func (o Options) concerned() ([]supervise.Ticket, error) {
	list, err := supervise.Tickets(o.RuntimeDir)
	if err != nil {
		return nil, configError("runtime directory: %w", err)
	}
	if o.Config == nil {
		return list, nil
	}
	if len(o.Workloads) == 0 {
		all := namesOf(o.Config.Workloads)
		return slices.DeleteFunc(list, func(t supervise.Ticket) bool { return t.Config != o.Config.Path && !t.Concerns(all) }), nil
	}
	named := o.named()
	list = slices.DeleteFunc(list, func(t supervise.Ticket) bool { return !t.Concerns(named) })
	if _, err := o.Config.Select(o.Workloads); err != nil && len(list) == 0 {
		return nil, &ConfigError{err}
	}
	return list, nil
}

// tickets returns those that Post and Abort end.
func (o Options) tickets() ([]supervise.Ticket, error) {
	all, err := o.concerned()
	if err != nil {
		return nil, err
	}
	var chosen []supervise.Ticket
	var others []string
	for _, t := range all {
		if h := holdOf(t); h.Over && h.Owner != o.Owner && h.Owner != "" && o.Run == "" {
			continue // its owner is told, nobody else
		} else if o.Chooses(h) {
			chosen = append(chosen, t)
		} else if !h.Over {
			others = append(others, h.String())
		}
	}
	if len(chosen) == 0 && len(others) > 0 {
		return nil, &BusyError{fmt.Errorf("%s is not held; held is %s", o.chosen(), strings.Join(others, ", "))}
	}
	for _, t := range chosen {
		for _, w := range t.Workloads {
			if len(o.Workloads) > 0 && !slices.Contains(o.named(), w) {
				return nil, configError("%s are one run and end together: name all of them, or none", strings.Join(t.Workloads, ", "))
			}
		}
	}
	return chosen, nil
}

// named are the workloads that the caller has named, with all instances of a section.
func (o Options) named() []string {
	if o.Config == nil {
		return o.Workloads
	}
	return o.Config.Named(o.Workloads)
}

// chosen names what Run, Owner and Window choose.
func (o Options) chosen() string {
	if o.Run != "" {
		return "run " + o.Run
	}
	return "a run of " + ownerText(o.Owner, o.Window)
}
