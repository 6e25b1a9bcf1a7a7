package oracle_test

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/starhost/starhost/host/driver"
	"github.com/starhost/starhost/host/driver/oracle"
	"github.com/starhost/starhost/internal/tns"
)

// TestLogon has the listener and the server refuse, and see who it is.
func TestLogon(t *testing.T) {
	t.Parallel()
	l := listen(t, tns.Config{})
	for name, c := range map[string]struct {
		change func(*driver.Config)
		want   string
	}{
		"wrong password":    {func(c *driver.Config) { c.Password = "x-Wr0ng-x" }, "ORA-01017"},
		"unknown user":      {func(c *driver.Config) { c.User = "nobody" }, "ORA-01017"},
		"unknown service":   {func(c *driver.Config) { c.Database = "NOWHERE" }, "ORA-12514"},
		"nobody listens":    {func(c *driver.Config) { c.Port = free(t) }, "connection refused"},
		"no user":           {func(c *driver.Config) { c.User = "" }, "user"},
		"no password":       {func(c *driver.Config) { c.Password = "" }, "password"},
		"no host":           {func(c *driver.Config) { c.Host = "" }, "host"},
		"socket":            {func(c *driver.Config) { c.Socket = "/s" }, "socket"},
		"service injection": {func(c *driver.Config) { c.Database = "A)(X=1" }, "service"},
		"privilege":         {func(c *driver.Config) { c.Params = map[string]string{"privilege": "sysasm"} }, "sysbackup"},
		"unknown parameter": {func(c *driver.Config) { c.Params = map[string]string{"TRACE FILE": "/x"} }, "unknown parameter"},
		"files without tls": {func(c *driver.Config) { c.Params = map[string]string{"sslrootcert": "/x"} }, "tls=true"},
	} {
		cfg := config(l)
		c.change(&cfg)
		_, err := oracle.Connect(t.Context(), cfg)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "Wr0ng") {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	for privilege, want := range map[string]string{"": "", "sysdba": "SYSDBA", "sysbackup": "SYSBACKUP"} {
		cfg := config(l)
		cfg.Params = map[string]string{"privilege": privilege}
		server := connect(t, cfg)
		id := server.Identity()
		for _, s := range l.Sessions() {
			if s.Mode != want || s.User != "KEEPER" || s.Program != "starhost "+cfg.RunID {
				t.Errorf("the server sees %+v, want mode %q", s, want)
			}
		}
		if !id.Local || id.Product != "Oracle Database" || id.Version != "19.0.0.0.0" || id.Server != "1467841234:ORCL:1" {
			t.Errorf("identity: %+v", id)
		}
		_ = server.Close()
		if !soon(func() bool { return len(l.Sessions()) == 0 }) {
			t.Fatalf("sessions are left: %+v", l.Sessions())
		}
	}
}

func free(t *testing.T) int {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func soon(ok func() bool) bool {
	for deadline := time.Now().Add(5 * time.Second); !ok(); {
		if time.Now().After(deadline) {
			return false
		}
		<-time.After(2 * time.Millisecond)
	}
	return true
}

// TestNoOracle connects to what does not speak Oracle's protocol.
func TestNoOracle(t *testing.T) {
	t.Parallel()
	const stranger = "does not speak the protocol of Oracle"
	for name, c := range map[string]struct{ says, want string }{
		"silent":                {"", "deadline exceeded"},
		"silent over TLS":       {"", "deadline exceeded"},
		"closes":                {"!", "EOF"},
		"mysql":                 {"J\x00\x00\x00\x0a8.0.33\x00", stranger},
		"short packet":          {"\x00\x01\x00\x00\x02\x00\x00\x00", stranger},
		"accept without an end": {"\x00\x09\x00\x00\x02\x00\x00\x00\x00", "not those of an Oracle server"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			accepts, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer accepts.Close()
			go func() {
				for {
					conn, err := accepts.Accept()
					if err != nil {
						return
					}
					_, _ = conn.Write([]byte(c.says))
					if c.says == "!" {
						_ = conn.Close()
					} else {
						defer conn.Close()
					}
				}
			}()
			cfg := driver.Config{
				User: "u", Password: "p", Host: "127.0.0.1", Port: accepts.Addr().(*net.TCPAddr).Port, Database: "x",
				ConnectTimeout: 5 * time.Second,
			}
			if c.says == "" {
				cfg.ConnectTimeout = 100 * time.Millisecond
			}
			if strings.HasSuffix(name, "TLS") {
				cfg.Params = map[string]string{"tls": "true"}
			}
			from := time.Now()
			if _, err := oracle.Connect(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
			if took := time.Since(from); took > cfg.ConnectTimeout+2*time.Second {
				t.Errorf("Connect took %s", took)
			}
		})
	}
}
