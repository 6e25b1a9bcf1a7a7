package redact

import (
	"strings"
	"testing"
)

func TestSecretsAreBlottedOut(t *testing.T) {
	r := New([]string{`p"w\n`, "p w/1", "longer-p w/1", "ab", ""})
	for in, want := range map[string]string{
		`plain p"w\n`:            "plain ***",
		`{"json":"p\"w\\n"}`:     `{"json":"***"}`,
		"url p+w%2F1 or p%20w/1": "url *** or p%20w/1",
		"longer-p w/1":           "***",
		"ab cab":                 "ab cab",
	} {
		if got := r.String(in); got != want {
			t.Errorf("%s became %s, want %s", in, got, want)
		}
	}
	var b strings.Builder
	text := "x p w/1 y"
	if n, err := r.Writer(&b).Write([]byte(text)); n != len(text) || err != nil || b.String() != "x *** y" {
		t.Errorf("wrote %d, %v: %s", n, err, b.String())
	}
}
