package worlds

import (
	"slices"
	"strconv"
	"strings"

	"github.com/starhost/starhost/action"
)

// myScope says who has a variable and may set it.
type myScope int

const (
	myFixed  myScope = iota // nobody sets it
	myGlobal                // SET GLOBAL only
	myBoth                  // every session has its own, too
)

// myVariable is a system variable. Its values are those of MariaDB 10.11, MySQL 5.6 and
// MySQL 8.
type myVariable struct {
	name   string
	kind   action.ValueKind // as SELECT @@name answers; a bool does so as 0 or 1
	scope  myScope
	values [3]string
}

const (
	myAbsent = "(myAbsent)" // the product does not have the variable
	myNull   = "(myNull)"
)

const (
	myText   = action.StringKind
	myCount  = action.IntKind
	mySwitch = action.BoolKind
)

// myVariables are sorted, as SHOW VARIABLES sorts them.
var myVariables = []myVariable{
	{"aria_log_dir_path", myText, myFixed, [3]string{"/var/lib/mysql/", myAbsent, myAbsent}},
	{"autocommit", mySwitch, myBoth, [3]string{"ON", "ON", "ON"}},
	{"datadir", myText, myFixed, [3]string{"/var/lib/mysql/", "/var/lib/mysql/", "/var/lib/mysql/"}},
	{"general_log", mySwitch, myGlobal, [3]string{"OFF", "OFF", "OFF"}},
	{"gtid_binlog_pos", myText, myFixed, [3]string{"", myAbsent, myAbsent}},
	{"gtid_current_pos", myText, myFixed, [3]string{"", myAbsent, myAbsent}},
	{"gtid_executed", myText, myFixed, [3]string{myAbsent, "", ""}},
	{"gtid_mode", myText, myFixed, [3]string{myAbsent, "ON", "ON"}},
	{"gtid_slave_pos", myText, myFixed, [3]string{"", myAbsent, myAbsent}},
	{"hostname", myText, myFixed, [3]string{"db1", "db1", "db1"}},
	{"innodb_data_file_path", myText, myFixed, [3]string{"ibdata1:12M:autoextend", "ibdata1:12M:autoextend", "ibdata1:12M:autoextend"}},
	{"innodb_data_home_dir", myText, myFixed, [3]string{myNull, myNull, myNull}},
	{"innodb_flush_log_at_timeout", myCount, myGlobal, [3]string{"1", "1", "1"}},
	{"innodb_flush_log_at_trx_commit", myCount, myGlobal, [3]string{"1", "1", "1"}},
	{"innodb_log_group_home_dir", myText, myFixed, [3]string{"./", "./", "./"}},
	{"innodb_undo_directory", myText, myFixed, [3]string{"./", ".", "./"}},
	{"lock_wait_timeout", myCount, myBoth, [3]string{"86400", "31536000", "31536000"}},
	{"log_bin", mySwitch, myFixed, [3]string{"ON", "ON", "ON"}},
	{"log_bin_basename", myText, myFixed, [3]string{"/var/lib/mysql/binlog", "/var/lib/mysql/binlog", "/var/lib/mysql/binlog"}},
	{"port", myCount, myFixed, [3]string{"3306", "3306", "3306"}},
	{"read_only", mySwitch, myGlobal, [3]string{"OFF", "OFF", "OFF"}},
	{"relay_log_basename", myText, myFixed, [3]string{myNull, myNull, "/var/lib/mysql/db1-relay-bin"}},
	{"rocksdb_datadir", myText, myFixed, [3]string{myAbsent, myAbsent, myAbsent}},
	{"server_id", myCount, myGlobal, [3]string{"1", "1", "1"}},
	{"server_uuid", myText, myFixed, [3]string{myAbsent, "8a94f357-aab4-11df-86ab-c80aa9429562", "8a94f357-aab4-11df-86ab-c80aa9429562"}},
	{"slow_query_log", mySwitch, myGlobal, [3]string{"OFF", "OFF", "OFF"}},
	{"socket", myText, myFixed, [3]string{"/run/mysqld/mysqld.sock", "/run/mysqld/mysqld.sock", "/run/mysqld/mysqld.sock"}},
	{"super_read_only", mySwitch, myGlobal, [3]string{myAbsent, myAbsent, "OFF"}},
	{"sync_binlog", myCount, myGlobal, [3]string{"0", "0", "1"}},
	{"version", myText, myFixed, [3]string{"10.11.14-MariaDB-log", "5.6.24-log", "8.4.6"}},
	{"version_comment", myText, myFixed, [3]string{"mariadb.org binary distribution", "MySQL Community Server (GPL)", "MySQL Community Server - GPL"}},
	{"wait_timeout", myCount, myBoth, [3]string{"28800", "28800", "28800"}},
	{"wsrep_desync", mySwitch, myGlobal, [3]string{"OFF", myAbsent, myAbsent}},
	{"wsrep_on", mySwitch, myBoth, [3]string{"OFF", myAbsent, myAbsent}},
}

