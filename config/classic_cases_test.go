//go:build linux

package config

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// azureFile is the file that Azure offers for download, with its two locations filled in.
const azureFile = `{
    "pluginName" : "ScriptRunner",
    "preScriptLocation" : "DIR/pre.sh",
    "postScriptLocation" : "DIR/post.sh",
    "preScriptParams" : ["", ""],
    "postScriptParams" : ["", ""],
    "preScriptNoOfRetries" : 0,
    "postScriptNoOfRetries" : 0,
    "timeoutInSeconds" : 30,
    "continueBackupOnFailure" : true,
    "fsFreezeEnabled" : true
}
`

// azureHost is the VMSnapshotPluginHost.conf of Azure.
const azureHost = `[pre_post]
timeoutInSeconds: 1800
numberOfPlugins: 1
pluginName0: ScriptRunner
pluginPath0: /etc/azure
pluginConfigPath0: /etc/azure/VMSnapshotScriptPluginConfig.json
`

// classicConfig is one configuration. It begins as azureFile with two good scripts; the
// first text of edit is replaced by the second one.
type classicConfig struct {
	name    string
	promise string // what the documentation of Azure says of it, or our own rule
	edit    [2]string
	prepare func(t *testing.T, dir string)
	err     AzureError // zero: it is good
	says    string     // part of the error, or of what describe says of the workload
}

const (
	inFull     = "Provide the full path of the script."
	found      = "Make sure that the script is present at the path that's specified."
	quoted     = "All parameters should be in quotes."
	seven      = "Only owner should have read, write, and execute permissions."
	six        = "Permission 600: no user should have execute permissions."
	retry      = "Set the number of times the script should be retried."
	individual = "Individual timeouts for the prescript and the post-script (maximum value can be 1800)."
	fallback   = "Set this value to true if you want to fall back to a file system consistent backup."
	fsfreeze   = "Specify whether Linux fsfreeze should be called."
	poll       = "Minimum and maximum 1 and 5. The value should be strictly an integer."
	syntax     = "IncorrectJSONConfigFile: the file is incorrect, scripts can't run."
	hostFile   = "IncorrectPluginhostFile: the Pluginhost file is corrupted."
	secure     = "Secure the framework, and ensure only root has access."
	ours       = "(nothing; our own rule)"
)

