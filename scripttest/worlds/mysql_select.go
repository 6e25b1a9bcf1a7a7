package worlds

import (
	"slices"
	"strconv"
	"strings"

	"github.com/starhost/starhost/action"
)

// myTable is a table of information_schema: the columns that scripts ask for.
type myTable struct {
	name     string
	products myBits
	columns  []string
	rows     [][]string
}

var myTables = []myTable{
	{"INNODB_SYS_TABLESPACES", myMariaDB, []string{"NAME", "FILENAME"}, [][]string{
		{"innodb_system", "./ibdata1"},
		{"mysql/innodb_table_stats", "./mysql/innodb_table_stats.ibd"},
		{"mysql/innodb_index_stats", "./mysql/innodb_index_stats.ibd"},
		{"mysql/transaction_registry", "./mysql/transaction_registry.ibd"},
		{"mysql/gtid_slave_pos", "./mysql/gtid_slave_pos.ibd"},
		{"innodb_temporary", "./ibtmp1"},
	}},
	{"INNODB_SYS_TABLESPACES", mySQL56, []string{"NAME"}, [][]string{
		{"mysql/innodb_table_stats"},
		{"mysql/innodb_index_stats"},
		{"mysql/slave_relay_log_info"},
		{"mysql/slave_master_info"},
		{"mysql/slave_worker_info"},
	}},
	{"INNODB_SYS_DATAFILES", mySQL56, []string{"PATH"}, [][]string{
		{"./mysql/innodb_table_stats.ibd"},
		{"./mysql/innodb_index_stats.ibd"},
		{"./mysql/slave_relay_log_info.ibd"},
		{"./mysql/slave_master_info.ibd"},
		{"./mysql/slave_worker_info.ibd"},
	}},
	{"INNODB_DATAFILES", mySQL8, []string{"PATH"}, [][]string{{"mysql.ibd"}, {"./sys/sys_config.ibd"}}},
}

// selects answers expressions without a table, or columns of a table of
// information_schema.
func (m myCall) selects() Answer {
	normal := m.all.normal()
	if age, ok := strings.CutPrefix(normal, myLongQueries); ok {
		return m.showLongQueries(age)
	}
	from := slices.IndexFunc(m.words, func(w myWord) bool { return w.text == "FROM" })
	if from < 0 {
		return m.selectItems(m.words.split())
	}
	if answer, ok := m.selectPerformance(normal); ok {
		return answer
	}
	items, place := m.words[:from], m.words[from+1:]
	schema := "INFORMATION_SCHEMA."
	if len(place) != 1 || !strings.HasPrefix(place[0].text, schema) {
		return Answer{Unknown: true}
	}
	return m.selectTable(items.split(), strings.TrimPrefix(place[0].text, schema))
}

// selectItems answers one row.
func (m myCall) selectItems(items []myWords) Answer {
	rows := &action.Rows{Rows: [][]action.Value{nil}}
	for _, item := range items {
		expression, name := m.alias(item)
		value, answer, ok := m.expression(expression)
		if !ok {
			return answer
		}
		if slices.Contains(rows.Columns, name) {
			return Answer{Unknown: true}
		}
		rows.Columns = append(rows.Columns, name)
		rows.Rows[0] = append(rows.Rows[0], value)
	}
	return Answer{Rows: rows}
}

// alias returns an item without its name, and the name; without one of its own it has
// its text.
func (m myCall) alias(item myWords) (expression myWords, name string) {
	if len(item) == 0 {
		return nil, ""
	}
	text := func(w myWord) string {
		if w.literal() && w.value.Kind() == action.StringKind {
			return w.value.Text()
		}
		return strings.Trim(m.query[w.from:w.to], "`")
	}
	n := len(item)
	if n > 2 && item[n-2].text == "AS" {
		return item[:n-2], text(item[n-1])
	}
	if n == 1 {
		return item, text(item[0])
	}
	return item, m.query[item[0].from:item[n-1].to]
}

