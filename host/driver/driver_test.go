package driver_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/starhost/starhost/host/driver"
)

func TestPasswordIsNeverPrinted(t *testing.T) {
	const secret = "s3cret"
	cfg := driver.Config{User: "u", Password: secret}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&out, verb+verb+verb, cfg, &cfg, cfg.Password)
	}
	fmt.Fprint(&out, cfg, fmt.Errorf("with %v", cfg))
	slog.New(slog.NewTextHandler(&out, nil)).Info("config", "password", cfg.Password, "all", cfg)
	slog.New(slog.NewJSONHandler(&out, nil)).Info("config", "password", cfg.Password, "all", cfg)
	if err := json.NewEncoder(&out).Encode(cfg); err != nil {
		t.Fatal(err)
	}
	for _, form := range []string{secret, fmt.Sprintf("%x", secret)} {
		if strings.Contains(out.String(), form) {
			t.Errorf("the password is in the output as %q:\n%s", form, out.String())
		}
	}
	if string(cfg.Password) != secret {
		t.Error("the password itself is lost")
	}
}

func TestSameLife(t *testing.T) {
	begin := time.Date(2024, 2, 29, 1, 2, 3, 0, time.UTC)
	is := driver.Identity{Server: "a", Started: begin}
	for name, c := range map[string]struct {
		other driver.Identity
		want  bool
	}{
		"itself":             {is, true},
		"rounded otherwise":  {driver.Identity{Server: "a", Started: begin.Add(2 * time.Second)}, true},
		"earlier life":       {driver.Identity{Server: "a", Started: begin.Add(-time.Minute)}, false},
		"later life":         {driver.Identity{Server: "a", Started: begin.Add(time.Minute)}, false},
		"another server":     {driver.Identity{Server: "b", Started: begin}, false},
		"nothing known":      {driver.Identity{}, false},
		"nothing known, too": {driver.Identity{Started: begin}, false},
	} {
		if got := is.SameLife(c.other); got != c.want {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
	}
	if (driver.Identity{}).SameLife(driver.Identity{}) {
		t.Error("two unknown servers are the same")
	}
}

func TestKnown(t *testing.T) {
	cfg := driver.Config{Params: map[string]string{"tls": "true"}}
	if err := cfg.Known("tls", "tls_ca"); err != nil {
		t.Error(err)
	}
	if err := cfg.Known("sslmode"); err == nil || !strings.Contains(err.Error(), `"tls"`) {
		t.Errorf("got %v, want an error that names tls", err)
	}
}
