package worlds

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/starhost/starhost/action"
)

const segment = 16 << 20 // bytes of a file of the log

func lsnText(at uint64) string { return fmt.Sprintf("%X/%X", at>>32, at&0xFFFFFFFF) }

func lsn(at uint64) action.Value { return action.String(lsnText(at)) }

func parseLSN(text string) (uint64, bool) {
	high, low, ok := strings.Cut(text, "/")
	h, err := strconv.ParseUint(high, 16, 32)
	l, lowErr := strconv.ParseUint(low, 16, 32)
	return h<<32 + l, ok && err == nil && lowErr == nil
}

// file is the name of the file of the log that a position is in.
func (s *postgres) file(at uint64) string {
	return fmt.Sprintf("%08X%08X%08X", s.timeline, at>>32, at&0xFFFFFFFF/segment)
}

// nextFile moves the end of the log to the next file, unless it is at the begin of one.
func (s *postgres) nextFile() { s.lsn = (s.lsn + segment - 1) / segment * segment }

// archived is how many files of the log the archiver has put away and how many wait for it. It
// is as fast as the log, unless its command is false, which fails, or empty.
func (s *postgres) archived() (done, waiting uint64) {
	files := s.lsn/segment - s.first
	mode, command := s.settings.now["archive_mode"], s.settings.now["archive_command"]
	switch {
	case mode == "off", s.standby && mode != "always":
		return 0, 0
	case command == "", command == "false":
		return 0, files
	}
	return files, 0
}

// archiver is what the archiver says of itself.
func (s *postgres) archiver() []action.Value {
	done, waiting := s.archived()
	said := func(n uint64, last uint64) []action.Value {
		if n == 0 {
			return []action.Value{action.Int(0), {}, {}}
		}
		return []action.Value{action.Int(int64(n)), action.String(s.file(last * segment)), action.String(s.started().Format(pgTime))}
	}
	if s.settings.now["archive_command"] == "" {
		waiting = 0 // it does not try
	}
	return slices.Concat(said(done, s.first+done-1), said(waiting, s.first), []action.Value{action.String(born.Format(pgTime))})
}

// archiveStatus lists what the archiver has done, and is to do.
func (s *postgres) archiveStatus() (list []action.Value) {
	done, waiting := s.archived()
	for i := range done + waiting {
		name := s.file((s.first+i)*segment) + map[bool]string{true: ".done", false: ".ready"}[i < done]
		list = append(list, action.List(action.String(name), action.Int(0), action.String(s.started().Format(pgTime))))
	}
	return list
}

func position(c *pgCall, _ []action.Value) (action.Value, error) { return lsn(c.lsn), nil }

var pgLogFunctions = []pgFunction{
	{name: "pg_is_in_recovery", call: func(c *pgCall, _ []action.Value) (action.Value, error) { return action.Bool(c.standby), nil }},
	{name: "pg_current_wal_lsn", only: "primary", call: position},
	{name: "pg_current_wal_flush_lsn", only: "primary", call: position},
	{name: "pg_current_wal_insert_lsn", only: "primary", call: position},
	{name: "pg_last_wal_replay_lsn", call: func(c *pgCall, _ []action.Value) (action.Value, error) {
		if !c.standby {
			return action.Value{}, nil
		}
		return lsn(c.lsn), nil
	}},
	{name: "pg_last_wal_receive_lsn", call: func(*pgCall, []action.Value) (action.Value, error) { return action.Value{}, nil }},
	{name: "pg_switch_wal", right: true, only: "primary", call: func(c *pgCall, _ []action.Value) (action.Value, error) {
		at := c.lsn
		c.nextFile()
		return lsn(at), nil
	}},
	{
		name: "pg_ls_archive_statusdir", right: true, columns: []string{"name", "size", "modification"}, many: true,
		call: func(c *pgCall, _ []action.Value) (action.Value, error) { return action.List(c.archiveStatus()...), nil },
	},
	{name: "pg_walfile_name", least: 1, most: 1, only: "primary", call: func(c *pgCall, args []action.Value) (action.Value, error) {
		at, ok := parseLSN(args[0].Text())
		if !ok {
			return action.Value{}, pgError("22P02", "invalid input syntax for type pg_lsn: %q", args[0].Text())
		}
		if c.major < 17 {
			at = max(at, 1) - 1 // the end of a file belonged to it
		}
		return action.String(c.file(at)), nil
	}},
	{name: "pg_wal_lsn_diff", least: 2, most: 2, call: func(_ *pgCall, args []action.Value) (action.Value, error) {
		a, aOK := parseLSN(args[0].Text())
		b, bOK := parseLSN(args[1].Text())
		if !aOK || !bOK {
			return action.Value{}, pgError("22P02", "invalid input syntax for type pg_lsn")
		}
		return action.String(strconv.FormatInt(int64(a-b), 10)), nil
	}},
	{name: "pg_create_restore_point", least: 1, most: 1, right: true, only: "primary", call: func(c *pgCall, _ []action.Value) (action.Value, error) {
		if c.settings.now["wal_level"] == "minimal" {
			return action.Value{}, pgError("55000", "WAL level not sufficient for creating a restore point")
		}
		c.write(0x68)
		return lsn(c.lsn), nil
	}},
	{name: "pg_wal_replay_pause", right: true, only: "standby", call: func(c *pgCall, _ []action.Value) (action.Value, error) {
		c.paused = true
		return action.String(""), nil
	}},
	{name: "pg_wal_replay_resume", right: true, only: "standby", call: func(c *pgCall, _ []action.Value) (action.Value, error) {
		c.paused = false
		return action.String(""), nil
	}},
	{name: "pg_is_wal_replay_paused", only: "standby", call: func(c *pgCall, _ []action.Value) (action.Value, error) {
		return action.Bool(c.paused), nil
	}},
}

