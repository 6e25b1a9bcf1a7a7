package config

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestSecretIsHidden(t *testing.T) {
	type exported struct{ Password Secret }
	type unexported struct{ password Secret }
	secret := NewSecret(marker)
	values := []any{
		secret, &secret,
		exported{secret},
		&exported{secret},
		unexported{secret},
		[]Secret{secret},
		map[string]Secret{"x": secret},
		Connection{Driver: MySQL, Password: secret},
		Workload{Secrets: map[string]Secret{"x": secret}},
	}
	for _, v := range values {
		for c := 'A'; c <= 'z'; c++ {
			for _, flag := range []string{"", "+", "#", "-20", "020", " ", ".3"} {
				if text := fmt.Sprintf("%"+flag+string(c), v); strings.Contains(text, marker[:3]) {
					t.Errorf("%%%s%c of %T: %s", flag, c, v, text)
				}
			}
		}
		text, err := json.Marshal(v)
		if err != nil || strings.Contains(string(text), marker) {
			t.Errorf("JSON of %T: %s %v", v, text, err)
		}
		var log strings.Builder
		slog.New(slog.NewJSONHandler(&log, nil)).Info("m", "v", v)
		slog.New(slog.NewTextHandler(&log, nil)).Info("m", "v", v)
		if strings.Contains(log.String(), marker) {
			t.Errorf("log of %T: %s", v, log.String())
		}
	}
	for _, text := range []string{secret.String(), secret.GoString(), fmt.Sprintf("%s %d %x", secret, secret, secret), Secret{}.String()} {
		if strings.Trim(text, "* ") != "" {
			t.Errorf("got %q", text)
		}
	}
}

func TestSecretReveal(t *testing.T) {
	if s := NewSecret(marker); s.Reveal() != marker || s.IsZero() {
		t.Error("the text is lost")
	}
	if s := (Secret{}); s.Reveal() != "" || !s.IsZero() || !NewSecret("").IsZero() {
		t.Error("the zero secret has a text")
	}
}
