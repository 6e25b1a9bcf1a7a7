//go:build linux

package install

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/starhost/starhost/platform"
)

const (
	movedWorkload = platform.AzureMovedWorkload
	movedScripts  = platform.AzureMovedScripts
	movedPlugins  = "/etc/starhost/VMSnapshotPluginHost.conf"
	mysqlWorkload = "[workload]\nworkload_name = mysql\n"
	template      = "[workload]\n# oracle, mysql\nworkload_name =\ncommand_path = \ntimeout =\n"
	userScripts   = `{"preScriptLocation": "@ROOT@/root/pre.sh", "postScriptLocation": "@ROOT@/root/post.sh"}`
	plugins       = "[pre_post]\ntimeoutInSeconds = 300\nnumberOfPlugins: 1\npluginName0 = ScriptRunner\npluginPath0 = /x\npluginConfigPath0 = " + platform.AzureScripts + "\n"
)

func TestAzureMovesWhatTheUserHas(t *testing.T) {
	for _, tt := range []struct {
		name  string
		files map[string]string
		want  map[string]string // what is in a file afterwards; "" if it is not there
		err   string
	}{
		{"nothing", nil, nil, movedWorkload + " is missing, and there is no file in /etc/azure that names a database or scripts"},
		{
			"a configuration in place", leastFor("azure"),
			map[string]string{platform.AzureWorkload: "", movedWorkload: mysqlWorkload, movedScripts: "", platform.AzureScripts: `"continueBackupOnFailure": true,`},
			"",
		},
		{
			"scripts in place",
			map[string]string{movedScripts: userScripts},
			map[string]string{platform.AzureWorkload: "", movedWorkload: "", movedScripts: "/root/pre.sh", platform.AzureScripts: platform.AzurePre},
			"",
		},
		{"a database without a script", map[string]string{platform.AzureWorkload: "[workload]\nworkload_name = mongodb\n"}, nil, platform.AzureWorkload + ` cannot be moved: workload_name: there is no bundled script "mongodb"; there are iris, legacy, `},
		{"oracle without a user", map[string]string{platform.AzureWorkload: "[workload]\nworkload_name = oracle\n"}, nil, "linux_user: the key is missing"},
		{
			"a database with a script of the user",
			map[string]string{platform.AzureWorkload: "[workload]\nworkload_name = mongodb\nscript = /root/mongodb.star\n"},
			map[string]string{movedWorkload: "mongodb.star", movedScripts: ""},
			"",
		},
		{"a database without a script in place", map[string]string{movedWorkload: "[workload]\nworkload_name = mongodb\n"}, nil, movedWorkload + " is what starhost would quiesce, and every call of Azure would fail: workload_name: there is no bundled script"},
		{"scripts in place that are missing", map[string]string{movedScripts: `{"preScriptLocation": "/nowhere/pre.sh", "postScriptLocation": "@ROOT@/root/post.sh"}`}, nil, movedScripts + " is what starhost would quiesce"},
		{
			"a workload",
			map[string]string{platform.AzureWorkload: mysqlWorkload},
			map[string]string{movedWorkload: mysqlWorkload, platform.AzureWorkload: platform.Mark, movedScripts: ""},
			"",
		},
		{"in Python's words", map[string]string{platform.AzureWorkload: "[workload]\nWorkload_Name: mysql\n"}, nil, "cannot be moved"},
		{
			"the template of the extension",
			map[string]string{platform.AzureWorkload: template, platform.AzureScripts: `{"preScriptLocation": "", "postScriptLocation": "", "fsFreezeEnabled": false}`, movedWorkload: mysqlWorkload},
			map[string]string{movedWorkload: mysqlWorkload, platform.AzureWorkload: template, movedScripts: "", platform.AzureScripts: `"fsFreezeEnabled": false`},
			"",
		},
		{
			"scripts",
			map[string]string{platform.AzureScripts: userScripts, movedWorkload: mysqlWorkload},
			map[string]string{movedScripts: userScripts, movedWorkload: mysqlWorkload, platform.AzureScripts: platform.AzurePost},
			"",
		},
		{
			"both", livedIn,
			map[string]string{movedScripts: "/root/pre.sh", movedWorkload: "command_path = /usr/bin", platform.AzureScripts: `"continueBackupOnFailure": false,`},
			"",
		},
		{"a workload that is wrong", map[string]string{platform.AzureWorkload: "[workload]\nworkload_name = mysql\ntimeout = soon\n"}, nil, `[workload] timeout: "soon" is not a whole number`},
		{"a script beside it", map[string]string{platform.AzureWorkload: mysqlWorkload + "script = mine.star\n"}, nil, "script = mine.star is relative to /etc/azure"},
		{"two workloads", map[string]string{platform.AzureWorkload: mysqlWorkload, movedWorkload: mysqlWorkload}, nil, movedWorkload + " is there already, and /etc/azure/workload.conf has settings too"},
		{"scripts twice", map[string]string{platform.AzureScripts: userScripts, movedScripts: userScripts}, nil, movedScripts + " is there already"},
		{"a script that is missing", map[string]string{platform.AzureScripts: `{"preScriptLocation": "/nowhere/pre.sh", "postScriptLocation": "@ROOT@/root/post.sh"}`}, nil, "preScriptLocation: /nowhere: no such file"},
		{"a key that is none", map[string]string{platform.AzureScripts: `{"preScriptLocation": "@ROOT@/root/pre.sh", "postScriptLocation": "@ROOT@/root/post.sh", "timeout": 1}`}, nil, "unknown key"},
		{"no JSON", map[string]string{platform.AzureScripts: "{"}, nil, "this is not JSON (unexpected end"},
		{"text for truth", map[string]string{platform.AzureScripts: `{"continueBackupOnFailure": "false"}`}, nil, "continueBackupOnFailure: got a text, want true or false"},
		{"the template alone", map[string]string{platform.AzureWorkload: template}, nil, movedWorkload + " is missing"},
		{"plugins", map[string]string{platform.AzurePlugins: plugins, movedWorkload: mysqlWorkload}, map[string]string{platform.AzurePlugins: plugins, movedPlugins: ""}, ""},
		{"plugins and scripts", map[string]string{platform.AzurePlugins: plugins, platform.AzureScripts: userScripts}, map[string]string{platform.AzurePlugins: plugins, movedPlugins: plugins, movedScripts: userScripts}, ""},
		{"plugins without a time", map[string]string{platform.AzurePlugins: strings.Replace(plugins, "300", "soon", 1)}, nil, "has no number of seconds"},
		{"no plugin", map[string]string{platform.AzurePlugins: "[pre_post]\nnumberOfPlugins = 0\n"}, nil, platform.AzurePlugins + " has no numberOfPlugins"},
		{"other plugins", map[string]string{platform.AzurePlugins: "[pre_post]\nnumberOfPlugins = 1\npluginName0 = Oracle\n"}, nil, "names no plugin ScriptRunner"},
		{"plugins with another file", map[string]string{platform.AzurePlugins: "[pre_post]\nnumberOfPlugins = 1\npluginName0 = ScriptRunner\npluginConfigPath0 = /x\n"}, nil, "names no plugin ScriptRunner"},
		{"a directory", map[string]string{platform.AzureWorkload + "/x": ""}, nil, "not a regular file"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := newMachine(t, tt.files)
			m.write("/root/pre.sh", "#!/bin/sh\n")
			m.write("/root/post.sh", "#!/bin/sh\n")
			before := m.all()
			change := m.plan(caller(t, "azure"))
			err := change.Apply()
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Fatalf("error %v, want %q", err, tt.err)
				}
				m.wantSame("what was refused", before)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			for p, want := range tt.want {
				text, err := os.ReadFile(m.at(p))
				if (err == nil) != (want != "") || !strings.Contains(string(text), strings.ReplaceAll(want, "@ROOT@", m.dir)) {
					t.Errorf("%s: %v\n%s\nwant %q", p, err, text, want)
				}
			}
			m.wantAzure()
			if again := m.plan(caller(t, "azure")); again.Todo() || again.Refused() != nil {
				t.Errorf("again: %v, would\n%s", again.Refused(), again.Text())
			}
			if _, err := m.uninstall("azure"); err != nil {
				t.Error(err)
			}
			m.wantSame("uninstall", before)
		})
	}
}

