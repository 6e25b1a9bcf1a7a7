package worlds

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/starhost/starhost/action"
)

// operate applies an operator; where an operand is none so is the result.
func operate(op string, args []action.Value) action.Value {
	if op == nullOp {
		return action.Bool(args[0].IsNone())
	}
	if slices.ContainsFunc(args, action.Value.IsNone) && op != "and" && op != "or" {
		return action.Value{}
	}
	switch op {
	case notOp:
		return action.Bool(!args[0].Truth())
	case "and":
		return action.Bool(args[0].Truth() && args[1].Truth())
	case "or":
		return action.Bool(args[0].Truth() || args[1].Truth())
	case "||":
		return action.String(plain(args[0]) + plain(args[1]))
	}
	order := compare(args[0], args[1])
	return action.Bool(strings.Contains(op, "<") && order < 0 || strings.Contains(op, ">") && order > 0 ||
		strings.Contains(op, "=") && op != "!=" && order == 0 || op == "!=" && order != 0)
}

// compare orders two values: positions of a log and numbers as such, all else as text.
func compare(a, b action.Value) int {
	if x, ok := parseLSN(a.Text()); ok {
		if y, ok := parseLSN(b.Text()); ok {
			return cmp.Compare(x, y)
		}
	}
	x, xErr := strconv.ParseInt(plain(a), 10, 64)
	y, yErr := strconv.ParseInt(plain(b), 10, 64)
	if xErr == nil && yErr == nil {
		return cmp.Compare(x, y)
	}
	return cmp.Compare(plain(a), plain(b))
}

// plain is a value as text.
func plain(v action.Value) string {
	switch v.Kind() {
	case action.None:
		return ""
	case action.StringKind, action.BytesKind:
		return v.Text()
	}
	return v.String()
}

// composite is a row as one text.
func composite(v action.Value) action.Value {
	var fields []string
	for _, item := range v.Items() {
		text := plain(item)
		if !item.IsNone() && (text == "" || strings.ContainsAny(text, "(),\"\\ \n\t")) {
			text = `"` + strings.NewReplacer(`"`, `""`, `\`, `\\`).Replace(text) + `"`
		}
		fields = append(fields, text)
	}
	return action.String("(" + strings.Join(fields, ",") + ")")
}
