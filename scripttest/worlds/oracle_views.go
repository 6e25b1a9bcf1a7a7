package worlds

import (
	"fmt"
	"strings"
	"time"

	"github.com/starhost/starhost/action"
)

// oracleTime is how dates are shown: by TO_CHAR(…, 'YYYY-MM-DD HH24:MI:SS').
const oracleTime = "2006-01-02 15:04:05"

// at is when a system change number was the current one.
func (s *oracle) at(scn int64) action.Value {
	return action.String(s.started().Add(time.Duration(scn%3600) * time.Second).Format(oracleTime))
}

// views are the columns of the views that are known; every one has more.
var oracleViews = map[string]string{
	"dual":                   "dummy",
	"v$instance":             "instance_number instance_name host_name version startup_time status parallel thread# archiver shutdown_pending database_status instance_role",
	"gv$instance":            "inst_id instance_name status",
	"v$database":             "dbid name db_unique_name log_mode open_mode database_role resetlogs_change# resetlogs_time checkpoint_change# current_scn force_logging flashback_on cdb",
	"v$database_incarnation": "incarnation# resetlogs_change# resetlogs_time status",
	"v$backup":               "file# status change# time",
	"v$datafile":             "file# name status enabled checkpoint_change# con_id",
	"gv$pdbs":                "inst_id con_id name open_mode",
	"v$datafile_header":      "file# name status fuzzy recover checkpoint_change#",
	"v$controlfile":          "name",
	"v$logfile":              "group# member type",
	"v$log":                  "group# thread# sequence# status archived first_change#",
	"v$archived_log":         "thread# sequence# name first_change# next_change# standby_dest",
	"v$archive_dest":         "dest_id dest_name status target destination error",
	"v$recovery_file_dest":   "name space_limit space_used space_reclaimable",
	"v$asm_operation":        "group_number operation state",
	"v$encryption_wallet":    "wrl_type wrl_parameter status",
}

// table returns a view. What the control file holds is there once it is mounted.
func (c *oracleCall) table(name string) (table, bool) {
	name = strings.Replace(name, "v_$", "v$", 1)
	columns, ok := oracleViews[name]
	if !ok {
		return table{}, false
	}
	t := table{columns: strings.Fields(columns), partial: true}
	if !c.containers && name == "gv$pdbs" {
		return table{}, false
	}
	if !c.containers && (name == "v$database" || name == "v$datafile") {
		t.columns = t.columns[:len(t.columns)-1]
	}
	for _, values := range c.rows(name) {
		t.rows = append(t.rows, values[:len(t.columns)])
	}
	return t, true
}

func (c *oracleCall) rows(name string) (rows [][]action.Value) {
	text, number := action.String, action.Int
	switch name {
	case "dual":
		rows = append(rows, line(text("X")))
	case "v$instance":
		rows = append(rows, line(number(1), text(oracleName), text("db1"), text(c.version), text(c.started().Format(oracleTime)), text(c.status),
			yesNo(c.number("threads") > 1), number(1), c.set["archiver"], yesNo(c.yes("shutdown_pending")), text(map[bool]string{true: "SUSPENDED", false: "ACTIVE"}[c.stopped]),
			text("PRIMARY_INSTANCE")))
	case "gv$instance":
		for i := range c.number("threads") {
			rows = append(rows, line(number(i+1), text(fmt.Sprintf("%s%d", oracleName, i+1)), text(c.status)))
		}
	case "gv$pdbs":
		if c.text("container") != "" && c.yes("container_data") {
			rows = append(rows, line(number(1), number(2), text("PDB$SEED"), text("READ ONLY")), line(number(1), number(openContainer), text("PDB1"), text("READ WRITE")),
				line(number(1), number(closedContainer), text("PDB2"), text("MOUNTED")))
		}
	case "v$asm_operation":
		if c.yes("rebalance") {
			rows = append(rows, line(number(1), text("REBAL"), text("RUN")))
		}
	case "v$encryption_wallet":
		rows = append(rows, line(text("FILE"), text("/etc/oracle/wallets/ORCL/"), text("NOT_AVAILABLE")))
	default:
		rows = c.mounted(name)
	}
	return rows
}

