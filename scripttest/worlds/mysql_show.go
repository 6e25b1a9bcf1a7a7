package worlds

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/starhost/starhost/action"
)

// names reads LIKE 'x', or WHERE with =, LIKE and IN, joined by OR, as a list of
// names. A pattern with % is not read: the world has too few names to be complete.
func (t myWords) names() ([]string, bool) {
	if t.is("LIKE") {
		return t.condition()
	}
	if !t.is("WHERE") {
		return nil, false
	}
	var names []string
	for t = t[1:]; ; {
		end := slices.IndexFunc(t, func(w myWord) bool { return w.text == "OR" })
		part := t
		if end >= 0 {
			part = t[:end]
		}
		if !part.is("VARIABLE_NAME") {
			return nil, false
		}
		more, ok := part[1:].condition()
		if !ok {
			return nil, false
		}
		names = append(names, more...)
		if end < 0 {
			return names, true
		}
		t = t[end+1:]
	}
}

// condition reads what follows variable_name.
func (t myWords) condition() (names []string, ok bool) {
	if len(t) > 3 && t.is("IN") && t[1].text == "(" && t[len(t)-1].text == ")" {
		for _, item := range t[2 : len(t)-1].split() {
			if len(item) != 1 || !item[0].literal() {
				return nil, false
			}
			names = append(names, item[0].value.Text())
		}
		return names, true
	}
	if len(t) != 2 || !t.is("=", "LIKE") || t[1].value.Kind() != action.StringKind {
		return nil, false
	}
	name := t[1].value.Text()
	return []string{name}, !strings.Contains(name, "%")
}

func (m myCall) showGlobalVariables() Answer { return m.listVariables(nil) }
func (m myCall) showVariables() Answer       { return m.listVariables(m.session) }

func (m myCall) listVariables(c *mySession) Answer {
	names, ok := m.words.names()
	rows := &action.Rows{Columns: []string{"Variable_name", "Value"}}
	for i := range names {
		names[i] = strings.ToLower(names[i])
	}
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		v := m.variable(name)
		if v == nil {
			return Answer{Unknown: true}
		}
		if m.has(v) {
			rows.Rows = append(rows.Rows, []action.Value{action.String(name), action.String(myShown(m.value(v, c)))})
		}
	}
	return Answer{Rows: rows, Unknown: !ok}
}

// myStatus are the status variables, sorted.
var myStatus = []struct {
	name     string
	products myBits
	value    func(*mysqlServer) string
}{
	{"Innodb_lsn_current", myMariaDB, func(s *mysqlServer) string { return strconv.FormatInt(s.lsn, 10) }},
	{"Innodb_lsn_flushed", myMariaDB, func(s *mysqlServer) string { return strconv.FormatInt(s.flushed, 10) }},
	{"Innodb_redo_log_current_lsn", mySQL8, func(s *mysqlServer) string { return strconv.FormatInt(s.lsn, 10) }},
	{"Innodb_redo_log_enabled", mySQL8, func(s *mysqlServer) string { return myShown(action.Bool(s.redoLog)) }},
	{"Innodb_redo_log_flushed_to_disk_lsn", mySQL8, func(s *mysqlServer) string { return strconv.FormatInt(s.flushed, 10) }},
	{"Threads_connected", myEvery, func(s *mysqlServer) string { return strconv.Itoa(len(s.sessions)) }},
	{"Uptime", myEvery, func(*mysqlServer) string { return strconv.Itoa(int(myUptime / time.Second)) }},
	{"wsrep_local_state_comment", myEvery, (*mysqlServer).galeraState},
}

// myUptime is how long a world runs; its clock stands still.
const myUptime = 24 * time.Hour

// galeraState is that of the node: one that is told to fall behind is no longer synced.
func (s *mysqlServer) galeraState() string {
	if s.galera == "Synced" && s.variables["wsrep_desync"].AsBool() {
		return "Donor/Desynced"
	}
	return s.galera
}

func (m myCall) showStatus() Answer {
	names, ok := m.words.names()
	rows := &action.Rows{Columns: []string{"Variable_name", "Value"}}
	found := 0
	for _, v := range myStatus {
		if !slices.ContainsFunc(names, func(name string) bool { return strings.EqualFold(name, v.name) }) {
			continue
		}
		found++
		value := v.value(m.mysqlServer)
		if v.products&m.product.bit != 0 && value != "" {
			rows.Rows = append(rows.Rows, []action.Value{action.String(v.name), action.String(value)})
		}
	}
	return Answer{Rows: rows, Unknown: !ok || found < len(names)}
}

func (m myCall) showGrants() Answer {
	whose := m.words.normal()
	rows := &action.Rows{Columns: []string{"Grants for " + m.user()}}
	for _, line := range m.grants {
		rows.Rows = append(rows.Rows, []action.Value{action.String(line)})
	}
	return Answer{Rows: rows, Unknown: !slices.Contains([]string{"", "FOR CURRENT_USER", "FOR CURRENT_USER ( )"}, whose)}
}