// myLimits are those of numbers that are cut to them; the products differ in some.
var myLimits = map[string]func(*myProduct) (least, most int64){
	"innodb_flush_log_at_trx_commit": func(p *myProduct) (int64, int64) { return 0, p.trxCommit },
	"lock_wait_timeout":              func(p *myProduct) (int64, int64) { return p.lockWait, 31536000 },
	"wait_timeout":                   func(*myProduct) (int64, int64) { return 1, 31536000 },
}

// myLookUp returns the variable of that name; nil if nobody in the family has it.
func myLookUp(name string) *myVariable {
	i := slices.IndexFunc(myVariables, func(v myVariable) bool { return v.name == strings.ToLower(name) })
	if i < 0 {
		return nil
	}
	return &myVariables[i]
}

// defaults are the values of a product.
func (p *myProduct) defaults() map[string]action.Value {
	values := map[string]action.Value{}
	for _, v := range myVariables {
		text := v.values[p.column]
		if own, ok := p.own[v.name]; ok {
			text = own
		}
		if text != myAbsent {
			values[v.name] = v.parse(text)
		}
	}
	return values
}

func (v *myVariable) parse(text string) action.Value {
	switch {
	case text == myNull:
		return action.Value{}
	case v.kind == mySwitch:
		return action.Bool(text == "ON")
	case v.kind == myCount:
		n, _ := strconv.ParseInt(text, 10, 64)
		return action.Int(n)
	}
	return action.String(text)
}

// myShown is a value as SHOW VARIABLES writes it.
func myShown(v action.Value) string {
	switch v.Kind() {
	case action.BoolKind:
		if v.AsBool() {
			return "ON"
		}
		return "OFF"
	case action.IntKind:
		n, _ := v.AsInt()
		return strconv.FormatInt(n, 10)
	}
	return v.Text()
}

// mySelected is a value as SELECT @@name answers it.
func mySelected(v action.Value) action.Value {
	if v.Kind() == action.BoolKind {
		return myInt(v.AsBool())
	}
	return v
}

// accept turns what is set into a value of the variable, or says by which error it is
// refused.
func (v *myVariable) accept(p *myProduct, value action.Value) (action.Value, int) {
	switch v.kind {
	case mySwitch:
		n, isInt := value.AsInt()
		word := strings.ToUpper(value.Text())
		switch {
		case isInt && n == 1, value.Kind() == action.StringKind && (word == "ON" || word == "TRUE"):
			return action.Bool(true), 0
		case isInt && n == 0, value.Kind() == action.StringKind && (word == "OFF" || word == "FALSE"):
			return action.Bool(false), 0
		case value.Kind() == action.BoolKind:
			return value, 0
		}
		return value, 1231
	case myCount:
		n, ok := value.AsInt()
		if !ok {
			return value, 1232
		}
		if limits := myLimits[v.name]; limits != nil {
			least, most := limits(p)
			n = min(max(n, least), most)
		}
		return action.Int(n), 0
	}
	if value.Kind() != action.StringKind {
		return value, 1232
	}
	return value, 0
}
