package platform

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// env is an environment.
type env map[string]string

func (e env) get(name string) string { return e[name] }

// parses are calls as callers make them; a caller without one fails the test.
var parses = []struct {
	caller string
	args   string // words between blanks
	env    env
	verb   Verb
	window string
	params string        // "" is not compared
	pre    time.Duration // the budget; 0 is that of the table
	err    string        // part of the error; then nothing else is compared
}{
	{caller: "azure", args: "pre", verb: Pre, params: `{}`},
	{caller: "azure", args: "post", verb: Post},
	{caller: "azure", args: "abort", verb: Abort},
	{caller: "azure", args: "pre x", err: `unexpected argument "x"`},
	{caller: "qemu-ga", args: "freeze", verb: Pre},
	{caller: "qemu-ga", args: "thaw", verb: Post},
	{caller: "qemu-ga", args: "abort", verb: Abort},
	{caller: "qemu-ga", err: "say freeze, thaw, abort"},
	{caller: "qemu-ga", args: "Freeze", err: `got "Freeze"`},
	{caller: "qemu-ga", args: "freeze now", err: `unexpected argument "now"`},
	{caller: "qemu-ga", env: env{"ZREPL_HOOKTYPE": "pre_snapshot"}, err: "say freeze"},
	{caller: "vmware", args: "freeze", verb: Pre, params: `{"scriptArg":[]}`},
	{caller: "vmware", args: "freeze a --json", verb: Pre, params: `{"scriptArg":["a","--json"]}`},
	{caller: "vmware", args: "freezeFail a", verb: Abort, params: `{"scriptArg":["a"]}`},
	{caller: "vmware", args: "freezefail", verb: Abort},
	{caller: "vmware", args: "thaw", verb: Post},
	{caller: "gcp", args: "pre 0/1,0/2", verb: Pre, window: "0/1,0/2", params: `{"disks":"0/1,0/2"}`},
	{caller: "gcp", args: "post", verb: Post, params: `{"disks":""}`},
	{caller: "gcp", args: "pre a b", err: `unexpected argument "b"`},
	{caller: "aws", args: "pre-script 3b9b", verb: Pre, window: "3b9b", params: `{"executionId":"3b9b"}`},
	{caller: "aws", args: "post-script 3b9b", verb: Post, window: "3b9b"},
	{caller: "aws", args: "dry-run None", verb: Check, window: "None"},
	{caller: "aws", args: "pre-script", verb: Pre},
	{caller: "aws", args: "pre-script a b", err: `unexpected argument "b"`},
	{caller: "velero", args: "freeze", verb: Pre},
	{caller: "velero", args: "thaw", verb: Post},
	{caller: "kanister", args: "freeze", verb: Pre},
	{caller: "kanister", args: "thaw", verb: Post},
	{caller: "zrepl", env: env{"ZREPL_HOOKTYPE": "pre_snapshot", "ZREPL_FS": "tank/db", "ZREPL_SNAPNAME": "zrepl_1"}, verb: Pre, window: "tank/db", params: `{"fs":"tank/db","snapname":"zrepl_1"}`},
	{caller: "zrepl", env: env{"ZREPL_HOOKTYPE": "post_snapshot"}, verb: Post},
	{caller: "zrepl", env: env{"ZREPL_HOOKTYPE": "pre_snapshot", "ZREPL_DRYRUN": "true"}, verb: Check},
	{caller: "zrepl", env: env{"ZREPL_HOOKTYPE": "post_snapshot", "ZREPL_DRYRUN": "true"}, verb: Ignore},
	{caller: "zrepl", env: env{"ZREPL_HOOKTYPE": "pre_snapshot", "ZREPL_TIMEOUT": "60"}, verb: Pre, pre: 45 * time.Second},
	{caller: "zrepl", env: env{"ZREPL_HOOKTYPE": "pre_snapshot", "ZREPL_TIMEOUT": "1e-9"}, verb: Pre, pre: time.Millisecond},
	{caller: "zrepl", env: env{"ZREPL_HOOKTYPE": "pre_snapshot", "ZREPL_TIMEOUT": "soon"}, err: `ZREPL_TIMEOUT is "soon"`},
	{caller: "zrepl", env: env{"ZREPL_HOOKTYPE": "pre_snapshot", "ZREPL_TIMEOUT": "NaN"}, err: `want seconds`},
	{caller: "zrepl", env: env{"ZREPL_HOOKTYPE": "pre_snapshot", "ZREPL_TIMEOUT": "-1"}, err: `want seconds`},
	{caller: "zrepl", args: "post_snapshot", env: env{"ZREPL_HOOKTYPE": "pre_snapshot"}, verb: Post},
	{caller: "zrepl", err: "or in ZREPL_HOOKTYPE"},
	{caller: "sanoid", env: env{"SANOID_SCRIPT": "pre", "SANOID_TARGETS": "a,b", "SANOID_SNAPNAMES": "x", "SANOID_TYPES": "hourly"}, verb: Pre, params: `{"targets":"a,b","snapnames":"x","types":"hourly"}`},
	{caller: "sanoid", args: "pre", verb: Pre},
	{caller: "sanoid", env: env{"SANOID_SCRIPT": "post", "SANOID_PRE_FAILURE": "0"}, verb: Post},
	{caller: "sanoid", env: env{"SANOID_SCRIPT": "post", "SANOID_PRE_FAILURE": "1"}, verb: Abort},
	{caller: "sanoid", env: env{"SANOID_SCRIPT": "pre", "SANOID_PRE_FAILURE": "1"}, verb: Pre},
	{caller: "sanoid", env: env{"SANOID_SCRIPT": "prune"}, verb: Ignore},
	{caller: "borgmatic", args: "freeze", verb: Pre},
	{caller: "borgmatic", args: "thaw", verb: Post},
	{caller: "proxmox", args: "pre-stop snapshot 101", verb: Pre, window: "101", params: `{"mode":"snapshot","vmid":"101"}`},
	{caller: "proxmox", args: "pre-restart snapshot 101", verb: Post, window: "101"},
	{caller: "proxmox", args: "backup-end snapshot 101", verb: Post, window: "101"},
	{caller: "proxmox", args: "backup-abort snapshot 101", verb: Abort, window: "101"},
	{caller: "proxmox", args: "job-init", verb: Ignore},
	{caller: "proxmox", args: "log-end " + strings.Repeat("x", maxData+1), verb: Ignore},
	{caller: "proxmox", err: "what is wanted?"},
	{caller: "snapper", args: "create-snapshot-pre / btrfs 42", verb: Pre, params: `{"subvolume":"/","fstype":"btrfs","num":"42"}`},
	{caller: "snapper", args: "create-snapshot-post / btrfs 42", verb: Post},
	{caller: "snapper", args: "create-snapshot / btrfs 42", verb: Ignore},
	{caller: "snapper", args: "rollback / btrfs 42 43 more", verb: Ignore},
}

