package install

import (
	"slices"
	"strings"
	"testing"

	"github.com/starhost/starhost/platform"
)

func TestSetKey(t *testing.T) {
	put := platform.Put{Section: "S", Key: "k"}
	for _, tt := range []struct{ name, text, want, problem string }{
		{"nothing", "", "[S]\nk=v\n", ""},
		{"other sections", "[A]\nk = x\n", "[A]\nk = x\n\n[S]\nk=v\n", ""},
		{"no end of the last line", "[S]\na=b", "[S]\na=b\nk=v\n", ""},
		{"after the last setting", "[S]\na=b\n\n# about T\n[T]\n", "[S]\na=b\nk=v\n\n# about T\n[T]\n", ""},
		{"an empty section", "[S]\n[T]\nk=x\n", "[S]\nk=v\n[T]\nk=x\n", ""},
		{"it is there", "[S]\nk = v\n", "[S]\nk = v\n", ""},
		{"commented out", "[S]\n#k=x\n;k=y\n", "[S]\nk=v\n#k=x\n;k=y\n", ""},
		{"another value", "[S]\nk=w\n", "", "has k = w in [S], want v"},
		{"twice", "[S]\nk=v\n[S]\nk=w\n", "", "has k = w in [S]"},
		{"no value", "[S]\nk=\n", "", "has k =  in [S]"},
		{"other letters", "[s]\nK=v\n", "", "has K in [s], in other letters"},
		{"Windows", "[S]\r\nk = v\r\n", "[S]\r\nk = v\r\n", ""},
	} {
		got, problem := setKey(tt.text, put, "v")
		if tt.problem == "" && (got != tt.want || problem != "") || tt.problem != "" && (!strings.Contains(problem, tt.problem) || got != tt.text) {
			t.Errorf("%s: %q, problem %q", tt.name, got, problem)
		}
	}
	put.Least = 60
	for have, ok := range map[string]bool{"60": true, "61": true, "59": false, "x": false, "": false} {
		if _, problem := setKey("[S]\nk="+have+"\n", put, "60"); (problem == "") != ok {
			t.Errorf("%q: problem %q", have, problem)
		}
	}
}

// A setting is there afterwards, and everything else is as it was.
func FuzzSetKey(f *testing.F) {
	f.Add("[S]\na=b\n[T]\n")
	f.Add("k=v\n[S]")
	f.Add("\r\n[S]\n\n\n#")
	f.Fuzz(func(t *testing.T, text string) {
		put := platform.Put{Section: "S", Key: "k"}
		got, problem := setKey(text, put, "v")
		if problem != "" {
			if got != text {
				t.Fatalf("refused, and changed to %q", got)
			}
			return
		}
		if have := value(scanINI(got, "="), "S", "k"); have != "v" {
			t.Fatalf("the value is %q in %q", have, got)
		}
		if again, problem := setKey(got, put, "v"); again != got || problem != "" {
			t.Fatalf("again: %q, %q", again, problem)
		}
		left := strings.SplitAfter(got, "\n")
		for line := range strings.SplitAfterSeq(text, "\n") {
			at := slices.IndexFunc(left, func(l string) bool { return strings.TrimSuffix(l, "\n") == strings.TrimSuffix(line, "\n") })
			if at < 0 {
				t.Fatalf("%q is gone from %q", line, got)
			}
			left = left[at+1:]
		}
	})
}
