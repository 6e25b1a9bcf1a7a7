package platform

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// Each row of the table is whole.
func TestCallers(t *testing.T) {
	seen := map[string]bool{}
	for _, name := range Names() {
		t.Run(name, func(t *testing.T) {
			c, err := Lookup(name)
			if err != nil || c.Name != name || c.Title == "" || seen[name] {
				t.Fatalf("%+v, %v", c, err)
			}
			seen[name] = true
			if len(c.Cannot) == 0 {
				t.Error("it says nothing of what the caller cannot: every caller has something")
			}
			verbs := map[Verb]bool{}
			words := map[string]bool{}
			for _, w := range c.Words {
				verbs[w.Verb] = true
				if words[w.Text] {
					t.Errorf("%s is there twice", w.Text)
				}
				words[w.Text] = true
			}
			if !verbs[Pre] || !verbs[Post] {
				t.Errorf("the words %v do not bracket a snapshot", c.Words)
			}
			if c.Window != "" && !slices.ContainsFunc(c.Data, func(d Datum) bool { return d.Name == c.Window }) {
				t.Errorf("%s is not among what it says", c.Window)
			}
			for _, d := range c.Data {
				if d.Doc == "" || d.Name == "caller" || d.Name == "word" || (d.Arg == 0) == (d.Env == "") {
					t.Errorf("%+v", d)
				}
			}
			shorter(t, "pre", c.Budget.Pre, c.Granted.Pre)
			shorter(t, "window", c.Budget.Window, c.Granted.Window)
			shorter(t, "post", c.Budget.Post, c.Granted.Post)
			if c.Budget.Pre == 0 || c.Budget.Post == 0 {
				t.Error("a call without a budget may hang")
			}
		})
	}
	if _, err := Lookup("nobody"); err == nil || !strings.Contains(err.Error(), "qemu-ga") {
		t.Errorf("an unknown caller: %v", err)
	}
}

// A budget leaves the caller time to hear of it, where its patience is known. The
// window of azure is bounded by Azure, which thaws by itself.
func shorter(t *testing.T, what string, budget, granted time.Duration) {
	t.Helper()
	if granted > 0 && budget >= granted {
		t.Errorf("%s: the caller waits %v, and we end after %v", what, granted, budget)
	}
}

// Every outcome has a status for every caller that says the right thing to it.
func TestStatuses(t *testing.T) {
	if len(Outcomes) != 12 {
		t.Errorf("%d outcomes: is every constant in the list, once?", len(Outcomes))
	}
	seen := map[Outcome]bool{}
	for _, row := range Outcomes {
		if row.Meaning == "" || seen[row.Outcome] {
			t.Errorf("outcome %s: said twice, or not what it means", row.Outcome)
		}
		seen[row.Outcome] = true
	}
	for _, name := range Names() {
		c, _ := Lookup(name)
		for _, row := range Outcomes {
			status := c.Status(row.Outcome)
			good := row.Outcome == Done || row.Outcome == Nothing
			switch {
			case name == "aws" && row.Outcome == Nothing && status == 205:
			case good != (status == 0):
				t.Errorf("%s: %s is %d", name, row.Outcome, status)
			}
			switch {
			case status >= 124 && status <= 127:
				t.Errorf("%s: %s is %d, which a shell, timeout(1) and the agent of Google mean otherwise", name, row.Outcome, status)
			case name == "aws" && status != 0:
				if status < 201 || status > 206 {
					t.Errorf("%s: %s is %d, want 201 to 206", name, row.Outcome, status)
				}
			case status < 0 || status >= 128:
				t.Errorf("%s: %s is %d, which is a signal to a shell", name, row.Outcome, status)
			}
			if name == "borgmatic" && status == 75 {
				t.Errorf("%s: %s is 75: borgmatic then skips what comes after", name, row.Outcome)
			}
			if !strings.Contains(c.Contract(), row.Meaning) {
				t.Errorf("%s: %s has no row in its page", name, row.Outcome)
			}
		}
		for o := range c.Statuses {
			if !seen[o] {
				t.Errorf("%s: there is no outcome %q", name, o)
			}
		}
		if got := c.Status("something new"); got == 0 {
			t.Errorf("%s: an outcome that nobody knows is %d", name, got)
		}
	}
}

// The name of a link says whose hook it is.
func TestCalled(t *testing.T) {
	for _, tt := range []struct{ path, want string }{
		{"starhost", ""},
		{"/usr/local/bin/starhost", ""},
		{"", ""},
		{"/", ""},
		{"starhost-", ""},
		{"starhost-nobody", ""},
		{"starhost-watchdog", ""},
		{"starhost-qemu-ga.orig", ""},
		{"mystarhost-gcp", ""},
		{"/usr/local/lib/starhost/starhost-qemu-ga", "qemu-ga"},
		{"starhost-qemu-ga", "qemu-ga"},
		{"/etc/vmware-tools/backupScripts.d/50-starhost-vmware", "vmware"},
		{"50starhost-vmware", "vmware"},
		{"/usr/lib/snapper/plugins/50-starhost-snapper", "snapper"},
		{"/starhost-gcp/starhost", ""},
	} {
		c, ok := Called(tt.path)
		if got := nameOf(c); ok != (tt.want != "") || ok && got != tt.want {
			t.Errorf("%q is the hook of %q, want %q", tt.path, got, tt.want)
		}
	}
	for _, name := range Names() {
		if c, ok := Called("/x/starhost-" + name); !ok || c.Name != name {
			t.Errorf("starhost-%s is the hook of %q", name, nameOf(c))
		}
	}
}

func nameOf(c *Caller) string {
	if c == nil {
		return ""
	}
	return c.Name
}
