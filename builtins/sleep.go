package builtins

import (
	"time"

	"go.starlark.net/starlark"

	"github.com/starhost/starhost/action"
)

// maxSleep keeps a slip of the pen (sleep(500) for half a second) from holding
// a database for minutes.
const maxSleep = time.Minute

func sleep(c *call) (starlark.Value, error) {
	d, err := c.duration("seconds", maxSleep)
	if err != nil {
		return nil, err
	}
	if d == 0 {
		return nil, c.wrong("seconds", c.args["seconds"])
	}
	_, err = c.do(action.Op{Sleep: &action.Sleep{Seconds: d.Seconds()}})
	return starlark.None, err
}
