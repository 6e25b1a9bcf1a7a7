package sqlite

import "testing"

func TestBlank(t *testing.T) {
	for text, want := range map[string]bool{
		"":                           true,
		" ;\t;\n":                    true,
		"-- comment":                 true,
		"-- comment\n; /* more */":   true,
		"/* open":                    true,
		"-- comment\nSELECT 1":       false,
		"/* a */ SELECT 1":           false,
		"/*/ still a comment */ ;":   true,
		"/*/ still */ DROP TABLE t;": false,
		"- 1":                        false,
	} {
		if got := blank(text); got != want {
			t.Errorf("blank(%q) = %v", text, got)
		}
	}
}
