package worlds

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/starhost/starhost/action"
)

// myOption is something about a server that is no variable of it.
type myOption struct {
	name, doc string
	initial   func(*myProduct) action.Value
	set       func(*mysqlServer, action.Value) error
}

// myOptions are what New and Set take beside variables.
func myOptions() []myOption {
	return []myOption{
		{"binlog", "whether there is a binary log", myConstant(action.Bool(true)), (*mysqlServer).setBinlog},
		{"galera", `the state of a Galera node, "Synced" say; empty is no Galera`, myConstant(action.String("")), (*mysqlServer).setGalera},
		{"grants", "what SHOW GRANTS answers, a list of GRANT lines; they count", myRootGrants, (*mysqlServer).setGrants},
		{"long_queries", "statements of others, a list of dicts with id, user, time and statement; a lock may wait for them", myConstant(action.List()), (*mysqlServer).setLongQueries},
		{"group_replication", "what the server is in its group: PRIMARY, SECONDARY or RECOVERING; empty is no group", myConstant(action.String("")), (*mysqlServer).setGroup},
		{"redo_log", "whether InnoDB writes a redo log: ALTER INSTANCE can switch it off", myConstant(action.Bool(true)), (*mysqlServer).setRedoLog},
		{"replica", "whether it replicates from another server; or a list of the names of its channels", myConstant(action.Bool(false)), (*mysqlServer).setReplica},
		{"xa_prepared", "XA transactions that are prepared, a list of their ids", myConstant(action.List()), (*mysqlServer).setPrepared},
		{"variables", "variables by name, also those that the world does not know", myConstant(action.Dict()), (*mysqlServer).setVariables},
		{"innodb_flush_log_at_trx_commit", "whether a commit is on the disk when it returns: 1 if so", myConstant(action.Int(1)), nil},
		{"read_only", "whether only an administrator may write", myConstant(action.Bool(false)), nil},
	}
}

func myConstant(v action.Value) func(*myProduct) action.Value {
	return func(*myProduct) action.Value { return v }
}

func myRootGrants(p *myProduct) action.Value {
	var lines []action.Value
	for _, line := range p.grants {
		lines = append(lines, action.String(line))
	}
	return action.List(lines...)
}

// mysqlInfo is what is told about the world of a product.
func mysqlInfo(p *myProduct) Info {
	info := p.info
	info.Options = nil
	for _, o := range myOptions() {
		info.Options = append(info.Options, Option{o.name, o.doc, o.initial(p)})
	}
	return info
}

// newMySQL makes a server that has run for a while.
func newMySQL(p *myProduct, options action.Value) (*mysqlServer, error) {
	if !options.IsNone() && options.Kind() != action.DictKind {
		return nil, fmt.Errorf("options of world %s: got a %s, want a dict", p.info.Name, options.Kind())
	}
	s := &mysqlServer{
		product: p, next: 41, binlog: true, redoLog: true, grants: p.grants,
		variables: p.defaults(), stopped: map[string]bool{}, sessions: map[string]*mySession{},
		file: 3, position: 1337, gtid: 12, lsn: 1626000, flushed: 1626000,
	}
	s.first = maps.Clone(s.variables)
	for _, name := range options.Keys() {
		if !slices.ContainsFunc(myOptions(), func(o myOption) bool { return o.name == name }) {
			return nil, fmt.Errorf("world %s has no option %q: want one of %s", p.info.Name, name, strings.Join(myOptionNames(), ", "))
		}
		if err := s.Set(name, options.Get(name)); err != nil {
			return nil, err
		}
	}
	if n, _ := s.variables["innodb_flush_log_at_trx_commit"].AsInt(); n != 1 {
		s.flushed -= 340 // the last commit is not on the disk yet
	}
	return s, nil
}

func myOptionNames() []string {
	var names []string
	for _, o := range myOptions() {
		names = append(names, o.name)
	}
	return names
}

