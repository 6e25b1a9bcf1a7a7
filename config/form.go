package config

import "regexp"

// form is what a word must look like, and the bytes that it may have at most. The bound
// is not part of the pattern: a repeat with a count is compiled as often as it counts,
// whenever one of our processes starts, and a run has four of them.
type form struct {
	pattern *regexp.Regexp
	most    int
}

func formOf(pattern string, most int) form { return form{regexp.MustCompile(pattern), most} }

// matches reports whether text has the form.
func (f form) matches(text string) bool { return len(text) <= f.most && f.pattern.MatchString(text) }
