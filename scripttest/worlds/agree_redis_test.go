package worlds_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/internal/testdb"
	"github.com/starhost/starhost/scripts"
	"github.com/starhost/starhost/scripttest/worlds"
)

// A step is the words of one call of redis-cli, with the password before a bar; "commit" is
// somebody else's write, "await" waits until a save is over.
var redisSequences = []struct {
	name  string
	args  []string // of the real server
	world []action.Entry
	steps []string
}{
	{name: "aof", args: []string{"--appendonly", "yes", "--save", "3600 1"}, world: []action.Entry{option("save", action.String("3600 1")), option("unwritten", action.Int(0))}, steps: []string{
		"INFO", "CONFIG GET dbfilename", "CONFIG GET append*", "CONFIG GET appendfsync", "CONFIG GET save", "CONFIG GET dir",
		"CONFIG GET auto-aof-rewrite-*", "CONFIG GET nothing", "PFCOUNT starhost:probe", "commit", "INFO",
		"CLIENT PAUSE 60000 WRITE", "INFO", "PFCOUNT starhost:probe", "commit", "PING", "CLIENT PAUSE 60000 WRITE", "INFO", "CLIENT UNPAUSE", "PFCOUNT starhost:probe", "CLIENT UNPAUSE", "commit", "INFO",
		"CLIENT PAUSE soon WRITE", "CLIENT PAUSE -1 WRITE", "commit",
	}},
	{name: "dumps", args: []string{"--save", "3600 1"}, world: []action.Entry{option("appendonly", action.Bool(false)), option("save", action.String("3600 1"))}, steps: []string{
		"INFO", "commit", "BGSAVE", "await", "INFO", "commit", "CLIENT PAUSE 60000 WRITE", "BGSAVE", "await", "INFO", "commit", "CLIENT UNPAUSE", "commit", "INFO",
	}},
	{name: "no password given", args: []string{"--requirepass", "hunter2"}, world: []action.Entry{option("password", action.String("hunter2")), option("appendonly", action.Bool(false)), option("save", action.String(""))}, steps: []string{
		"INFO", "wrong| INFO", "hunter2| PING", "wrong| CLIENT PAUSE 60000 WRITE", "CLIENT UNPAUSE", "hunter2| CONFIG GET save", "hunter2| PFCOUNT starhost:probe",
	}},
}

func TestAgreeRedis(t *testing.T) {
	client, err := exec.LookPath("redis-cli")
	if err != nil {
		t.Skip("there is no redis-cli")
	}
	for _, seq := range redisSequences {
		t.Run(seq.name, func(t *testing.T) {
			t.Parallel()
			server := testdb.Redis(t, testdb.Options{Args: seq.args})
			world := newWorld(t, "redis-7", append(seq.world, option("dir", action.String(server.Dir)))...).(worlds.Programs)
			password := ""
			if len(seq.args) > 0 && seq.args[0] == "--requirepass" {
				password = seq.args[1]
			}
			connect := func() *testdb.RedisConn { return server.Redis(t, password) }
			p := &redisPair{t: t, client: client, socket: server.Socket, world: world, outside: connect(), connect: connect, before: map[string]map[string]string{}}
			for _, step := range seq.steps {
				p.step(step)
				p.sameHeld(step)
			}
		})
	}
}

// TestRedisCommandsCovered wants every command of redis.star in the sequences.
func TestRedisCommandsCovered(t *testing.T) {
	source, err := scripts.Source("redis.star")
	if err != nil {
		t.Fatal(err)
	}
	var made []string
	for _, seq := range redisSequences {
		for _, step := range seq.steps {
			made = append(made, strings.Fields(step)...)
		}
	}
	words := regexp.MustCompile(`"([A-Z]{3,})"`).FindAllStringSubmatch(string(source), -1)
	if len(words) < 8 {
		t.Errorf("%d words of commands: they are not found", len(words))
	}
	for _, w := range words {
		if !slices.Contains(made, w[1]) {
			t.Errorf("the script says %s, which is in no sequence: add it to one, so that the world is compared", w[1])
		}
	}
}

// redisPair is a world with the real server.
type redisPair struct {
	t              *testing.T
	client, socket string
	world          worlds.Programs
	outside        *testdb.RedisConn
	connect        func() *testdb.RedisConn
	before         map[string]map[string]string // the last INFO of each side
}

func (p *redisPair) step(step string) {
	p.t.Helper()
	var world, server string
	switch step {
	case "commit":
		world, server = outcomeOf(p.world.Commit()), p.commit()
	case "await":
		p.await()
		return
	default:
		password, command, ok := strings.Cut(step, "| ")
		if !ok {
			password, command = "", step
		}
		argv := append([]string{p.client, "-e", "-s", p.socket}, strings.Fields(command)...)
		env := map[string]string{}
		if password != "" {
			env["REDISCLI_AUTH"] = password
		}
		ended := p.world.Run(worlds.Program{Argv: argv, Env: env})
		if ended.Unknown {
			p.t.Errorf("%s: the world does not know it", step)
		}
		world, server = p.digest("world", ended), p.digest("server", p.really(argv, env, ended.Waits))
	}
	if world != server {
		p.t.Errorf("%s\n the world:       %s\n the real server: %s", step, world, server)
	}
}