// Set changes an option or a variable. What an administrator sets is not to be given back.
func (s *mysqlServer) Set(name string, value action.Value) error {
	for _, o := range myOptions() {
		if o.name != name || o.set == nil {
			continue
		}
		if err := o.set(s, value); err != nil {
			return fmt.Errorf("option %s of world %s: %w", name, s.product.info.Name, err)
		}
		return nil
	}
	v := s.variable(name)
	if v == nil || !s.has(v) {
		return fmt.Errorf("world %s has neither an option nor a variable %q: want one of %s; a variable is added by the option variables",
			s.product.info.Name, name, strings.Join(append(myOptionNames(), slices.Sorted(maps.Keys(s.variables))...), ", "))
	}
	accepted, code := v.accept(s.product, value)
	if code != 0 {
		return fmt.Errorf("variable %s of world %s: it cannot be %s", name, s.product.info.Name, value)
	}
	s.variables[v.name], s.first[v.name] = accepted, accepted
	return nil
}

func (s *mysqlServer) setBinlog(value action.Value) error {
	s.binlog = value.AsBool()
	return myWant(value, action.BoolKind)
}

func (s *mysqlServer) setRedoLog(value action.Value) error {
	s.redoLog = value.AsBool()
	return myWant(value, action.BoolKind)
}

func (s *mysqlServer) setGroup(value action.Value) error {
	s.group = value.Text()
	return myWant(value, action.StringKind)
}

func (s *mysqlServer) setPrepared(value action.Value) error {
	s.prepared = nil
	for _, id := range value.Items() {
		s.prepared = append(s.prepared, id.Text())
	}
	return myWant(value, action.ListKind)
}

// setReplica takes names where there are several; one server is in the channel "".
func (s *mysqlServer) setReplica(value action.Value) error {
	s.channels = nil
	clear(s.stopped)
	if value.Kind() == action.ListKind {
		for _, name := range value.Items() {
			s.channels = append(s.channels, name.Text())
		}
		return nil
	}
	if value.AsBool() {
		s.channels = []string{""}
	}
	return myWant(value, action.BoolKind)
}

func (s *mysqlServer) setGalera(value action.Value) error {
	s.galera = value.Text()
	if s.product.bit == myMariaDB {
		on := action.Bool(s.galera != "")
		s.variables["wsrep_on"], s.first["wsrep_on"] = on, on
	}
	return myWant(value, action.StringKind)
}

func (s *mysqlServer) setGrants(value action.Value) error {
	var lines []string
	for _, line := range value.Items() {
		if !strings.HasPrefix(line.Text(), "GRANT ") {
			return fmt.Errorf("%s is no line of SHOW GRANTS: GRANT … ON … TO …", line)
		}
		lines = append(lines, line.Text())
	}
	s.grants = lines
	return myWant(value, action.ListKind)
}

func (s *mysqlServer) setLongQueries(value action.Value) error {
	var all []myLongQuery
	for _, item := range value.Items() {
		l := myLongQuery{user: item.Get("user").Text(), statement: item.Get("statement").Text()}
		l.id, _ = item.Get("id").AsInt()
		l.time, _ = item.Get("time").AsInt()
		if l.id == 0 || l.user == "" || l.statement == "" || len(item.Keys()) != 4 {
			return fmt.Errorf(`%s is no statement: want {"id": 12, "user": "app", "time": 60, "statement": "UPDATE …"}`, item)
		}
		all = append(all, l)
	}
	s.longQueries = all
	return myWant(value, action.ListKind)
}

// setVariables adds those that the world does not know.
func (s *mysqlServer) setVariables(value action.Value) error {
	for _, name := range value.Keys() {
		v := value.Get(name)
		if known := s.variable(name); known != nil && s.has(known) {
			if err := s.Set(name, v); err != nil {
				return err
			}
			continue
		}
		switch v.Kind() {
		case action.BoolKind, action.IntKind, action.StringKind, action.None:
		default:
			return fmt.Errorf("%s is %s, want a bool, an int, a string or None", name, v)
		}
		name = strings.ToLower(name)
		s.variables[name], s.first[name] = v, v
	}
	return myWant(value, action.DictKind)
}

func myWant(value action.Value, want action.ValueKind) error {
	if value.Kind() != want {
		return fmt.Errorf("got %s, want a %s", value, want)
	}
	return nil
}
