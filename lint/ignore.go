package lint

import (
	"slices"
	"strings"

	"go.starlark.net/syntax"
)

// ignore is a comment that silences one code on one line.
type ignore struct {
	code, reason string
	pos          syntax.Position
	line         int32 // that it is about
	used         bool
}

const ignorePrefix = "# lint: ignore"

// ignores takes away the findings that a comment silences, and reports comments
// that are wrong.
func (f *file) ignores() {
	list := f.ignoreComments()
	f.found = slices.DeleteFunc(f.found, func(found Finding) bool {
		for _, ig := range list {
			if ig.code == found.Code && ig.line == found.line && ig.reason != "" {
				ig.used = true
				return true
			}
		}
		return false
	})
	for _, ig := range list {
		switch {
		case lookup(ig.code) == nil:
			f.report("ignore-unknown", ig.pos, "there is no check %q", ig.code)
		case ig.reason == "":
			f.report("ignore-without-reason", ig.pos, "%s is ignored without a reason", ig.code)
		case !ig.used:
			f.report("ignore-unused", ig.pos, "there is no %s here to ignore", ig.code)
		}
	}
}

// ignoreComments returns the comments that silence something. One at the end of a
// line is about that line, one with a line of its own about the next line that is
// no comment.
func (f *file) ignoreComments() (list []*ignore) {
	whole := map[int32]bool{} // lines with nothing but a comment
	for _, c := range commentsOf(f.tree, whole) {
		rest, ok := strings.CutPrefix(c.Text, ignorePrefix)
		if !ok || rest != "" && rest[0] != ' ' {
			continue
		}
		code, reason, _ := strings.Cut(strings.TrimSpace(rest), " ")
		ig := &ignore{code: code, reason: strings.TrimSpace(reason), pos: c.Start, line: c.Start.Line}
		for whole[ig.line] {
			ig.line++
		}
		list = append(list, ig)
	}
	return list
}

// commentsOf returns all comments of a file, by line, and notes which lines have
// nothing else.
func commentsOf(tree *syntax.File, whole map[int32]bool) (list []syntax.Comment) {
	seen := map[syntax.Position]bool{}
	add := func(comments []syntax.Comment, alone bool) {
		for _, c := range comments {
			if !seen[c.Start] {
				seen[c.Start] = true
				list = append(list, c)
				whole[c.Start.Line] = alone
			}
		}
	}
	syntax.Walk(tree, func(n syntax.Node) bool {
		if n != nil && n.Comments() != nil {
			c := n.Comments()
			add(c.Before, true)
			add(c.Suffix, false)
			add(c.After, true)
		}
		return true
	})
	slices.SortFunc(list, func(a, b syntax.Comment) int { return int(a.Start.Line - b.Start.Line) })
	return list
}