// wantAzure makes sure that Azure takes what we have put: its rules of modes, and a
// workload.conf that names nothing.
func (m *machine) wantAzure() {
	m.t.Helper()
	for p, most := range map[string]os.FileMode{platform.AzureScripts: 0o600, platform.AzurePre: 0o700, platform.AzurePost: 0o700} {
		info, err := os.Lstat(m.at(p))
		if err != nil || !info.Mode().IsRegular() || info.Mode().Perm() != most {
			m.t.Errorf("%s: %v, %v", p, info, err)
		}
	}
	if text, err := os.ReadFile(m.at(platform.AzureWorkload)); err == nil && namesWorkload(string(text)) {
		m.t.Errorf("Azure would quiesce by itself:\n%s", text)
	}
	var set map[string]any
	if err := json.Unmarshal([]byte(m.read(platform.AzureScripts)), &set); err != nil || set["preScriptLocation"] != platform.AzurePre || set["timeoutInSeconds"] != 1800.0 {
		m.t.Errorf("%v, %v", set, err)
	}
}

// A password in what is moved is shown to nobody.
func TestMovedTextIsNotShown(t *testing.T) {
	m := newMachine(t, map[string]string{
		platform.AzureWorkload: mysqlWorkload + "connection = mysql://u:hunter2@localhost/\n",
		platform.AzureScripts:  `{"preScriptLocation": "@ROOT@/root/pre.sh", "postScriptLocation": "@ROOT@/root/pre.sh", "preScriptParams": ["hunter2"]}`,
		"/root/pre.sh":         "#!/bin/sh\n",
	})
	show := func(c *Change) {
		text, err := json.Marshal(c.Report(false))
		if err != nil || strings.Contains(c.Text()+string(text), "hunter2") {
			t.Errorf("%v\n%s\n%s", err, c.Text(), text)
		}
	}
	show(m.install("azure"))
	info, err := os.Stat(m.at("/var/lib/starhost/install/azure.json"))
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("record: %v, %v", info, err)
	}
	change, err := m.uninstall("azure")
	if err != nil {
		t.Fatal(err)
	}
	show(change)
}

