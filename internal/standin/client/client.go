// Package client is the side of a stand-in that is executed: it hands everything that it
// was started with to the test that stands behind it, and does what that answers.
package client

import (
	"encoding/json"
	"io"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/starhost/starhost/scripttest/worlds"
)

// Socket is the name of the socket of the test, in the folder of the program.
const Socket = ".standin"

// Ask asks what this program does.
func Ask() (worlds.Ended, error) {
	var ended worlds.Ended
	self, err := os.Executable()
	if err != nil {
		return ended, err
	}
	stdin, err := io.ReadAll(os.Stdin)
	if err != nil {
		return ended, err
	}
	me, err := user.Current()
	if err != nil {
		return ended, err
	}
	c, err := net.Dial("unix", filepath.Join(filepath.Dir(self), Socket))
	if err != nil {
		return ended, err
	}
	defer c.Close()
	p := worlds.Program{User: me.Username, Argv: append([]string{self}, os.Args[1:]...), Stdin: string(stdin), Env: environment()}
	if err := json.NewEncoder(c).Encode(p); err != nil {
		return ended, err
	}
	return ended, json.NewDecoder(c).Decode(&ended)
}

func environment() map[string]string {
	env := map[string]string{}
	for _, line := range os.Environ() {
		name, value, _ := strings.Cut(line, "=")
		env[name] = value
	}
	return env
}

// End ends this program as the answer says.
func End(ended worlds.Ended) {
	_, _ = io.WriteString(os.Stdout, ended.Stdout)
	_, _ = io.WriteString(os.Stderr, ended.Stderr)
	if ended.Signal != "" {
		if self, err := os.FindProcess(os.Getpid()); err == nil && self.Signal(syscall.Signal(ended.Code-128)) == nil {
			select {} // it arrives
		}
	}
	os.Exit(ended.Code)
}