var classicConfigs = []classicConfig{
	// What is good.
	{name: "the file of Azure", promise: individual, says: "legacy DIR/pre.sh [\"\",\"\"] DIR/post.sh [\"\",\"\"] retries 0 0, pre 30s post 30s undo 30s of 3m0s, filesystem caller, go on true, exec root:DIR/pre.sh root:DIR/post.sh, warnings 0"},
	{name: "no params", promise: "Optional parameters.", edit: [2]string{`    "preScriptParams" : ["", ""],` + "\n", ""}, says: `DIR/pre.sh [] DIR/post.sh ["",""]`},
	{name: "params", promise: "Multiple parameters are separated with a comma.", edit: [2]string{`"preScriptParams" : ["", ""]`, `"preScriptParams" : ["a, b", "-c", "\u00e9"]`}, says: `DIR/pre.sh ["a, b","-c","é"]`},
	{name: "retries of the prescript", promise: retry, edit: [2]string{`"preScriptNoOfRetries" : 0`, `"preScriptNoOfRetries" : 3`}, says: "retries 3 0"},
	{name: "retries of the post-script", promise: retry, edit: [2]string{`"postScriptNoOfRetries" : 0`, `"postScriptNoOfRetries" : 100`}, says: "retries 0 100"},
	{name: "longest timeout", promise: individual, edit: [2]string{"30", "1800"}, says: "pre 30m0s post 30m0s undo 30m0s of 1h2m0s"},
	{name: "shortest timeout", promise: individual, edit: [2]string{"30", "1"}, says: "pre 1s post 1s undo 1s of 2m2s"},
	{name: "no timeout", promise: "(README: default is 30)", edit: [2]string{`    "timeoutInSeconds" : 30,` + "\n", ""}, says: "pre 30s post 30s"},
	{name: "fail on failure", promise: "Setting this to false fails the backup if there's a script failure.", edit: [2]string{`"continueBackupOnFailure" : true`, `"continueBackupOnFailure" : false`}, says: "go on false"},
	{name: "go on by default", promise: fallback, edit: [2]string{`    "continueBackupOnFailure" : true,` + "\n", ""}, says: "go on true"},
	{name: "no fsfreeze", promise: fsfreeze, edit: [2]string{`"fsFreezeEnabled" : true`, `"fsFreezeEnabled" : false`}, says: "crash off"},
	{name: "fsfreeze by default", promise: "We recommend keeping this setting set to true.", edit: [2]string{",\n    \"fsFreezeEnabled\" : true", ""}, says: "filesystem caller"},
	{name: "poll 1", promise: poll, edit: [2]string{"{", `{ "ScriptsExecutionPollTimeSeconds": 1,`}, says: "warnings 0"},
	{name: "poll 5", promise: poll, edit: [2]string{"{", `{ "ScriptsExecutionPollTimeSeconds": 5,`}, says: "warnings 0"},
	{name: "appName", promise: ours, edit: [2]string{"{", `{ "appName": "shop",`}, says: "warnings 0"},
	{name: "another plugin name", promise: "Leave this field as is, or your scripts might not work as expected.", edit: [2]string{`"ScriptRunner"`, `"Runner"`}, says: "warnings 1"},
	{name: "no plugin name", promise: ours, edit: [2]string{`    "pluginName" : "ScriptRunner",` + "\n", ""}, says: "warnings 0"},
	{name: "one script for both", promise: ours, edit: [2]string{"post.sh", "pre.sh"}, says: "exec root:DIR/pre.sh, "},
	{name: "line ends of Windows", promise: "Download the copy from GitHub and configure it again.", edit: [2]string{"\n", "\r\n"}, says: "pre 30s"},
	{name: "scripts of mode 500", promise: secure, prepare: mode("pre.sh", 0o500), says: "DIR/pre.sh"},
	{name: "file of mode 400", promise: secure, prepare: mode("c.json", 0o400), says: "pre 30s"},
	{name: "a Starlark file", promise: ours, edit: [2]string{"pre.sh", "my.star"}, prepare: postIs(""), says: `classic DIR/my.star {"preScriptParams":["",""],"postScriptParams":["",""]} retries 0 0, pre 30s post 30s undo 30s of 3m0s, filesystem caller, go on true, exec , warnings 0`},
	{name: "a Starlark file in both", promise: ours, edit: [2]string{"pre.sh", "my.star"}, prepare: postIs("DIR/my.star"), says: "classic DIR/my.star"},
	{name: "with the host file", promise: "The Pluginhost file comes with the extension.", prepare: hostIs(azureHost, 0o600), says: "pre 30s"},
	{name: "host file that allows less", promise: individual, prepare: hostIs(strings.Replace(azureHost, "1800", "20", 1), 0o644), says: "pre 20s post 20s undo 20s of 2m40s, filesystem caller, go on true, exec root:DIR/pre.sh root:DIR/post.sh, warnings 1"},

	// What is not in the right place.
	{name: "location left empty", promise: inFull, edit: [2]string{"DIR/pre.sh", ""}, err: PreScriptNotFound, says: "c.json:3: preScriptLocation: it is empty"},
	{name: "location of the post-script left empty", promise: inFull, edit: [2]string{"DIR/post.sh", ""}, err: PostScriptNotFound, says: "c.json:4: postScriptLocation: it is empty"},
	{name: "no location", promise: inFull, edit: [2]string{`    "preScriptLocation" : "DIR/pre.sh",` + "\n", ""}, err: IncorrectJSONConfigFile, says: "preScriptLocation: the key is missing"},
	{name: "relative location", promise: inFull, edit: [2]string{"DIR/pre.sh", "pre.sh"}, err: IncorrectJSONConfigFile, says: "not an absolute path"},
	{name: "prescript not there", promise: found, prepare: remove("pre.sh"), err: PreScriptNotFound, says: "DIR/pre.sh: no such file"},
	{name: "post-script not there", promise: found, prepare: remove("post.sh"), err: PostScriptNotFound, says: "DIR/post.sh: no such file"},
	{name: "folder not there", promise: found, edit: [2]string{"DIR/pre.sh", "DIR/none/pre.sh"}, err: PreScriptNotFound, says: "DIR/none: no such file"},
	{name: "a folder", promise: found, edit: [2]string{"DIR/pre.sh", "DIR"}, err: PreScriptNotFound, says: "is a directory"},
	{name: "Starlark file not there", promise: ours, edit: [2]string{"pre.sh", "none.star"}, prepare: postIs(""), err: PreScriptNotFound, says: "none.star"},
	{name: "post-script of a Starlark file", promise: ours, edit: [2]string{"pre.sh", "my.star"}, err: IncorrectJSONConfigFile, says: "holds the postscript too"},
	{name: "Starlark file after a shell script", promise: ours, edit: [2]string{"post.sh", "my.star"}, err: IncorrectJSONConfigFile, says: "name the same .star file in both"},
	{name: "retries of a Starlark file", promise: ours, edit: [2]string{"pre.sh", "my.star"}, prepare: and(postIs(""), replace(`"postScriptNoOfRetries" : 0`, `"postScriptNoOfRetries" : 1`)), err: IncorrectJSONConfigFile, says: "write 0"},

	// Who has access.
	{name: "prescript of mode 755", promise: seven, prepare: mode("pre.sh", 0o755), err: InsufficientPermissionPreScript, says: "chmod 700 DIR/pre.sh"},
	{name: "post-script of mode 750", promise: seven, prepare: mode("post.sh", 0o750), err: InsufficientPermissionPostScript, says: "chmod 700 DIR/post.sh"},
	{name: "prescript of mode 600", promise: seven, prepare: mode("pre.sh", 0o600), err: InsufficientPermissionPreScript, says: "chmod 700 DIR/pre.sh"},
	{name: "prescript of somebody else", promise: "Root should be the owner of the file.", prepare: owner("pre.sh"), err: InsufficientPermissionPreScript, says: "belongs to uid 65534"},
	{name: "post-script of somebody else", promise: "Root should be the owner of the file.", prepare: owner("post.sh"), err: InsufficientPermissionPostScript, says: "belongs to uid 65534"},
	{name: "setuid", promise: secure, prepare: mode("pre.sh", 0o700|fs.ModeSetuid), err: InsufficientPermissionPreScript, says: "chmod ug-s"},
	{name: "symbolic link", promise: secure, prepare: link("pre.sh"), err: InsufficientPermissionPreScript, says: "symbolic link"},
	{name: "folder that others can write", promise: secure, edit: [2]string{"DIR/pre.sh", "DIR/open/pre.sh"}, prepare: openFolder, err: InsufficientPermissionPreScript, says: "is a directory that others can write"},
	{name: "Starlark file of mode 644", promise: ours, edit: [2]string{"pre.sh", "my.star"}, prepare: and(postIs(""), mode("my.star", 0o644)), err: InsufficientPermissionPreScript, says: "chmod 600 DIR/my.star"},
	{name: "file of mode 644", promise: six, prepare: mode("c.json", 0o644), err: PluginConfigPermission, says: "chmod 600 DIR/c.json"},
	{name: "file of mode 700", promise: six, prepare: mode("c.json", 0o700), err: PluginConfigPermission, says: "has the mode 0700; chmod 600 DIR/c.json"},
	{name: "file of somebody else", promise: six, prepare: owner("c.json"), err: PluginConfigPermission, says: "belongs to uid 65534"},
	{name: "file is a link", promise: secure, prepare: link("c.json"), err: PluginConfigPermission, says: "symbolic link"},
	{name: "file not there", promise: "(their number)", prepare: remove("c.json"), err: PluginConfigNotFound, says: "DIR/c.json: no such file"},

	{name: "a file in place of a folder", promise: found, edit: [2]string{"DIR/pre.sh", "DIR/post.sh/pre.sh"}, err: PreScriptNotFound, says: "preScriptLocation: DIR/post.sh/pre.sh: not a directory"},
	{name: "the same of the post-script", promise: found, edit: [2]string{"DIR/post.sh", "DIR/pre.sh/post.sh"}, err: PostScriptNotFound, says: "postScriptLocation: DIR/pre.sh/post.sh: not a directory"},

	// What cannot be run.
	{name: "script with the line ends of Windows", promise: ours, prepare: script("pre.sh", "#!/bin/sh\r\necho x\r\n"), err: IncorrectJSONConfigFile, says: `DIR/pre.sh: has lines that end with a carriage return (CRLF), so that its first line names the interpreter "/bin/sh\r", which is not there; convert the file with: sed -i 's/\r$//' DIR/pre.sh`},
	{name: "no such interpreter", promise: ours, prepare: script("post.sh", "#! /nowhere/bash -e\n"), err: IncorrectJSONConfigFile, says: `DIR/post.sh: names in its first line the interpreter "/nowhere/bash", which is not there`},
	{name: "interpreter that is no program", promise: ours, prepare: script("pre.sh", "#!/dev/null\n"), err: IncorrectJSONConfigFile, says: "which is no program"},
	{name: "interpreter by env", promise: ours, prepare: script("pre.sh", "#!/usr/bin/env bash\n"), says: "DIR/pre.sh"},
	{name: "interpreter left out", promise: ours, prepare: script("pre.sh", "#!\necho x\n"), says: "DIR/pre.sh"},
	{name: "empty script", promise: ours, prepare: script("post.sh", ""), err: IncorrectJSONConfigFile, says: "DIR/post.sh: is empty, so it cannot be run; write"},
	{name: "interpreter of a Starlark file", promise: ours, edit: [2]string{"pre.sh", "my.star"}, prepare: and(postIs(""), script("my.star", "#!/nowhere/starhost\n")), says: "classic DIR/my.star"},

	// What leads back to us.
	{name: "starhost itself", promise: ours, edit: [2]string{"DIR/pre.sh", "SELF"}, err: IncorrectJSONConfigFile, says: "is starhost itself"},
	{name: "our own hook", promise: ours, prepare: script("pre.sh", "#!/bin/sh\n# starhost hook\nexec starhost hook azure pre\n"), err: IncorrectJSONConfigFile, says: "DIR/pre.sh: calls starhost hook"},

	// What is no JSON, or says something else.
	{name: "empty file", promise: syntax, prepare: script("c.json", ""), err: IncorrectJSONConfigFile, says: "c.json:1: this is not JSON"},
	{name: "not JSON", promise: syntax, edit: [2]string{`"fsFreezeEnabled" : true`, `"fsFreezeEnabled" : yes`}, err: IncorrectJSONConfigFile, says: "c.json:11: this is not JSON"},
	{name: "comma at the end", promise: syntax, edit: [2]string{"true\n}", "true,\n}"}, err: IncorrectJSONConfigFile, says: "c.json:12: this is not JSON"},
	{name: "something after it", promise: syntax, edit: [2]string{"}\n", "}\n{}\n"}, err: IncorrectJSONConfigFile, says: "c.json:13: this is not JSON"},
	{name: "a list", promise: syntax, prepare: script("c.json", "[]\n"), err: IncorrectJSONConfigFile, says: "the file is no JSON object"},
	{name: "null", promise: syntax, prepare: script("c.json", "null\n"), err: IncorrectJSONConfigFile, says: "the file is no JSON object"},
	{name: "a NUL byte", promise: syntax, edit: [2]string{"pre.sh", "pre\x00.sh"}, err: IncorrectJSONConfigFile, says: "c.json:3: there is a NUL byte"},
	{name: "unknown key", promise: syntax, edit: [2]string{"{", `{ "timeout": 3,`}, err: IncorrectJSONConfigFile, says: "c.json:1: timeout: unknown key"},
	{name: "wrong case", promise: syntax, edit: [2]string{"timeoutInSeconds", "TimeoutInSeconds"}, err: IncorrectJSONConfigFile, says: "c.json:9: TimeoutInSeconds: unknown key; keys are case-sensitive, write timeoutInSeconds"},
	{name: "key twice", promise: syntax, edit: [2]string{"{", `{ "timeoutInSeconds": 3,`}, err: IncorrectJSONConfigFile, says: "c.json:9: timeoutInSeconds: duplicate key, the first is in line 1"},
	{name: "location null", promise: syntax, edit: [2]string{`"DIR/pre.sh"`, "null"}, err: IncorrectJSONConfigFile, says: "c.json:3: preScriptLocation: got null"},
	{name: "location a number", promise: syntax, edit: [2]string{`"DIR/pre.sh"`, "7"}, err: IncorrectJSONConfigFile, says: "got a number, want a text in quotes"},
	{name: "NUL in a location", promise: syntax, edit: [2]string{"pre.sh", `pre\u0000.sh`}, err: IncorrectJSONConfigFile, says: "preScriptLocation: there is a NUL character"},
	{name: "params null", promise: quoted, edit: [2]string{`"preScriptParams" : ["", ""]`, `"preScriptParams" : null`}, err: IncorrectJSONConfigFile, says: "c.json:5: preScriptParams: got null"},
	{name: "params a text", promise: quoted, edit: [2]string{`"preScriptParams" : ["", ""]`, `"preScriptParams" : "a b"`}, err: IncorrectJSONConfigFile, says: "got a text, want a list of texts"},
	{name: "a number among the params", promise: quoted, edit: [2]string{`["", ""]`, `["a", 5]`}, err: IncorrectJSONConfigFile, says: "preScriptParams: item 2: got a number"},
	{name: "a bool among the params", promise: quoted, edit: [2]string{`"postScriptParams" : ["", ""]`, `"postScriptParams" : [true]`}, err: IncorrectJSONConfigFile, says: "postScriptParams: item 1: got a bool"},
	{name: "NUL in a param", promise: quoted, edit: [2]string{`["", ""]`, `["a\u0000b"]`}, err: IncorrectJSONConfigFile, says: "item 1: there is a NUL character"},
	{name: "half a character in a param", promise: quoted, edit: [2]string{`["", ""]`, `["a\ud83d"]`}, err: IncorrectJSONConfigFile, says: "c.json:5: preScriptParams: item 1: there is half a character"},
	{name: "its other half", promise: quoted, edit: [2]string{`["", ""]`, `["\uDE00b"]`}, err: IncorrectJSONConfigFile, says: "item 1: there is half a character"},
	{name: "halves that are apart", promise: quoted, edit: [2]string{`["", ""]`, `["\ud83d\\\ude00"]`}, err: IncorrectJSONConfigFile, says: "there is half a character"},
	{name: "both halves", promise: quoted, edit: [2]string{`["", ""]`, `["\ud83d\uDE00", "\\ud800", "\ufffd"]`}, says: "😀"},
	{name: "the longest param", promise: quoted, edit: [2]string{`["", ""]`, `["` + strings.Repeat("x", 131071) + `"]`}, says: "DIR/pre.sh"},
	{name: "a param that is too long", promise: quoted, edit: [2]string{`["", ""]`, `["a", "` + strings.Repeat("x", 131072) + `"]`}, err: IncorrectJSONConfigFile, says: "preScriptParams: item 2: it has 131072 bytes"},
	{name: "a large file", promise: syntax, edit: [2]string{"}\n", "}" + strings.Repeat(" ", 1<<20)}, err: IncorrectJSONConfigFile, says: "is larger than 1048576 bytes"},
	{name: "retries in quotes", promise: retry, edit: [2]string{`"preScriptNoOfRetries" : 0`, `"preScriptNoOfRetries" : "3"`}, err: IncorrectJSONConfigFile, says: "c.json:7: preScriptNoOfRetries: got a text, want a whole number from 0 to 100"},
	{name: "retries below 0", promise: retry, edit: [2]string{`"preScriptNoOfRetries" : 0`, `"preScriptNoOfRetries" : -1`}, err: IncorrectJSONConfigFile, says: "out of range; write 0 to 100"},
	{name: "retries without end", promise: retry, edit: [2]string{`"postScriptNoOfRetries" : 0`, `"postScriptNoOfRetries" : 2000000000`}, err: IncorrectJSONConfigFile, says: "out of range; write 0 to 100"},
	{name: "timeout above", promise: individual, edit: [2]string{"30", "1801"}, err: IncorrectJSONConfigFile, says: "c.json:9: timeoutInSeconds: \"1801\" is out of range; write 1 to 1800"},
	{name: "timeout 0", promise: individual, edit: [2]string{"30", "0"}, err: IncorrectJSONConfigFile, says: "out of range"},
	{name: "timeout in quotes", promise: individual, edit: [2]string{"30", `"30"`}, err: IncorrectJSONConfigFile, says: "got a text"},
	{name: "timeout true", promise: individual, edit: [2]string{"30", "true"}, err: IncorrectJSONConfigFile, says: "got a bool"},
	{name: "timeout 1.5", promise: individual, edit: [2]string{"30", "1.5"}, err: IncorrectJSONConfigFile, says: "not a whole number"},
	{name: "false in quotes", promise: fallback, edit: [2]string{`"continueBackupOnFailure" : true`, `"continueBackupOnFailure" : "false"`}, err: IncorrectJSONConfigFile, says: "c.json:10: continueBackupOnFailure: got a text, want true or false without quotes"},
	{name: "fsfreeze a number", promise: fsfreeze, edit: [2]string{`"fsFreezeEnabled" : true`, `"fsFreezeEnabled" : 0`}, err: IncorrectJSONConfigFile, says: "got a number, want true or false"},
	{name: "poll 6", promise: poll, edit: [2]string{"{", `{ "ScriptsExecutionPollTimeSeconds": 6,`}, err: IncorrectJSONConfigFile, says: "out of range; write 1 to 5"},
	{name: "poll 1.9", promise: poll, edit: [2]string{"{", `{ "ScriptsExecutionPollTimeSeconds": 1.9,`}, err: IncorrectJSONConfigFile, says: "not a whole number"},
	{name: "two mistakes", promise: syntax, edit: [2]string{`"timeoutInSeconds" : 30,`, `"timeoutInSeconds" : 0, "x": 1,`}, err: IncorrectJSONConfigFile, says: "c.json:9: x: unknown key"},

	// The file of the host.
	{name: "host file that others can write", promise: hostFile, prepare: hostIs(azureHost, 0o666), err: PluginhostConfigPermission, says: "chmod go-w"},
	{name: "host file of mode 755", promise: hostFile, prepare: hostIs(azureHost, 0o755), err: PluginhostConfigPermission, says: "has the mode 0755"},
	{name: "host file of somebody else", promise: hostFile, prepare: and(hostIs(azureHost, 0o600), owner("VMSnapshotPluginHost.conf")), err: PluginhostConfigPermission, says: "belongs to uid 65534"},
	{name: "another plugin", promise: hostFile, prepare: hostIs(strings.Replace(azureHost, ": ScriptRunner", ": Mine", 1), 0o600), err: IncorrectPluginhostFile, says: "conf:4: pluginName0: \"Mine\" is a plugin that only Azure can run"},
	{name: "two plugins", promise: hostFile, prepare: hostIs(strings.Replace(azureHost, "Plugins: 1", "Plugins: 2", 1), 0o600), err: IncorrectPluginhostFile, says: "conf:3: numberOfPlugins"},
	{name: "no plugin", promise: hostFile, prepare: hostIs("[pre_post]\ntimeoutInSeconds: 1800\n", 0o600), err: IncorrectPluginhostFile, says: "conf:1: numberOfPlugins: the key is missing"},
	{name: "no plugin in the second section", promise: hostFile, prepare: hostIs("[SnapshotThread]\n\n[pre_post]\nnumberOfPlugins: 1\n", 0o600), err: IncorrectPluginhostFile, says: "conf:3: pluginName0: the key is missing"},
	{name: "large host file", promise: hostFile, prepare: hostIs(strings.Repeat("#", 1<<20+1), 0o600), err: IncorrectPluginhostFile, says: "is larger than"},
	{name: "host timeout above", promise: individual, prepare: hostIs(strings.Replace(azureHost, "1800", "1801", 1), 0o600), err: IncorrectPluginhostFile, says: "conf:2: timeoutInSeconds: "},
	{name: "host file without section", promise: hostFile, prepare: hostIs("numberOfPlugins: 1\n", 0o600), err: IncorrectPluginhostFile, says: "conf:1: the line stands before the first section"},
}