// Azure waits no longer than its own configuration says.
func TestShortTimeOfAzure(t *testing.T) {
	m := newMachine(t, map[string]string{platform.AzurePlugins: plugins, movedWorkload: mysqlWorkload})
	if w := m.install("azure").Warnings; len(w) != 1 || !strings.Contains(w[0], "timeoutInSeconds = 300") {
		t.Errorf("warnings %q", w)
	}
	m.write(platform.AzurePlugins, strings.Replace(plugins, "300", "1800", 1))
	if w := m.install("azure").Warnings; len(w) != 0 {
		t.Errorf("warnings %q", w)
	}
}

// What is to be changed from now on is named: what was moved, and nothing else.
func TestMovedFilesAreNamed(t *testing.T) {
	for _, tt := range []struct {
		files             map[string]string
		workload, scripts bool
	}{
		{livedIn, true, true},
		{map[string]string{platform.AzureWorkload: mysqlWorkload}, true, false},
		{map[string]string{platform.AzureScripts: userScripts, "/root/pre.sh": "#!/bin/sh\n", "/root/post.sh": "#!/bin/sh\n"}, false, true},
	} {
		m := newMachine(t, tt.files)
		for range 2 { // a second install says the same
			manual := m.install("azure").Manual
			if strings.Contains(manual, movedWorkload+", in place of "+platform.AzureWorkload) != tt.workload || strings.Contains(manual, movedScripts+", in place of "+platform.AzureScripts) != tt.scripts {
				t.Errorf("with %v: %s", tt.files, manual)
			}
			if !strings.Contains(manual, "/usr/local/bin/starhost hook azure check") {
				t.Errorf("no rehearsal: %s", manual)
			}
		}
	}
}

// The extension writes its template again when it is updated.
func TestTemplateComesBack(t *testing.T) {
	m := newMachine(t, livedIn)
	before := m.all()
	m.install("azure")
	m.write(platform.AzureWorkload, template)
	if again := m.install("azure"); again.Todo() {
		t.Errorf("it would\n%s", again.Text())
	}
	if _, err := m.uninstall("azure"); err != nil {
		t.Error(err)
	}
	m.wantSame("uninstall", before)
}

// What was moved is not removed while its old place has something else.
func TestMovedFileIsKept(t *testing.T) {
	m := newMachine(t, livedIn)
	m.install("azure")
	m.write(platform.AzureWorkload, "[workload]\nworkload_name = oracle\n")
	_, err := m.uninstall("azure")
	if err == nil || !strings.Contains(err.Error(), movedWorkload+" is kept") {
		t.Errorf("error %v", err)
	}
	if m.read(movedWorkload) != livedIn[platform.AzureWorkload] || m.read(platform.AzureWorkload) != "[workload]\nworkload_name = oracle\n" {
		t.Error("a file was touched")
	}
	m.remove(platform.AzureWorkload)
	m.write(platform.AzureWorkload, template)
	if _, err := m.uninstall("azure"); err != nil {
		t.Error(err)
	}
	if m.read(platform.AzureWorkload) != livedIn[platform.AzureWorkload] {
		t.Error("it did not come back")
	}
}
