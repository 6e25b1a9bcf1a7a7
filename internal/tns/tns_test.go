package tns

import (
	"database/sql"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	ora "github.com/sijms/go-ora/v2"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/scripttest/worlds"
)

// TestNumbers has decimal numbers read back, by ourselves and by the client.
func TestNumbers(t *testing.T) {
	for _, text := range []string{
		"0", "1", "-1", "9", "10", "99", "100", "-100", "101", "12345", "-12345", "1000000", "18446744073709551615", "-9223372036854775808",
		"0.5", "-0.5", "0.05", "0.005", "1.5", "10.01", "-123.456", "12345678901234567890.12",
	} {
		if got := decimal(number(text)); got != text {
			t.Errorf("%s became %s", text, got)
		}
	}
	for text, raw := range map[string][]byte{ // Oracle, Database Concepts: "Internal Numeric Format"
		"0": {0x80}, "5": {0xC1, 6}, "-5": {0x3E, 96, 102}, "4200": {0xC2, 43}, "0.01": {0xC0, 2},
	} {
		if got := number(text); !slices.Equal(got, raw) {
			t.Errorf("%s is % X, want % X", text, got, raw)
		}
	}
}

func serve(t *testing.T, options ...action.Entry) *Listener {
	t.Helper()
	world, err := worlds.New("oracle-19c", action.Dict(options...))
	if err != nil {
		t.Fatal(err)
	}
	l, err := Listen(Config{World: world, Users: map[string]string{"U": "p"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}

// client is a pool of the library, as most programs use it.
func client(t *testing.T, l *Listener) *sql.DB {
	t.Helper()
	// The driver that the library registers is shared, and not safe to connect by at once.
	db := sql.OpenDB(ora.NewConnector(ora.BuildUrl(l.Host(), l.Port(), "ORCL", "u", "p", map[string]string{"dba privilege": "SYSDBA"})))
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// TestClient has the library itself, with its pool and its own way of login, served.
func TestClient(t *testing.T) {
	t.Parallel()
	l := serve(t)
	db := client(t, l)
	if err := db.Ping(); err != nil {
		t.Fatal(err)
	}
	var dbid int64
	var mode string
	if err := db.QueryRow("SELECT dbid, log_mode FROM v$database").Scan(&dbid, &mode); err != nil || mode != "ARCHIVELOG" || dbid != 1565012345 {
		t.Errorf("%d %s, %v", dbid, mode, err)
	}
	if _, err := db.Exec("ALTER DATABASE END BACKUP"); err == nil || !strings.Contains(err.Error(), "ORA-01142") {
		t.Errorf("%v", err)
	}
	if s := l.Sessions(); len(s) != 1 || s[0].Mode != "SYSDBA" || s[0].User != "U" {
		t.Errorf("sessions: %+v", s)
	}
}

// TestWaitEnds has a statement that waits come back when its reason is gone.
func TestWaitEnds(t *testing.T) {
	t.Parallel()
	l := serve(t, action.Entry{Key: "archiver_hangs", Value: action.Bool(true)})
	db := client(t, l)
	back := make(chan error, 1)
	const switches = "ALTER SYSTEM ARCHIVE LOG CURRENT"
	go func() {
		_, err := db.Exec(switches)
		back <- err
	}()
	for deadline := time.Now().Add(10 * time.Second); l.Count(switches) == 0; <-time.After(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the statement does not arrive")
		}
	}
	select {
	case err := <-back:
		t.Fatalf("it did not wait: %v", err)
	case <-time.After(20 * time.Millisecond):
	}
	l.With(func(w worlds.Server) {
		if err := w.Set("archiver_hangs", action.Bool(false)); err != nil {
			t.Error(err)
		}
	})
	select {
	case err := <-back:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("it still waits")
	}
	if n := l.Count(switches); n != 1 {
		t.Errorf("it arrived %d times", n)
	}
}

// TestKilledBeforeItsTurn has a session killed after its statement has arrived, and before it
// is made: the client must not hear that it was.
func TestKilledBeforeItsTurn(t *testing.T) {
	t.Parallel()
	l := serve(t)
	ours, theirs := net.Pipe()
	defer ours.Close()
	defer theirs.Close()
	c := newConn(l, ours)
	l.With(func(w worlds.Server) { c.id = w.Connect() })
	c.leaveWorld()
	a, ending := c.perform(call{query: "ALTER DATABASE BEGIN BACKUP"})
	if ending == nil {
		t.Errorf("it was answered by %+v", a)
	}
}

// TestPoolMakesItAgain shows what our driver leaves the pool out for.
func TestPoolMakesItAgain(t *testing.T) {
	t.Parallel()
	l := serve(t)
	db := client(t, l)
	const query = "SELECT name FROM v$database"
	if err := db.Ping(); err != nil {
		t.Fatal(err)
	}
	l.Plan(Cut, query)
	var name string
	err := db.QueryRow(query).Scan(&name)
	if n := l.Count(query); n != 2 || err != nil {
		t.Errorf("seen %d times, %v", n, err)
	}
}

// TestLongTexts has texts longer than one chunk, and more rows than one packet, read back.
func TestLongTexts(t *testing.T) {
	t.Parallel()
	l := serve(t)
	db := client(t, l)
	for _, length := range []int{0, 1, 252, 253, 254, 504, 505, 3000} {
		text := strings.Repeat("x", length)
		_, err := db.Exec(fmt.Sprintf("ALTER DATABASE %s", text))
		if err == nil {
			t.Errorf("a statement of %d more bytes was made", length)
		}
		if got := l.Statements(); got[len(got)-1].Query != "ALTER DATABASE "+text {
			t.Errorf("a text of %d bytes came as %d", length, len(got[len(got)-1].Query))
		}
	}
}
