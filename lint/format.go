package lint

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bazelbuild/buildtools/build"
	"go.starlark.net/syntax"

	"github.com/starhost/starhost/interp"
)

// Format returns a file in the one style of scripts, which is that of buildifier
// without its rewrites: blanks, line breaks and quotes change, nothing else. It is
// idempotent. The error is for a text that is no Starlark, or that the formatter
// cannot read (a literal of bytes) or would spoil (text that is no UTF-8).
func Format(name string, source []byte) ([]byte, error) {
	before, err := parse(name, source)
	if err != nil {
		return nil, err
	}
	tree, err := build.ParseDefault(name, source)
	if err != nil {
		return nil, fmt.Errorf("%w: it is Starlark, but the formatter cannot read it", err)
	}
	out := build.FormatWithoutRewriting(tree)
	if len(out) > interp.MaxSource {
		return nil, fmt.Errorf("%s would have %d bytes when it is formatted, a script may have %d", name, len(out), interp.MaxSource)
	}
	// The formatter and the interpreter have parsers of their own. What they do not
	// agree on must not be written over a script that works.
	after, err := parse(name, out)
	if err != nil || !slices.Equal(shape(before), shape(after)) {
		return nil, fmt.Errorf("%s: it is Starlark, but the formatter would change what it says", name)
	}
	return out, nil
}

// shape is what a file says, without where it says it: its nodes in order, with
// the names and values of those that have one, and its comments.
func shape(tree *syntax.File) (list []string) {
	syntax.Walk(tree, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.ParenExpr, nil: // the formatter puts some around a second sign
		case *syntax.Ident:
			list = append(list, n.Name)
		case *syntax.Literal:
			list = append(list, fmt.Sprintf("%v %v", n.Token, n.Value))
		case *syntax.BinaryExpr:
			list = append(list, n.Op.String())
		case *syntax.UnaryExpr:
			list = append(list, n.Op.String())
		case *syntax.AssignStmt:
			list = append(list, n.Op.String())
		case *syntax.BranchStmt:
			list = append(list, n.Token.String())
		default:
			list = append(list, fmt.Sprintf("%T", n))
		}
		return true
	})
	var comments []string
	for _, c := range commentsOf(tree, map[int32]bool{}) {
		comments = append(comments, strings.TrimRight(c.Text, " \t\r"))
	}
	slices.Sort(comments) // one may move to another line
	return append(list, comments...)
}
