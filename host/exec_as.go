package host

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/user"
	"path"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/internal/proctree"
)

// searchPath is the PATH of programs: a fixed one, not that of whoever called us.
const searchPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// execAs runs a program as a user. What a program did that failed, or was killed,
// is unknown: it is undone.
func (h *Host) execAs(ctx context.Context, e *action.Exec) action.Result {
	c, err := h.command(e)
	if err != nil {
		return action.Refuse(action.KindConfig, "%v", err)
	}
	r, err := c.Run(ctx)
	exit := &action.Exit{Code: r.Code, Signal: r.Signal}
	var more [2]bool
	exit.Stdout, more[0] = sendable(r.Stdout)
	exit.Stderr, more[1] = sendable(r.Stderr)
	exit.Truncated = r.Truncated || more[0] || more[1]
	name := path.Base(e.Argv[0])
	switch {
	case errors.Is(err, proctree.ErrStart):
		return action.Result{State: action.NotApplied, Err: &action.Fault{Kind: action.KindScript, Message: err.Error()}}
	case ctx.Err() != nil && !r.Left: // else it had ended by itself before
		return action.Result{State: action.Unknown, Exit: exit, Err: ended(ctx, name+" was killed with everything it started")}
	case err != nil:
		return action.Result{State: action.Unknown, Exit: exit, Err: &action.Fault{Kind: action.KindScript, Message: err.Error()}}
	}
	if fault := ExitFault(e, exit); fault != nil {
		return action.Result{State: action.Unknown, Exit: exit, Err: fault}
	}
	return action.Result{State: action.Applied, Exit: exit}
}

// maxEncoded is how long one output may be on its way to a script, in bytes of JSON.
const maxEncoded = 448 << 10

// sendable returns the text of an output, without its end if too much of it is of the
// kind that JSON writes as six bytes.
func sendable(out []byte) (text string, cut bool) {
	text = strings.ToValidUTF8(string(out), "\uFFFD")
	size := 0
	for i, r := range text {
		switch {
		case r < ' ', r == '<', r == '>', r == '&', r == '\u2028', r == '\u2029':
			size += 6
		case r == '"', r == '\\':
			size += 2
		default:
			size += utf8.RuneLen(r)
		}
		if size > maxEncoded {
			return text[:i], true
		}
	}
	return text, false
}

// ExitFault is the fault of a program that ended with a code which is no success; nil if
// it is one. Without codes all are.
func ExitFault(e *action.Exec, exit *action.Exit) *action.Fault {
	if len(e.OK) == 0 || slices.Contains(e.OK, exit.Code) {
		return nil
	}
	return &action.Fault{Kind: action.KindScript, Code: action.Int(int64(exit.Code)), Message: failure(path.Base(e.Argv[0]), exit)}
}

// failure says how a program ended, with the last line that it wrote.
func failure(name string, exit *action.Exit) string {
	text := fmt.Sprintf("%s ended with exit code %d", name, exit.Code)
	if exit.Signal != "" {
		text = name + " was ended by " + exit.Signal
	}
	for _, out := range []string{exit.Stderr, exit.Stdout} {
		lines := strings.Split(strings.TrimSpace(out), "\n")
		if last := lines[len(lines)-1]; last != "" {
			return text + ": " + last[:min(len(last), 400)]
		}
	}
	return text
}

func (h *Host) command(e *action.Exec) (*proctree.Command, error) {
	u, err := user.Lookup(e.User)
	if err != nil {
		return nil, fmt.Errorf("user %q: %w", e.User, err)
	}
	c := &proctree.Command{Path: e.Argv[0], Argv: e.Argv, Leave: leaves(e)}
	if c.User, err = credentials(u); err != nil {
		return nil, err
	}
	if c.Env, err = h.environment(u, e.Env); err != nil {
		return nil, err
	}
	c.Stdin, err = h.input(e.Stdin)
	return c, err
}

// input is what a program reads: one text, or the parts of a list.
func (h *Host) input(v action.Value) (text []byte, err error) {
	parts := []action.Value{v}
	if v.Kind() == action.ListKind {
		parts = v.Items()
	}
	for _, part := range parts {
		part, err := h.reveal(part)
		if err != nil {
			return nil, err
		}
		text = append(text, part.Text()...)
	}
	return text, nil
}

// leaves are the exit codes after which what a program has left is left alone.
func leaves(e *action.Exec) []int {
	switch {
	case !e.Leave:
		return nil
	case len(e.OK) == 0:
		return []int{0}
	}
	return e.OK
}

// credentials are the ids of a user, or nil if it is who we are.
func credentials(u *user.User) (*proctree.User, error) {
	if u.Uid == strconv.Itoa(os.Getuid()) || runtime.GOOS == "windows" {
		return nil, nil
	}
	if os.Getuid() != 0 {
		return nil, fmt.Errorf("only root can run a program as %s: run starhost as root", u.Username)
	}
	groups, err := u.GroupIds()
	if err != nil {
		return nil, fmt.Errorf("groups of %s: %w", u.Username, err)
	}
	var ids []uint32
	for _, text := range append([]string{u.Uid, u.Gid}, groups...) {
		id, err := strconv.ParseUint(text, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("ids of %s: %w", u.Username, err)
		}
		ids = append(ids, uint32(id))
	}
	return &proctree.User{UID: ids[0], GID: ids[1], Groups: ids[2:]}, nil
}

// environment is all that a program sees of the world.
func (h *Host) environment(u *user.User, more action.Value) ([]string, error) {
	env := map[string]string{
		"PATH": searchPath, "HOME": u.HomeDir, "USER": u.Username, "LOGNAME": u.Username, "LANG": "C.UTF-8",
	}
	for i, name := range more.Keys() {
		value, err := h.reveal(more.Items()[i])
		if err != nil {
			return nil, err
		}
		if name == "" || strings.ContainsAny(name+value.Text(), "\x00") || strings.Contains(name, "=") {
			return nil, fmt.Errorf("environment variable %q is not possible", name)
		}
		env[name] = value.Text()
	}
	list := make([]string, 0, len(env))
	for _, name := range slices.Sorted(maps.Keys(env)) {
		list = append(list, name+"="+env[name])
	}
	return list, nil
}
