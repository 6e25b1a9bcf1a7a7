//go:build linux

package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/starhost/starhost/internal/testtable"
)

// TestClassic: what becomes of a configuration of Azure's classic framework is what its
// documentation promises: what it allows works, and what it forbids is an error that has
// its name, never a backup without scripts.
func TestClassic(t *testing.T) {
	self, err := os.Executable()
	must(t, err)
	must(t, os.Chmod(self, 0o700)) // as a script must be
	var table strings.Builder
	for _, c := range classicConfigs {
		result := "good: " + c.says
		if c.err != (AzureError{}) {
			result = c.err.Error() + ": " + c.says
		}
		fmt.Fprintf(&table, "%-40s %-60.60s %.90s\n", c.name, c.promise, result)
		t.Run(c.name, func(t *testing.T) {
			dir := folder(t)
			places := strings.NewReplacer("DIR", dir, "SELF", self)
			text := strings.ReplaceAll(azureFile, c.edit[0], c.edit[1])
			if c.edit[0] == "{" || strings.HasPrefix(c.edit[0], "[\"") {
				text = strings.Replace(azureFile, c.edit[0], c.edit[1], 1)
			}
			if c.edit[0] == "" {
				text = azureFile
			} else if text == azureFile {
				t.Fatalf("there is no %s", c.edit[0])
			}
			for name, body := range map[string]string{"pre.sh": "#!/bin/sh\n", "post.sh": "exit 0\n", "my.star": "API = 1\n"} {
				must(t, os.WriteFile(in(dir, name), []byte(body), 0o700))
			}
			must(t, os.WriteFile(in(dir, "c.json"), []byte(places.Replace(text)), 0o600))
			if c.prepare != nil {
				c.prepare(t, dir)
			}
			c.check(t, dir, places.Replace(c.says))
		})
	}
	if len(classicConfigs) < 60 {
		t.Errorf("%d configurations", len(classicConfigs))
	}
	testtable.Show(t, "azure-classic-configs", table.String())
}

func (c classicConfig) check(t *testing.T, dir, says string) {
	f, err := LoadWith(in(dir, "workload.conf"), in(dir, "c.json"))
	if c.err == (AzureError{}) {
		if err != nil {
			t.Fatal(err)
		}
		if got := describe(f); !strings.Contains(got, says) || f.PluginConfig != in(dir, "c.json") || len(f.Workloads) != 1 {
			t.Errorf("got  %s\nwant %s", got, says)
		}
		return
	}
	number, ok := errors.AsType[AzureError](err)
	if f != nil || !ok || number != c.err {
		t.Fatalf("got %v, want %v: %v", number, c.err, err)
	}
	if !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), dir) {
		t.Errorf("got  %v\nwant %s", err, says)
	}
}

// describe says what a file makes of the workload.
func describe(f *File) string {
	w := f.Workloads[0]
	setting := func(key string) string {
		i := slices.IndexFunc(w.Settings, func(s Setting) bool { return s.Key == key })
		if i < 0 {
			return "0"
		}
		return strings.Trim(w.Settings[i].Value.String(), `"`)
	}
	text := fmt.Sprintf("%s %s %s", w.Script, w.ScriptPath, w.Params)
	if w.ScriptPath == "" {
		text = fmt.Sprintf("%s %s %s %s %s", w.Script, setting("prescript"), setting("prescript_params"), setting("postscript"), setting("postscript_params"))
	}
	exec := make([]string, len(w.ExecAs))
	for i, rule := range w.ExecAs {
		exec[i] = rule.User + ":" + rule.Path
	}
	return text + fmt.Sprintf(" retries %d %s, pre %v post %v undo %v of %v, %s %s, go on %t, exec %s, warnings %d",
		w.Retries, setting("postscript_retries"), w.PrescriptTimeout, w.PostscriptTimeout, w.UndoTimeout, w.Timeout, w.Require, w.FSFreeze.Mode, w.ContinueOnFailure,
		strings.Join(exec, " "), len(f.Warnings))
}

