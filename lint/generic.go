package lint

import (
	"strings"

	"github.com/bazelbuild/buildtools/build"
	"github.com/bazelbuild/buildtools/warn"
	"go.starlark.net/syntax"
)

// borrowed are the checks that buildtools makes for any Starlark, by our codes. The
// other ones of its list are about Bazel, or matters of taste.
var borrowed = []struct{ code, theirs string }{
	{"missing-return", "return-value"},
	{"no-docstring", "module-docstring"},
	{"no-effect", "no-effect"},
	{"string-iteration", "string-iteration"},
	{"uninitialized", "uninitialized"},
	{"unreachable", "unreachable"},
	{"unused-load", "load"},
	{"unused-variable", "unused-variable"},
}

// generic makes the checks of buildtools. Their functions are called one by one:
// the way through FileWarnings would heed comments that need no reason.
func (f *file) generic(source []byte) {
	tree, err := build.ParseDefault(f.name, source)
	if err != nil {
		return // literals of bytes, which are right
	}
	for _, b := range borrowed {
		if b.code == "no-docstring" && !f.definesPhase() {
			continue
		}
		for _, w := range warn.FileWarningMap[b.theirs](tree) {
			message, _, _ := strings.Cut(w.Message, "\n")
			message = strings.TrimSuffix(strings.TrimSuffix(message, " Please remove it."), ".")
			f.report(b.code, syntax.MakePosition(&f.name, int32(w.Start.Line), int32(w.Start.LineRune)), "%s", message)
		}
	}
}
