package testcaller

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"slices"
	"testing"
	"time"
)

// Client is a connection to an agent of QEMU, as the hypervisor has one.
type Client struct {
	conn net.Conn
	in   *bufio.Reader
}

// answerLimit is how long a client waits for an answer.
const answerLimit = 60 * time.Second

// Connect connects to an agent, and asks it to forget what another client has left
// unsaid.
func (a *Agent) Connect(t testing.TB) *Client {
	t.Helper()
	conn, err := net.Dial("unix", a.socket)
	if err != nil {
		t.Fatal(err)
	}
	c := &Client{conn, bufio.NewReader(conn)}
	t.Cleanup(c.Close)
	if err := c.sync(); err != nil {
		t.Fatalf("the agent does not answer: %v\n%s", err, a.Log())
	}
	return c
}

// Close ends the connection. It may be called twice.
func (c *Client) Close() { _ = c.conn.Close() }

// Freeze asks for these mounts to be frozen, and returns how many were. It takes neither
// none, which would be all, nor the root.
func (c *Client) Freeze(mounts ...string) (int, error) {
	if len(mounts) == 0 || slices.Contains(mounts, "/") || slices.Contains(mounts, "") {
		return 0, errors.New("a test freezes its own mounts only")
	}
	var n int
	err := c.call("guest-fsfreeze-freeze-list", map[string]any{"mountpoints": mounts}, &n)
	return n, err
}

// Thaw asks for everything to be thawed, and returns how many mounts were.
func (c *Client) Thaw() (n int, err error) { return n, c.call("guest-fsfreeze-thaw", nil, &n) }

// Status returns "thawed" or "frozen", which is what the agent believes.
func (c *Client) Status() (status string, err error) {
	return status, c.call("guest-fsfreeze-status", nil, &status)
}

// sync is guest-sync-delimited: the answer comes after a byte that is in no JSON text.
func (c *Client) sync() error {
	const id = 4711
	if _, err := c.conn.Write([]byte{0xFF}); err != nil {
		return err
	}
	if err := c.send("guest-sync-delimited", map[string]any{"id": id}); err != nil {
		return err
	}
	if _, err := c.in.ReadString(0xFF); err != nil {
		return err
	}
	var got int
	if err := c.receive(&got); err != nil {
		return err
	}
	if got != id {
		return fmt.Errorf("synchronised with %d, not %d", got, id)
	}
	return nil
}

func (c *Client) call(name string, arguments map[string]any, result any) error {
	if err := c.send(name, arguments); err != nil {
		return err
	}
	return c.receive(result)
}

func (c *Client) send(name string, arguments map[string]any) error {
	request := map[string]any{"execute": name}
	if arguments != nil {
		request["arguments"] = arguments
	}
	return json.NewEncoder(c.conn).Encode(request)
}

func (c *Client) receive(result any) error {
	if err := c.conn.SetReadDeadline(time.Now().Add(answerLimit)); err != nil {
		return err
	}
	line, err := c.in.ReadBytes('\n')
	if err != nil {
		return err
	}
	answer := struct {
		Return json.RawMessage
		Error  *struct{ Desc string }
	}{}
	if err := json.Unmarshal(line, &answer); err != nil {
		return fmt.Errorf("%w in %q", err, line)
	}
	if answer.Error != nil {
		return errors.New(answer.Error.Desc)
	}
	return json.Unmarshal(answer.Return, result)
}