// showDatabases has all of them for a user with a privilege on the whole server. The
// world does not know what others see.
func (m myCall) showDatabases() Answer {
	rows := &action.Rows{Columns: []string{"Database"}}
	for _, name := range m.product.databases {
		rows.Rows = append(rows.Rows, []action.Value{action.String(name)})
	}
	return Answer{Rows: rows, Unknown: !m.granted("*.*", "SHOW DATABASES", "RELOAD", "PROCESS", "SUPER")}
}

// user is the one that the grants are for.
func (s *mysqlServer) user() string {
	if len(s.grants) == 0 {
		return "root@localhost"
	}
	_, who, _ := strings.Cut(s.grants[0], " TO ")
	who, _, _ = strings.Cut(who, " ")
	return strings.NewReplacer("`", "", "'", "").Replace(who)
}

func (s *mysqlServer) logName(file int) string {
	path := s.variables["log_bin_basename"].Text()
	return fmt.Sprintf("%s.%06d", path[strings.LastIndexByte(path, '/')+1:], file)
}

func (m myCall) showPosition() Answer {
	rows := &action.Rows{Columns: []string{"File", "Position", "Binlog_Do_DB", "Binlog_Ignore_DB"}}
	row := []action.Value{action.String(m.logName(m.file)), action.Int(m.position), action.String(""), action.String("")}
	if m.product.bit != myMariaDB {
		rows.Columns, row = append(rows.Columns, "Executed_Gtid_Set"), append(row, action.String(m.gtids()))
	}
	if m.binlog {
		rows.Rows = append(rows.Rows, row)
	}
	return Answer{Rows: rows}
}

// showLogs has the files from the first on.
func (m myCall) showLogs() Answer {
	if !m.binlog {
		return m.refuse(1381)
	}
	rows := &action.Rows{Columns: []string{"Log_name", "File_size"}}
	for file := 1; file <= m.file; file++ {
		row := []action.Value{action.String(m.logName(file)), action.Int(1000)}
		if file == m.file {
			row[1] = action.Int(m.position)
		}
		if m.product.bit&mySQL8 != 0 {
			row = append(row, action.String("No"))
		}
		rows.Rows = append(rows.Rows, row)
	}
	if m.product.bit&mySQL8 != 0 {
		rows.Columns = append(rows.Columns, "Encrypted")
	}
	return Answer{Rows: rows}
}

func (m myCall) showInnoDB() Answer {
	text := fmt.Sprintf("\nINNODB MONITOR OUTPUT\n---\nLOG\n---\nLog sequence number %d\nLog flushed up to   %d\n", m.lsn, m.flushed)
	return Answer{Rows: &action.Rows{
		Columns: []string{"Type", "Name", "Status"},
		Rows:    [][]action.Value{{action.String("InnoDB"), action.String(""), action.String(text)}},
	}}
}

// myLongQueries is how mysql.star asks for long statements; the number of seconds follows.
var myLongQueries = myNormal("SELECT id, user, time, LEFT(info, 60) AS statement FROM information_schema.processlist "+
	"WHERE command NOT IN ('Sleep', 'Daemon', 'Binlog Dump', 'Binlog Dump GTID') AND user <> 'system user' "+
	"AND id <> CONNECTION_ID() AND time >=") + " "

func myNormal(query string) string {
	words, _ := mySplit(query, nil)
	return words.normal()
}

// showLongQueries has nobody's but the user's own without the right to see others'.
func (m myCall) showLongQueries(age string) Answer {
	least, err := strconv.ParseInt(age, 10, 64)
	rows := &action.Rows{Columns: []string{"id", "user", "time", "statement"}}
	for _, l := range m.longQueries {
		if l.time >= least && m.granted("*.*", "PROCESS") {
			statement := []rune(l.statement)
			rows.Rows = append(rows.Rows, []action.Value{
				action.Int(l.id), action.String(l.user), action.Int(l.time), action.String(string(statement[:min(len(statement), 60)])),
			})
		}
	}
	return Answer{Rows: rows, Unknown: err != nil}
}

func (m myCall) showProcesses() Answer {
	rows := &action.Rows{Columns: strings.Fields(m.product.processes)}
	add := func(id int64, user, command string, time int64, info action.Value) {
		row := []action.Value{action.Int(id), action.String(user), action.String("localhost"), {}, action.String(command), action.Int(time), action.String(""), info, action.Float(0)}
		rows.Rows = append(rows.Rows, row[:len(rows.Columns)])
	}
	for n := 41; n < m.next; n++ {
		switch id := strconv.Itoa(n); {
		case id == m.session.id:
			add(int64(n), "root", "Query", 0, action.String(m.query))
		case m.Alive(id):
			add(int64(n), "root", "Sleep", 0, action.Value{})
		}
	}
	for _, l := range m.longQueries {
		if m.granted("*.*", "PROCESS") {
			add(l.id, l.user, "Query", l.time, action.String(l.statement))
		}
	}
	return Answer{Rows: rows}
}
