package worlds

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/starhost/starhost/action"
)

// Run is one call of redis-cli with -e, by which an error of the server is an exit code of
// 1 and a text on standard error.
func (s *redis) Run(p Program) Ended {
	if client := path.Base(p.Argv[0]); client != "redis-cli" && client != "valkey-cli" { // each speaks to both
		return Ended{Unknown: true}
	}
	words, ok := command(p.Argv[1:])
	if !ok || p.Stdin != "" {
		return Ended{Unknown: true}
	}
	if refused := s.login(p.Env["REDISCLI_AUTH"]); refused != "" {
		return redisError(refused)
	}
	if slices.Contains([]string{"PFCOUNT", "SET", "DEL"}, words[0]) && s.paused {
		return Ended{Waits: true} // it is made when the pause ends, unless its client has gone
	}
	switch strings.Join(words[:min(2, len(words))], " ") {
	case "INFO":
		s.step()
		return printed(s.information())
	case "BGSAVE":
		return s.bgsave()
	case "CLIENT UNPAUSE":
		s.paused = false
		return printed("OK\n")
	case "CLIENT PAUSE":
		return s.pause(words[2:])
	case "CONFIG GET":
		return s.configGet(words[2:])
	case "PING":
		return printed("PONG\n")
	}
	if words[0] == "PFCOUNT" && len(words) == 2 {
		return printed("0\n")
	}
	return Ended{Unknown: true}
}

// command takes off the options that say where the server is, and for whom.
func command(args []string) (words []string, ok bool) {
	strict := false
	for len(args) > 0 && strings.HasPrefix(args[0], "-") {
		taken := 2
		switch args[0] {
		case "-e":
			strict, taken = true, 1
		case "-s", "-h", "-p", "--user":
		default:
			return nil, false
		}
		if len(args) < taken {
			return nil, false
		}
		args = args[taken:]
	}
	return args, strict && len(args) > 0
}

const notLoggedIn = "NOAUTH Authentication required."

// login is why a client may not ask anything; empty if it may.
func (s *redis) login(password string) string {
	switch {
	case password == s.password:
		return ""
	case password == "":
		return notLoggedIn
	case s.password == "":
		return "" // the real client complains, and goes on
	}
	return "AUTH failed: WRONGPASS invalid username-password pair or user is disabled.\n" + notLoggedIn
}

func printed(text string) Ended { return Ended{Exit: action.Exit{Stdout: text}} }

func redisError(text string) Ended { return Ended{Exit: action.Exit{Code: 1, Stderr: text + "\n"}} }

// step lets go on what the server does by itself.
func (s *redis) step() {
	switch {
	case s.saving > 1 || s.rewriting > 1:
		s.saving, s.rewriting = max(0, s.saving-1), max(0, s.rewriting-1)
	case s.saving == 1:
		s.saved()
	case s.rewriting == 1:
		s.rewriting = 0
		s.rewrites++
		s.aofBase = s.aofSize
	case s.appendonly && s.due():
		s.rewriting = s.takes + 1
	}
	if s.paused {
		s.unwrittens = max(0, s.unwrittens-1)
	}
}

func (s *redis) saved() {
	s.saving = 0
	if s.saveStatus = "ok"; s.saveFails {
		s.saveStatus = "err"
		return
	}
	s.saves, s.dirty = s.saves+1, 0
	s.lastSave++
}

// due reports whether the AOF has grown so much that it is rewritten.
func (s *redis) due() bool {
	return s.percentage > 0 && s.aofSize > s.minSize && s.aofSize*100/max(1, s.aofBase)-100 >= s.percentage
}

func (s *redis) bgsave() Ended {
	switch {
	case s.saving > 0:
		return redisError("ERR Background save already in progress")
	case s.rewriting > 0:
		return redisError("ERR Another child process is active (AOF?): can't BGSAVE right now. Use BGSAVE SCHEDULE in order to schedule a BGSAVE whenever possible.")
	}
	s.saving = s.takes + 1
	return printed("Background saving started\n")
}

func (s *redis) pause(words []string) Ended {
	if len(words) != 2 || words[1] != "WRITE" {
		return Ended{Unknown: true}
	}
	ms, err := strconv.ParseInt(words[0], 10, 64)
	switch {
	case err != nil:
		return redisError("ERR timeout is not an integer or out of range")
	case ms < 0:
		return redisError("ERR timeout is negative")
	}
	s.paused, s.unwrittens = true, s.unwritten+1
	return printed("OK\n")
}

func (s *redis) configGet(words []string) Ended {
	if len(words) != 1 {
		return Ended{Unknown: true}
	}
	known := [][2]string{
		{"dir", s.dir},
		{"dbfilename", "dump.rdb"},
		{"save", s.save},
		{"appendonly", map[bool]string{true: "yes", false: "no"}[s.appendonly]},
		{"appendfilename", "appendonly.aof"},
		{"appenddirname", "appendonlydir"},
		{"appendfsync", s.appendfsync},
		{"auto-aof-rewrite-percentage", fmt.Sprint(s.percentage)},
		{"auto-aof-rewrite-min-size", fmt.Sprint(s.minSize)},
	}
	var b strings.Builder
	for _, setting := range known {
		if ok, _ := path.Match(words[0], setting[0]); ok {
			b.WriteString(setting[0] + "\n" + setting[1] + "\n")
		}
	}
	if b.Len() == 0 {
		return printed("\n")
	}
	return printed(b.String())
}