// mounted are the rows of views of the control file.
func (c *oracleCall) mounted(name string) (rows [][]action.Value) {
	text, number := action.String, action.Int
	mode := c.text("open_mode")
	if c.status != "OPEN" {
		mode = "MOUNTED"
	}
	switch name {
	case "v$database":
		c.scn++ // so that two reads differ
		rows = append(rows, line(number(c.dbid), text(oracleName), text(oracleName), c.set["log_mode"], text(mode), c.set["role"], number(1_925_702), c.at(0),
			number(c.scn-90), number(c.scn), yesNo(c.yes("force_logging")), text("NO"), yesNo(c.text("container") != "")))
	case "v$database_incarnation":
		rows = append(rows, line(number(1), number(1), c.at(0), text("PARENT")), line(c.set["incarnation"], number(1_925_702), c.at(0), text("CURRENT")))
	case "v$controlfile":
		for _, path := range c.set["control_files"].Items() {
			rows = append(rows, line(path))
		}
	case "v$logfile":
		for i, path := range c.set["log_files"].Items() {
			rows = append(rows, line(number(int64(i+1)), path, text("ONLINE")))
		}
	case "v$log":
		for thread := int64(1); thread <= c.number("threads"); thread++ {
			rows = append(rows,
				line(number(2*thread-1), number(thread), number(c.log[thread]-1), text("INACTIVE"), text("YES"), number(c.scn-5000)),
				line(number(2*thread), number(thread), number(c.log[thread]), text("CURRENT"), text("NO"), number(c.scn-500)))
		}
	case "v$archived_log":
		for _, l := range c.archive {
			rows = append(rows, line(number(l.thread), number(l.sequence), text(fmt.Sprintf("/u03/fra/ORCL/archivelog/1_%d_%d.arc", l.thread, l.sequence)),
				number(l.first), number(l.next), text("NO")))
		}
	case "v$archive_dest":
		status, message := "VALID", action.Value{}
		if c.yes("archiver_hangs") {
			status, message = "ERROR", text("ORA-19809: limit exceeded for recovery files")
		}
		rows = append(rows, line(number(1), text("LOG_ARCHIVE_DEST_1"), text(status), text("PRIMARY"), text("USE_DB_RECOVERY_FILE_DEST"), message))
	case "v$recovery_file_dest":
		rows = append(rows, line(text("/u03/fra"), number(100<<30), number(c.number("recovery_area_used")<<30), number(0)))
	default:
		rows = c.ofFiles(name)
	}
	return rows
}

// ofFiles are the rows of views of data files; a session in a pluggable database sees its own.
func (c *oracleCall) ofFiles(name string) (rows [][]action.Value) {
	text, number := action.String, action.Int
	for _, f := range c.files {
		if f.container > 1 && !c.yes("container_data") {
			continue
		}
		status := map[bool]string{true: "ACTIVE", false: "NOT ACTIVE"}[f.active]
		if f.status != "ONLINE" {
			status = "OFFLINE NORMAL"
		}
		switch name {
		case "v$backup":
			rows = append(rows, line(number(f.number), text(status), number(f.change), c.at(f.began)))
		case "v$datafile":
			online := f.status
			if f.space == "SYSTEM" && online == "ONLINE" {
				online = "SYSTEM"
			}
			rows = append(rows, line(number(f.number), text(f.path), text(online), text(f.enabled), number(f.change), number(f.container)))
		case "v$datafile_header":
			fuzzy := c.status == "OPEN" && f.enabled == "READ WRITE" || c.yes("fuzzy")
			rows = append(rows, line(number(f.number), text(f.path), text(f.status), yesNo(fuzzy), text("NO"), number(f.change)))
		}
	}
	return rows
}

func line(values ...action.Value) []action.Value { return values }

func yesNo(yes bool) action.Value {
	return action.String(map[bool]string{true: "YES", false: "NO"}[yes])
}

// function returns a function. Dates are texts here, in the one format.
func (c *oracleCall) function(name string, args int) (function, bool) {
	switch name {
	case "to_char":
		return function{least: 1, most: 2, call: func(a []action.Value) (action.Value, error) { return action.String(plain(a[0])), nil }}, true
	case "to_number":
		return function{least: 1, most: 1, call: func(a []action.Value) (action.Value, error) {
			if v := number(plain(a[0])); v.Kind() == action.IntKind {
				return v, nil
			}
			return action.Value{}, oracleError(1722)
		}}, true
	case "chr":
		return function{least: 1, most: 1, call: func(a []action.Value) (action.Value, error) {
			n, _ := a[0].AsInt()
			return action.String(string(rune(n))), nil
		}}, true
	case "nvl":
		return function{least: 2, most: 2, call: func(a []action.Value) (action.Value, error) {
			if plain(a[0]) == "" {
				return a[1], nil
			}
			return a[0], nil
		}}, true
	case "sys_context":
		return function{least: 2, most: 2, call: c.context}, true
	}
	return function{}, false
}

// context is SYS_CONTEXT.
func (c *oracleCall) context(args []action.Value) (action.Value, error) {
	name := strings.ToUpper(plain(args[1]))
	switch {
	case strings.ToUpper(plain(args[0])) != "USERENV":
		return action.Value{}, errUnknown
	case name == "CON_NAME" && c.containers:
		if c.container() == "" {
			return action.String(oracleName), nil
		}
		return action.String(c.container()), nil
	case name == "CON_NAME":
		return action.Value{}, oracleError(2003)
	case name == "SID":
		return number(c.id), nil
	case name == "INSTANCE_NAME", name == "DB_UNIQUE_NAME":
		return action.String(oracleName), nil
	}
	return action.Value{}, errUnknown
}

// container is that of the session.
func (c *oracleCall) container() string {
	if c.session.container != "" {
		return c.session.container
	}
	return c.text("container")
}
