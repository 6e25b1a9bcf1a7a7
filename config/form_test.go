package config

import (
	"strings"
	"testing"
)

// The bounds of the forms are not in their patterns.
func TestForms(t *testing.T) {
	for _, tt := range []struct {
		name string
		form form
		most int
	}{
		{"host", hostForm, 254},
		{"name", nameForm, 64},
		{"key", keyForm, 64},
		{"script", scriptNameForm, 64},
		{"user", userForm, 64},
	} {
		if text := strings.Repeat("a", tt.most); !tt.form.matches(text) || tt.form.matches(text+"a") {
			t.Errorf("%s: of %d bytes %t, of one more %t, want true and false", tt.name, tt.most, tt.form.matches(text), tt.form.matches(text+"a"))
		}
		if tt.form.matches("") || tt.form.matches("a b") || tt.form.matches("a\n") {
			t.Errorf("%s: empty, with a blank or with a line end, and has the form", tt.name)
		}
	}
	for name, ok := range map[string]bool{"a$": true, strings.Repeat("a", 64) + "$": true, strings.Repeat("a", 65): false, "$": false, "a$$": false} {
		if got := checkUser(name) == nil; got != ok {
			t.Errorf("user %q: got %t, want %t", name, got, ok)
		}
	}
}