// The functions below make what prepare is.

func in(dir, name string) string { return filepath.Join(dir, name) }

func mode(name string, m fs.FileMode) func(*testing.T, string) {
	return func(t *testing.T, dir string) { must(t, os.Chmod(in(dir, name), m)) }
}

func owner(name string) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		needRoot(t)
		must(t, os.Chown(in(dir, name), nobody, 0))
	}
}

func remove(name string) func(*testing.T, string) {
	return func(t *testing.T, dir string) { must(t, os.Remove(in(dir, name))) }
}

func link(name string) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		must(t, os.Rename(in(dir, name), in(dir, "real-"+name)))
		must(t, os.Symlink("real-"+name, in(dir, name)))
	}
}

func script(name, text string) func(*testing.T, string) {
	return func(t *testing.T, dir string) { must(t, os.WriteFile(in(dir, name), []byte(text), 0o600)) }
}

func hostIs(text string, m fs.FileMode) func(*testing.T, string) {
	return and(script("VMSnapshotPluginHost.conf", text), mode("VMSnapshotPluginHost.conf", m))
}

func replace(from, to string) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		text, err := os.ReadFile(in(dir, "c.json"))
		must(t, err)
		changed := strings.Replace(string(text), from, to, 1)
		if changed == string(text) {
			t.Fatalf("there is no %s", from)
		}
		must(t, os.WriteFile(in(dir, "c.json"), []byte(changed), 0o600))
	}
}

func postIs(location string) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		replace(in(dir, "post.sh"), strings.ReplaceAll(location, "DIR", dir))(t, dir)
	}
}

func and(steps ...func(*testing.T, string)) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		for _, step := range steps {
			step(t, dir)
		}
	}
}

func openFolder(t *testing.T, dir string) {
	must(t, os.Mkdir(in(dir, "open"), 0o700))
	must(t, os.Chmod(in(dir, "open"), 0o777))
	must(t, os.WriteFile(in(dir, "open/pre.sh"), []byte("#!/bin/sh\n"), 0o700))
}
