package mysql

import (
	"crypto/tls"
	"net"
	"os"
	"strings"
	"testing"

	"github.com/starhost/starhost/host/driver"
	"github.com/starhost/starhost/host/driver/drivertest"
)

func TestTransport(t *testing.T) {
	ca, cert, key := drivertest.Authority(t, "server")
	strangers, _, _ := drivertest.Authority(t, "server")
	own, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		mode, host, ca string
		refused        string
	}{
		{"true", "server", ca, ""},
		{"true", "127.0.0.1", ca, "cannot validate certificate for 127.0.0.1"},
		{"verify-ca", "127.0.0.1", ca, ""},
		{"verify-ca", "server", strangers, "unknown authority"},
		{"skip-verify", "127.0.0.1", strangers, ""},
	} {
		cfg, _, err := transport(driver.Config{Host: c.host, Params: map[string]string{"tls": c.mode, "sslrootcert": c.ca, "sslcert": cert, "sslkey": key}})
		if err != nil {
			t.Fatal(err)
		}
		shown, err := handshake(t, cfg, &tls.Config{Certificates: []tls.Certificate{own}, ClientAuth: tls.RequireAnyClientCert})
		if c.refused == "" && (err != nil || shown != 1) || c.refused != "" && (err == nil || !strings.Contains(err.Error(), c.refused)) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// handshake returns how many certificates the server was shown, and the client's error.
// It is over TCP: a pipe without a buffer blocks when both ends write.
func handshake(t *testing.T, client, server *tls.Config) (int, error) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	shown := make(chan int, 1)
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			shown <- -1
			return
		}
		defer conn.Close()
		s := tls.Server(conn, server)
		_ = s.Handshake() // the client has the error that is looked at
		shown <- len(s.ConnectionState().PeerCertificates)
	}()
	conn, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	err = tls.Client(conn, client).Handshake()
	_ = conn.Close()
	return <-shown, err
}

func TestTransportBad(t *testing.T) {
	ca, cert, key := drivertest.Authority(t, "server")
	for _, c := range []struct {
		params map[string]string
		want   string
	}{
		{map[string]string{"tls": "yes"}, "verify-ca"},
		{map[string]string{"tls": "true", "sslcert": cert}, "belong together"},
		{map[string]string{"tls": "true", "sslkey": key}, "belong together"},
		{map[string]string{"tls": "true", "sslcert": ca, "sslkey": ca}, "sslcert and sslkey: "},
		{map[string]string{"tls": "true", "sslrootcert": key}, "no certificate in PEM form"},
	} {
		if _, _, err := transport(driver.Config{Params: c.params}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: %v, want %s", c.params, err, c.want)
		}
	}
}

func TestTransportOfUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can act as another user")
	}
	ca, _, _ := drivertest.Authority(t, "server")
	for ofUser, want := range map[bool]string{false: "", true: "permission denied"} {
		_, err := newPeer(driver.Config{
			User: "u", Host: "h", OSUser: "daemon", FilesOfUser: ofUser, Params: map[string]string{"tls": "true", "sslrootcert": ca},
		})
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%v: %v, want %q", ofUser, err, want)
		}
	}
}