// expression knows variables, literals, a few functions, and one comparison of those.
func (m myCall) expression(words myWords) (action.Value, Answer, bool) {
	if n := len(words); n > 2 && words[n-1].literal() && slices.Contains([]string{"=", "<>", "!=", "<", ">", "<=", ">="}, words[n-2].text) {
		left, answer, ok := m.expression(words[:n-2])
		if !ok {
			return left, answer, false
		}
		return myCompare(left, words[n-2].text, words[n-1].value)
	}
	if len(words) == 1 && words[0].literal() {
		return words[0].value, Answer{}, true
	}
	if len(words) == 1 {
		if name, scope, ok := myName(words[0].text); ok {
			return m.selected(name, scope)
		}
	}
	switch words.normal() {
	case "VERSION ( )":
		return m.variables["version"], Answer{}, true
	case "CONNECTION_ID ( )":
		id, _ := strconv.ParseInt(m.session.id, 10, 64)
		return action.Int(id), Answer{}, true
	case "UNIX_TIMESTAMP ( )":
		return action.Int(m.Identity().Started.Add(myUptime).Unix()), Answer{}, true
	case "DATABASE ( )", "SCHEMA ( )", "NULL":
		return action.Value{}, Answer{}, true
	case "USER ( )", "CURRENT_USER ( )", "CURRENT_USER":
		return action.String(m.user()), Answer{}, true
	}
	return action.Value{}, Answer{Unknown: true}, false
}

// selected is the value of @@name.
func (m myCall) selected(name, scope string) (action.Value, Answer, bool) {
	v := m.variable(name)
	if v == nil {
		return action.Value{}, Answer{Unknown: true}, false
	}
	c := m.session
	switch {
	case !m.has(v):
		return action.Value{}, m.refuse(1193, v.name), false
	case scope == "GLOBAL":
		c = nil
	case scope != "" && v.scope != myBoth:
		return action.Value{}, m.refuse(1238, v.name, "GLOBAL"), false
	case v.name == "gtid_executed" && m.product.bit == mySQL56:
		return action.String(""), Answer{}, true // the session's own, which is always empty
	}
	return mySelected(m.value(v, c)), Answer{}, true
}

// myCompare compares two numbers, or two texts without regard to case.
func myCompare(a action.Value, op string, b action.Value) (action.Value, Answer, bool) {
	var order int
	x, aIsInt := a.AsInt()
	y, bIsInt := b.AsInt()
	switch {
	case a.IsNone() || b.IsNone():
		return action.Value{}, Answer{}, true
	case aIsInt && bIsInt:
		order = int(min(max(x-y, -1), 1))
	case a.Kind() == action.StringKind && b.Kind() == action.StringKind:
		order = strings.Compare(strings.ToLower(a.Text()), strings.ToLower(b.Text()))
	default:
		return action.Value{}, Answer{Unknown: true}, false
	}
	holds := map[string]bool{"=": order == 0, "<>": order != 0, "!=": order != 0, "<": order < 0, ">": order > 0, "<=": order <= 0, ">=": order >= 0}
	return myInt(holds[op]), Answer{}, true
}

// selectTable answers columns of a table. One that only another product has is missing
// here; one that nobody has is not known to the world.
func (m myCall) selectTable(items []myWords, name string) Answer {
	named := func(t myTable) bool { return t.name == name }
	if !slices.ContainsFunc(myTables, named) {
		return Answer{Unknown: true}
	}
	i := slices.IndexFunc(myTables, func(t myTable) bool { return named(t) && t.products&m.product.bit != 0 })
	if i < 0 {
		return m.refuse(1109, strings.ToLower(name))
	}
	t := myTables[i]
	rows := &action.Rows{Rows: make([][]action.Value, len(t.rows))}
	for _, item := range items {
		words, label := m.alias(item)
		if len(words) != 1 {
			return Answer{Unknown: true}
		}
		column := slices.Index(t.columns, words[0].text)
		if column < 0 && slices.Contains([]string{"NAME", "FILENAME", "PATH"}, words[0].text) {
			return m.refuse(1054, strings.ToLower(words[0].text))
		}
		if column < 0 {
			return Answer{Unknown: true}
		}
		rows.Columns = append(rows.Columns, label)
		for r := range rows.Rows {
			rows.Rows[r] = append(rows.Rows[r], action.String(t.rows[r][column]))
		}
	}
	if !m.granted("*.*", "PROCESS") {
		return m.lacks("process")
	}
	return Answer{Rows: rows}
}
