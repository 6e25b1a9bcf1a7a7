package config

import (
	"errors"
	"strings"
	"testing"
)

// FuzzLoad reads any text: it must not panic, and an error must name a line that
// there is, in a text of one line that can be shown on a terminal.
func FuzzLoad(f *testing.F) {
	for _, c := range badConfigs {
		if len(c.text) < 1000 {
			f.Add([]byte(strings.ReplaceAll(c.text, "PW", marker)))
		}
	}
	f.Add([]byte(head + "connection = mysql://u@h/?tls=true\nexec_as =\n root: /bin/sync\nfs_freeze = /a,/b\nsecret.x = /y\n[settings]\na = b\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		file, err := parse("/w.conf", text, 0o600, noSecret)
		if err == nil {
			checkPromises(t, file)
			return
		}
		if file != nil {
			t.Error("a file and an error")
		}
		lines := 1 + strings.Count(string(text), "\n")
		for _, e := range all(t, err) {
			if e.Line < 1 || e.Line > lines || e.File != "/w.conf" || e.Msg == "" {
				t.Errorf("%#v in a text of %d lines", e, lines)
			}
			if text := e.Error(); strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }) || len(text) > 2000 {
				t.Errorf("cannot be shown: %q", text)
			}
		}
	})
}

// checkPromises checks what is promised of every file that is no error.
func checkPromises(t *testing.T, f *File) {
	t.Helper()
	names := map[string]bool{}
	for _, w := range f.Workloads {
		if names[w.Name] || !nameForm.matches(w.Name) || w.Script == "" || w.Line < 1 {
			t.Errorf("bad workload %+v", w)
		}
		names[w.Name] = true
		if (w.FSFreeze.Mode == FreezeList) != (len(w.FSFreeze.Mounts) > 0) {
			t.Errorf("freezes %+v", w.FSFreeze)
		}
		if w.Timeout <= 0 || w.FreezeTimeout <= 0 || w.Retries < 0 {
			t.Errorf("limits of %+v", w)
		}
		for _, r := range w.ExecAs {
			if r.User == "" || checkPath(r.Path) != nil {
				t.Errorf("rule %+v", r)
			}
		}
	}
	if len(names) == 0 {
		t.Error("no workload")
	}
}

// FuzzClassic reads any text as the file of Azure: it must not panic, and an error must
// name a line that there is and be one of Azure's.
func FuzzClassic(f *testing.F) {
	f.Add([]byte(`{"preScriptLocation": "/a", "postScriptLocation": "/b", "preScriptParams": ["", "x\u0000"], "timeoutInSeconds": 3e1}`))
	f.Add([]byte("{\r\n\"pluginName\": null,\n\"x\": [[1], {\"y\": 2}], \"appName\": \"\\ud800\"}"))
	f.Add([]byte(`[{"preScriptLocation": "/a"},]`))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := parseClassic("/c.json", text)
		if err == nil {
			if c.timeout < 1 || c.timeout > maxSeconds || c.preRetries > 100 || strings.Contains(strings.Join(c.preParams, c.pre), "\x00") {
				t.Errorf("%+v", c)
			}
			return
		}
		lines := 1 + strings.Count(string(text), "\n")
		for _, e := range all(t, err) {
			if e.Line < 1 || e.Line > lines || e.File != "/c.json" || e.Msg == "" || !errors.Is(e, IncorrectJSONConfigFile) {
				t.Errorf("%#v in a text of %d lines", e, lines)
			}
			if text := e.Error(); strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }) || len(text) > 2000 {
				t.Errorf("cannot be shown: %q", text)
			}
		}
	})
}