func TestParse(t *testing.T) {
	tried := map[string]map[Verb]bool{}
	for _, tt := range parses {
		c, err := Lookup(tt.caller)
		if err != nil {
			t.Fatal(err)
		}
		call, err := c.Parse(strings.Fields(tt.args), tt.env.get)
		name := tt.caller + " " + clip(tt.args) + " " + tt.env["ZREPL_TIMEOUT"]
		if tt.err != "" {
			if err == nil || !strings.Contains(err.Error(), tt.err) {
				t.Errorf("%s: %v, want %s", name, err, tt.err)
			}
			continue
		}
		if tried[tt.caller] == nil {
			tried[tt.caller] = map[Verb]bool{}
		}
		tried[tt.caller][call.Verb] = true
		budget := c.Budget
		if tt.pre > 0 {
			budget.Pre, budget.Post = tt.pre, tt.pre
		}
		if err != nil || call.Verb != tt.verb || call.Window != tt.window || call.Budget != budget {
			t.Errorf("%s: %s, window %q, budget %v, %v; want %s, %q, %v", name, call.Verb, call.Window, call.Budget, err, tt.verb, tt.window, budget)
		}
		if got := call.Params.String(); tt.params != "" && strings.ReplaceAll(got, " ", "") != tt.params {
			t.Errorf("%s: params %s, want %s", name, got, tt.params)
		}
	}
	for _, name := range Names() {
		if !tried[name][Pre] || !tried[name][Post] {
			t.Errorf("%s: no call of it is tried", name)
		}
	}
}

// What a caller says may be anything; it stays data, or is refused with a short text.
func TestParseHostile(t *testing.T) {
	for _, tt := range []struct {
		name, said string
		refused    bool
	}{
		{"shell", `x"; touch /tmp/pwned; echo "`, false},
		{"flags", "--config=/tmp/evil", false},
		{"not UTF-8", "\xff\xfe\x80", false},
		{"control characters", "\x1b[2J\r\n\a", false},
		{"long", strings.Repeat("x", maxData), true},
		{"braces", `{{command}} ${HOME} %s %n`, false},
	} {
		c, _ := Lookup("vmware")
		call, err := c.Parse([]string{"freeze", tt.said}, env{}.get)
		if refused := err != nil; refused != tt.refused || refused && len(err.Error()) > 300 {
			t.Errorf("%s: %v", tt.name, err)
		} else if !refused && !strings.Contains(call.Params.Get("scriptArg").Items()[0].Text(), strings.ToValidUTF8(tt.said, "\uFFFD")) {
			t.Errorf("%s: params are %s", tt.name, call.Params)
		}
		if _, err := c.Parse([]string{tt.said}, env{}.get); err == nil || len(err.Error()) > 300 || !utf8.ValidString(err.Error()) {
			t.Errorf("%s as a word: %v", tt.name, err)
		}
	}
	c, _ := Lookup("aws")
	if _, err := c.Parse([]string{"pre-script", strings.Repeat("x", maxWindow+1)}, env{}.get); err == nil {
		t.Error("a window that is too long for a ticket is taken")
	}
}

// FuzzParse throws anything at every caller: what comes out is bounded and can be told.
func FuzzParse(f *testing.F) {
	for _, tt := range parses {
		f.Add(strings.Join(strings.Fields(tt.args), "\n"), tt.env["ZREPL_HOOKTYPE"]+tt.env["SANOID_SCRIPT"], tt.env["ZREPL_TIMEOUT"])
	}
	f.Add("freeze\nx\"; true; echo \"", "\xff", "NaN")
	f.Fuzz(func(t *testing.T, args, word, value string) {
		getenv := func(name string) string {
			if name == "ZREPL_HOOKTYPE" || name == "SANOID_SCRIPT" {
				return word
			}
			return value
		}
		var list []string
		if args != "" {
			list = strings.Split(args, "\n")
		}
		for _, name := range Names() {
			c, _ := Lookup(name)
			call, err := c.Parse(list, getenv)
			if err != nil {
				if text := err.Error(); len(text) > 1000 || !utf8.ValidString(text) {
					t.Errorf("%s: the error has %d bytes, or is no text: %.200q", name, len(text), text)
				}
				continue
			}
			if call.Verb == "" || call.Budget.Pre <= 0 || call.Budget.Post <= 0 || len(call.Window) > maxWindow || !utf8.ValidString(call.Params.String()) {
				t.Errorf("%s: %+v", name, call)
			}
		}
	})
}
