package worlds_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/scripttest/worlds"
)

var redisNames = []string{"redis-7", "valkey-8"}

// redisSays is what the client gets from a world.
func redisSays(world worlds.Server, words ...string) worlds.Ended {
	return world.(worlds.Programs).Run(worlds.Program{Argv: append([]string{"/usr/bin/redis-cli", "-e", "-h", "127.0.0.1", "-p", "6379"}, words...)})
}

func TestRedisOptions(t *testing.T) {
	for _, info := range worlds.All() {
		if !slices.Contains(redisNames, info.Name) {
			continue
		}
		for _, o := range info.Options {
			world := newWorld(t, info.Name, option(o.Name, o.Default))
			if err := world.Set(o.Name, o.Default); err != nil || o.Doc == "" || len(world.Held()) > 0 {
				t.Errorf("%s: option %s %q: %v, held %q", info.Name, o.Name, o.Doc, err, world.Held())
			}
			if _, err := worlds.New(info.Name, action.Dict(option(o.Name, action.List()))); err == nil || !strings.Contains(err.Error(), o.Name) {
				t.Errorf("%s: a list is taken for option %s: %v", info.Name, o.Name, err)
			}
		}
	}
	if _, err := worlds.New("redis-7", action.Dict(option("appendonli", action.Bool(true)))); err == nil || !strings.Contains(err.Error(), "appendonly") {
		t.Error(err)
	}
}

func TestRedisHeld(t *testing.T) {
	const paused = "clients paused for writes"
	for _, name := range redisNames {
		world := newWorld(t, name)
		if world.Drop(paused) || !world.Commit() {
			t.Error("clients are paused at first")
		}
		redisSays(world, "CLIENT", "PAUSE", "1000", "WRITE")
		if held := world.Held(); !slices.Equal(held, []string{paused}) || world.Commit() || !redisSays(world, "PFCOUNT", "x").Waits {
			t.Errorf("held %q after a pause", held)
		}
		ended := world.Clone()
		before := redisSays(ended, "INFO").Stdout
		if !ended.Drop(paused) || len(ended.Held()) > 0 || redisSays(ended, "INFO").Stdout == before {
			t.Error("a pause that is dropped is still held, or nobody has waited for its end")
		}
		again := world.Clone()
		again.Restart()
		if again.Identity().Started.Equal(world.Identity().Started) || len(again.Held()) > 0 || !again.Commit() {
			t.Error("a pause outlives the server")
		}
		if held := world.Held(); !slices.Equal(held, []string{paused}) {
			t.Errorf("a clone shares its state: held %q", held)
		}
		if redisSays(world, "CLIENT", "UNPAUSE"); len(world.Held()) > 0 {
			t.Errorf("held %q after the pause", world.Held())
		}
	}
}

// The end of a pause that somebody else has made is theirs.
func TestRedisPauseOfOthers(t *testing.T) {
	world := newWorld(t, "redis-7", option("paused", action.Bool(true)))
	if len(world.Held()) > 0 || world.Commit() {
		t.Errorf("held %q at first", world.Held())
	}
	if redisSays(world, "CLIENT", "UNPAUSE"); len(world.Held()) == 0 {
		t.Error("the end of somebody else's pause is not seen")
	}
}

// What is not known is said, and changes nothing.
func TestRedisUnknown(t *testing.T) {
	world := newWorld(t, "redis-7")
	for _, words := range [][]string{{"SHUTDOWN", "NOW"}, {"CLIENT", "PAUSE", "10"}, {"CLIENT", "PAUSE", "10", "ALL"}, {"CONFIG", "SET", "dir", "/"}, {"CONFIG", "GET", "a", "b"}, {"--raw", "INFO"}, {}} {
		if !redisSays(world, words...).Unknown || len(world.Held()) > 0 {
			t.Errorf("%q: known, or it holds %q", words, world.Held())
		}
	}
	for _, p := range []worlds.Program{
		{Argv: []string{"/bin/cat", "-e", "INFO"}},
		{Argv: []string{"/usr/bin/redis-cli", "INFO"}}, // without -e an error is no exit code
		{Argv: []string{"/usr/bin/redis-cli", "-e", "INFO"}, Stdin: "PING\n"},
	} {
		if !world.(worlds.Programs).Run(p).Unknown {
			t.Errorf("%q is known", p.Argv)
		}
	}
	if a := world.Do(world.Connect(), "SELECT 1", nil); !a.Unknown {
		t.Error("it answers statements")
	}
}