var backupColumns = []string{"lsn", "labelfile", "spcmapfile"}

// The functions of a backup have other names since 15, where no backup outlives its session.
var pgBackupFunctions = []pgFunction{
	{name: "pg_backup_start", least: 1, most: 2, names: []string{"label", "fast"}, since: 15, right: true, call: func(c *pgCall, args []action.Value) (action.Value, error) {
		return c.startBackup(args[0].Text())
	}},
	{name: "pg_backup_stop", most: 1, names: []string{"wait_for_archive"}, since: 15, right: true, columns: backupColumns, call: func(c *pgCall, _ []action.Value) (action.Value, error) {
		return c.stopBackup()
	}},
	{name: "pg_start_backup", least: 1, most: 3, names: []string{"label", "fast", "exclusive"}, last: 14, right: true, call: func(c *pgCall, args []action.Value) (action.Value, error) {
		if len(args) == 3 && !args[2].Truth() {
			return c.startBackup(args[0].Text())
		}
		return c.startExclusive(args[0].Text())
	}},
	{name: "pg_stop_backup", last: 14, right: true, call: func(c *pgCall, _ []action.Value) (action.Value, error) {
		return c.stopExclusive()
	}},
	{name: "pg_stop_backup", least: 1, most: 2, names: []string{"exclusive", "wait_for_archive"}, last: 14, right: true, columns: backupColumns, call: func(c *pgCall, args []action.Value) (action.Value, error) {
		if args[0].Truth() {
			at, err := c.stopExclusive()
			return action.List(at, action.Value{}, action.Value{}), err
		}
		return c.stopBackup()
	}},
	{name: "pg_is_in_backup", last: 14, call: func(c *pgCall, _ []action.Value) (action.Value, error) {
		return action.Bool(c.exclusive != nil), nil
	}},
}

func (c *pgCall) startBackup(label string) (action.Value, error) {
	if c.session.backup != nil {
		return action.Value{}, pgError("55000", "a backup is already in progress in this session")
	}
	b, err := c.newBackup(label)
	if err != nil {
		return action.Value{}, err
	}
	c.session.backup = b
	return lsn(b.lsn), nil
}

// newBackup begins one with a checkpoint, in a file of its own.
func (c *pgCall) newBackup(label string) (*pgBackup, error) {
	switch {
	case c.settings.now["wal_level"] == "minimal":
		return nil, pgError("55000", "WAL level not sufficient for making an online backup")
	case len(label) > 1024:
		return nil, pgError("22023", "backup label too long (max 1024 bytes)")
	case !c.standby:
		c.nextFile()
		c.write(0x28)
	}
	c.makeCheckpoint()
	return &pgBackup{label, c.checkpoint, c.standby}, nil
}

func (c *pgCall) stopBackup() (action.Value, error) {
	b := c.session.backup
	if b == nil {
		return action.Value{}, pgError("55000", "backup is not in progress")
	}
	c.session.backup = nil
	if b.standby && !c.standby {
		return action.Value{}, pgError("55000", "the standby was promoted during online backup")
	}
	from := map[bool]string{false: "primary", true: "standby"}[b.standby]
	label := fmt.Sprintf("START WAL LOCATION: %s (file %s)\nCHECKPOINT LOCATION: %s\nBACKUP METHOD: streamed\nBACKUP FROM: %s\nSTART TIME: %s\nLABEL: %s\nSTART TIMELINE: %d\n",
		lsnText(b.lsn), c.file(b.lsn), lsnText(b.lsn), from, c.started().Format("2006-01-02 15:04:05 MST"), b.label, c.timeline)
	var spaces strings.Builder
	for i, path := range c.spaces {
		fmt.Fprintf(&spaces, "%d %s\n", firstSpace+i, path)
	}
	return action.List(c.endBackup(), action.String(label), action.String(spaces.String())), nil
}

// endBackup writes the end of a backup and begins a new file of the log.
func (c *pgCall) endBackup() action.Value {
	if c.standby {
		return lsn(c.lsn)
	}
	c.write(0x28)
	at := lsn(c.lsn)
	c.nextFile()
	return at
}

func (c *pgCall) startExclusive(label string) (action.Value, error) {
	switch {
	case c.session.backup != nil:
		return action.Value{}, pgError("55000", "a backup is already in progress in this session")
	case c.standby:
		return action.Value{}, pgError("55000", "recovery is in progress")
	case c.exclusive != nil:
		return action.Value{}, pgError("55000", "a backup is already in progress")
	}
	b, err := c.newBackup(label)
	if err != nil {
		return action.Value{}, err
	}
	c.exclusive = b
	return lsn(b.lsn), nil
}

func (c *pgCall) stopExclusive() (action.Value, error) {
	switch {
	case c.session.backup != nil:
		return action.Value{}, pgError("55000", "non-exclusive backup in progress")
	case c.exclusive == nil:
		return action.Value{}, pgError("55000", "exclusive backup not in progress")
	}
	c.exclusive = nil
	return c.endBackup(), nil
}
