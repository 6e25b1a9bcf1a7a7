package worlds

import (
	"fmt"
	"slices"
	"strings"

	"github.com/starhost/starhost/action"
)

// oracleOptions are all that can be chosen.
func oracleOptions(r oracleRelease) []Option {
	text, yes := action.String, action.Bool
	all := []Option{
		{"status", "of the instance: OPEN, MOUNTED or STARTED", text("OPEN")},
		{"open_mode", "of the database: READ WRITE, READ ONLY, READ ONLY WITH APPLY or MOUNTED", text("READ WRITE")},
		{"role", "PRIMARY, or PHYSICAL STANDBY", text("PRIMARY")},
		{"log_mode", "ARCHIVELOG or NOARCHIVELOG", text("ARCHIVELOG")},
		{"archiver", "STARTED, STOPPED or FAILED", text("STARTED")},
		{"archiver_hangs", "archived logs cannot be written, so that a switch waits", yes(false)},
		{"recovery_area_used", "percent of the recovery area that is used and cannot be reclaimed", action.Int(20)},
		{"shutdown_pending", "somebody has begun to shut it down", yes(false)},
		{"data_files", "list of paths; + begins one in ASM", paths("/u02/oradata/ORCL/system01.dbf", "/u02/oradata/ORCL/sysaux01.dbf", "/u02/oradata/ORCL/undotbs01.dbf", "/u02/oradata/ORCL/users01.dbf")},
		{"control_files", "list of paths", paths("/u02/oradata/ORCL/control01.ctl", "/u03/fra/ORCL/control02.ctl")},
		{"log_files", "list of paths of the redo log", paths("/u02/oradata/ORCL/redo01.log", "/u02/oradata/ORCL/redo02.log")},
		{"read_only", "list of data files that are read-only", action.List()},
		{"read_write", "list of read-only data files that are written to from now on", action.List()},
		{"new_file", "path of a data file that is added now", text("")},
		{"offline", "list of data files that are offline", action.List()},
		{"recover", "list of data files that need recovery", action.List()},
		{"fuzzy", "a mounted database was not shut down cleanly", yes(false)},
		{"other_backup", "list of data files that somebody else puts into backup mode now; others are left as they are", action.List()},
		{"race", "somebody else begins a backup before the next BEGIN BACKUP can", yes(false)},
		{"rebalance", "ASM moves data between its disks", yes(false)},
		{"threads", "how many instances there are", action.Int(1)},
		{"privileges", "list: SYSDBA, SYSBACKUP, or names of privileges: ALTER DATABASE, ALTER SYSTEM, SELECT, DBMS_SYSTEM", action.List(text("SYSDBA"))},
		{"dbid", "of the database; a copy has the same one", action.Int(1565012345)},
		{"incarnation", "of the database", action.Int(2)},
		{"force_logging", "whether NOLOGGING is ignored", yes(true)},
		{"login", "whether sqlplus may log on by the operating system", yes(true)},
		{"site_profile", "glogin.sql, which sqlplus runs after each CONNECT", text("")},
		{"sid", "ORACLE_SID of the instance", text(oracleName)},
		{"home", "ORACLE_HOME", text("/u01/app/oracle/product/" + strings.ReplaceAll(r.version, ".0", ""))},
		{"user", "the user of the machine that belongs to its group", text("oracle")},
	}
	if r.containers {
		all = append(all,
			Option{"container", "in which a session begins; empty is no multitenant database", text("CDB$ROOT")},
			Option{"container_data", "whether the user sees all containers from the root (CONTAINER_DATA = ALL)", yes(true)},
			Option{"closed_container", "list of data files of a pluggable database that is closed", action.List()},
			Option{"open_container", "list of data files of a pluggable database that is opened now", action.List()})
	}
	return all
}

func paths(list ...string) action.Value {
	values := make([]action.Value, len(list))
	for i, p := range list {
		values[i] = action.String(p)
	}
	return action.List(values...)
}

// choices are the words that an option can be.
var oracleChoices = map[string][]string{
	"status":    {"OPEN", "MOUNTED", "STARTED"},
	"open_mode": {"READ WRITE", "READ ONLY", "READ ONLY WITH APPLY", "MOUNTED"},
	"role":      {"PRIMARY", "PHYSICAL STANDBY"},
	"log_mode":  {"ARCHIVELOG", "NOARCHIVELOG"},
	"archiver":  {"STARTED", "STOPPED", "FAILED"},
}

// Set sets an option.
func (s *oracle) Set(name string, value action.Value) error {
	var names []string
	for _, o := range oracleOptions(s.oracleRelease) {
		if o.Name != name {
			names = append(names, o.Name)
			continue
		}
		var list []string
		err := want(value, o.Default.Kind())
		if err == nil && o.Default.Kind() == action.ListKind {
			err = texts(value, &list)
		}
		if allowed := oracleChoices[name]; err == nil && allowed != nil && !slices.Contains(allowed, value.Text()) {
			err = fmt.Errorf("got %s, want one of %q", value, allowed)
		}
		if err != nil {
			return fmt.Errorf("option %s: %w", name, err)
		}
		s.set[name] = value
		return s.apply(name, list)
	}
	slices.Sort(names)
	return fmt.Errorf("there is no option %q of Oracle here: want one of %s", name, strings.Join(names, ", "))
}

// apply makes an option happen.
func (s *oracle) apply(name string, list []string) error {
	switch name {
	case "status":
		s.status = s.text(name)
	case "dbid":
		s.dbid = s.number(name)
	case "threads":
		for thread := int64(1); thread <= s.number(name); thread++ {
			s.log[thread] = 100 + 10*thread
		}
	case "data_files":
		s.files = nil
		for _, path := range list {
			s.addFile(path, 1_200_000)
		}
	case "new_file":
		if path := s.text(name); path != "" {
			s.scn += 7
			s.addFile(path, s.scn)
		}
	case "read_only", "offline", "recover", "other_backup", "closed_container", "open_container", "read_write":
		s.scn += 7
		for _, path := range list {
			i := slices.IndexFunc(s.files, func(f oracleFile) bool { return f.path == path })
			if i < 0 {
				return fmt.Errorf("option %s: there is no data file %q", name, path)
			}
			s.mark(&s.files[i], name)
		}
	}
	return nil
}

func (s *oracle) addFile(path string, change int64) {
	_, file, _ := cutLast(path, "/")
	s.files = append(s.files, oracleFile{
		number: int64(len(s.files) + 1), container: 1, path: path, space: strings.ToUpper(strings.TrimRight(strings.TrimSuffix(file, ".dbf"), "0123456789")),
		status: "ONLINE", enabled: "READ WRITE", change: change, began: -1,
	})
}

func (s *oracle) mark(f *oracleFile, as string) {
	switch as {
	case "read_only":
		f.enabled = "READ ONLY"
	case "closed_container":
		f.container = closedContainer
	case "open_container":
		f.container, f.change = openContainer, s.scn
	case "read_write":
		f.enabled, f.change = "READ WRITE", s.scn
	case "offline", "recover":
		f.status = strings.ToUpper(as)
	case "other_backup":
		f.active, f.others, f.change, f.began = true, true, s.scn, s.scn
	}
}

// cutLast cuts at the last separator.
func cutLast(text, separator string) (before, after string, found bool) {
	i := strings.LastIndex(text, separator)
	if i < 0 {
		return "", text, false
	}
	return text[:i], text[i+len(separator):], true
}

// The CON_ID of two pluggable databases.
const (
	openContainer   = 3
	closedContainer = 4
)
