package oracle_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/host/driver"
	"github.com/starhost/starhost/scripttest/worlds"
)

// toy is a world that knows what the conformance suite says, and nothing of Oracle.
type toy struct {
	last    int
	open    map[string]int // state by session
	locked  string         // the session that has the lock
	begun   time.Time
	values  map[string]action.Value
	answers map[string]worlds.Answer // to other statements
	made    map[string]int           // how often those were made
}

func newToy() *toy {
	return &toy{last: 40, open: map[string]int{}, made: map[string]int{}, begun: time.Now().UTC().Truncate(time.Second)}
}

var _ worlds.Server = (*toy)(nil)

func (w *toy) Identity() driver.Identity {
	return driver.Identity{Product: "Oracle", Version: "19.0.0.0.0", Server: "toy", Started: w.begun}
}

func (w *toy) Connect() string {
	w.last++
	id := strconv.Itoa(w.last)
	w.open[id] = 0
	return id
}

func (w *toy) Disconnect(id string) {
	delete(w.open, id)
	if w.locked == id {
		w.locked = ""
	}
}

func (w *toy) Alive(id string) bool { _, ok := w.open[id]; return ok }

func (w *toy) Restart() {
	w.open, w.locked, w.begun = map[string]int{}, "", time.Now().UTC().Truncate(time.Second)
}
func (w *toy) Held() []string                 { return nil }
func (w *toy) Commit() bool                   { return true }
func (w *toy) Drop(string) bool               { return false }
func (w *toy) Set(string, action.Value) error { return nil }
func (w *toy) Clone() worlds.Server           { return w }

const (
	sleep  = "BEGIN DBMS_SESSION.SLEEP(30); END;"
	remark = "BEGIN DBMS_APPLICATION_INFO.SET_CLIENT_INFO('7'); END;"
	recall = "SELECT NVL(TO_NUMBER(SYS_CONTEXT('USERENV', 'CLIENT_INFO')), 0) AS v FROM DUAL"
)

func numbers(n int) string {
	return fmt.Sprintf("SELECT LEVEL AS n FROM DUAL CONNECT BY LEVEL <= %d", n)
}

func one(column string, v action.Value) worlds.Answer {
	return table([]string{column}, []action.Value{v})
}

func table(columns []string, rows ...[]action.Value) worlds.Answer {
	return worlds.Answer{Rows: &action.Rows{Columns: columns, Rows: rows}}
}

func refused(code int64, text string) worlds.Answer {
	return worlds.Answer{Code: action.Int(code), Message: text}
}

func (w *toy) Do(id, query string, params []action.Value) worlds.Answer {
	if v, ok := w.values[query]; ok {
		return one("V", v)
	}
	if a, ok := w.answers[query]; ok {
		w.made[query]++
		return a
	}
	if strings.HasPrefix(query, "SELECT LEVEL") {
		n, _ := strconv.Atoi(query[strings.LastIndex(query, " ")+1:])
		// The suite asks for 2^30, too: more than anybody takes.
		n = min(n, 4*driver.MaxRows)
		return table([]string{"n"}, slices.Repeat([][]action.Value{{action.Int(12345)}}, n)...)
	}
	switch query {
	case sleep:
		return worlds.Answer{Waits: true}
	case remark:
		w.open[id] = 7
		return worlds.Answer{}
	case recall:
		return one("V", action.Int(int64(w.open[id])))
	case "SELECT RPAD('x', 4000, 'x') AS t FROM DUAL CONNECT BY LEVEL <= 3000":
		return table([]string{"T"}, slices.Repeat([][]action.Value{{action.String(strings.Repeat("x", 4000))}}, 3000)...)
	case "SELECT :1 AS v FROM DUAL":
		return one("V", params[0])
	case "SELECT 1 AS a, 2 AS a FROM DUAL":
		return table([]string{"A", "A"}, []action.Value{action.Int(1), action.Int(2)})
	case "SELECT 1 FROM DUAL":
		return one("1", action.Int(1))
	case "SELEC 1":
		return refused(900, "ORA-00900: invalid SQL statement")
	case "SELECT 1 FROM DUAL; " + remark:
		return refused(933, "ORA-00933: SQL command not properly ended")
	case "LOCK TABLE held IN EXCLUSIVE MODE":
		w.locked = id
		return worlds.Answer{}
	case "UPDATE held SET n = n + 1":
		return worlds.Answer{Waits: w.locked != "" && w.locked != id}
	case "COMMIT":
		w.locked = ""
		return worlds.Answer{}
	case "CREATE TABLE held (n NUMBER)":
		return worlds.Answer{}
	}
	return worlds.Answer{Unknown: true}
}
