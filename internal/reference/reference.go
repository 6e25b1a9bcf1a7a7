// Package reference says to people, to programs and to editors what a script can say:
// the words, the fields of ctx, the phases.
//
// It renders the tables of package action, and has nothing of its own to tell but
// where they come from. Its functions are pure.
package reference

import (
	"slices"
	"strings"

	"github.com/starhost/starhost/action"
)

// contextTopic is the name under which the fields of ctx are looked up.
const contextTopic = "ctx"

// Signature shows how a word is called. What has no default that a script could
// write is shown as "…".
func Signature(s *action.Spec) string {
	return s.Name + "(" + parameters(s, func(p action.Param) string {
		switch {
		case p.Required, p.Rest, p.AnyName:
			return p.Name
		case p.Default != "":
			return p.Name + " = " + p.Default
		}
		return p.Name + " = …"
	}) + ")"
}

// parameters is a parameter list in the way of Python; one shows one parameter.
func parameters(s *action.Spec, one func(action.Param) string) string {
	var list []string
	star := false
	for _, p := range s.Params {
		if p.KeywordOnly && !star {
			list = append(list, "*")
		}
		star = star || p.KeywordOnly || p.Rest
		list = append(list, stars(p)+one(p))
	}
	return strings.Join(list, ", ")
}

// stars stand before the name of a parameter that takes several arguments.
func stars(p action.Param) string {
	switch {
	case p.Rest:
		return "*"
	case p.AnyName:
		return "**"
	}
	return ""
}

// module returns the words of a module, nil if there is none of that name.
func module(name string) (words []*action.Spec) {
	for i := range action.Specs {
		if m, _ := action.Specs[i].Module(); m != "" && m == name {
			words = append(words, &action.Specs[i])
		}
	}
	return words
}

// phase returns the declaration of a phase, nil if there is none of that name.
func phase(name string) *action.PhaseSpec {
	i := slices.IndexFunc(action.PhaseSpecs, func(p action.PhaseSpec) bool { return p.Name == name })
	if i < 0 {
		return nil
	}
	return &action.PhaseSpecs[i]
}

// topics are all names that can be looked up.
func topics() []string {
	var names []string
	for i := range action.Specs {
		if m, _ := action.Specs[i].Module(); m != "" && !slices.Contains(names, m) {
			names = append(names, m)
		}
		names = append(names, action.Specs[i].Name)
	}
	for _, p := range action.PhaseSpecs {
		names = append(names, p.Name)
	}
	return append(names, contextTopic)
}

// maxNear is how many names an error lists.
const maxNear = 5

// Near returns the names that somebody may have meant, the nearest first.
func Near(name string) []string {
	type candidate struct {
		name string
		far  int
	}
	var found []candidate
	for _, topic := range topics() {
		far := distance(strings.ToLower(name), topic)
		if len(name) > 1 && (strings.Contains(topic, name) || strings.Contains(name, topic)) {
			far = min(far, 2)
		}
		if far <= max(1, min(len(name), len(topic))/3) || far <= 2 && len(name) > 2 {
			found = append(found, candidate{topic, far})
		}
	}
	slices.SortStableFunc(found, func(a, b candidate) int { return a.far - b.far })
	var names []string
	for _, c := range found[:min(len(found), maxNear)] {
		names = append(names, c.name)
	}
	return names
}

// distance is how many letters have to be put in, taken out or replaced to make one
// text of the other.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(diagonal+cost, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}

// sentence is the first sentence of a text.
func sentence(text string) string {
	if i := strings.Index(text, ". "); i >= 0 {
		return text[:i+1]
	}
	return text
}