func outcomeOf(written bool) string {
	if written {
		return "written"
	}
	return "waits"
}

// really runs the client, which does not get long if the world says that it waits.
func (p *redisPair) really(argv []string, env map[string]string, waits bool) worlds.Ended {
	p.t.Helper()
	limit := 10 * time.Second
	if waits {
		limit = 200 * time.Millisecond
	}
	ctx, cancel := context.WithTimeout(p.t.Context(), limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	for name, value := range env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil && !errors.As(err, new(*exec.ExitError)) {
		p.t.Fatal(err)
	}
	return worlds.Ended{Exit: action.Exit{Code: cmd.ProcessState.ExitCode(), Stdout: stdout.String(), Stderr: stderr.String()}, Waits: ctx.Err() != nil}
}

// commit writes a key on a connection of its own; it reports what became of it.
func (p *redisPair) commit() string {
	_ = p.outside.SetDeadline(time.Now().Add(200 * time.Millisecond))
	defer func() { _ = p.outside.SetDeadline(time.Time{}) }()
	_, err := p.outside.Do("SET", "key", "value")
	if err != nil {
		_ = p.outside.Close() // what it has asked for is not made any more
		p.outside = p.connect()
	}
	return outcomeOf(err == nil)
}

// await waits until a save is over on both sides.
func (p *redisPair) await() {
	argv := []string{p.client, "-e", "-s", p.socket, "INFO"}
	for _, run := range []func() worlds.Ended{
		func() worlds.Ended { return p.world.Run(worlds.Program{Argv: argv}) },
		func() worlds.Ended { return p.really(argv, nil, false) },
	} {
		deadline := time.After(10 * time.Second)
		for tick := time.Tick(10 * time.Millisecond); strings.Contains(run().Stdout, "rdb_bgsave_in_progress:1"); {
			select {
			case <-tick:
			case <-deadline:
				p.t.Fatal("the save does not end")
			}
		}
	}
}

// sections are those of INFO that the world has.
var sections = []string{"# Server", "# Clients", "# Persistence", "# Replication", "# Cluster"}

// exact are the fields whose values must be the same; counted those that must change, and not, with each other.
var (
	exact = []string{
		"redis_version", "redis_mode", "loading", "async_loading", "rdb_bgsave_in_progress", "rdb_last_bgsave_status", "rdb_saves",
		"aof_enabled", "aof_rewrite_in_progress", "aof_rewrite_scheduled", "aof_last_bgrewrite_status", "aof_last_write_status", "aof_rewrites",
		"aof_buffer_length", "role", "cluster_enabled", "connected_slaves",
	}
	counted = []string{"rdb_changes_since_last_save", "aof_current_size", "run_id"}
)

// digest is the outcome of a program in the same words for both. Of INFO it is the names of
// all fields, the values of some, and how counters have moved.
func (p *redisPair) digest(side string, e worlds.Ended) string {
	if e.Waits {
		return "waits"
	}
	if !strings.HasPrefix(e.Stdout, "# Server") {
		lines := strings.Split(e.Stdout, "\n")
		slices.Sort(lines) // settings have no order
		return fmt.Sprintf("code %d, stdout %q, stderr %q", e.Code, lines, e.Stderr)
	}
	var names []string
	values := map[string]string{}
	for _, section := range strings.Split(strings.ReplaceAll(e.Stdout, "\r", ""), "\n\n") {
		lines := strings.Split(strings.TrimSpace(section), "\n")
		if !slices.Contains(sections, lines[0]) {
			continue
		}
		for _, line := range lines {
			name, value, _ := strings.Cut(line, ":")
			names = append(names, name)
			values[name] = value
		}
	}
	// These are there while, or once, something goes on.
	names = slices.DeleteFunc(names, func(name string) bool { return name == "aof_last_cow_size" || name == "rdb_last_cow_size" })
	text := strings.Join(names, " ")
	for _, name := range exact {
		text += " " + name + "=" + values[name]
	}
	old := p.before[side]
	for _, name := range counted {
		if old != nil && old[name] != values[name] {
			text += " " + name + " moved"
		}
	}
	p.before[side] = maps.Clone(values)
	return text
}

// sameHeld asks the real server for the pause by a command that waits for it.
func (p *redisPair) sameHeld(step string) {
	p.t.Helper()
	probe := p.connect()
	defer probe.Close()
	held := len(p.world.Held()) > 0
	limit := 5 * time.Second
	if held {
		limit = 100 * time.Millisecond
	}
	_ = probe.SetDeadline(time.Now().Add(limit))
	if _, err := probe.Do("PFCOUNT", "nothing"); (err != nil) != held {
		p.t.Errorf("after %s: the world holds %q, the real server says %v", step, p.world.Held(), err)
	}
}
