package config

import (
	"strings"
	"testing"

	"github.com/starhost/starhost/action"
)

var declared = action.Dict(
	action.Entry{Key: "flag", Value: action.Bool(false)},
	action.Entry{Key: "lock_wait", Value: action.Int(10)},
	action.Entry{Key: "ratio", Value: action.Float(0.5)},
	action.Entry{Key: "label", Value: action.String("x")},
	action.Entry{Key: "tables", Value: action.List(action.String("a"))},
	action.Entry{Key: "more", Value: action.List()},
	action.Entry{Key: "numbers", Value: action.List(action.Int(1))},
	action.Entry{Key: "nothing", Value: action.Value{}},
)

func TestSettings(t *testing.T) {
	for _, c := range []struct{ key, text, want string }{
		{"flag", "true", `true`},
		{"flag", "on", `true`},
		{"flag", "no", `false`},
		{"lock_wait", "-7", `-7`},
		{"ratio", "2", `2.0`},
		{"label", "", `""`},
		{"label", "007 # %(x)s", `"007 # %(x)s"`},
		{"tables", "b, c d ,e", `["b","c d","e"]`},
		{"tables", "", `[]`},
		{"more", "b", `["b"]`},
	} {
		got, err := Settings([]Setting{{Key: c.key, Text: c.text, Line: 7}}, declared, "/w.conf", "settings")
		if err != nil {
			t.Errorf("%s = %s: %v", c.key, c.text, err)
			continue
		}
		if v := got.Get(c.key); v.String() != c.want || v.Kind() != declared.Get(c.key).Kind() {
			t.Errorf("%s = %s: got %s, want %s", c.key, c.text, v, c.want)
		}
		for i, key := range declared.Keys() {
			if got.Keys()[i] != key || key != c.key && !got.Items()[i].Equal(declared.Items()[i]) {
				t.Errorf("%s = %s: default of %s or its place changed: %s", c.key, c.text, key, got)
			}
		}
	}
	typed := []Setting{{Key: "tables", Value: action.List(action.String("a, b"), action.String(""))}}
	if got, err := Settings(typed, declared, "/w.conf", "settings"); err != nil || got.Get("tables").String() != `["a, b",""]` {
		t.Errorf("a value: got %s %v", got, err)
	}
	typed[0].Key = "flag"
	if _, err := Settings(typed, declared, "/w.conf", "settings"); err == nil || !strings.Contains(err.Error(), "the script declares a bool, and this is a list") {
		t.Errorf("a value of another type: %v", err)
	}
	if got, err := Settings(nil, declared, "/w.conf", "settings"); err != nil || !got.Equal(declared) {
		t.Errorf("no settings: got %s %v", got, err)
	}
	if got, err := Settings(nil, action.Value{}, "/w.conf", "settings"); err != nil || got.Kind() != action.DictKind {
		t.Errorf("none declared: got %s %v", got, err)
	}
}

func TestSettingsBad(t *testing.T) {
	for _, c := range []struct{ key, text, want string }{
		{"lock_wiat", "1", "declares flag, lock_wait, ratio, label"},
		{"flag", "1", "not a bool"},
		{"flag", "True", "not a bool"},
		{"flag", "", "not a bool"},
		{"lock_wait", "1.0", "not an int"},
		{"lock_wait", "10 # s", "not an int"},
		{"lock_wait", "9223372036854775808", "not an int"},
		{"lock_wait", "mysql://u:" + marker + "@h", "not an int"},
		{"ratio", "nan", "finite"},
		{"ratio", "1e999", "finite"},
		{"ratio", "half", "finite"},
		{"tables", "a,,b", "empty"},
		{"tables", "a,", "empty"},
		{"numbers", "1", "only a list of strings"},
		{"nothing", "1", "a None, which cannot be changed"},
	} {
		_, err := Settings([]Setting{{Key: c.key, Text: c.text, Line: 7}}, declared, "/w.conf", `settings "a"`)
		if err == nil {
			t.Errorf("%s = %s: no error", c.key, c.text)
			continue
		}
		errs := all(t, err)
		if len(errs) != 1 || errs[0].Line != 7 || errs[0].Key != c.key || errs[0].Section != `settings "a"` {
			t.Errorf("%s = %s: got %v", c.key, c.text, err)
		}
		checkText(t, errs[0], c.want)
	}
	_, err := Settings([]Setting{{Key: "a", Text: "1", Line: 1}, {Key: "flag", Text: "x", Line: 2}}, action.Dict(), "/w.conf", "settings")
	if errs := all(t, err); len(errs) != 2 {
		t.Errorf("got %d errors, want 2: %v", len(errs), err)
	}
	if _, err := Settings(nil, action.List(), "/w.conf", "settings"); err == nil {
		t.Error("a list of settings is accepted")
	}
}
