package oracle_test

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/host/driver/drivertest"
	"github.com/starhost/starhost/host/driver/oracle"
	"github.com/starhost/starhost/internal/tns"
	"github.com/starhost/starhost/scripttest/worlds"
)

// secure is a stand-in that speaks TLS, with the certificate of a host, and lets in only who
// has one of its own.
func secure(t *testing.T, host string) (l *tns.Listener, params map[string]string) {
	t.Helper()
	ca, cert, key := drivertest.Authority(t, host)
	own, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(ca)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(text)
	l = listen(t, tns.Config{
		World: steady(worlds.Answer{Waits: true}),
		TLS:   &tls.Config{Certificates: []tls.Certificate{own}, ClientCAs: pool, ClientAuth: tls.RequireAnyClientCert},
	})
	return l, map[string]string{"tls": "true", "sslrootcert": ca, "sslcert": cert, "sslkey": key}
}

// TestCertificates has the certificate of the server looked at.
func TestCertificates(t *testing.T) {
	t.Parallel()
	l, params := secure(t, "127.0.0.1")
	other, otherParams := secure(t, "elsewhere")
	for name, c := range map[string]struct {
		l          *tns.Listener
		mode, root string
		refused    string
	}{
		"of the host":              {l, "true", params["sslrootcert"], ""},
		"of another host":          {other, "true", otherParams["sslrootcert"], "certificate"},
		"the host is not asked":    {other, "verify-ca", otherParams["sslrootcert"], ""},
		"of a stranger":            {l, "true", otherParams["sslrootcert"], "unknown authority"},
		"of a stranger, verify-ca": {l, "verify-ca", otherParams["sslrootcert"], "unknown authority"},
		"not looked at":            {other, "skip-verify", "", ""},
		"not spoken":               {l, "false", "", "Oracle"},
	} {
		cfg := config(c.l)
		cfg.ConnectTimeout = 5 * time.Second
		cfg.Params = map[string]string{"tls": c.mode}
		if c.mode != "false" {
			cfg.Params = map[string]string{"tls": c.mode, "sslrootcert": c.root, "sslcert": params["sslcert"], "sslkey": params["sslkey"]}
		}
		server, err := oracle.Connect(t.Context(), cfg)
		switch {
		case err == nil && c.refused == "":
			_ = server.Close()
		case err == nil:
			_ = server.Close()
			t.Errorf("%s: connected", name)
		case c.refused == "" || !strings.Contains(err.Error(), c.refused):
			t.Errorf("%s: %v, want %q", name, err, c.refused)
		}
	}
}

// TestBreakOverTLS has a statement cancelled by the emergency session: the session stays.
func TestBreakOverTLS(t *testing.T) {
	t.Parallel()
	l, params := secure(t, "127.0.0.1")
	cfg := config(l)
	cfg.Params = params
	session := open(t, connect(t, cfg))
	if r := ended(t, l, session, true); r.State != action.Unknown || r.Err.Kind != action.KindTimeout || r.Err.Lost {
		t.Errorf("state %s, fault %+v", r.State, r.Err)
	}
	if n := l.Count("ALTER SYSTEM CANCEL SQL '" + session.ID() + "'"); n == 0 {
		t.Error("nothing was cancelled")
	}
	if r := session.Do(t.Context(), recall, nil); r.Err != nil {
		t.Errorf("the next statement: %v", r.Err)
	}
}

// TestBreakOverTLSBefore18 is a server that does not know CANCEL SQL: the session is ended.
func TestBreakOverTLSBefore18(t *testing.T) {
	t.Parallel()
	l, params := secure(t, "127.0.0.1")
	l.Plan(tns.Refuse, "ALTER SYSTEM CANCEL SQL")
	cfg := config(l)
	cfg.Params = params
	session := open(t, connect(t, cfg))
	if r := ended(t, l, session, true); r.State != action.Unknown || r.Err.Kind != action.KindTimeout || !r.Err.Lost {
		t.Errorf("state %s, fault %+v", r.State, r.Err)
	}
	if l.Count("ALTER SYSTEM DISCONNECT SESSION '"+session.ID()+"' IMMEDIATE") != 1 {
		t.Error("the session was not ended at the server")
	}
}
