package worlds

import (
	"slices"
	"strings"

	"github.com/starhost/starhost/action"
)

func (m myCall) showReplica() Answer {
	columns := m.product.replicas
	if m.product.bit&mySQL8 != 0 && slices.ContainsFunc(m.all, func(w myWord) bool { return w.text == "REPLICA" }) {
		columns = myRenamed(columns)
	}
	if m.product.bit == myMariaDB { // which shows its default connection
		return m.listReplica(columns, func(name string) bool { return name == "" })
	}
	return m.listReplica(columns, nil)
}

func (m myCall) showReplicas() Answer {
	return m.listReplica(slices.Concat(strings.Fields(myAllReplicasFirst), m.product.replicas, strings.Fields(myAllReplicasLast)), nil)
}

// myRenamed are the names that MySQL 8.0.22 has given to the columns.
func myRenamed(columns []string) []string {
	var all []string
	for _, column := range columns {
		name, value, _ := strings.Cut(column, "=")
		all = append(all, strings.NewReplacer("Master", "Source", "Slave", "Replica").Replace(name)+"="+value)
	}
	return all
}

// listReplica takes columns as name=value; there is a row for each channel that is shown.
func (m myCall) listReplica(columns []string, shown func(channel string) bool) Answer {
	rows := &action.Rows{}
	for _, column := range columns {
		name, _, _ := strings.Cut(column, "=")
		rows.Columns = append(rows.Columns, name)
	}
	for _, channel := range m.channels {
		if shown != nil && !shown(channel) {
			continue
		}
		var row []action.Value
		for _, column := range columns {
			row = append(row, m.replicaValue(channel, column))
		}
		rows.Rows = append(rows.Rows, row)
	}
	return Answer{Rows: rows}
}

func (m myCall) replicaValue(channel, column string) action.Value {
	name, text, _ := strings.Cut(column, "=")
	io, applier := m.stopped[myThread(myReplicaIO, channel)], m.stopped[myThread(myReplicaSQL, channel)]
	switch {
	case name == "Connection_name", name == "Channel_Name":
		return action.String(channel)
	case text == "NULL", (io || applier) && strings.HasPrefix(name, "Seconds_Behind_"):
		return action.Value{}
	case io && strings.HasSuffix(name, "_IO_Running"), applier && strings.HasSuffix(name, "_SQL_Running"):
		return action.String("No")
	}
	if n, ok := myNumber(text); ok {
		return n
	}
	return action.String(text)
}

// Threads of the replica, as Held names them when they are stopped.
const (
	myReplicaIO  = "replica I/O thread stopped"
	myReplicaSQL = "replica SQL thread stopped"
)

func myThread(thread, channel string) string {
	if channel == "" {
		return thread
	}
	return thread + " of " + channel
}

// replicaThreads is what STOP and START are about: [name] [SQL_THREAD|IO_THREAD] [FOR CHANNEL name].
// MariaDB has both names, MySQL the second since 5.7.
func (m myCall) replicaThreads() (channels, threads []string, ok bool) {
	words := m.words
	channels, threads = m.channels, []string{myReplicaIO, myReplicaSQL}
	if m.product.bit == myMariaDB {
		channels = []string{""}
	}
	if len(words) > 0 && words[0].literal() && m.product.bit == myMariaDB {
		channels, words = []string{words[0].value.Text()}, words[1:]
	}
	switch {
	case words.is("IO_THREAD"):
		threads, words = []string{myReplicaIO}, words[1:]
	case words.is("SQL_THREAD"):
		threads, words = []string{myReplicaSQL}, words[1:]
	}
	if rest, named := words.match("FOR CHANNEL *"); named && len(rest) == 1 && rest[0].literal() && m.product.bit != mySQL56 {
		return []string{rest[0].value.Text()}, threads, true
	}
	return channels, threads, len(words) == 0
}

func (m myCall) stopReplica() Answer {
	return m.replicate(func(thread string) { m.stopped[thread] = true })
}

func (m myCall) startReplica() Answer {
	if len(m.channels) == 0 {
		return m.refuse(1200)
	}
	return m.replicate(func(thread string) { delete(m.stopped, thread) })
}

func (m myCall) replicate(set func(thread string)) Answer {
	channels, threads, ok := m.replicaThreads()
	if !ok {
		return m.refuse(1064, m.product.name, m.query)
	}
	for _, channel := range channels {
		switch known := slices.Contains(m.channels, channel); {
		case !known && channel != "" && m.product.bit == myMariaDB:
			return m.refuse(1617, channel)
		case !known && channel != "":
			return m.refuse(3074, channel)
		case !known:
			continue
		}
		for _, thread := range threads {
			set(myThread(thread, channel))
		}
	}
	return Answer{}
}