// TestLoadWith: either file may be absent, not both; the pair is one more workload.
func TestLoadWith(t *testing.T) {
	classic := `{"preScriptLocation": "DIR/pre.sh", "postScriptLocation": "DIR/pre.sh"}`
	for _, c := range []struct{ name, conf, json, want string }{
		{"both", head, classic, "workload classic"},
		{"workload.conf alone", head, "", "workload"},
		{"the pair alone", "", classic, "classic"},
		{"neither", "", "", "FailedPrepostPluginConfigNotFound (316)"},
		{"the name is taken", "[workload \"classic\"]\nworkload_name = mysql\n", classic, `workload.conf:1: [workload "classic"] the name is that of the pair`},
		{"workload.conf is wrong", head + "timeout = x\n", classic, "workload.conf:3: "},
		{"the pair is wrong", head, "{}", "the key is missing"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := folder(t)
			must(t, os.WriteFile(in(dir, "pre.sh"), []byte("#!/bin/sh\n"), 0o700))
			for name, text := range map[string]string{"workload.conf": c.conf, "c.json": strings.ReplaceAll(c.json, "DIR", dir)} {
				if text != "" {
					write(t, dir, name, text, 0o600)
				}
			}
			f, err := LoadWith(in(dir, "workload.conf"), in(dir, "c.json"))
			if err != nil {
				number, _ := errors.AsType[AzureError](err)
				if text := number.Error() + err.Error(); f != nil || !strings.Contains(text, c.want) {
					t.Errorf("got %s, want %s", text, c.want)
				}
				return
			}
			again, err := LoadWith(f.Path, f.PluginConfig) // as another process of a run does
			must(t, err)
			if got := strings.ReplaceAll(f.names(), ",", ""); got != c.want || again.names() != f.names() || f.Path != in(dir, "workload.conf") {
				t.Errorf("got %s, again %s, want %s", got, again.names(), c.want)
			}
		})
	}
	if _, err := LoadWith(in(folder(t), "none.conf"), ""); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a pair: %v", err)
	}
}

// TestPairInWorkloadConf: legacy.star runs the two programs of its settings, and these
// alone; they are checked as those of Azure's file.
func TestPairInWorkloadConf(t *testing.T) {
	const section = "[workload]\nworkload_name = legacy\nundo_timeout = 20\nrequire = crash\n[settings]\n"
	for _, c := range []struct {
		name, conf string
		mode       fs.FileMode
		want       string
	}{
		{"good", section + "prescript = DIR/pre.sh\npostscript = DIR/post.sh\n", 0o700, "root:DIR/pre.sh root:DIR/post.sh, undo 20"},
		{"time of its own", section + "prescript = DIR/pre.sh\npostscript = DIR/post.sh\nundo_timeout = 5\n", 0o700, "root:DIR/pre.sh root:DIR/post.sh, undo 5"},
		{"readable", section + "prescript = DIR/pre.sh\npostscript = DIR/post.sh\n", 0o755, "workload.conf:6: [settings] prescript: DIR/pre.sh: has the mode 0755"},
		{"missing", section + "prescript = DIR/none\npostscript = DIR/post.sh\n", 0o700, "workload.conf:6: [settings] prescript: DIR/none: no such file"},
		{"relative", section + "prescript = DIR/pre.sh\npostscript = post.sh\n", 0o700, "workload.conf:7: [settings] postscript: \"post.sh\" is not an absolute path"},
		{"without settings", "[workload]\nworkload_name = legacy\n", 0o700, "workload.conf:1: [settings] prescript: the setting is missing"},
		{"application", strings.Replace(section, "require = crash\n", "", 1), 0o700, "workload.conf:1: [workload] require: nothing can prove"},
		{"nobody freezes", strings.Replace(section, "crash", "filesystem", 1) + "prescript = DIR/pre.sh\npostscript = DIR/pre.sh\n", 0o700, "root:DIR/pre.sh, undo 20, workload.conf:1: [workload] fs_freeze"},
		{"a script of that name", "[workload]\nworkload_name = legacy\nscript = my.star\n", 0o700, ", undo "},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := folder(t)
			must(t, os.WriteFile(in(dir, "pre.sh"), []byte("#!/bin/sh\n"), 0o700))
			must(t, os.Chmod(in(dir, "pre.sh"), c.mode))
			must(t, os.WriteFile(in(dir, "post.sh"), []byte("exit 0\n"), 0o700))
			f, err := Load(write(t, dir, "workload.conf", strings.ReplaceAll(c.conf, "DIR", dir), 0o600))
			want := strings.ReplaceAll(c.want, "DIR", dir)
			if err != nil {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("got %v, want %s", err, want)
				}
				return
			}
			w := f.Workloads[0]
			var got []string
			for _, rule := range w.ExecAs {
				got = append(got, rule.User+":"+rule.Path)
			}
			undo := ""
			for _, s := range w.Settings {
				if s.Key == "undo_timeout" {
					undo = s.Text
					if !s.Value.IsNone() {
						undo = s.Value.String()
					}
				}
			}
			text := strings.Join(got, " ") + ", undo " + undo
			for _, warning := range f.Warnings {
				text += ", " + strings.TrimPrefix(warning[:strings.Index(warning, ": a pair")], dir+"/")
			}
			if text != want {
				t.Errorf("got %s, want %s", text, want)
			}
		})
	}
}
